//! What the agent and its helpers say to each other: a length, then that many bytes.
//!
//! Both ends are the same program, so there is no version. What is too long, or ends too early, is
//! an error of the stream.

use std::io::{self, Read};
use std::time::Duration;

use super::{Command, End, Finished, Output};

/// Largest request; a larger one (a notice of megabytes on standard input) is run without helper.
pub(super) const REQUEST_BYTES_MAX: usize = 1 << 20;
/// What a reply may hold beside the outputs.
pub(super) const REPLY_BYTES_MORE: usize = 64 << 10;

/// Bytes of the length.
const LENGTH: usize = 4;

/// A program to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) argv: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) stdin: Vec<u8>,
    pub(super) output_bytes_max: usize,
    pub(super) time_box: Duration,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) finished: Result<Finished, String>,
    /// A child that could not be ended.
    pub(super) stuck: Option<u32>,
}

/// Reads one frame; false at the end of the stream, where none begins.
pub(super) fn read(stream: &mut impl Read, bytes: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let mut length = [0; LENGTH];
    let mut have = 0;
    while have < LENGTH {
        match stream.read(&mut length[have..]) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.clear();
    bytes.resize(length, 0);
    stream.read_exact(bytes)?;
    Ok(true)
}

impl Request {
    /// Writes what is to be run; `None` when it is too large.
    pub(super) fn encode(command: &Command<'_>) -> Option<Vec<u8>> {
        let mut frame = Writer::new();
        frame.number(command.argv.len() as u64);
        command
            .argv
            .iter()
            .for_each(|it| frame.bytes(it.as_bytes()));
        frame.number(command.environment.len() as u64);
        for (name, value) in command.environment {
            frame.bytes(name.as_bytes());
            frame.bytes(value.as_bytes());
        }
        frame.bytes(command.stdin);
        frame.number(command.output_bytes_max as u64);
        let left = command.deadline.remaining().as_millis();
        frame.number(u64::try_from(left).unwrap_or(u64::MAX));
        let bytes = frame.finish();
        (bytes.len() <= REQUEST_BYTES_MAX).then_some(bytes)
    }

    /// Reads it back; `None` when it is no request.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut frame = Reader(bytes);
        let mut argv = Vec::new();
        for _ in 0..frame.number()? {
            argv.push(frame.text()?);
        }
        let mut environment = Vec::new();
        for _ in 0..frame.number()? {
            environment.push((frame.text()?, frame.text()?));
        }
        Some(Self {
            argv,
            environment,
            stdin: frame.bytes()?.to_vec(),
            output_bytes_max: usize::try_from(frame.number()?).ok()?,
            time_box: Duration::from_millis(frame.number()?),
        })
    }
}

impl Reply {
    /// Writes what came of a run.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut frame = Writer::new();
        match &self.finished {
            Ok(finished) => {
                let (kind, number) = match finished.end {
                    End::Code(code) => (CODE, code),
                    End::Signal(signal) => (SIGNAL, signal),
                    End::TimedOut => (TIMED_OUT, 0),
                };
                frame.number(kind);
                frame.bytes(&number.to_le_bytes());
                for output in [&finished.stdout, &finished.stderr] {
                    frame.bytes(&output.bytes);
                    frame.number(output.dropped);
                }
            }
            Err(error) => {
                frame.number(FAILED);
                frame.bytes(&error.as_bytes()[..error.floor_char_boundary(ERROR_BYTES_MAX)]);
            }
        }
        frame.number(self.stuck.map_or(0, u64::from));
        frame.finish()
    }

    /// Reads it back; `None` when it is no reply.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut frame = Reader(bytes);
        let kind = frame.number()?;
        let finished = if kind == FAILED {
            Err(frame.text()?)
        } else {
            let number = i32::from_le_bytes(frame.bytes()?.try_into().ok()?);
            let end = match kind {
                CODE => End::Code(number),
                SIGNAL => End::Signal(number),
                TIMED_OUT => End::TimedOut,
                _ => return None,
            };
            let mut output = || {
                Some(Output {
                    bytes: frame.bytes()?.to_vec(),
                    dropped: frame.number()?,
                })
            };
            let (stdout, stderr) = (output()?, output()?);
            Ok(Finished {
                end,
                stdout,
                stderr,
            })
        };
        let stuck = u32::try_from(frame.number()?).ok()?;
        Some(Self {
            finished,
            stuck: (stuck > 0).then_some(stuck),
        })
    }
}

