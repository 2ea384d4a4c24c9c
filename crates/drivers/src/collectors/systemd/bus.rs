//! As much of D-Bus as it takes to ask a question and to read the answer (D-Bus specification,
//! protocol version 1). What is received is read with suspicion: bounded in size and depth.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use model::limits::{BUS_DEPTH_MAX, BUS_MESSAGE_BYTES_MAX};

use crate::{Deadline, Error};

/// A connection on which one question is asked at a time.
pub(super) struct Bus<Stream> {
    stream: Stream,
    serial: u32,
    deadline: Deadline,
}

/// A value of the bus. Structures, arrays and entries of dictionaries are lists; what a variant
/// holds stands for itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Text(String),
    Number(u64),
    /// A kind that no question of ours needs: a float, a negative number.
    Other,
    List(Vec<Item>),
}

const CALL: u8 = 1;
const ANSWER: u8 = 2;
const REFUSAL: u8 = 3;

/// Fields of a header that we write or read.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ANSWER_TO: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// Messages of others (signals) that are passed over before an answer.
const STRANGERS_MAX: usize = 1_000;
const HANDSHAKE_BYTES_MAX: usize = 1 << 10;

impl Bus<UnixStream> {
    /// Opens the conversation; a bus with several partners wants a greeting first.
    pub(super) fn open(
        stream: UnixStream,
        has_partners: bool,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let mut bus = Self {
            stream,
            serial: 0,
            deadline,
        };
        bus.limit_time()?;
        bus.handshake().map_err(|error| bus.failed(error))?;
        if has_partners {
            bus.ask(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "Hello",
                &[],
            )?;
        }
        Ok(bus)
    }

    /// Asks systemd.
    pub(super) fn call(
        &mut self,
        path: &str,
        interface: &str,
        member: &str,
        arguments: &[&str],
    ) -> Result<Vec<Item>, Error> {
        self.ask(
            "org.freedesktop.systemd1",
            path,
            interface,
            member,
            arguments,
        )
    }

    fn ask(
        &mut self,
        destination: &str,
        path: &str,
        interface: &str,
        member: &str,
        arguments: &[&str],
    ) -> Result<Vec<Item>, Error> {
        self.limit_time()?;
        self.serial += 1;
        let message = question(self.serial, destination, path, interface, member, arguments);
        self.stream
            .write_all(&message)
            .map_err(|error| self.failed(error))?;
        for _ in 0..STRANGERS_MAX {
            self.deadline.check("asking", "systemd")?;
            let message = read_message(&mut self.stream).map_err(|error| self.failed(error))?;
            let message = Message::parse(&message).map_err(|problem| self.broken(problem))?;
            if message.answer_to != Some(self.serial) {
                continue;
            }
            return match message.kind {
                ANSWER => Ok(message.body),
                _ => {
                    let reason = match message.body.into_iter().next() {
                        Some(Item::Text(text)) => text,
                        Some(_) | None => "without a reason".to_owned(),
                    };
                    Err(self.broken(&format!("refused {member}: {reason:.200}")))
                }
            };
        }
        Err(self.broken("does not answer, but sends other messages"))
    }

    /// Says who we are, as a number in hexadecimal digits of its decimal ones.
    ///
    /// The last line goes out with the first: systemd leaves a question unread that arrives
    /// together with it (seen with 252).
    fn handshake(&mut self) -> io::Result<()> {
        let user: String = rustix::process::geteuid()
            .as_raw()
            .to_string()
            .bytes()
            .map(|digit| format!("{digit:02x}"))
            .collect();
        let greeting = format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n");
        self.stream.write_all(greeting.as_bytes())?;
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") && line.len() < HANDSHAKE_BYTES_MAX {
            self.stream.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        if !line.starts_with(b"OK") {
            let line = String::from_utf8_lossy(&line);
            let refusal = format!("it does not let us in: {}", line.trim());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal));
        }
        Ok(())
    }

    fn limit_time(&self) -> Result<(), Error> {
        let left = self.deadline.remaining().max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(left))
            .and_then(|()| self.stream.set_write_timeout(Some(left)))
            .map_err(Error::system("talk to", "systemd"))
    }

    fn failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                self.deadline.error("asking", "systemd")
            }
            io::ErrorKind::UnexpectedEof => self.broken("closed the connection"),
            _ => Error::system("talk to", "systemd")(error),
        }
    }

    fn broken(&self, problem: &str) -> Error {
        Error::bad_answer("systemd", problem)
    }
}

