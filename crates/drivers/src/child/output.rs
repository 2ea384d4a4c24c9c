//! One output of a child: read as it comes, kept up to a limit.

use std::io::{self, Read};

/// What a child wrote to one of its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The beginning, up to the limit.
    pub bytes: Vec<u8>,
    /// How many bytes came after that and were dropped.
    pub dropped: u64,
}

impl Output {
    /// Gives it as text; what is not UTF-8 becomes `�`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The end of a pipe that we read.
pub(super) struct Capture<Pipe> {
    /// The pipe, until it is closed at the other end.
    pub(super) pipe: Option<Pipe>,
    output: Output,
    bytes_max: usize,
}

impl<Pipe: Read> Capture<Pipe> {
    pub(super) fn new(pipe: Option<Pipe>, bytes_max: usize) -> Self {
        Self {
            pipe,
            output: Output::default(),
            bytes_max,
        }
    }

    /// Reads once what is there; tells whether there may be more. The pipe does not block.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some(pipe) = &mut self.pipe else {
            return false;
        };
        match pipe.read(buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let room = self.bytes_max - self.output.bytes.len();
                let kept = count.min(room);
                self.output.bytes.extend_from_slice(&buffer[..kept]);
                self.output.dropped += (count - kept) as u64;
                return true;
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => self.pipe = None,
            },
        }
        false
    }

    pub(super) fn into_output(self) -> Output {
        self.output
    }
}
