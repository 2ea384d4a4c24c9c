//! The API over HTTP: on the unix socket with full control, on TCP behind the guard.
//!
//! [`router`] ties each route of the contract to its handler; `server` owns connections and their
//! limits; `guard` decides who may do what. One file per noun holds its handlers.

mod agent;
mod alerts;
mod asker;
mod body;
mod collectors;
mod detectors;
mod dns;
mod docker;
mod evaluator;
mod gossip;
mod groups;
mod guard;
mod history;
mod inventory;
mod keys;
pub(crate) mod kv;
mod locks;
mod log;
mod metrics;
mod monitoring;
mod openapi;
mod packs;
mod parameters;
mod raft;
mod server;
mod services;
mod threads;
mod tokens;
mod unsent;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use api::{ErrorCode, Method, Problem, Route};
use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use futures_util::FutureExt;
use tracing::error;

pub(crate) use asker::Asker;
pub(crate) use server::{Connections, Peer, serve_tcp, serve_unix};

use crate::agent::Agent;
use crate::cluster::calls;
use crate::slots::Proof;
use crate::workers::JobError;

/// A request that failed, on its way to the client.
pub(crate) struct Failure(pub(crate) Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let code = match error {
            JobError::Refused { .. } => ErrorCode::Busy,
            JobError::TimedOut { .. } | JobError::Hangs { .. } => ErrorCode::Unavailable,
            JobError::Panicked { .. } => ErrorCode::Internal,
        };
        Self(Problem::new(code, error.to_string()))
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self(Problem::new(ErrorCode::Internal, error.to_string()))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = self.0.code;
        let status = StatusCode::from_u16(code.status()).expect("our codes have real statuses");
        let mut response =
            (status, axum::Json(api::error::ErrorBody { error: self.0 })).into_response();
        if code == ErrorCode::Unauthorized {
            let challenge = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Routes that have a handler.
struct Routes {
    router: Router<Arc<Agent>>,
    agent: Arc<Agent>,
    tied: Vec<&'static Route>,
}

impl Routes {
    /// Ties a route to its handler, behind the guard.
    fn tie<T: 'static>(
        mut self,
        route: &'static Route,
        handler: impl Handler<T, Arc<Agent>>,
    ) -> Self {
        let filter = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Delete => MethodFilter::DELETE,
        };
        let guarded = from_fn_with_state((Arc::clone(&self.agent), route), admit);
        let service = on(filter, handler).layer(guarded);
        self.router = self.router.route(route.path, service);
        self.tied.push(route);
        self
    }
}

/// Makes the router of the whole API.
pub(crate) fn router(agent: &Arc<Agent>) -> Router {
    routes(agent)
        .router
        // No route of the API: nodes speak there, and the key of the zone is what guards it.
        .route(calls::PATH, axum::routing::get(gossip::open_stream))
        .fallback(not_found)
        .with_state(Arc::clone(agent))
}

fn routes(agent: &Arc<Agent>) -> Routes {
    let routes = Routes {
        router: Router::new(),
        agent: Arc::clone(agent),
        tied: Vec::new(),
    };
    let mut routes = openapi::tie(routes);
    routes = agent::tie(routes);
    routes = alerts::tie(routes);
    routes = threads::tie(routes);
    routes = log::tie(routes);
    routes = tokens::tie(routes);
    routes = keys::tie(routes);
    routes = collectors::tie(routes);
    routes = detectors::tie(routes);
    routes = groups::tie(routes);
    routes = docker::tie(routes);
    routes = dns::tie(routes);
    routes = services::tie(routes);
    routes = inventory::tie(routes);
    routes = packs::tie(routes);
    routes = evaluator::tie(routes);
    routes = gossip::tie(routes);
    routes = kv::tie(routes);
    routes = locks::tie(routes);
    routes = raft::tie(routes);
    routes = monitoring::tie(routes);
    routes.router = routes.router.method_not_allowed_fallback(wrong_method);
    routes
}

/// Lets a request through to its handler, or answers why not. A panic in the handler is contained.
async fn admit(
    State((agent, route)): State<(Arc<Agent>, &'static Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let room = match guard::check(&agent, route, &request) {
        Ok((role, asker)) => {
            // Who has shown a token keeps its connection when there are too many.
            if let (Asker::Token(..), Some(proof)) = (&asker, request.extensions().get::<Proof>()) {
                proof.shown();
            }
            let room = agent.connections.unsent.room(peer.as_ref(), &asker);
            request.extensions_mut().insert(role);
            request.extensions_mut().insert(asker);
            room
        }
        Err(problem) => {
            agent.connections.count_refused();
            return Failure(problem).into_response();
        }
    };
    let uri = request.uri().clone();
    let answer = async {
        let answer = match gossip::of_other_node(&agent, route, peer, uri).await {
            Some(answer) => answer,
            None => next.run(request).await,
        };
        match room {
            Some(room) => room.hold(answer).await,
            None => answer,
        }
    };
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            agent.connections.count_panicked();
            error!(method = %route.method, path = route.path, "A request failed by a panic");
            let message = format!(
                "{} {} failed in an unexpected way",
                route.method, route.path
            );
            let hint = "the agent's log has the details: opsbro agent log follow http";
            Failure(Problem::new(ErrorCode::Internal, message).with_hint(hint)).into_response()
        }
    }
}

async fn not_found(request: Request) -> Failure {
    let path = request.uri().path();
    let known = api::routes().map(|route| route.path);
    let problem = Problem::new(ErrorCode::NotFound, format!("there is no route {path}"));
    Failure(match model::nearest(path, known) {
        Some(near) => problem.with_hint(format!("did you mean {near}? GET /api lists all routes")),
        None => problem.with_hint("GET /api lists all routes"),
    })
}

async fn wrong_method(request: Request) -> Failure {
    let (method, path) = (request.method(), request.uri().path());
    let problem = Problem::new(
        ErrorCode::MethodNotAllowed,
        format!("{path} does not take {method}"),
    );
    Failure(if path.starts_with("/monitoring/") {
        problem.with_hint(
            "no request can define a check: write it into a pack on the node, and see \
             `opsbro packs`",
        )
    } else {
        problem
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_gave_nothing_is_told_by_why() {
        let name = || "a job".to_owned();
        let time_box = std::time::Duration::from_secs(1);
        let (waiting, stuck) = (7, 32);
        for (error, status) in [
            (JobError::Refused { waiting, stuck }, 429),
            (
                JobError::TimedOut {
                    name: name(),
                    time_box,
                },
                503,
            ),
            (JobError::Hangs { name: name() }, 503),
            (JobError::Panicked { name: name() }, 500),
        ] {
            assert_eq!(Failure::from(error).into_response().status(), status);
        }
    }

    #[tokio::test]
    async fn every_route_of_the_contract_has_a_handler() {
        let agent = Agent::for_tests();
        let mut tied: Vec<_> = routes(&agent)
            .tied
            .iter()
            .map(|r| (r.method, r.path))
            .collect();
        let mut all: Vec<_> = api::routes().map(|r| (r.method, r.path)).collect();
        tied.sort_unstable();
        all.sort_unstable();
        assert_eq!(tied, all);
    }
}