/// Writes a question whose arguments are texts.
fn question(
    serial: u32,
    destination: &str,
    path: &str,
    interface: &str,
    member: &str,
    arguments: &[&str],
) -> Vec<u8> {
    let mut body = Writer::default();
    for argument in arguments {
        body.text(argument);
    }
    let mut fields = Writer::default();
    for (code, kind, value) in [
        (PATH, "o", path),
        (INTERFACE, "s", interface),
        (MEMBER, "s", member),
        (DESTINATION, "s", destination),
    ] {
        fields.align(8);
        fields.bytes.push(code);
        fields.signature(kind);
        fields.text(value);
    }
    if !arguments.is_empty() {
        fields.align(8);
        fields.bytes.push(SIGNATURE);
        fields.signature("g");
        fields.signature(&"s".repeat(arguments.len()));
    }
    let mut message = Writer::default();
    message.bytes.extend([b'l', CALL, 0, 1]);
    message.number(body.bytes.len());
    message.number(serial as usize);
    message.number(fields.bytes.len());
    message.bytes.extend(fields.bytes);
    message.align(8);
    message.bytes.extend(body.bytes);
    message.bytes
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: usize) {
        self.align(4);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.bytes.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }

    fn signature(&mut self, text: &str) {
        self.bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }
}

/// Reads one message: 16 bytes that tell the length of the fields and of the body, then these.
fn read_message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let strange = |problem: &str| io::Error::new(io::ErrorKind::InvalidData, problem.to_owned());
    let mut message = vec![0; 16];
    stream.read_exact(&mut message)?;
    if message[0] != b'l' {
        return Err(strange("a message in a byte order that we do not speak"));
    }
    let number = |at: usize| {
        let bytes = [
            message[at],
            message[at + 1],
            message[at + 2],
            message[at + 3],
        ];
        u32::from_le_bytes(bytes) as usize
    };
    let length = (16 + number(12))
        .next_multiple_of(8)
        .saturating_add(number(4));
    if length > BUS_MESSAGE_BYTES_MAX {
        return Err(strange("a message that is too large"));
    }
    message.resize(length, 0);
    stream.read_exact(&mut message[16..])?;
    Ok(message)
}

struct Message {
    kind: u8,
    answer_to: Option<u32>,
    body: Vec<Item>,
}

impl Message {
    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let kind = *bytes.get(1).ok_or(CUT)?;
        let mut header = Reader { bytes, at: 12 };
        let fields_end = 16 + header.number(4)? as usize;
        let mut answer_to = None;
        let mut signature = String::new();
        while header.at < fields_end {
            header.align(8)?;
            if header.at >= fields_end {
                break;
            }
            let code = header.take(1)?[0];
            match (code, header.item(&mut "v".as_bytes(), 0)?) {
                (ANSWER_TO, Item::Number(serial)) => answer_to = u32::try_from(serial).ok(),
                (SIGNATURE, Item::Text(text)) => signature = text,
                _ => {}
            }
        }
        // Signals of others need not be understood.
        let is_for_us = answer_to.is_some() && matches!(kind, ANSWER | REFUSAL);
        if !is_for_us {
            let body = Vec::new();
            return Ok(Self {
                kind,
                answer_to: None,
                body,
            });
        }
        let mut body = Reader {
            bytes: bytes.get(fields_end.next_multiple_of(8)..).ok_or(CUT)?,
            at: 0,
        };
        let mut kinds = signature.as_bytes();
        let mut items = Vec::new();
        while !kinds.is_empty() {
            items.push(body.item(&mut kinds, 0)?);
        }
        Ok(Self {
            kind,
            answer_to,
            body: items,
        })
    }
}

