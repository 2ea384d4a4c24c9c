//! PagerDuty, by the Events API v2: a problem triggers an incident, its recovery resolves it.

use serde_json::{Value as Json, json};

use super::delivery::Delivery;
use super::{Call, Failure, Kind, Notice, Occasion, Receipt, Tone};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines, one_line};

pub(super) const KIND: Kind = Kind {
    name: "pagerduty",
    doc: "Triggers, acknowledges and resolves incidents of PagerDuty.",
    options: &[
        OptionSpec::new(
            "routing_key",
            OptionKind::Text,
            "Integration key (Events API v2) of the service.",
        )
        .required()
        .secret(),
        OptionSpec::new("url", OptionKind::Text, "Address of the service.")
            .default("https://events.pagerduty.com"),
        super::CA_FILE,
    ],
    send,
};

/// PagerDuty takes 1 024 characters of summary and 255 of a key.
const SUMMARY_CHARS_MAX: usize = 1_024;
const KEY_CHARS_MAX: usize = 255;
/// Of the 512 KiB that it takes of an event.
const TEXT_CHARS_MAX: usize = 16_000;
const ITEMS_MAX: usize = 50;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let url = call.options.text_or_default("url")?;
    let url = format!("{}/v2/enqueue", url.trim_end_matches('/'));
    let Some(action) = action(call.notice.occasion) else {
        return Ok(Receipt {
            text: "nothing was sent: PagerDuty knows no downtimes".to_owned(),
        });
    };
    let key = one_line(&call.notice.incident, KEY_CHARS_MAX);
    let mut event = json!({
        "routing_key": call.options.required("routing_key")?,
        "event_action": action,
        "dedup_key": key,
    });
    if action == "trigger" {
        event["payload"] = payload(call.notice);
        event["client"] = json!("OpsBro");
        let links = call.notice.links.iter().take(10);
        event["links"] = links
            .map(|link| json!({"href": link.url, "text": one_line(&link.title, 100)}))
            .collect();
    }
    call.deliver(&Delivery {
        method: Method::Post,
        url: &url,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: event.to_string().as_bytes(),
        key_options: "routing_key",
    })?;
    Ok(Receipt {
        text: format!("{action} of the incident {key} was taken"),
    })
}

/// What PagerDuty does about an occasion, if anything.
fn action(occasion: Occasion) -> Option<&'static str> {
    match occasion {
        Occasion::Recovery => Some("resolve"),
        Occasion::Acknowledgement => Some("acknowledge"),
        // To open an incident because of it would wake somebody.
        Occasion::Downtime => None,
        Occasion::Problem
        | Occasion::Reminder
        | Occasion::Flapping
        | Occasion::GroupAdded
        | Occasion::GroupRemoved
        | Occasion::Compliance
        | Occasion::Test => Some("trigger"),
    }
}

fn payload(notice: &Notice) -> Json {
    let source = match &*notice.node {
        "" => "OpsBro",
        node => node,
    };
    let groups = notice.groups.iter().take(50);
    let groups: Vec<_> = groups.map(|group| one_line(group, 100)).collect();
    let details = json!({
        "id": one_line(&notice.id, 200),
        "occasion": notice.occasion.as_str(),
        "state": one_line(&notice.state, 40),
        "text": lines(&notice.text, TEXT_CHARS_MAX),
        "groups": groups,
        "fields": fields(notice),
        "items": items(notice),
    });
    json!({
        "summary": one_line(&notice.title, SUMMARY_CHARS_MAX),
        "source": one_line(source, 255),
        "severity": severity(notice.tone),
        "timestamp": notice.when.to_string(),
        "component": one_line(&notice.check, 255),
        "group": one_line(&notice.pack, 255),
        "class": notice.occasion.as_str(),
        "custom_details": details,
    })
}

fn fields(notice: &Notice) -> Json {
    let fields = notice.fields.iter().take(50);
    fields
        .map(|(name, value)| (one_line(name, 100), json!(one_line(value, 1_000))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn items(notice: &Notice) -> Json {
    let items = notice.items.iter().take(ITEMS_MAX);
    let item = |item: &super::Item| {
        json!({
            "node": one_line(&item.node, 200),
            "check": one_line(&item.check, 200),
            "state": one_line(&item.state, 40),
            "text": one_line(&item.text, 300),
            "when": item.when.to_string(),
        })
    };
    items.map(item).collect()
}

/// The words of PagerDuty.
fn severity(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "critical",
        Tone::Unknown => "error",
        Tone::Warning => "warning",
        Tone::Good | Tone::Changed | Tone::Neutral => "info",
    }
}
