//! The lines of a file of any size, one at a time, in bounded memory.

use std::io::{BufRead, BufReader, Read};

use model::limits::FILE_LINE_BYTES_MAX;

use super::{BoundedReader, Host, read_error};
use crate::{Deadline, Error};

/// Lines without their ends (`\n` or `\r\n`), as bytes: files hold anything.
pub(crate) struct Lines<'a> {
    reader: BufReader<BoundedReader>,
    path: &'a str,
    deadline: Deadline,
    line: Vec<u8>,
    number: u64,
}

/// Reads are as large as this. Measured: above it nothing is gained.
const BUFFER_BYTES: usize = 64 << 10;

impl<'a> Lines<'a> {
    /// Opens a plain file.
    pub(crate) fn open(host: &Host, path: &'a str, deadline: Deadline) -> Result<Self, Error> {
        let reader = BufReader::with_capacity(BUFFER_BYTES, host.reader(path, deadline)?);
        Ok(Self {
            reader,
            path,
            deadline,
            line: Vec::new(),
            number: 0,
        })
    }

    /// Gives the next line, or none at the end. A line over the limit is an error: to look at a
    /// part of it only would give answers that look right.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.line.clear();
        self.number += 1;
        let read = (&mut self.reader)
            .take(FILE_LINE_BYTES_MAX as u64 + 2)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| read_error(error, self.path, self.deadline))?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        }
        if self.line.len() > FILE_LINE_BYTES_MAX {
            return Err(Error::TooLarge {
                subject: format!("line {} of {}", self.number, self.path),
                limit: format!("{FILE_LINE_BYTES_MAX} bytes"),
                advice: "this is no file of lines",
            });
        }
        Ok(Some(&self.line))
    }
}