const CUT: &str = "sent a message that ends in the middle";
const STRANGE: &str = "sent a message that is not understood";

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn align(&mut self, to: usize) -> Result<(), &'static str> {
        self.at = self.at.next_multiple_of(to);
        if self.at > self.bytes.len() {
            return Err(CUT);
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let end = self.at.checked_add(count).ok_or(CUT)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT)?;
        self.at = end;
        Ok(taken)
    }

    /// Reads a number of so many bytes, which stands at a multiple of its size.
    fn number(&mut self, size: usize) -> Result<u64, &'static str> {
        self.align(size)?;
        let bytes = self.take(size)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn text(&mut self, length: usize) -> Result<String, &'static str> {
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(text)
    }

    /// Reads a value of the next kind of a signature, and takes that kind off.
    fn item(&mut self, kinds: &mut &[u8], depth: usize) -> Result<Item, &'static str> {
        if depth > BUS_DEPTH_MAX {
            return Err(STRANGE);
        }
        let (kind, rest) = kinds.split_first().ok_or(STRANGE)?;
        *kinds = rest;
        Ok(match kind {
            b'y' => Item::Number(self.number(1)?),
            b'n' | b'i' | b'x' | b'd' => {
                self.number(match kind {
                    b'n' => 2,
                    b'i' => 4,
                    _ => 8,
                })?;
                Item::Other
            }
            b'q' => Item::Number(self.number(2)?),
            b'b' | b'u' | b'h' => Item::Number(self.number(4)?),
            b't' => Item::Number(self.number(8)?),
            b's' | b'o' => {
                let length = self.number(4)? as usize;
                Item::Text(self.text(length)?)
            }
            b'g' => {
                let length = self.number(1)? as usize;
                Item::Text(self.text(length)?)
            }
            b'v' => {
                let length = self.number(1)? as usize;
                let inner = self.text(length)?;
                self.item(&mut inner.as_bytes(), depth + 1)?
            }
            b'a' => self.array(kinds, depth)?,
            b'(' | b'{' => {
                self.align(8)?;
                let mut parts = Vec::new();
                while !matches!(kinds.first(), Some(b')' | b'}')) {
                    parts.push(self.item(kinds, depth + 1)?);
                }
                *kinds = &kinds[1..];
                Item::List(parts)
            }
            _ => return Err(STRANGE),
        })
    }

    fn array(&mut self, kinds: &mut &[u8], depth: usize) -> Result<Item, &'static str> {
        let length = self.number(4)? as usize;
        let of = *kinds;
        *kinds = &of[one_kind(of)?..];
        // The space before the first element does not count as length.
        self.align(match of.first() {
            Some(b'(' | b'{' | b'x' | b't' | b'd') => 8,
            Some(b's' | b'o' | b'a' | b'u' | b'i' | b'b' | b'h') => 4,
            Some(b'n' | b'q') => 2,
            Some(_) | None => 1,
        })?;
        let end = self.at.checked_add(length).ok_or(CUT)?;
        if end > self.bytes.len() {
            return Err(CUT);
        }
        let mut items = Vec::new();
        while self.at < end {
            let before = self.at;
            items.push(self.item(&mut &of[..], depth + 1)?);
            if self.at == before {
                return Err(STRANGE);
            }
        }
        Ok(Item::List(items))
    }
}

/// Gives how long the first complete kind of a signature is: `(so)` of `(so)s` is four.
fn one_kind(kinds: &[u8]) -> Result<usize, &'static str> {
    let mut open = 0;
    for (index, kind) in kinds.iter().enumerate() {
        match kind {
            b'(' | b'{' => open += 1,
            b')' | b'}' if open == 0 => return Err(STRANGE),
            b')' | b'}' => open -= 1,
            b'a' => continue,
            _ => {}
        }
        if open == 0 {
            return Ok(index + 1);
        }
    }
    Err(STRANGE)
}
