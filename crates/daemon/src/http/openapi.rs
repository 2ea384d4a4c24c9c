//! Requests about the API itself.

use api::openapi::{API, OPENAPI, RouteLine};
use axum::Json;

use super::Routes;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&API, list).tie(&OPENAPI, document)
}

async fn list() -> Json<Vec<RouteLine>> {
    Json(api::openapi::route_lines())
}

async fn document() -> Json<serde_json::Value> {
    Json(api::openapi::document())
}
