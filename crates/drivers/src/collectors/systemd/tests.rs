//! A recorded conversation with systemd, whole and in pieces, and one that never answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use super::super::tests::{collect, collect_within, recorded_run};
use super::*;
use crate::Host;

/// Answers of the real program (systemd 252), as its bus gave them: `ListUnits`, and the
/// properties of a timer.
const LIST_UNITS: &[u8] = include_bytes!("../../../tests/systemd/list-units");
const TIMER: &[u8] = include_bytes!("../../../tests/systemd/timer");

/// A machine whose systemd answers its first question with the list of units, and all others with
/// a timer, each made to fit the question by its number.
fn machine(answers: Vec<Vec<u8>>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("run/systemd/system")).unwrap();
    let listener = UnixListener::bind(folder.path().join("run/systemd/private")).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4_096];
        let _ = stream.read(&mut buffer);
        let _ = stream.write_all(b"OK 0123456789abcdef\r\n");
        for answer in answers {
            let _ = stream.read(&mut buffer);
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
        // What is not answered waits until the asker goes.
        while matches!(stream.read(&mut buffer), Ok(1..)) {}
    });
    folder
}

/// Writes the number of the question into an answer, where the recording has its own.
fn answer_to(recorded: &[u8], serial: u32) -> Vec<u8> {
    let mut answer = recorded.to_vec();
    let at = 16
        + answer[16..]
            .windows(4)
            .position(|field| field == [5, 1, b'u', 0])
            .unwrap();
    answer[at + 4..at + 8].copy_from_slice(&serial.to_le_bytes());
    answer
}

#[test]
fn units_and_timers_of_the_real_program_are_read() {
    let mut answers = vec![answer_to(LIST_UNITS, 1)];
    answers.extend((2..40).map(|serial| answer_to(TIMER, serial)));
    let folder = machine(answers);
    let value = collect(&Host::at(folder.path()), &COLLECTOR).unwrap();
    assert!(
        matches!(value.get("count"), Some(Value::Int(10..))),
        "{value:?}"
    );
    assert_eq!(value.get("state"), Some(&Value::from("degraded")));
    let failed = value.get("failed").unwrap();
    assert_eq!(failed.get("0"), Some(&Value::from("broken.service")));
    let units = value.get("units").unwrap();
    let broken = units.get("broken.service").unwrap();
    assert_eq!(broken.get("active"), Some(&Value::from("failed")));
    let timer = value
        .get("timers")
        .and_then(|timers| timers.get("often.timer"))
        .unwrap();
    assert_eq!(timer.get("unit"), Some(&Value::from("often.service")));
    assert!(
        matches!(timer.get("next"), Some(Value::Int(1_700_000_000..))),
        "{timer:?}"
    );
}

#[test]
fn an_answer_cut_or_spoilt_anywhere_is_told() {
    let whole = answer_to(TIMER, 1);
    for at in (0..whole.len()).step_by(7) {
        let mut spoilt = whole.clone();
        spoilt[at] ^= 0x55;
        // The connection ends behind it, so nothing is waited for.
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let answer = thread::spawn(move || {
            let mut buffer = [0; 4_096];
            let _ = ours.read(&mut buffer);
            let _ = ours.write_all(b"OK x\r\n");
            let _ = ours.read(&mut buffer);
            let _ = ours.write_all(&spoilt);
        });
        let deadline = crate::Deadline::after(Duration::from_secs(60));
        let mut bus = Bus::open(theirs, false, deadline).unwrap();
        // Whatever it makes of it, it comes back.
        let _ = timer(&mut bus, "/x");
        answer.join().unwrap();
    }
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let folder = machine(Vec::new());
    let host = Host::at(folder.path());
    let trouble = collect_within(&host, &COLLECTOR, Duration::from_millis(100)).unwrap_err();
    assert!(
        trouble.to_string().contains("took longer than"),
        "{trouble}"
    );
}

#[test]
fn a_machine_without_it_is_not_eligible() {
    let trouble = recorded_run("alpine-3.22", &COLLECTOR).unwrap_err();
    assert!(matches!(trouble, Trouble::NotEligible { .. }));
}
