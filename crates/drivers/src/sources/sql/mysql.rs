//! MySQL and MariaDB: login by password or socket, statements in the text protocol.

use std::sync::Arc;

use model::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::rows::{Kind, Rows};
use super::wire::{Cursor, Wire};
use super::{Refusal, Sql};
use crate::Error;
use crate::collectors::Trouble;
use crate::network::TimedStream;

/// What we can do: long passwords, the 4.1 protocol and its authentication, plugins for it.
const CAPABILITIES: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const CAPABILITY_DATABASE: u32 = 0x8;
/// utf8mb4_general_ci, which each server since 5.5 knows.
const CHARSET: u8 = 45;
/// Codes of errors that say that the login is wrong: host, account, password, database, plugin.
const LOGIN_ERRORS: [u64; 8] = [1044, 1045, 1049, 1130, 1251, 1275, 1698, 1862];
/// Enough for every table that exists; a header with more is junk.
const COLUMNS_MAX: u64 = 4_096;

/// A connection that is logged in.
pub(super) struct Session {
    wire: Wire,
    sequence: u8,
}

impl Session {
    /// Logs in.
    pub(super) fn open(stream: TimedStream, sql: &Sql) -> Result<Self, Trouble> {
        let mut session = Self {
            wire: Wire::new(stream, sql.shown()),
            sequence: 0,
        };
        let greeting = session.packet()?;
        if greeting.first() == Some(&0xff) {
            return Err(session.error_of(&greeting, sql));
        }
        let (scramble, plugin) = greeting_of(&greeting).ok_or_else(|| {
            let problem = "does not greet as MySQL does: is this its port?";
            session.wire.bad(problem)
        })?;
        let login = session.login(sql, &plugin, &scramble)?;
        session.send(&login)?;
        session.authenticate(sql)?;
        Ok(session)
    }

    fn login(&self, sql: &Sql, plugin: &str, scramble: &[u8]) -> Result<Vec<u8>, Trouble> {
        // What the server's usual way is may not be that of the account; then it will say so.
        let proof = proof(plugin, sql, scramble).unwrap_or_default();
        let mut flags = CAPABILITIES;
        if !sql.database.is_empty() {
            flags |= CAPABILITY_DATABASE;
        }
        for text in [&sql.user, &sql.database] {
            if text.contains('\0') {
                let problem = "holds a zero byte, which no name can";
                return Err(Error::bad_request(text, problem).into());
            }
        }
        let mut login = flags.to_le_bytes().to_vec();
        login.extend(0x0100_0000_u32.to_le_bytes());
        login.push(CHARSET);
        login.extend([0; 23]);
        login.extend(sql.user.as_bytes());
        login.push(0);
        // No proof is longer than 32 bytes.
        login.push(proof.len() as u8);
        login.extend(proof);
        if !sql.database.is_empty() {
            login.extend(sql.database.as_bytes());
            login.push(0);
        }
        login.extend(plugin.as_bytes());
        login.push(0);
        Ok(login)
    }

    /// Answers what the server asks until it lets us in. It may change its mind about how twice.
    fn authenticate(&mut self, sql: &Sql) -> Result<(), Trouble> {
        for _ in 0..8 {
            let packet = self.packet()?;
            match packet.split_first() {
                Some((0x00, _)) => return Ok(()),
                Some((0xff, _)) => return Err(self.error_of(&packet, sql)),
                Some((0xfe, [])) => {
                    return Err(sql.refused("the account has a password of before MySQL 4.1"));
                }
                Some((0xfe, rest)) => {
                    let mut cursor = Cursor::new(rest);
                    let name = cursor.zero_ended().unwrap_or(rest);
                    let plugin = String::from_utf8_lossy(name);
                    let scramble = without_last_zero(cursor.rest());
                    let Some(proof) = proof(&plugin, sql, scramble) else {
                        let problem = format!(
                            "the account logs in by {plugin:?}, which is not known here: give it \
                             mysql_native_password, caching_sha2_password or unix_socket"
                        );
                        return Err(sql.refused(&problem));
                    };
                    self.send(&proof)?;
                }
                // The server knows the password already.
                Some((0x01, [0x03])) => {}
                Some((0x01, [0x04])) if !sql.socket.is_empty() => {
                    let mut password = sql.password.expose().as_bytes().to_vec();
                    password.push(0);
                    self.send(&password)?;
                }
                Some((0x01, [0x04])) => {
                    return Err(sql.refused(
                        "it wants the password itself (caching_sha2_password, first login), which \
                         is not sent over TCP: set `socket`, or use mysql_native_password",
                    ));
                }
                Some(_) | None => {
                    return Err(self.wire.bad("says something unknown at the login").into());
                }
            }
        }
        Err(self.wire.bad("never ends the login").into())
    }

