//! A page by HTTP or HTTPS.

use model::Secret;
use model::limits::SOURCE_BYTES_MAX;

use super::too_large;
use crate::collectors::Trouble;
use crate::network::{Method, Request, http_send};
use crate::{Deadline, Error, Host};

/// What page to ask for.
#[derive(Clone, Debug)]
pub struct Http {
    /// The URL.
    pub url: String,
    /// Headers by name.
    pub headers: Vec<(String, Secret)>,
    /// User of basic authentication; an empty one is none.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// What is posted; without it the page is got.
    pub body: Option<String>,
}

impl Http {
    /// Gives the body of the page.
    pub(super) fn ask(&self, host: &Host, deadline: Deadline) -> Result<Vec<u8>, Trouble> {
        let method = match self.body {
            Some(_) => Method::Post,
            None => Method::Get,
        };
        let mut request = Request::new(method, &self.url);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.expose());
        }
        if !self.user.is_empty() {
            request.basic = Some((&self.user, self.password.clone()));
        }
        request.body = self.body.as_deref().unwrap_or_default().as_bytes();
        request.answer_bytes_max = SOURCE_BYTES_MAX;
        let response = http_send(host, &request, deadline)?;
        let (status, page) = (response.status, &response.shown);
        let asked_as = if self.user.is_empty() {
            "nobody".to_owned()
        } else {
            format!("{:?}", self.user)
        };
        match status {
            200..=299 if response.is_cut => Err(too_large(page).into()),
            200..=299 => Ok(response.body),
            401 | 403 => Err(Trouble::missing_configuration(
                format!("{page} is not for {asked_as} (status {status})"),
                "set user and password among the parameters of the pack, or let the server give \
                 the page to this machine",
            )),
            404 => Err(Trouble::missing_configuration(
                format!("the server has no page {page} (status 404)"),
                "make the server give it, or set where it is among the parameters of the pack",
            )),
            _ => {
                let problem = format!("was answered with status {status}");
                Err(Error::bad_answer(page.as_str(), problem).into())
            }
        }
    }
}
