//! Children as they come: good, hanging, deaf, forking, chatty, crashing, absent.

use std::time::{Duration, Instant};

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Runs a line of shell in a time box.
fn shell(line: &str, stdin: &[u8], time_box: Duration) -> Finished {
    run(
        &Host::real(),
        &Command {
            argv: &["sh", "-c", line],
            stdin,
            environment: &[("COLOUR", "green")],
            output_bytes_max: 100_000,
            deadline: Deadline::after(time_box),
        },
    )
    .unwrap()
}

/// Checks how a line of shell ends and what it says.
#[track_caller]
fn check(line: &str, stdin: &[u8], end: End, stdout: &str, stderr: &str) {
    let finished = shell(line, stdin, LONG);
    let said = (finished.end, finished.stdout.text(), finished.stderr.text());
    assert_eq!(said, (end, stdout.to_owned(), stderr.to_owned()), "{line}");
}

/// Waits until a process is gone or only waits to be collected.
#[track_caller]
pub(super) fn expect_gone(process: &str) {
    let deadline = Deadline::after(LONG);
    let stat = format!("/proc/{}/stat", process.trim());
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(!deadline.is_over(), "{process} still runs");
        std::thread::yield_now();
    }
}

#[test]
fn a_child_says_how_it_ended_and_what_it_had_to_say() {
    check(
        "echo out; echo err >&2; exit 3",
        b"",
        End::Code(3),
        "out\n",
        "err\n",
    );
    check("kill -SEGV $$", b"", End::Signal(11), "", "");
    check(
        "cat; echo end",
        b"from outside ",
        End::Code(0),
        "from outside end\n",
        "",
    );
    check("cat", b"", End::Code(0), "", "");
    check("exec <&- ; exit 0", &[b'x'; 1 << 20], End::Code(0), "", "");
    check("exec >&- 2>&-; exit 4", b"", End::Code(4), "", "");
}

#[test]
fn arguments_are_not_read_by_a_shell() {
    let finished = run(
        &Host::real(),
        &Command {
            argv: &["printf", "%s|", "$HOME; rm -rf x", "*", ""],
            stdin: b"",
            environment: &[],
            output_bytes_max: 99,
            deadline: Deadline::after(LONG),
        },
    );
    assert_eq!(finished.unwrap().stdout.text(), "$HOME; rm -rf x|*||");
}

#[test]
fn the_environment_is_small_and_always_the_same() {
    check(
        "echo $COLOUR $LC_ALL $CARGO_MANIFEST_DIR; pwd",
        b"",
        End::Code(0),
        "green C\n/\n",
        "",
    );
}

#[test]
fn a_hanging_child_is_stopped_and_what_it_said_is_kept() {
    let start = Instant::now();
    let finished = shell("echo started; sleep 600", b"", Duration::from_millis(200));
    assert_eq!(
        (finished.end, finished.stdout.text().as_str()),
        (End::TimedOut, "started\n")
    );
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_deaf_child_is_forced() {
    let line = "trap '' TERM; echo $$; while :; do sleep 600; done";
    let finished = shell(line, b"", Duration::from_millis(200));
    assert_eq!(finished.end, End::TimedOut);
    expect_gone(&finished.stdout.text());
}

#[test]
fn a_grandchild_that_keeps_the_pipe_open_ends_with_the_child() {
    let start = Instant::now();
    let finished = shell("sleep 600 & echo $!", b"", LONG);
    assert_eq!(finished.end, End::Code(0));
    assert!(start.elapsed() < Duration::from_secs(30));
    expect_gone(&finished.stdout.text());
    let hanging = shell("sleep 600 & echo $!; wait", b"", Duration::from_millis(200));
    assert_eq!(hanging.end, End::TimedOut);
    expect_gone(&hanging.stdout.text());
}

#[test]
fn what_a_program_leaves_behind_finishes_when_something_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    let line = format!(
        "exec 3<&0; (until [ -e {} ]; do sleep 0.01; done; cat >{}) <&3 >&- 2>&- & exit 0",
        go.display(),
        done.display()
    );
    let command = Command {
        argv: &["sh", "-c", &line],
        stdin: b"a letter",
        environment: &[],
        output_bytes_max: 99,
        deadline: Deadline::after(LONG),
    };
    assert_eq!(
        hand_over(&Host::real(), &command).unwrap().end,
        End::Code(0)
    );
    std::fs::File::create(go).unwrap();
    let deadline = Deadline::after(LONG);
    while std::fs::read(&done).ok().as_deref() != Some(b"a letter") {
        assert!(!deadline.is_over(), "what it left behind was ended");
        std::thread::yield_now();
    }
}

