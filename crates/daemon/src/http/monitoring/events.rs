//! Every transition as it happens, to a bounded number of listeners, each with a bounded queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::rules::transition::Transition;
use api::monitoring::EVENTS;
use api::{ErrorCode, Problem};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::{AgentState, limits};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::super::{Failure, Routes};
use crate::agent::Agent;
use crate::keep::transition_to_api;

/// A word now and then keeps the connection known to what is between.
const ALIVE_INTERVAL: Duration = Duration::from_secs(15);

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&EVENTS, events)
}

async fn events(State(agent): State<Arc<Agent>>) -> Result<Response, Failure> {
    if agent.events.receiver_count() >= limits::EVENTS_LISTENERS_MAX {
        let message = format!("{} listen already", limits::EVENTS_LISTENERS_MAX);
        return Err(Problem::new(ErrorCode::Busy, message).into());
    }
    let listening = (agent.events.subscribe(), agent.life.clone());
    // The first word tells the listener that nothing is missed from here on.
    let first = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from(": listening\n\n"))]);
    let rest = futures_util::stream::unfold(listening, async |(mut events, mut life)| {
        let text = next(&mut events, &mut life).await?;
        Some((Ok(Bytes::from(text)), (events, life)))
    });
    let content_type = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let stream = futures_util::StreamExt::chain(first, rest);
    Ok((content_type, Body::from_stream(stream)).into_response())
}

/// Waits for the next event; none when the agent stops.
async fn next(
    events: &mut broadcast::Receiver<Arc<Transition>>,
    life: &mut watch::Receiver<AgentState>,
) -> Option<String> {
    tokio::select! {
        event = events.recv() => match event {
            Ok(transition) => Some(written(&transition)),
            Err(RecvError::Lagged(missed)) => {
                Some(format!("event: missed\ndata: {{\"missed\": {missed}}}\n\n"))
            }
            Err(RecvError::Closed) => None,
        },
        () = tokio::time::sleep(ALIVE_INTERVAL) => Some(": alive\n\n".to_owned()),
        _ = life.wait_for(|state| *state == AgentState::Stopped) => None,
    }
}

fn written(transition: &Transition) -> String {
    let shown = transition_to_api(transition);
    let json = serde_json::to_string(&shown).expect("a struct of texts is always JSON");
    format!("id: {}\nevent: transition\ndata: {json}\n\n", shown.number)
}
