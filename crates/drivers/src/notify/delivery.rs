//! Delivery by HTTP: a request that is made once, and what its answer means.

use std::time::Duration;

use model::limits::{NOTIFY_ANSWER_BYTES_MAX, NOTIFY_RETRY_AFTER_MAX};

use super::{Call, Failure, Retry};
use crate::base64;
use crate::network::{Method, Request, Response, Trust, http_send};
use crate::text::one_line;

/// A request of a notifier. The path of its URL is never shown: many services have a token in it.
pub(super) struct Delivery<'a> {
    /// The method.
    pub(super) method: Method,
    /// Where to.
    pub(super) url: &'a str,
    /// Headers beside the usual ones.
    pub(super) headers: Vec<(&'a str, String)>,
    /// What is handed over.
    pub(super) body: &'a [u8],
    /// What to look at when the service refuses: the options that hold the key to it.
    pub(super) key_options: &'a str,
}

impl Call<'_> {
    /// Sends a request; gives any answer with a status of success.
    pub(super) fn deliver(&self, delivery: &Delivery<'_>) -> Result<Response, Failure> {
        let response = self.request(delivery)?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        Err(refused(&response, delivery.key_options))
    }

    /// Sends a request; gives any answer.
    pub(super) fn request(&self, delivery: &Delivery<'_>) -> Result<Response, Failure> {
        let mut request = Request::new(delivery.method, delivery.url);
        request.is_path_secret = true;
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        request.body = delivery.body;
        // A service that moved says so: a token is not carried after it.
        request.redirects_max = 0;
        request.answer_bytes_max = NOTIFY_ANSWER_BYTES_MAX;
        if let Some(path) = self.options.text("ca_file")? {
            request.trust = Trust::File(path);
        }
        Ok(http_send(self.host, &request, self.deadline)?)
    }
}

/// Makes the value of `Authorization` for a user and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        base64::encode(format!("{user}:{password}").as_bytes())
    )
}

/// Says what a status means for whoever is on duty, and whether to try again.
pub(super) fn refused(response: &Response, key_options: &str) -> Failure {
    let said = said(response);
    let shown = &response.shown;
    let status = response.status;
    match status {
        300..=399 => {
            let place = response.header("location").unwrap_or("another place");
            let place = one_line(place.split('?').next().unwrap_or_default(), 200);
            Failure::never(format!("{shown} has moved to {place}: set the new address"))
        }
        401 | 403 => Failure::never(format!(
            "{shown} refuses us (status {status}{said}): check {key_options}"
        )),
        404 | 410 => Failure::never(format!(
            "{shown} does not know this address (status {status}{said}): check {key_options}"
        )),
        408 | 425 | 429 | 500..=599 => Failure {
            message: match status {
                429 => format!("{shown} has had too many messages for now (status 429{said})"),
                _ => format!("{shown} is in trouble (status {status}{said})"),
            },
            retry: retry_after(response),
        },
        _ => Failure::never(format!(
            "{shown} does not take the message (status {status}{said})"
        )),
    }
}

/// Gives what the service said about it, if anything.
pub(super) fn said(response: &Response) -> String {
    match one_line(&response.text(), 300) {
        empty if empty.is_empty() => empty,
        text => format!(": {text}"),
    }
}

/// Reads how long the service wants to be left alone.
fn retry_after(response: &Response) -> Retry {
    // A date is possible too; the usual back-off will do for it.
    let seconds = response.header("retry-after");
    seconds
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .map_or(Retry::Later, wait)
}

/// Gives the wait for a number of seconds that a service asked for.
pub(super) fn wait(seconds: f64) -> Retry {
    match Duration::try_from_secs_f64(seconds) {
        Ok(wait) if !wait.is_zero() => Retry::After(wait.min(NOTIFY_RETRY_AFTER_MAX)),
        Ok(_) | Err(_) => Retry::Later,
    }
}
