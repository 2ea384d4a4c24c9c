//! Slack: by the token of a bot (`chat.postMessage`) or by an incoming webhook.

use serde_json::{Value as Json, json};

use super::delivery::Delivery;
use super::{Call, Failure, Kind, Notice, OptionKind, OptionSpec, Receipt, Tone};
use crate::network::Method;
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "slack",
    doc: "Writes to a channel of Slack, by the token of a bot or by an incoming webhook.",
    options: &[
        OptionSpec::new("token", OptionKind::Text, "Token of the bot (xoxb-…).").secret(),
        OptionSpec::new(
            "channel",
            OptionKind::Text,
            "Channel, by name or id; an incoming webhook has its own.",
        )
        .default("#alerts"),
        OptionSpec::new(
            "url",
            OptionKind::Text,
            "Address of an incoming webhook, when there is no token; with a token, that of the service.",
        )
        .secret()
        .default(SERVICE),
        super::CA_FILE,
    ],
    send,
};

/// Where bots speak.
const SERVICE: &str = "https://slack.com/api";

/// Slack shows about so much of a text before it hides the rest.
const TEXT_CHARS_MAX: usize = 7_000;
/// What Slack takes of fields without breaking the message up.
const FIELDS_MAX: usize = 20;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let attachment = attachment(call.notice, Dialect::Slack);
    match (call.options.text("token")?, call.options.text("url")?) {
        (Some(token), _) => by_token(call, token, attachment),
        (None, Some(url)) => by_webhook(call, url, attachment),
        (None, None) => Err(call
            .options
            .refuse("token", "is not set, and neither is url")
            .into()),
    }
}

fn by_token(call: &Call<'_>, token: &str, attachment: Json) -> Result<Receipt, Failure> {
    let channel = call.options.text_or_default("channel")?;
    let url = call.options.text_or_default("url")?;
    let url = format!("{}/chat.postMessage", url.trim_end_matches('/'));
    let message = json!({
        "channel": channel,
        "text": "",
        "attachments": [attachment],
        "unfurl_links": false,
        "metadata": {
            "event_type": "opsbro_notice",
            "event_payload": identity(call.notice),
        },
    });
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url: &url,
        headers: vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            ("Authorization", format!("Bearer {token}")),
        ],
        body: message.to_string().as_bytes(),
        key_options: "token",
    })?;
    let answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    if answer["ok"] == json!(true) {
        let stamp = one_line(answer["ts"].as_str().unwrap_or_default(), 40);
        return Ok(Receipt {
            text: format!("in {channel} as message {stamp}"),
        });
    }
    Err(match answer["error"].as_str() {
        Some(error) => trouble(&one_line(error, 100), channel),
        None => Failure::later(format!("{} gave no answer of Slack", response.shown)),
    })
}

fn by_webhook(call: &Call<'_>, url: &str, attachment: Json) -> Result<Receipt, Failure> {
    let mut message = json!({"text": "", "attachments": [attachment]});
    if let Some(channel) = call.options.text("channel")? {
        message["channel"] = json!(channel);
    }
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url,
        headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())],
        body: message.to_string().as_bytes(),
        key_options: "url",
    })?;
    Ok(Receipt {
        text: format!(
            "taken by the incoming webhook: {}",
            one_line(&response.text(), 100)
        ),
    })
}

/// Says what Slack's own words for a refusal mean.
fn trouble(error: &str, channel: &str) -> Failure {
    let advice = match error {
        "channel_not_found" => {
            format!("there is no channel {channel} that the bot can see: create it and invite it")
        }
        "not_in_channel" => format!("the bot is not in {channel}: invite it there"),
        "is_archived" => format!("{channel} is archived: choose another channel"),
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "Slack does not know the token, or not any more: set another one".to_owned()
        }
        "missing_scope" | "no_permission" => {
            "the bot may not write: give it the scope chat:write".to_owned()
        }
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            return Failure::later(format!("Slack has had too many messages for now ({error})"));
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            return Failure::later(format!("Slack is in trouble ({error})"));
        }
        _ => "see the list of errors of chat.postMessage".to_owned(),
    };
    Failure::never(format!("Slack refuses the message ({error}): {advice}"))
}

/// The identities of a notice, for whoever looks for doubles.
pub(super) fn identity(notice: &Notice) -> Json {
    json!({"id": one_line(&notice.id, 200), "incident": one_line(&notice.incident, 200)})
}

/// Who reads an attachment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Slack, which hides its markup behind entities.
    Slack,
    /// Mattermost, which reads Markdown.
    Mattermost,
}

/// Makes the attachment that people know: a coloured bar, the node, the text and the facts.
pub(super) fn attachment(notice: &Notice, dialect: Dialect) -> Json {
    let escape = |text: &str| escape(text, dialect);
    let title = one_line(&notice.title, 300);
    let text = lines(&notice.text, TEXT_CHARS_MAX);
    let fields = [("Node", &notice.node), ("Check", &notice.check)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, one_line(value, 200)))
        .chain(
            notice
                .fields
                .iter()
                .map(|(name, value)| (&**name, one_line(value, 1_000))),
        )
        .take(FIELDS_MAX)
        .map(|(name, value)| {
            let is_short = value.chars().count() <= 40;
            json!({"title": escape(&one_line(name, 60)), "value": escape(&value), "short": is_short})
        });
    let mut attachment = json!({
        "fallback": escape(&title),
        "color": colour(notice.tone),
        "pretext": escape(&title),
        "text": escape(&text),
        "author_name": one_line(&notice.node, 200),
        "footer": "OpsBro",
        "ts": notice.when.as_secs(),
        "fields": fields.collect::<Vec<_>>(),
    });
    if let Some(link) = notice.links.first() {
        attachment["title"] = json!(escape(&one_line(&link.title, 200)));
        attachment["title_link"] = json!(link.url);
    }
    attachment
}

/// Slack's own names where it has one.
fn colour(tone: Tone) -> String {
    match tone {
        Tone::Good => "good".to_owned(),
        Tone::Warning => "warning".to_owned(),
        Tone::Critical => "danger".to_owned(),
        Tone::Changed | Tone::Neutral | Tone::Unknown => format!("#{:06x}", tone.rgb()),
    }
}

/// Hides what is read as markup, so that no text can mention a channel.
fn escape(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Slack => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        Dialect::Mattermost => {
            let mut escaped = String::with_capacity(text.len());
            for sign in text.chars() {
                if "\\`*_[]#@|~".contains(sign) {
                    escaped.push('\\');
                }
                escaped.push(sign);
            }
            escaped
        }
    }
}
