//! Mattermost, by an incoming webhook. It takes attachments in the form of Slack's.

use serde_json::json;

use super::delivery::{Delivery, said};
use super::{Call, Failure, Kind, Receipt, slack};
use crate::network::Method;
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "mattermost",
    doc: "Writes to a channel of Mattermost, by an incoming webhook.",
    options: &[
        OptionSpec::new("url", OptionKind::Text, "Address of the incoming webhook.")
            .required()
            .secret(),
        OptionSpec::new(
            "channel",
            OptionKind::Text,
            "Channel, when it is not the one of the webhook.",
        ),
        OptionSpec::new(
            "username",
            OptionKind::Text,
            "Name to write under, where the server allows it.",
        ),
        super::CA_FILE,
    ],
    send,
};

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let mut message = json!({
        "attachments": [slack::attachment(call.notice, slack::Dialect::Mattermost)],
        "props": {"opsbro": slack::identity(call.notice)},
    });
    for name in ["channel", "username"] {
        if let Some(text) = call.options.text(name)? {
            message[name] = json!(text);
        }
    }
    let response = call.deliver(&Delivery {
        method: Method::Post,
        url: call.options.required("url")?,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: message.to_string().as_bytes(),
        key_options: "url",
    })?;
    Ok(Receipt {
        text: format!("taken by the incoming webhook{}", said(&response)),
    })
}