    /// Asks a statement.
    pub(super) fn query(&mut self, statement: &str) -> Result<Value, Refusal> {
        self.sequence = 0;
        let mut command = vec![0x03];
        command.extend(statement.as_bytes());
        self.send(&command)?;
        let header = self.packet()?;
        match header.first() {
            Some(0x00) => return Ok(Value::list([])),
            Some(0xff) => return Err(self.refusal(&header)),
            // A server that wants a file of ours is none that is asked further.
            Some(0xfb) => {
                let problem = "asks for a file of this machine: refused";
                return Err(self.wire.bad(problem).into());
            }
            Some(_) | None => {}
        }
        let count = Cursor::new(&header).lenenc();
        let count = count.filter(|count| (1..=COLUMNS_MAX).contains(count));
        let count = count.ok_or_else(|| self.wire.bad("gives a broken header of rows"))?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = self.packet()?;
            let column = column_of(&packet);
            columns.push(column.ok_or_else(|| self.wire.bad("gives a broken column"))?);
        }
        if !is_end(&self.packet()?) {
            return Err(self.wire.bad("gives more columns than it said").into());
        }
        let mut rows = Rows::new(columns);
        loop {
            let packet = self.packet()?;
            if is_end(&packet) {
                return Ok(rows.into_value());
            }
            if packet.first() == Some(&0xff) {
                return Err(self.refusal(&packet));
            }
            let cells = cells_of(&packet, rows.columns_len());
            let cells = cells.ok_or_else(|| self.wire.bad("gives a broken row"))?;
            rows.push(&cells, self.wire.subject())?;
        }
    }

    fn refusal(&self, packet: &[u8]) -> Refusal {
        let message = complaint(packet);
        Refusal::Statement(self.wire.bad(format!("refuses a statement: {message}")))
    }

    /// Says goodbye; whether it is heard does not matter.
    pub(super) fn close(mut self) {
        self.sequence = 0;
        let _ = self.send(&[0x01]);
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if length >= 0xff_ffff {
            return Err(Error::bad_request("the statement", "is longer than 16 MiB"));
        }
        let mut packet = length.to_le_bytes()[..3].to_vec();
        packet.push(self.sequence);
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.wire.send(&packet)
    }

    fn packet(&mut self) -> Result<Vec<u8>, Error> {
        let head = self.wire.take(4)?;
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        self.sequence = head[3].wrapping_add(1);
        // A packet of the largest size would go on in the next, and is refused as too large.
        self.wire.take(length)
    }

    fn error_of(&self, packet: &[u8], sql: &Sql) -> Trouble {
        let code = Cursor::new(packet.get(1..).unwrap_or_default()).little(2);
        let message = complaint(packet);
        if code.is_some_and(|code| LOGIN_ERRORS.contains(&code)) {
            sql.refused(&message)
        } else {
            self.wire.bad(format!("refuses: {message}")).into()
        }
    }
}

/// Reads the greeting: the salt of the login, and the usual way to log in.
fn greeting_of(packet: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut cursor = Cursor::new(packet);
    if cursor.byte()? != 10 {
        return None;
    }
    cursor.zero_ended()?;
    cursor.take(4)?;
    let mut scramble = cursor.take(8)?.to_vec();
    cursor.take(1)?;
    let low = cursor.little(2)?;
    cursor.take(3)?;
    let flags = low | cursor.little(2)? << 16;
    let length = usize::from(cursor.byte()?);
    cursor.take(10)?;
    let rest = length.saturating_sub(8).max(13);
    scramble.extend(without_last_zero(cursor.take(rest)?));
    let plugin = if flags & 0x8_0000 != 0 {
        String::from_utf8_lossy(cursor.zero_ended().unwrap_or(cursor.rest())).into_owned()
    } else {
        "mysql_native_password".to_owned()
    };
    Some((scramble, plugin))
}

