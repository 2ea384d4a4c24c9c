//! The service of a provider that knows about its machines, and the collector that asks it.
//!
//! It answers on an address of the link, without encryption, so whoever is on that link may pose as
//! it: it is asked only where files say that it must be there, its answer is bounded in time and
//! size, redirects are not followed, and what is known to be secret is left out before anything
//! else sees it. What it told is kept for an hour.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::limits::METADATA_BYTES_MAX;
use model::{Moment, Value};
use serde_json::Value as Json;

use super::Driver;
use crate::collectors::{Collector, Context, Key, Native, Trouble};
use crate::network::{Method, Request, Response, http_send};
use crate::{Deadline, Error, Host};

/// How a service is asked, and what its answer means.
#[derive(Debug)]
pub(super) struct Service {
    /// The name of the collector.
    pub(super) collector: &'static str,
    /// Asks for all that there is.
    pub(super) fetch: fn(&Client<'_>) -> Result<Value, Error>,
    /// Where the answer has the address in the internet; the first that is there counts.
    pub(super) public_address: &'static [&'static [&'static str]],
    /// Where the answer has the id of the machine.
    pub(super) id: &'static [&'static str],
}

impl Service {
    /// Makes the collector that asks it. It looks often whether the machine is still where it was,
    /// and asks rarely.
    pub(super) const fn as_collector(
        &self,
        doc: &'static str,
        keys: &'static [Key],
        make: fn() -> Box<dyn Collector>,
    ) -> Native {
        Native {
            name: self.collector,
            doc,
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            has_rates: false,
            keys,
            make,
        }
    }

    /// Reads the public address out of an answer.
    pub(super) fn public_address(&self, answer: &Value) -> Option<IpAddr> {
        self.public_address
            .iter()
            .find_map(|path| text_at(answer, path)?.parse().ok())
    }

    /// Reads the id out of an answer.
    pub(super) fn id(&self, answer: &Value) -> Option<String> {
        text_at(answer, self.id)
    }
}

fn text_at(value: &Value, path: &[&str]) -> Option<String> {
    match path.iter().try_fold(value, |value, name| value.get(name))? {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::None | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// What services have told, by machine and collector.
static KNOWN: Mutex<BTreeMap<(PathBuf, &'static str), Value>> = Mutex::new(BTreeMap::new());

/// Gives what a service has told about a machine.
pub(super) fn known(host: &Host, service: &Service) -> Option<Value> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .get(&(host.root().to_owned(), service.collector))
        .cloned()
}

/// How long an answer holds: tags and addresses change, but nobody waits for them.
const KEPT: Duration = Duration::from_secs(3_600);

/// The collector of a provider.
pub(super) struct Asking {
    driver: &'static Driver,
    kept: Option<(Moment, Value)>,
}

impl Asking {
    /// Makes the collector of a driver that has a service.
    pub(super) fn boxed(driver: &'static Driver) -> Box<dyn Collector> {
        Box::new(Self { driver, kept: None })
    }
}

impl Collector for Asking {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        let service = self
            .driver
            .service
            .filter(|_| (self.driver.is_active)(host));
        let Some(service) = service else {
            let reason = format!("this machine is not hosted there: {}", self.driver.name);
            return Err(Trouble::not_eligible(reason, ""));
        };
        if let Some((when, value)) = &self.kept
            && context.now.since(*when) < KEPT
        {
            return Ok(value.clone());
        }
        let client = Client {
            host,
            deadline: context.deadline,
            headers: Vec::new(),
        };
        let value = (service.fetch)(&client)?;
        let place = (host.root().to_owned(), service.collector);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(place, value.clone());
        self.kept = Some((context.now, value.clone()));
        Ok(value)
    }
}

/// Asks a service, each question in what is left of the time box.
pub(super) struct Client<'a> {
    host: &'a Host,
    deadline: Deadline,
    headers: Vec<(&'static str, String)>,
}

/// How long a token is good for, in seconds: it is used at once.
const TOKEN_SECONDS: &str = "60";

impl<'a> Client<'a> {
    /// Sends a header with every question.
    pub(super) fn header(&self, name: &'static str, value: impl Into<String>) -> Client<'a> {
        let mut headers = self.headers.clone();
        headers.push((name, value.into()));
        Client {
            host: self.host,
            deadline: self.deadline,
            headers,
        }
    }

    /// Fetches a token by PUT and sends it with every question. A service that knows no tokens is
    /// asked without one.
    pub(super) fn with_token(
        &self,
        url: &str,
        time_header: &'static str,
        token_header: &'static str,
    ) -> Result<Client<'a>, Error> {
        let request = Request::new(Method::Put, url).header(time_header, TOKEN_SECONDS);
        let response = self.send(url, request)?;
        match response.status {
            200 => Ok(self.header(token_header, response.text().trim())),
            404 | 405 | 501 => Ok(self.header("Accept", "*/*")),
            status => Err(refused(url, status)),
        }
    }

    /// Asks for a text; none when the service knows none.
    pub(super) fn text(&self, url: &str) -> Result<Option<String>, Error> {
        let request = Request::new(Method::Get, url);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let response = self.send(url, request)?;
        match response.status {
            200 => Ok(Some(response.text())),
            404 => Ok(None),
            status => Err(refused(url, status)),
        }
    }

    /// Asks for a document of JSON, which must be a map.
    pub(super) fn document(&self, url: &str) -> Result<serde_json::Map<String, Json>, Error> {
        let text = self.text(url)?.ok_or_else(|| refused(url, 404))?;
        match serde_json::from_str(&text) {
            Ok(Json::Object(map)) => Ok(map),
            Ok(_) | Err(_) => Err(Error::bad_answer(url, "answered something else than a map")),
        }
    }

    /// Asks for one text after the other, below a common URL; those that are not known are left
    /// out.
    pub(super) fn texts(
        &self,
        url: &str,
        names: &[(&'static str, &str)],
    ) -> Result<BTreeMap<&'static str, String>, Error> {
        let mut found = BTreeMap::new();
        for (name, path) in names {
            let text = self.text(&format!("{url}/{path}"))?;
            let text = text.map(|text| text.trim().to_owned());
            found.extend(
                text.filter(|text| !text.is_empty())
                    .map(|text| (*name, text)),
            );
        }
        if found.is_empty() {
            return Err(Error::bad_answer(url, "knows nothing about this machine"));
        }
        Ok(found)
    }

    fn send(&self, url: &str, mut request: Request<'_>) -> Result<Response, Error> {
        request.redirects_max = 0;
        request.answer_bytes_max = METADATA_BYTES_MAX;
        let response = http_send(self.host, &request, self.deadline)?;
        if response.is_cut {
            return Err(Error::TooLarge {
                subject: url.to_owned(),
                limit: format!("{METADATA_BYTES_MAX} bytes"),
                advice: "no metadata service answers that much: look at who answers there",
            });
        }
        Ok(response)
    }
}

fn refused(url: &str, status: u16) -> Error {
    let advice = match status {
        300..=399 => ", which leads elsewhere and is not followed: look at who answers there",
        401 | 403 => ": the service is switched off for this machine, or a proxy answers for it",
        404 => ": the service does not know this machine",
        _ => "",
    };
    Error::bad_answer(url, format!("answered {status}{advice}"))
}

/// Makes a value of texts by name.
pub(super) fn texts_to_value(texts: BTreeMap<&'static str, String>) -> Value {
    Value::map(
        texts
            .into_iter()
            .map(|(name, text)| (name, Value::text(text))),
    )
}
