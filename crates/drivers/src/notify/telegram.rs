//! Telegram, by a bot.

use serde_json::{Value as Json, json};

use super::delivery::{Delivery, refused, wait};
use super::{Call, Failure, Kind, Occasion, Receipt, Retry};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "telegram",
    doc: "Writes to a chat of Telegram, by a bot.",
    options: &[
        OptionSpec::new("token", OptionKind::Text, "Token of the bot.")
            .required()
            .secret(),
        OptionSpec::new(
            "chat",
            OptionKind::Text,
            "The chat: its number, or @name of a channel.",
        )
        .required(),
        OptionSpec::new("url", OptionKind::Text, "Address of the service.")
            .default("https://api.telegram.org"),
        super::CA_FILE,
    ],
    send,
};

/// Telegram takes 4 096 UTF-16 units of a message.
const TITLE_CHARS_MAX: usize = 250;
const TEXT_CHARS_MAX: usize = 3_500;
const UNITS_MAX: usize = 4_096;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let token = call.options.required("token")?;
    let url = call.options.text_or_default("url")?;
    let url = format!("{}/bot{token}/sendMessage", url.trim_end_matches('/'));
    let title = one_line(&call.notice.title, TITLE_CHARS_MAX);
    let mut text = format!("{title}\n{}", lines(&call.notice.text, TEXT_CHARS_MAX));
    while text.encode_utf16().count() > UNITS_MAX {
        text.pop();
    }
    // Bold by position: no sign of the text can be taken for markup.
    let message = json!({
        "chat_id": call.options.text_or_default("chat")?,
        "text": text.trim_end(),
        "entities": [{"type": "bold", "offset": 0, "length": title.encode_utf16().count()}],
        "link_preview_options": {"is_disabled": true},
        "disable_notification": call.notice.occasion == Occasion::Recovery,
    });
    let response = call.request(&Delivery {
        method: Method::Post,
        url: &url,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: message.to_string().as_bytes(),
        key_options: "token",
    })?;
    let answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    if answer["ok"] == json!(true) {
        return Ok(Receipt {
            text: format!("message {}", answer["result"]["message_id"]),
        });
    }
    let Some(why) = answer["description"].as_str() else {
        return Err(match response.status {
            200..=299 => Failure::later(format!("{} gave no answer of Telegram", response.shown)),
            _ => refused(&response, "token"),
        });
    };
    let retry = match (
        answer["parameters"]["retry_after"].as_f64(),
        response.status,
    ) {
        (Some(seconds), _) => wait(seconds),
        (None, 429 | 500..=599) => Retry::Later,
        (None, _) => Retry::Never,
    };
    let advice = match response.status {
        401 | 404 => ": check token",
        400 | 403 => ": check chat, and that the bot is in it",
        _ => "",
    };
    Err(Failure {
        message: format!(
            "Telegram refuses the message ({}){advice}",
            one_line(why, 200)
        ),
        retry,
    })
}