#[test]
fn a_grandchild_that_left_the_group_is_not_waited_for() {
    let start = Instant::now();
    let finished = shell("setsid sleep 600 & echo $!", b"", LONG);
    assert_eq!(finished.end, End::Code(0));
    assert!(start.elapsed() < Duration::from_secs(30));
    let pid = finished
        .stdout
        .text()
        .trim()
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // It may have been too slow to leave.
    let _ = rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL);
}

#[test]
fn a_flood_is_read_and_dropped() {
    let line = "head -c 50000000 /dev/zero; head -c 300000 /dev/zero >&2; echo end";
    let finished = shell(line, b"", LONG);
    assert_eq!(finished.end, End::Code(0));
    assert_eq!(
        (finished.stdout.bytes.len(), finished.stdout.dropped),
        (100_000, 49_900_004)
    );
    assert_eq!(
        (finished.stderr.bytes.len(), finished.stderr.dropped),
        (100_000, 200_000)
    );
    let endless = shell("cat /dev/zero", b"", Duration::from_millis(200));
    assert_eq!(
        (endless.end, endless.stdout.bytes.len()),
        (End::TimedOut, 100_000)
    );
}

#[test]
fn much_in_and_much_out_at_once_do_not_block_each_other() {
    let finished = shell("cat", &vec![b'x'; 3_000_000], LONG);
    assert_eq!(finished.end, End::Code(0));
    assert_eq!(
        finished.stdout.bytes.len() as u64 + finished.stdout.dropped,
        3_000_000
    );
}

#[test]
fn what_does_not_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    // A child writes them: were it this process, a child that another test starts at that moment
    // could hold a file open for writing, and it would be too busy to be run.
    let write = "cd $FOLDER; echo '#!/bin/sh' >plain; echo '#!/no/such/interpreter' >orphan; \
                 printf '\\1\\2' >junk; chmod 644 plain; chmod 755 orphan junk";
    let written = run(
        &Host::real(),
        &Command {
            argv: &["sh", "-c", write],
            stdin: b"",
            environment: &[("FOLDER", folder.path().to_str().unwrap())],
            output_bytes_max: 99,
            deadline: Deadline::after(LONG),
        },
    );
    assert_eq!(written.unwrap().end, End::Code(0));
    for (argv, expect) in [
        (
            &["/plain"][..],
            "/plain may not be run by the agent's user (is it executable?)",
        ),
        (
            &["/orphan"],
            "/orphan names an interpreter in its first line that is not there",
        ),
        (
            &["/junk"],
            "/junk is no program, and has no first line like `#!/bin/sh`",
        ),
        (&["/"], "/ is a directory, not a program"),
        (&["/none"], "cannot run /none: no such file or directory"),
        (
            &["./plain"],
            "\"./plain\" is not an absolute path: an agent has no current directory",
        ),
        (&[], "\"\" is no command: its first word names a program"),
        (
            &["plain"],
            "there is no program \"plain\" in /usr/bin /bin /usr/sbin /sbin /usr/local/bin \
             /usr/local/sbin /run/current-system/sw/bin: install it, or name it by its whole path",
        ),
    ] {
        let command = Command {
            argv,
            stdin: b"",
            environment: &[],
            output_bytes_max: 9,
            deadline: Deadline::after(LONG),
        };
        assert_eq!(run(&host, &command).unwrap_err().to_string(), expect);
    }
}

#[test]
fn beside_too_many_stuck_children_none_is_started() {
    let sleeper = || {
        std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap()
    };
    let mut stuck: Vec<_> = (0..CHILDREN_STUCK_MAX).map(|_| sleeper()).collect();
    let refused = refuse_beside_stuck(&mut stuck).unwrap_err().to_string();
    assert!(refused.starts_with("no more programs are run while 16 cannot even be killed"));
    stuck[0].kill().unwrap();
    let deadline = Deadline::after(LONG);
    while refuse_beside_stuck(&mut stuck).is_err() {
        assert!(!deadline.is_over(), "the dead child was never collected");
        std::thread::yield_now();
    }
    assert_eq!(stuck.len(), CHILDREN_STUCK_MAX - 1);
    for mut child in stuck {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
