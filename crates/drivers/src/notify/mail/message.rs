//! The mail itself: headers, text and HTML, as bytes that can travel.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use crate::notify::{Call, Failure, Occasion};
use crate::text::{lines, one_line};

/// A mail that is ready to be handed over.
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) bytes: Vec<u8>,
}

/// RFC 5322 §2.1.1 allows 998 in a line; nobody reads more than this of a subject.
const SUBJECT_CHARS_MAX: usize = 250;
/// What a reader of mail can still open.
const TEXT_CHARS_MAX: usize = 256 << 10;

impl Mail {
    pub(super) fn new(call: &Call<'_>) -> Result<Self, Failure> {
        let notice = call.notice;
        let from = mailbox(call, "from", call.options.text_or_default("from")?)?;
        let mut to = Vec::new();
        for text in call.options.texts("to")? {
            to.push(mailbox(call, "to", text)?);
        }
        if to.is_empty() {
            return Err(call.options.refuse("to", "names nobody").into());
        }
        let domain = from.email.domain().to_owned();
        let mut builder = Message::builder()
            .from(from.clone())
            .subject(one_line(&notice.title, SUBJECT_CHARS_MAX))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(notice.when.as_millis()))
            .message_id(Some(identity(&notice.id, &domain)));
        for mailbox in &to {
            builder = builder.to(mailbox.clone());
        }
        // A thread of all mails about one problem.
        let thread = identity(&format!("incident {}", notice.incident), &domain);
        builder = builder.in_reply_to(thread.clone()).references(thread);
        let urgency = match notice.occasion {
            Occasion::Problem => "urgent",
            _ => "normal",
        };
        for (name, value) in [
            ("Auto-Submitted", "auto-generated"),
            ("X-OpsBro-Id", &one_line(&notice.id, 200)),
            ("X-OpsBro-Incident", &one_line(&notice.incident, 200)),
            ("X-OpsBro-Occasion", notice.occasion.as_str()),
            ("X-OpsBro-State", &one_line(&notice.state, 40)),
            ("Priority", urgency),
        ] {
            let name = HeaderName::new_from_ascii(name.to_owned())
                .map_err(|_| Failure::never(format!("{name} is no name of a header")))?;
            builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        let text = lines(&notice.text, TEXT_CHARS_MAX) + "\n";
        let made = match &notice.html {
            Some(html) if html.len() <= TEXT_CHARS_MAX => {
                builder.multipart(MultiPart::alternative_plain_html(text, html.clone()))
            }
            Some(_) | None => builder.singlepart(SinglePart::plain(text)),
        };
        let mail = made.map_err(|error| Failure::never(format!("no mail can be made: {error}")))?;
        Ok(Self {
            from: from.email.to_string(),
            to: to.iter().map(|mailbox| mailbox.email.to_string()).collect(),
            bytes: mail.formatted(),
        })
    }

    /// Tells whether an address has letters beyond ASCII.
    pub(super) fn is_international(&self) -> bool {
        !self.from.is_ascii() || self.to.iter().any(|to| !to.is_ascii())
    }
}

/// Reads an address, with a name of a person or without.
fn mailbox(call: &Call<'_>, option: &str, text: &str) -> Result<Mailbox, Failure> {
    let mailbox: Result<Mailbox, _> = text.trim().parse();
    match mailbox {
        Ok(mailbox) if !text.contains(char::is_control) => Ok(mailbox),
        Ok(_) | Err(_) => {
            let shown = one_line(text, 100);
            let problem = format!("holds {shown:?}, which is no address: write name@domain");
            Err(call.options.refuse(option, &problem).into())
        }
    }
}

/// Makes an identity of a mail: the same for the same notice in every try.
fn identity(of: &str, domain: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    format!("<{}.opsbro@{domain}>", model::to_hex(&digest[..16]))
}
