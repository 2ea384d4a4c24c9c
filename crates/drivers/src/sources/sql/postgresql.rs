//! PostgreSQL: login by trust, peer, MD5 or SCRAM, statements in the simple protocol.

use std::sync::Arc;

use md5::{Digest, Md5};
use model::{Value, to_hex};

use super::rows::{Kind, Rows};
use super::scram::Scram;
use super::wire::{Cursor, Wire};
use super::{Refusal, Sql};
use crate::Error;
use crate::collectors::Trouble;
use crate::network::TimedStream;

/// Version 3.0 of the protocol, which each server since 7.4 speaks.
const VERSION: u32 = 196_608;

/// A connection that is logged in.
pub(super) struct Session {
    wire: Wire,
}

impl Session {
    /// Logs in.
    pub(super) fn open(stream: TimedStream, sql: &Sql) -> Result<Self, Trouble> {
        let mut session = Self {
            wire: Wire::new(stream, sql.shown()),
        };
        let mut start = VERSION.to_be_bytes().to_vec();
        let database = if sql.database.is_empty() {
            &sql.user
        } else {
            &sql.database
        };
        for text in [
            "user",
            &sql.user,
            "database",
            database,
            "application_name",
            "opsbro",
            "client_encoding",
            "UTF8",
        ] {
            if text.contains('\0') {
                let problem = "holds a zero byte, which no name can";
                return Err(Error::bad_request(text, problem).into());
            }
            start.extend(text.as_bytes());
            start.push(0);
        }
        start.push(0);
        session.send(None, &start)?;
        session.authenticate(sql)?;
        Ok(session)
    }

    /// Answers what the server asks until it is ready.
    fn authenticate(&mut self, sql: &Sql) -> Result<(), Trouble> {
        let mut scram = None;
        let mut is_let_in = false;
        loop {
            let (kind, message) = self.message()?;
            match kind {
                b'R' => is_let_in = self.prove(sql, &message, &mut scram)?,
                b'E' => return Err(self.error_of(&message, sql)),
                b'Z' if is_let_in => return Ok(()),
                b'S' | b'K' | b'N' => {}
                _ => {
                    let problem = "does not greet as PostgreSQL does: is this its port?";
                    return Err(self.wire.bad(problem).into());
                }
            }
        }
    }

    /// Answers one request for a proof; tells whether we are let in.
    fn prove(
        &mut self,
        sql: &Sql,
        message: &[u8],
        scram: &mut Option<Scram>,
    ) -> Result<bool, Trouble> {
        let mut cursor = Cursor::new(message);
        let broken = |wire: &Wire| Trouble::from(wire.bad("says something unknown at the login"));
        let asked = cursor.big(4).ok_or_else(|| broken(&self.wire))?;
        let password = sql.password.expose();
        if asked != 0 && password.is_empty() {
            return Err(sql.refused(&format!("it asks for the password of {:?}", sql.user)));
        }
        match asked {
            // Whoever has been asked for a proof must be shown one: the server's own comes first.
            0 => match scram {
                Some(scram) if !scram.is_over() => Err(broken(&self.wire)),
                Some(_) | None => Ok(true),
            },
            3 => Err(sql.refused(
                "it wants the password itself, which is not sent: use scram-sha-256 in pg_hba.conf",
            )),
            5 => {
                let salt = cursor.take(4).ok_or_else(|| broken(&self.wire))?;
                let inner = to_hex(&Md5::digest(format!("{password}{}", sql.user)));
                let outer = Md5::new().chain_update(inner).chain_update(salt);
                let proof = format!("md5{}\0", to_hex(&outer.finalize()));
                self.send(Some(b'p'), proof.as_bytes())?;
                Ok(false)
            }
            10 => {
                let ways = cursor.rest().split(|byte| *byte == 0);
                if !ways.into_iter().any(|way| way == b"SCRAM-SHA-256") {
                    return Err(sql.refused("it offers no way to log in but those with TLS"));
                }
                let (begun, first) = Scram::begin(password);
                let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
                let mut reply = b"SCRAM-SHA-256\0".to_vec();
                reply.extend(length.to_be_bytes());
                reply.extend(first.as_bytes());
                *scram = Some(begun);
                self.send(Some(b'p'), &reply)?;
                Ok(false)
            }
            11 | 12 => {
                let text = String::from_utf8_lossy(cursor.rest()).into_owned();
                let scram = scram.as_mut().ok_or_else(|| broken(&self.wire))?;
                let step = if asked == 11 {
                    scram.answer(&text).map(Some)
                } else {
                    scram.verify(&text).map(|()| None)
                };
                if let Some(reply) = step.map_err(|problem| self.wire.bad(problem))? {
                    self.send(Some(b'p'), reply.as_bytes())?;
                }
                Ok(false)
            }
            _ => Err(sql.refused(
                "it wants a way to log in that is not known here: use peer, md5 or scram-sha-256 \
                 in pg_hba.conf",
            )),
        }
    }

