//! A mail server, spoken to as a client (RFC 5321): greeting, TLS, names and passwords, one mail.
//!
//! Every answer is bounded in lines and in their length, and every wait by the deadline of the
//! connection. Nothing is sent that could hold two commands.

use std::io::{self, Read, Write};

use model::limits::{SMTP_LINE_BYTES_MAX, SMTP_LINES_MAX};

use super::connection::Connection;
use crate::text::one_line;
use crate::{Error, base64};

/// A session with a mail server.
pub(crate) struct Smtp {
    connection: Connection,
    shown: String,
    /// What is read and not yet used.
    rest: Vec<u8>,
    /// The line with which it greets.
    pub(crate) banner: String,
    /// What it can do, as it says after EHLO.
    extensions: Vec<String>,
}

/// What a server answered to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

/// Why a session went no further.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server said no, with its code and in its words.
    Said(u16, String),
    /// There was no answer, or none that makes sense.
    Broken(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        one_line(&format!("{} {}", self.code, self.lines.join(" ")), 300)
    }

    fn is_good(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

impl Smtp {
    /// Begins a session: reads the greeting.
    pub(crate) fn begin(connection: Connection, shown: &str) -> Result<Self, Refusal> {
        let mut session = Self {
            connection,
            shown: shown.to_owned(),
            rest: Vec::new(),
            banner: String::new(),
            extensions: Vec::new(),
        };
        let greeting = session.reply("greeting")?;
        session.banner = greeting.text();
        session.good("its greeting", greeting)?;
        Ok(session)
    }

    /// Says who we are and learns what the server can do.
    pub(crate) fn hello(&mut self, name: &str) -> Result<(), Refusal> {
        let reply = self.command(&format!("EHLO {name}"))?;
        if reply.is_good() {
            self.extensions = reply.lines.into_iter().skip(1).collect();
            return Ok(());
        }
        let reply = self.command(&format!("HELO {name}"))?;
        self.good("HELO", reply).map(drop)
    }

    /// Tells whether the server can do something.
    pub(crate) fn has(&self, extension: &str) -> bool {
        self.parameters(extension).is_some()
    }

    /// Asks for TLS and gives the bare connection, on which it is to be spoken.
    pub(crate) fn starttls(mut self) -> Result<Connection, Refusal> {
        let reply = self.command("STARTTLS")?;
        self.good("STARTTLS", reply)?;
        // What came before TLS could be anybody's.
        if !self.rest.is_empty() {
            let problem = "said more than it should before TLS: somebody may be in between";
            return Err(Error::bad_answer(&self.shown, problem).into());
        }
        Ok(self.connection)
    }

    /// Takes up a session again on which TLS is spoken.
    pub(crate) fn resume(connection: Connection, shown: &str, banner: String) -> Self {
        Self {
            connection,
            shown: shown.to_owned(),
            rest: Vec::new(),
            banner,
            extensions: Vec::new(),
        }
    }

    /// Signs in, by whichever of PLAIN and LOGIN the server takes.
    pub(crate) fn sign_in(&mut self, user: &str, password: &str) -> Result<(), Refusal> {
        let ways = self
            .parameters("AUTH")
            .unwrap_or_default()
            .to_ascii_uppercase();
        let has = |way: &str| ways.split_whitespace().any(|word| word == way);
        let reply = if has("PLAIN") {
            let word = base64::encode(format!("\0{user}\0{password}").as_bytes());
            self.command(&format!("AUTH PLAIN {word}"))?
        } else if has("LOGIN") {
            let mut reply = self.command("AUTH LOGIN")?;
            for word in [user, password] {
                if reply.code == 334 {
                    reply = self.command(&base64::encode(word.as_bytes()))?;
                }
            }
            reply
        } else {
            let problem = match ways.is_empty() {
                true => "takes no password here: check user, tls and the port".to_owned(),
                false => format!("takes passwords in no way that we know, but by {ways}"),
            };
            return Err(Refusal::Said(504, format!("{} {problem}", self.shown)));
        };
        self.good("the password", reply).map(drop)
    }

    /// Sends a command of one line; gives whatever the server says to it.
    pub(crate) fn command(&mut self, line: &str) -> Result<Reply, Refusal> {
        assert!(
            !line.contains(['\r', '\n', '\0']),
            "a command of SMTP is one line"
        );
        self.write(format!("{line}\r\n").as_bytes())?;
        self.reply("waiting for")
    }

    /// Sends a command that must be answered well.
    pub(crate) fn must(&mut self, line: &str, name: &str) -> Result<Reply, Refusal> {
        let reply = self.command(line)?;
        self.good(name, reply)
    }

    /// Hands over a mail, as it is after DATA: lines end with CRLF and no line is a dot alone.
    pub(crate) fn data(&mut self, mail: &[u8]) -> Result<Reply, Refusal> {
        self.must("DATA", "DATA")?;
        self.write(&stuffed(mail))?;
        let reply = self.reply("waiting for")?;
        self.good("the mail", reply)
    }

    /// Says goodbye; whether it is heard does not matter.
    pub(crate) fn quit(mut self) {
        let _ = self.connection.write_all(b"QUIT\r\n");
        let _ = self.connection.flush();
    }

    fn parameters(&self, extension: &str) -> Option<&str> {
        self.extensions.iter().find_map(|line| {
            let (name, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            name.eq_ignore_ascii_case(extension).then_some(rest)
        })
    }

    fn good(&self, name: &str, reply: Reply) -> Result<Reply, Refusal> {
        if reply.is_good() {
            return Ok(reply);
        }
        let said = format!("{} refuses {name}: {}", self.shown, reply.text());
        Err(Refusal::Said(reply.code, said))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let sent = self
            .connection
            .write_all(bytes)
            .and_then(|()| self.connection.flush());
        sent.map_err(|error| self.broken("talking to", error))
    }

    /// Reads an answer: lines of the same code, the last one with a space after it.
    fn reply(&mut self, doing: &'static str) -> Result<Reply, Refusal> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().map_err(|error| self.broken(doing, error))?;
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let Some(code) = code.filter(|code| (200..600).contains(code)) else {
                let problem = format!("says {:?}, which is no SMTP", one_line(&line, 80));
                return Err(Error::bad_answer(&self.shown, problem).into());
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= SMTP_LINES_MAX {
                let problem = "gives an answer that does not end";
                return Err(Error::bad_answer(&self.shown, problem).into());
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.rest.len() > SMTP_LINE_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line of its answer does not end",
                ));
            }
            let mut buffer = [0; 1_024];
            let count = self.connection.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.rest.extend_from_slice(&buffer[..count]);
        }
    }

    fn broken(&self, doing: &'static str, error: io::Error) -> Refusal {
        let deadline = self.connection.deadline();
        Refusal::Broken(match error.kind() {
            io::ErrorKind::TimedOut if deadline.is_over() => deadline.error(doing, &self.shown),
            io::ErrorKind::UnexpectedEof => Error::bad_answer(&self.shown, "hangs up"),
            io::ErrorKind::InvalidData => Error::bad_answer(&self.shown, format!("fails: {error}")),
            _ => Error::system("talk to", &self.shown)(error),
        })
    }
}

/// Writes a mail as it travels, with its end.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    let mut lines = mail.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        if line.starts_with(b".") {
            out.push(b'.');
        }
        // A CR alone could end a line for some and not for others.
        out.extend(line.iter().filter(|byte| **byte != b'\r'));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_travels_with_whole_lines_and_no_lone_dot() {
        let check = |mail: &str, expect: &str| {
            assert_eq!(String::from_utf8(stuffed(mail.as_bytes())).unwrap(), expect);
        };
        check("a\nb", "a\r\nb\r\n.\r\n");
        check("a\r\nb\r\n", "a\r\nb\r\n.\r\n");
        check("a\r\n.\r\nQUIT\r\n", "a\r\n..\r\nQUIT\r\n.\r\n");
        check("a\n.\nQUIT", "a\r\n..\r\nQUIT\r\n.\r\n");
        check("a\r.\rb", "a.b\r\n.\r\n");
        check("..x\n\n", "...x\r\n\r\n.\r\n");
        check("", ".\r\n");
    }
}
