//! Opsgenie: a problem creates an alert under an alias, its recovery closes it.

use serde_json::{Value as Json, json};

use super::delivery::Delivery;
use super::{Call, Failure, Kind, Notice, Occasion, Receipt, Tone};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "opsgenie",
    doc: "Creates, acknowledges and closes alerts of Opsgenie.",
    options: &[
        OptionSpec::new("api_key", OptionKind::Text, "Key of an API integration.")
            .required()
            .secret(),
        OptionSpec::new("url", OptionKind::Text, "Address of the service.")
            .default("https://api.opsgenie.com"),
        OptionSpec::new("teams", OptionKind::Texts, "Teams that are told, by name."),
        OptionSpec::new(
            "priority",
            OptionKind::Choice(&["P1", "P2", "P3", "P4", "P5"]),
            "Priority of every alert; without it, P1 is critical, P3 a warning, P5 the rest.",
        ),
        super::CA_FILE,
    ],
    send,
};

/// Opsgenie takes 130 characters of message, 15 000 of description, 512 of an alias.
const MESSAGE_CHARS_MAX: usize = 130;
const DESCRIPTION_CHARS_MAX: usize = 15_000;
const ALIAS_CHARS_MAX: usize = 512;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let notice = call.notice;
    let base = call.options.text_or_default("url")?.trim_end_matches('/');
    let alias = one_line(&notice.incident, ALIAS_CHARS_MAX);
    let (what, path, body) = match notice.occasion {
        Occasion::Recovery => ("close", with_alias(&alias, "close"), remark(notice)),
        Occasion::Acknowledgement => (
            "acknowledge",
            with_alias(&alias, "acknowledge"),
            remark(notice),
        ),
        // To create an alert because of it would wake somebody.
        Occasion::Downtime => {
            return Ok(Receipt {
                text: "nothing was sent: Opsgenie knows no downtimes".to_owned(),
            });
        }
        Occasion::Problem
        | Occasion::Reminder
        | Occasion::Flapping
        | Occasion::GroupAdded
        | Occasion::GroupRemoved
        | Occasion::Compliance
        | Occasion::Test => ("create", "/v2/alerts".to_owned(), alert(call, &alias)?),
    };
    let key = call.options.required("api_key")?;
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url: &format!("{base}{path}"),
        headers: vec![
            ("Content-Type", "application/json".to_owned()),
            ("Authorization", format!("GenieKey {key}")),
        ],
        body: body.to_string().as_bytes(),
        key_options: "api_key and url (the service of Europe is https://api.eu.opsgenie.com)",
    })?;
    let answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    let request = one_line(
        answer["requestId"].as_str().unwrap_or("without a number"),
        60,
    );
    Ok(Receipt {
        text: format!("{what} of the alert {alias} was taken, request {request}"),
    })
}

fn with_alias(alias: &str, verb: &str) -> String {
    let mut encoded = String::new();
    for byte in alias.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("/v2/alerts/{encoded}/{verb}?identifierType=alias")
}

fn remark(notice: &Notice) -> Json {
    json!({
        "source": "OpsBro",
        "note": lines(&format!("{}\n{}", notice.title, notice.text), DESCRIPTION_CHARS_MAX),
    })
}

fn alert(call: &Call<'_>, alias: &str) -> Result<Json, Failure> {
    let notice = call.notice;
    let details = [
        ("node", &notice.node),
        ("check", &notice.check),
        ("pack", &notice.pack),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), one_line(value, 200)))
    .chain([("id".to_owned(), one_line(&notice.id, 200))])
    .chain(
        notice
            .fields
            .iter()
            .take(20)
            .map(|(name, value)| (one_line(name, 60), one_line(value, 300))),
    )
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name, json!(value)));
    let tags = notice
        .groups
        .iter()
        .take(20)
        .map(|group| one_line(group, 50));
    let mut alert = json!({
        "message": one_line(&notice.title, MESSAGE_CHARS_MAX),
        "alias": alias,
        "description": lines(&notice.text, DESCRIPTION_CHARS_MAX),
        "entity": one_line(&notice.node, 512),
        "source": "OpsBro",
        "tags": tags.collect::<Vec<_>>(),
        "details": details.collect::<serde_json::Map<_, _>>(),
        "priority": call.options.text("priority")?.unwrap_or(priority(notice.tone)),
    });
    let teams = call.options.texts("teams")?;
    if !teams.is_empty() {
        let teams = teams
            .iter()
            .map(|name| json!({"name": name, "type": "team"}));
        alert["responders"] = teams.collect();
    }
    Ok(alert)
}

fn priority(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "P1",
        Tone::Warning | Tone::Unknown => "P3",
        Tone::Good | Tone::Changed | Tone::Neutral => "P5",
    }
}