    /// Asks a statement.
    pub(super) fn query(&mut self, statement: &str) -> Result<Value, Refusal> {
        if statement.contains('\0') {
            return Err(Error::bad_request(statement, "holds a zero byte").into());
        }
        self.send(Some(b'Q'), format!("{statement}\0").as_bytes())?;
        let mut rows = None;
        let mut complaint = None;
        loop {
            let (kind, message) = self.message()?;
            match kind {
                b'T' => {
                    let columns = columns_of(&message);
                    let columns = columns.ok_or_else(|| self.wire.bad("gives broken columns"))?;
                    rows = Some(Rows::new(columns));
                }
                b'D' => {
                    let known = rows.as_mut();
                    let known = known.ok_or_else(|| self.wire.bad("gives rows of nothing"))?;
                    let cells = cells_of(&message, known.columns_len());
                    let cells = cells.ok_or_else(|| self.wire.bad("gives a broken row"))?;
                    known.push(&cells, self.wire.subject())?;
                }
                b'E' => complaint = Some(Complaint::of(&message)),
                b'Z' => match complaint {
                    Some(complaint) => {
                        let problem = format!("refuses a statement: {}", complaint.message);
                        return Err(Refusal::Statement(self.wire.bad(problem)));
                    }
                    None => return Ok(rows.map_or_else(|| Value::list([]), Rows::into_value)),
                },
                b'C' | b'I' | b'N' | b'S' | b'A' => {}
                _ => {
                    let problem = "answers with something that is no row: ask by a plain select";
                    return Err(self.wire.bad(problem).into());
                }
            }
        }
    }

    /// Says goodbye; whether it is heard does not matter.
    pub(super) fn close(mut self) {
        let _ = self.send(Some(b'X'), &[]);
    }

    fn send(&mut self, kind: Option<u8>, payload: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(payload.len() + 4).unwrap_or(u32::MAX);
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(payload);
        self.wire.send(&message)
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), Error> {
        let head = self.wire.take(5)?;
        let length = Cursor::new(&head[1..]).big(4).unwrap_or_default();
        // The length counts itself.
        let length = usize::try_from(length).unwrap_or(usize::MAX).checked_sub(4);
        let length = length.ok_or_else(|| self.wire.bad("sends a message without a length"))?;
        Ok((head[0], self.wire.take(length)?))
    }

    fn error_of(&self, message: &[u8], sql: &Sql) -> Trouble {
        let complaint = Complaint::of(message);
        // 28: the login is wrong; 3D: there is no such database.
        if complaint.code.starts_with("28") || complaint.code.starts_with("3D") {
            sql.refused(&complaint.message)
        } else {
            let problem = format!("refuses: {}", complaint.message);
            self.wire.bad(problem).into()
        }
    }
}

/// What a server complains about.
struct Complaint {
    code: String,
    message: String,
}

impl Complaint {
    fn of(message: &[u8]) -> Self {
        let mut cursor = Cursor::new(message);
        let mut complaint = Self {
            code: String::new(),
            message: String::new(),
        };
        while let Some(field) = cursor.byte()
            && field != 0
            && let Some(text) = cursor.zero_ended()
        {
            let text = String::from_utf8_lossy(text);
            let plain = text.chars().filter(|letter| !letter.is_control());
            match field {
                b'C' => complaint.code = plain.take(5).collect(),
                b'M' => complaint.message = plain.take(500).collect(),
                _ => {}
            }
        }
        complaint
    }
}

fn columns_of(message: &[u8]) -> Option<Vec<(Arc<str>, Kind)>> {
    let mut cursor = Cursor::new(message);
    let count = cursor.big(2)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = String::from_utf8_lossy(cursor.zero_ended()?);
        cursor.take(6)?;
        let kind = match cursor.big(4)? {
            16 => Kind::Truth,
            20 | 21 | 23 | 26 | 28 => Kind::Whole,
            700 | 701 | 1700 => Kind::Number,
            _ => Kind::Text,
        };
        cursor.take(8)?;
        columns.push((Arc::from(&*name), kind));
    }
    Some(columns)
}

fn cells_of(message: &[u8], count: usize) -> Option<Vec<Option<&[u8]>>> {
    let mut cursor = Cursor::new(message);
    if cursor.big(2)? != count as u64 {
        return None;
    }
    let cells: Option<Vec<_>> = (0..count)
        .map(|_| match cursor.big(4)? {
            // -1 is NULL.
            0xffff_ffff => Some(None),
            length => cursor.take(usize::try_from(length).ok()?).map(Some),
        })
        .collect();
    cells.filter(|_| cursor.rest().is_empty())
}
