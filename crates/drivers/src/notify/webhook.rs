//! Any service that takes a request: the notice as JSON, or a body made of a template.

use ring::hmac;

use super::delivery::basic;
use super::delivery::{Delivery, said};
use super::{Call, Failure, Kind, OptionKind, OptionSpec, Receipt};
use crate::json::to_json;
use crate::network::Method;

pub(super) const KIND: Kind = Kind {
    name: "webhook",
    doc: "Hands the notice to any address, as JSON or in the words of a template, signed if wanted.",
    options: &[
        OptionSpec::new("url", OptionKind::Text, "Address that takes the notice.")
            .required()
            .secret(),
        OptionSpec::new(
            "method",
            OptionKind::Choice(&["POST", "PUT", "PATCH"]),
            "Method.",
        )
        .default("POST"),
        OptionSpec::new(
            "body",
            OptionKind::Text,
            "What is handed over; without it, the whole notice as JSON.",
        ),
        OptionSpec::new("content_type", OptionKind::Text, "Type of the body.")
            .default("application/json"),
        OptionSpec::new("headers", OptionKind::Map, "Further headers by name.").secret(),
        OptionSpec::new(
            "token",
            OptionKind::Text,
            "Token for `Authorization: Bearer`.",
        )
        .secret(),
        OptionSpec::new(
            "secret",
            OptionKind::Text,
            "Key with which the body is signed: `X-OpsBro-Signature: sha256=…` (HMAC, hex).",
        )
        .secret(),
        OptionSpec::new("user", OptionKind::Text, "User of the scheme Basic."),
        OptionSpec::new("password", OptionKind::Text, "Password of that user.").secret(),
        super::CA_FILE,
    ],
    send,
};

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let options = call.options;
    let body = match options.text("body")? {
        Some(body) => body.to_owned(),
        None => to_json(&call.notice.to_value()).to_string(),
    };
    let mut headers = vec![
        (
            "Content-Type",
            options.text_or_default("content_type")?.to_owned(),
        ),
        ("Idempotency-Key", call.notice.id.to_string()),
    ];
    if let Some(token) = options.text("token")? {
        headers.push(("Authorization", format!("Bearer {token}")));
    }
    if let Some(user) = options.text("user")? {
        headers.push((
            "Authorization",
            basic(user, options.text_or_default("password")?),
        ));
    }
    if let Some(key) = options.text("secret")? {
        headers.push(("X-OpsBro-Signature", signature(key, body.as_bytes())));
    }
    for (name, value) in options.map("headers")? {
        headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        headers.push((name, value));
    }
    let method = options.text_or_default("method")?;
    let response = call.deliver(&Delivery {
        method: Method::parse(method).unwrap_or(Method::Post),
        url: options.required("url")?,
        headers,
        body: body.as_bytes(),
        key_options: "url, token and headers",
    })?;
    Ok(Receipt {
        text: format!("status {}{}", response.status, said(&response)),
    })
}

/// Signs a body as services check it: the algorithm, and the code in hex.
fn signature(key: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let code = hmac::sign(&key, body);
    format!("sha256={}", model::to_hex(code.as_ref()))
}
