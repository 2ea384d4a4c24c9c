//! Docker: containers and images of this machine, and what they take.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::route::{Answer, Method, Role, Route};

/// Tells whether there is a Docker.
pub const CONNECTED: Route = Route {
    method: Method::Get,
    path: "/docker",
    role: Role::Read,
    summary: "Tells whether the agent sees a Docker on this machine",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(bool)),
};

/// Lists the containers.
pub const CONTAINERS: Route = Route {
    method: Method::Get,
    path: "/docker/containers",
    role: Role::Read,
    summary: "Lists the containers",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Value>)),
};

/// Tells of one container.
pub const CONTAINER: Route = Route {
    method: Method::Get,
    path: "/docker/containers/{id}",
    role: Role::Read,
    summary: "Tells of one container, by its name, its id or the beginning of that",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Value)),
};

/// Lists the images.
pub const IMAGES: Route = Route {
    method: Method::Get,
    path: "/docker/images",
    role: Role::Read,
    summary: "Lists the images",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Value>)),
};

/// Tells of one image.
pub const IMAGE: Route = Route {
    method: Method::Get,
    path: "/docker/images/{id}",
    role: Role::Read,
    summary: "Tells of one image, by its name, its id or the beginning of that",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Value)),
};

/// Tells what containers and images take.
pub const STATS: Route = Route {
    method: Method::Get,
    path: "/docker/stats",
    role: Role::Read,
    summary: "Tells what each container takes, and the containers of each image together",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Stats)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&CONNECTED, &CONTAINERS, &CONTAINER, &IMAGES, &IMAGE, &STATS];

/// What containers and images take: by name, then by figure.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// By container.
    pub containers: BTreeMap<String, BTreeMap<String, Value>>,
    /// By image: the sum of its containers.
    pub images: BTreeMap<String, BTreeMap<String, Value>>,
}
