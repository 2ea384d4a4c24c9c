//! ntfy: a topic that telephones and browsers listen to.

use serde_json::{Value as Json, json};

use super::delivery::{Delivery, basic};
use super::{Call, Failure, Kind, Occasion, Receipt, Tone};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines_in_bytes, one_line};

pub(super) const KIND: Kind = Kind {
    name: "ntfy",
    doc: "Publishes to a topic of ntfy.",
    options: &[
        OptionSpec::new(
            "topic",
            OptionKind::Text,
            "The topic: on a public server, a secret.",
        )
        .required()
        .secret(),
        OptionSpec::new("url", OptionKind::Text, "Address of the server.")
            .default("https://ntfy.sh"),
        OptionSpec::new("token", OptionKind::Text, "Access token (tk_…).").secret(),
        OptionSpec::new("user", OptionKind::Text, "User, where there is no token."),
        OptionSpec::new("password", OptionKind::Text, "Password of that user.").secret(),
        super::CA_FILE,
    ],
    send,
};

/// A longer message would become an attachment.
const MESSAGE_BYTES_MAX: usize = 4_000;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let notice = call.notice;
    let (tag, priority) = emphasis(notice.tone, notice.occasion);
    let mut message = json!({
        "topic": call.options.required("topic")?,
        "title": one_line(&notice.title, 250),
        "message": lines_in_bytes(&notice.text, MESSAGE_BYTES_MAX),
        "tags": [tag],
        "priority": priority,
    });
    if let Some(link) = notice.links.first() {
        message["click"] = json!(link.url);
    }
    let mut headers = vec![("Content-Type", "application/json".to_owned())];
    if let Some(token) = call.options.text("token")? {
        headers.push(("Authorization", format!("Bearer {token}")));
    } else if let Some(user) = call.options.text("user")? {
        let password = call.options.text("password")?.unwrap_or_default();
        headers.push(("Authorization", basic(user, password)));
    }
    let url = call.options.text_or_default("url")?;
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url: &format!("{}/", url.trim_end_matches('/')),
        headers,
        body: message.to_string().as_bytes(),
        key_options: "topic, token, user and password",
    })?;
    let answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    match answer["id"].as_str() {
        Some(id) => Ok(Receipt {
            text: format!("message {}", one_line(id, 40)),
        }),
        None => Err(Failure::never(format!(
            "{} gave no answer of ntfy: check url",
            response.shown
        ))),
    }
}

/// The sign in front of the title, and how loud it is (1 to 5).
fn emphasis(tone: Tone, occasion: Occasion) -> (&'static str, u8) {
    match (tone, occasion) {
        (_, Occasion::Acknowledgement | Occasion::Downtime) => ("construction", 2),
        (Tone::Critical, _) => ("rotating_light", 5),
        (Tone::Warning, _) => ("warning", 4),
        (Tone::Unknown, _) => ("question", 3),
        (Tone::Good, _) => ("white_check_mark", 3),
        (Tone::Changed | Tone::Neutral, _) => ("information_source", 3),
    }
}
