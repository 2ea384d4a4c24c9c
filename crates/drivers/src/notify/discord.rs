//! Discord, by the webhook of a channel.

use serde_json::{Value as Json, json};

use super::delivery::{Delivery, wait};
use super::{Call, Failure, Kind, Receipt};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "discord",
    doc: "Writes to a channel of Discord, by a webhook.",
    options: &[
        OptionSpec::new("url", OptionKind::Text, "Address of the webhook.")
            .required()
            .secret(),
        OptionSpec::new("username", OptionKind::Text, "Name to write under."),
        super::CA_FILE,
    ],
    send,
};

/// Discord's limits of an embed: 256 characters of title, 4 096 of text, 25 fields of 1 024, and
/// 6 000 of all together.
const TITLE_CHARS_MAX: usize = 256;
const TEXT_CHARS_MAX: usize = 2_000;
const ESCAPED_CHARS_MAX: usize = 2_200;
const FIELDS_MAX: usize = 10;
const FIELD_CHARS_MAX: usize = 150;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let notice = call.notice;
    let fields = [("Node", &notice.node), ("Check", &notice.check)]
        .into_iter()
        .map(|(name, value)| (name, one_line(value, FIELD_CHARS_MAX)))
        .chain(
            notice
                .fields
                .iter()
                .map(|(name, value)| (&**name, one_line(value, FIELD_CHARS_MAX))),
        )
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .take(FIELDS_MAX)
        .map(|(name, value)| {
            let value = escape(&value, 2 * FIELD_CHARS_MAX);
            json!({"name": one_line(name, 50), "value": value, "inline": true})
        });
    let mut embed = json!({
        "title": one_line(&notice.title, TITLE_CHARS_MAX),
        "description": escape(&lines(&notice.text, TEXT_CHARS_MAX), ESCAPED_CHARS_MAX),
        "color": notice.tone.rgb(),
        "timestamp": notice.when.to_string(),
        "fields": fields.collect::<Vec<_>>(),
        "footer": {"text": "OpsBro"},
    });
    if let Some(link) = notice.links.first() {
        embed["url"] = json!(link.url);
    }
    let mut message = json!({"embeds": [embed], "allowed_mentions": {"parse": []}});
    if let Some(name) = call.options.text("username")? {
        message["username"] = json!(name);
    }
    let url = call.options.required("url")?;
    let mark = if url.contains('?') { '&' } else { '?' };
    let response = call.request(&Delivery {
        method: Method::Post,
        // Only when it is asked to wait, it says whether the message was taken.
        url: &format!("{url}{mark}wait=true"),
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: message.to_string().as_bytes(),
        key_options: "url",
    })?;
    let answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    if !(200..300).contains(&response.status) {
        let mut failure = super::delivery::refused(&response, "url");
        if let Some(seconds) = answer["retry_after"].as_f64() {
            failure.retry = wait(seconds);
        }
        return Err(failure);
    }
    Ok(Receipt {
        text: match answer["id"].as_str() {
            Some(id) => format!("message {}", one_line(id, 40)),
            None => format!("status {}", response.status),
        },
    })
}

/// Hides the signs of markup: output of plugins is full of them, and `[text](address)` shows one
/// place and leads to another.
fn escape(text: &str, chars_max: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(
            sign,
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '@' | '[' | ']'
        ) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped.chars().take(chars_max).collect()
}
