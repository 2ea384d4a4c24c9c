//! Microsoft Teams, by the webhook of a workflow: an Adaptive Card.

use serde_json::{Value as Json, json};

use super::delivery::{Delivery, said};
use super::{Call, Failure, Kind, Notice, Receipt, Tone};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "teams",
    doc: "Writes to a channel of Microsoft Teams, by the webhook of a workflow.",
    options: &[
        OptionSpec::new("url", OptionKind::Text, "Address of the webhook.")
            .required()
            .secret(),
        super::CA_FILE,
    ],
    send,
};

/// Teams takes 28 KiB of a message; a character may take six bytes of it.
const TEXT_CHARS_MAX: usize = 3_500;
const FIELDS_MAX: usize = 10;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let message = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card(call.notice),
        }],
    });
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url: call.options.required("url")?,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: message.to_string().as_bytes(),
        key_options: "url",
    })?;
    // Connectors of the old kind say yes and mean no.
    let answer = response.text();
    if answer.contains("delivery failed") {
        let message = format!("Teams did not deliver it{}", said(&response));
        return Err(match answer.contains("429") || answer.contains("50") {
            true => Failure::later(message),
            false => Failure::never(message),
        });
    }
    Ok(Receipt {
        text: format!("status {}{}", response.status, said(&response)),
    })
}

fn card(notice: &Notice) -> Json {
    let plain = |text: &str| text.replace('\n', "\n\n");
    let facts = [
        ("State", &notice.state),
        ("Node", &notice.node),
        ("Check", &notice.check),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name, &**value))
    .chain(
        notice
            .fields
            .iter()
            .map(|(name, value)| (&**name, value.as_str())),
    )
    .take(FIELDS_MAX)
    .map(|(name, value)| {
        json!({"title": one_line(name, 60), "value": escape(&one_line(value, 200))})
    });
    let actions = notice.links.iter().take(3).map(|link| {
        json!({"type": "Action.OpenUrl", "title": one_line(&link.title, 60), "url": link.url})
    });
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "text": escape(&one_line(&notice.title, 250)),
                "weight": "Bolder",
                "size": "Medium",
                "wrap": true,
                "color": colour(notice.tone),
            },
            {
                "type": "TextBlock",
                "text": plain(&escape(&lines(&notice.text, TEXT_CHARS_MAX))),
                "wrap": true,
            },
            {"type": "FactSet", "facts": facts.collect::<Vec<_>>()},
        ],
        "actions": actions.collect::<Vec<_>>(),
        "msteams": {"width": "Full"},
    })
}

/// The colours that a card knows.
fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "Good",
        Tone::Warning => "Warning",
        Tone::Critical => "Attention",
        Tone::Changed | Tone::Unknown => "Accent",
        Tone::Neutral => "Default",
    }
}

/// Cards read a little markup: links, emphasis, lists.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '\\' | '*' | '_' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}