const CODE: u64 = 0;
const SIGNAL: u64 = 1;
const TIMED_OUT: u64 = 2;
const FAILED: u64 = 3;
/// Longest error that is told.
const ERROR_BYTES_MAX: usize = REPLY_BYTES_MORE / 2;

/// A frame that is written.
struct Writer(Vec<u8>);

impl Writer {
    fn new() -> Self {
        Self(vec![0; LENGTH])
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Puts the length in front. A frame beyond what a length can say is refused by its reader.
    fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - LENGTH).unwrap_or(u32::MAX);
        self.0[..LENGTH].copy_from_slice(&length.to_le_bytes());
        self.0
    }
}

/// A frame that is read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.number()?).ok()?;
        self.take(count)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deadline;

    fn request() -> Vec<u8> {
        let command = Command {
            argv: &["check_x", "a b", ""],
            stdin: b"in\0",
            environment: &[("NAME", "value")],
            output_bytes_max: 99,
            deadline: Deadline::after(Duration::from_secs(3_600)),
        };
        Request::encode(&command).unwrap()
    }

    fn replies() -> Vec<Reply> {
        let output = |bytes: &[u8]| Output {
            bytes: bytes.to_vec(),
            dropped: 7,
        };
        let finished = |end| Finished {
            end,
            stdout: output(b"\xff\0out"),
            stderr: output(b""),
        };
        let ends = [End::Code(-1), End::Signal(9), End::TimedOut];
        let mut all: Vec<Reply> = ends
            .map(|end| Reply {
                finished: Ok(finished(end)),
                stuck: Some(12),
            })
            .into();
        all.push(Reply {
            finished: Err("cannot run".to_owned()),
            stuck: None,
        });
        all
    }

    fn payload(frame: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(read(&mut &*frame, &mut bytes, 10_000).unwrap());
        bytes
    }

    #[test]
    fn what_is_said_is_understood() {
        let asked = Request::decode(&payload(&request())).unwrap();
        assert_eq!(asked.argv, ["check_x", "a b", ""]);
        assert_eq!(asked.environment, [("NAME".to_owned(), "value".to_owned())]);
        assert_eq!((&*asked.stdin, asked.output_bytes_max), (&b"in\0"[..], 99));
        assert!(asked.time_box > Duration::from_secs(3_000));
        for reply in replies() {
            assert_eq!(Reply::decode(&payload(&reply.encode())), Some(reply));
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_never_a_panic() {
        let mut frames: Vec<Vec<u8>> = replies().iter().map(Reply::encode).collect();
        frames.push(request());
        for (at, frame) in frames.iter().enumerate() {
            let whole = payload(frame);
            let is_reply = at < replies().len();
            for end in 0..whole.len() {
                let cut = &whole[..end];
                match is_reply {
                    true => assert_eq!(Reply::decode(cut), None, "{end}"),
                    false => assert_eq!(Request::decode(cut), None, "{end}"),
                }
                let mut changed = whole.clone();
                changed[end] ^= 0xff;
                let _ = (Request::decode(&changed), Reply::decode(&changed));
            }
            let mut bytes = Vec::new();
            let error = read(&mut &frame[..frame.len() - 1], &mut bytes, 10_000);
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            let error = read(&mut &frame[..], &mut bytes, 3).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        assert!(!read(&mut &b""[..], &mut Vec::new(), 9).unwrap());
    }
}
