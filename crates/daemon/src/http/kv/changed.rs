//! Keys that changed since a time, as a stream of pages: all of them together may be as large as
//! the store is.

use std::sync::Arc;

use api::kv::Meta;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use model::limits::KV_PAGE_MAX;
use raft::{FoundWhat, Query as Ask};

use super::super::Failure;
use super::super::parameters::Path;
use super::{ask, strange};
use crate::agent::Agent;
use crate::agreement::Access;

pub(super) async fn changed(
    State(agent): State<Arc<Agent>>,
    Path(since): Path<u64>,
) -> Result<Response, Failure> {
    let mut pages = Pages {
        access: agent.agreement.wait_access().await?,
        // After that second, as the original counts.
        since: since.saturating_add(1).saturating_mul(1_000),
        behind: None,
        is_begun: false,
        is_over: false,
    };
    // Before the answer begins: what goes wrong here can still be told.
    let first = pages.next().await?.map(Ok::<_, String>);
    let rest = stream::try_unfold(pages, async |mut pages| match pages.next().await {
        Ok(page) => Ok(page.map(|text| (text, pages))),
        // The list breaks off, so that nobody takes it for whole.
        Err(Failure(problem)) => Err(problem.to_string()),
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let list = stream::iter(first).chain(rest);
    Ok((kind, Body::from_stream(list)).into_response())
}

/// A list that is written page by page, and how far it is.
struct Pages {
    access: Access,
    since: u64,
    behind: Option<String>,
    is_begun: bool,
    is_over: bool,
}

impl Pages {
    /// Gives the text of the next page; none after the last one.
    async fn next(&mut self) -> Result<Option<String>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let query = Ask::List {
            prefix: String::new(),
            behind: self.behind.take(),
            limit: KV_PAGE_MAX,
            with_values: true,
            since: self.since,
        };
        let found = ask(&self.access, query, None).await?;
        let FoundWhat::Keys(keys, has_more) = found.what else {
            return Err(strange());
        };
        let mut text = String::new();
        for one in &keys {
            text.push(if self.is_begun { ',' } else { '[' });
            self.is_begun = true;
            let meta = Meta {
                modify_index: one.revision.0,
                modify_time: one.wall / 1_000,
            };
            let item = (&*one.key, String::from_utf8_lossy(&one.value), meta);
            let item = serde_json::to_string(&item).expect("texts and numbers are always JSON");
            text.push_str(&item);
        }
        self.behind = keys.last().map(|one| one.key.to_string());
        if !has_more || keys.is_empty() {
            self.is_over = true;
            text.push_str(if self.is_begun { "]" } else { "[]" });
        }
        Ok(Some(text))
    }
}
