//! Requests about tokens.

use std::sync::Arc;

use api::tokens::{CREATE, CreatedToken, LIST, NewToken, REVOKE, Token};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;

use super::parameters::Path;
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::clock;
use crate::tokens::{Kept, TokenError};

/// Longest note. It is shown in one line.
const NOTE_BYTES_MAX: usize = 200;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&CREATE, create)
        .tie(&REVOKE, revoke)
}

async fn list(State(agent): State<Arc<Agent>>) -> Json<Vec<Token>> {
    Json(
        agent
            .tokens
            .all()
            .into_iter()
            .map(|(id, kept)| shown(id, kept))
            .collect(),
    )
}

async fn create(
    State(agent): State<Arc<Agent>>,
    body::Json(new): body::Json<NewToken>,
) -> Result<Json<CreatedToken>, Failure> {
    if new.note.len() > NOTE_BYTES_MAX {
        let message = format!("the note is longer than {NOTE_BYTES_MAX} bytes");
        return Err(Problem::new(ErrorCode::BadRequest, message).into());
    }
    let made = agent.tokens.create(new.role, &new.note, clock::wall());
    let (id, token) = made.map_err(|error| {
        let code = match error {
            TokenError::TooMany => ErrorCode::Conflict,
            TokenError::NoRandomness => ErrorCode::Internal,
        };
        Problem::new(code, error.to_string())
    })?;
    let Some(kept) = agent.tokens.all().remove(&id) else {
        return Err(Problem::new(ErrorCode::Conflict, "the token was revoked meanwhile").into());
    };
    if !save(&agent).await {
        // A token that a restart forgets would be worse than none. What waits for the disk must not
        // hold it either.
        agent.tokens.revoke(&id);
        save(&agent).await;
        let message = format!("the token cannot be kept: {}", trouble(&agent));
        let problem = Problem::new(ErrorCode::Unavailable, message);
        return Err(problem
            .with_hint("make room on the disk and try again")
            .into());
    }
    agent.note(
        "token",
        format!("token {id} made with the role {}", new.role),
    );
    Ok(Json(CreatedToken {
        token: token.expose().to_owned(),
        kept: shown(id, kept),
    }))
}

async fn revoke(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Token>, Failure> {
    let Some(kept) = agent.tokens.revoke(&id) else {
        let problem = Problem::new(ErrorCode::NotFound, format!("there is no token {id}"));
        return Err(problem
            .with_hint("list them with: opsbro token list")
            .into());
    };
    agent.note("token", format!("token {id} revoked"));
    if !save(&agent).await {
        let message = format!(
            "the token {id} is revoked, but a restart would bring it back: {}",
            trouble(&agent)
        );
        let problem = Problem::new(ErrorCode::Unavailable, message);
        let hint = "make room on the disk before a restart: the agent then writes it by itself";
        return Err(problem.with_hint(hint).into());
    }
    Ok(Json(shown(id, kept)))
}

/// Saves the tokens as they are; tells whether they are on disk.
async fn save(agent: &Agent) -> bool {
    let tokens = agent.tokens.clone();
    let saved = agent.on_disk("tokens", move |keep| keep.save_tokens(&tokens));
    matches!(saved.await, Ok(true))
}

/// Tells what is wrong with the disk.
fn trouble(agent: &Agent) -> String {
    let problem = agent.keep.disk().problem;
    problem.unwrap_or_else(|| "the disk is too slow".to_owned())
}

fn shown(id: String, kept: Kept) -> Token {
    Token {
        id,
        role: kept.role,
        note: kept.note,
        created_at: kept.created_at,
    }
}
