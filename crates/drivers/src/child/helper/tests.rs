//! A helper in a thread of its own, and what the agent makes of what becomes of it.

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn nobody() -> User {
    User {
        name: "nobody".to_owned(),
        uid: 65_534,
        gid: 65_534,
        display_name: String::new(),
        home: "/".to_owned(),
        shell: String::new(),
    }
}

/// Makes a helper whose other end does this.
fn helper(other: impl FnOnce(UnixStream) + Send + 'static) -> Helper {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || other(theirs));
    Helper {
        child: None,
        stream: ours,
        user: nobody(),
        used: Instant::now(),
    }
}

fn served() -> Helper {
    let mut helper = helper(|stream| serve_on(stream).unwrap());
    helper.wait_until_ready().unwrap();
    helper
}

fn ask(helper: &mut Helper, line: &str, stdin: &[u8]) -> Asked {
    let command = Command {
        argv: &["sh", "-c", line],
        stdin,
        environment: &[("COLOUR", "green")],
        output_bytes_max: 1_000,
        deadline: Deadline::after(LONG),
    };
    helper.ask(&Request::encode(&command).unwrap(), &command)
}

#[test]
fn a_helper_runs_one_program_after_the_other() {
    let mut helper = served();
    for code in [0, 3] {
        let line = format!("echo $COLOUR; cat; head -c 5000 /dev/zero >&2; exit {code}");
        let Asked::Said(Ok(finished)) = ask(&mut helper, &line, b"in") else {
            panic!("it did not run");
        };
        assert_eq!(finished.end, End::Code(code));
        assert_eq!(finished.stdout.text(), "green\nin");
        assert_eq!(finished.stderr.bytes.len(), 1_000);
        assert_eq!(finished.stderr.dropped, 4_000);
    }
    let Asked::Said(Ok(finished)) = ask(&mut helper, "kill -KILL $$", b"") else {
        panic!("it did not run");
    };
    assert_eq!(finished.end, End::Signal(9));
}

#[test]
fn what_does_not_start_says_why_through_a_helper_too() {
    let command = Command {
        argv: &["/none"],
        stdin: b"",
        environment: &[],
        output_bytes_max: 9,
        deadline: Deadline::after(LONG),
    };
    let request = Request::encode(&command).unwrap();
    let Asked::Said(Err(error)) = served().ask(&request, &command) else {
        panic!("it did run");
    };
    let expect = "cannot run /none: no such file or directory";
    assert_eq!(error.to_string(), expect);
}

#[test]
fn a_helper_that_is_ended_before_a_run_is_not_one_that_is_ended_in_it() {
    let mut gone = helper(drop);
    let deadline = Deadline::after(LONG);
    // The other end may not be gone yet.
    while !matches!(ask(&mut gone, "exit", b""), Asked::Gone) {
        assert!(!deadline.is_over(), "the end was never noticed");
    }
    let mut lost = helper(|mut stream| {
        let mut bytes = Vec::new();
        frame::read(&mut stream, &mut bytes, REQUEST_BYTES_MAX).unwrap();
    });
    assert!(matches!(ask(&mut lost, "exit", b""), Asked::Lost));
}

#[test]
fn an_answer_that_is_none_ends_the_helper() {
    for answer in [&b"\xff\xff\xff\xff"[..], b"\x01\x00\x00\x00\x09", b"\x01"] {
        let mut helper = helper(move |mut stream| {
            let mut bytes = Vec::new();
            frame::read(&mut stream, &mut bytes, REQUEST_BYTES_MAX).unwrap();
            stream.write_all(answer).unwrap();
        });
        assert!(matches!(ask(&mut helper, "exit", b""), Asked::Lost));
    }
}

#[test]
fn a_program_that_serves_nobody_gets_no_helper() {
    let command = Command {
        argv: &["true"],
        stdin: b"",
        environment: &[],
        output_bytes_max: 9,
        deadline: Deadline::after(LONG),
    };
    assert!(run(&nobody(), &command).is_none());
}
