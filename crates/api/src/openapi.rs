//! The contract about the contract: `GET /api` and `/openapi.json`, made from the route table.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::ErrorBody;
use crate::route::{Answer, Method, Role, Route};

/// Lists the routes.
pub const API: Route = Route {
    method: Method::Get,
    path: "/api",
    role: Role::Read,
    summary: "Lists the routes of this API",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<RouteLine>)),
};

/// Gives the OpenAPI document.
pub const OPENAPI: Route = Route {
    method: Method::Get,
    path: "/openapi.json",
    role: Role::Read,
    summary: "Gives the OpenAPI 3.1 document of this API",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Value)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&API, &OPENAPI];

/// A route, as `GET /api` lists it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RouteLine {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The role that a caller over TCP needs.
    pub role: Role,
    /// What it does.
    pub summary: String,
}

/// Lists all routes.
pub fn route_lines() -> Vec<RouteLine> {
    crate::routes()
        .map(|route| RouteLine {
            method: route.method.to_string(),
            path: route.path.to_owned(),
            role: route.role,
            summary: route.summary.to_owned(),
        })
        .collect()
}

/// Makes the OpenAPI 3.1 document of all routes.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in crate::routes() {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "OpsBro agent",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Full control on the unix socket; over TCP a bearer token with a role, \
                            except reads from the loopback addresses.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Error": schema_for!(ErrorBody) },
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path_parameters().map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "description": parameter.doc,
            "schema": { "type": "string" },
        })
    });
    let (content_type, schema) = match route.answer {
        Answer::Json(schema) => ("application/json", json!(schema())),
        Answer::Text => ("text/plain", json!({ "type": "string" })),
        Answer::Events(schema) => ("text/event-stream", json!(schema())),
        Answer::Lines(schema) => ("application/x-ndjson", json!(schema())),
    };
    let mut operation = json!({
        "summary": route.summary,
        "x-role": route.role.as_str(),
        "security": [{ "token": [] }],
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": { "description": "All is well", "content": { content_type: { "schema": schema } } },
            "default": {
                "description": "What went wrong, and what to do",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            },
        },
    });
    if let Some(body) = route.body {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": body() } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document() {
        let document = document();
        for route in crate::routes() {
            let method = route.method.as_str().to_lowercase();
            let found = &document["paths"][route.path][&method];
            assert_eq!(
                found["summary"], route.summary,
                "{} {}",
                route.method, route.path
            );
        }
    }
}