fn without_last_zero(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0]).unwrap_or(bytes)
}

/// Proves that we know the password; none for a way that is not known here. The password itself is
/// never sent because a server asks for it.
fn proof(plugin: &str, sql: &Sql, scramble: &[u8]) -> Option<Vec<u8>> {
    let password = sql.password.expose().as_bytes();
    match plugin {
        "unix_socket" | "auth_socket" => Some(Vec::new()),
        "mysql_native_password" | "caching_sha2_password" if password.is_empty() => {
            Some(Vec::new())
        }
        "mysql_native_password" => {
            let once = Sha1::digest(password);
            let twice = Sha1::digest(once);
            let salted = Sha1::new().chain_update(scramble).chain_update(twice);
            Some(xor(&once, &salted.finalize()))
        }
        "caching_sha2_password" => {
            let once = Sha256::digest(password);
            let twice = Sha256::digest(once);
            let salted = Sha256::new().chain_update(twice).chain_update(scramble);
            Some(xor(&once, &salted.finalize()))
        }
        _ => None,
    }
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter()
        .zip(other)
        .map(|(one, other)| one ^ other)
        .collect()
}

/// Reads the message of an error packet.
fn complaint(packet: &[u8]) -> String {
    let rest = packet.get(3..).unwrap_or_default();
    let message = match rest.strip_prefix(b"#") {
        Some(rest) => rest.get(5..).unwrap_or_default(),
        None => rest,
    };
    let text = String::from_utf8_lossy(message);
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(500)
        .collect()
}

fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&0xfe) && packet.len() < 9
}

fn column_of(packet: &[u8]) -> Option<(Arc<str>, Kind)> {
    let mut cursor = Cursor::new(packet);
    for _ in 0..4 {
        cursor.lenenc_text()?;
    }
    let name = cursor.lenenc_text()??;
    cursor.lenenc_text()?;
    cursor.lenenc()?;
    cursor.take(6)?;
    let kind = match cursor.byte()? {
        0x01 | 0x02 | 0x03 | 0x08 | 0x09 | 0x0d => Kind::Whole,
        0x00 | 0x04 | 0x05 | 0xf6 => Kind::Number,
        _ => Kind::Text,
    };
    Some((Arc::from(&*String::from_utf8_lossy(name)), kind))
}

fn cells_of(packet: &[u8], count: usize) -> Option<Vec<Option<&[u8]>>> {
    let mut cursor = Cursor::new(packet);
    let cells: Option<Vec<_>> = (0..count).map(|_| cursor.lenenc_text()).collect();
    cells.filter(|_| cursor.rest().is_empty())
}

impl<'a> Cursor<'a> {
    /// Takes a number in one, two, three or eight bytes.
    fn lenenc(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0xfa => Some(small.into()),
            0xfc => self.little(2),
            0xfd => self.little(3),
            0xfe => self.little(8),
            0xfb | 0xff => None,
        }
    }

    /// Takes a text behind its length; the inner none is NULL.
    fn lenenc_text(&mut self) -> Option<Option<&'a [u8]>> {
        if self.rest().first() == Some(&0xfb) {
            self.take(1)?;
            return Some(None);
        }
        let length = usize::try_from(self.lenenc()?).ok()?;
        self.take(length).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use model::Secret;

    use super::*;
    use crate::sources::Engine;

    #[test]
    fn proofs_are_those_of_the_documentation() {
        let sql = |password: &str| Sql {
            engine: Engine::Mysql,
            address: String::new(),
            socket: String::new(),
            user: String::new(),
            password: Secret::new(password),
            database: String::new(),
            queries: Vec::new(),
        };
        let scramble: Vec<u8> = (1..=20).collect();
        // Computed by Python's hashlib from the formulas of the manual.
        for (plugin, expect) in [
            (
                "mysql_native_password",
                "b32bb3a583e1340c0a1108d58b1be49781ad8c2f",
            ),
            (
                "caching_sha2_password",
                "746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9",
            ),
        ] {
            let proof = proof(plugin, &sql("secret"), &scramble).unwrap();
            let hex: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expect, "{plugin}");
        }
        assert_eq!(
            proof("caching_sha2_password", &sql(""), &scramble),
            Some(Vec::new())
        );
        assert_eq!(
            proof("mysql_clear_password", &sql("secret"), &scramble),
            None
        );
    }
}
