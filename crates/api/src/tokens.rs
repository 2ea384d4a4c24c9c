//! Tokens: who may call the API over TCP.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Role, Route};

/// Lists the tokens, without their secrets.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/tokens",
    role: Role::Admin,
    summary: "Lists the tokens, without their secrets, which are not kept",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Token>)),
};

/// Makes a token.
pub const CREATE: Route = Route {
    method: Method::Post,
    path: "/tokens",
    role: Role::Admin,
    summary: "Makes a token and tells its secret, once",
    query: &[],
    body: Some(|| schema_for!(NewToken)),
    answer: Answer::Json(|| schema_for!(CreatedToken)),
};

/// Takes a token back.
pub const REVOKE: Route = Route {
    method: Method::Delete,
    path: "/tokens/{id}",
    role: Role::Admin,
    summary: "Takes a token back, at once",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Token)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &CREATE, &REVOKE];

/// A token as it is kept: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// What names it in lists and logs.
    pub id: String,
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub note: String,
    /// When it was made (RFC 3339, UTC).
    pub created_at: String,
}

/// What a new token shall be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it may do.
    pub role: Role,
    /// What it is for.
    #[serde(default)]
    pub note: String,
}

/// A token that was just made: the only time its secret is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CreatedToken {
    /// The token, to be sent as `Authorization: Bearer …`.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: Token,
}
