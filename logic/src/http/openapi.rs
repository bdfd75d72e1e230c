//! `/v1/openapi.json`: the API's description of itself (OpenAPI 3.1).

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    allowed::{Allowed, Anybody},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

static TEXT: LazyLock<Bytes> = LazyLock::new(|| format!("{:#}\n", document()).into());
static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let paths = super::routes().flat_map(|route| route.paths());
    paths.collect::<BTreeSet<_>>().into_iter().collect()
});

/// Returns this document.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "get_openapi", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn get(_: Allowed<Anybody>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, TEXT.clone()).into_response()
}

/// Returns all paths of the API.
pub(super) fn paths() -> &'static [String] {
    &PATHS
}

/// The refusals that any request may meet, and those of requests with a query, a name or a body.
const ALWAYS: [&str; 8] = ["400", "401", "403", "405", "500", "502", "503", "504"];
const WITH_NAME: [&str; 1] = ["404"];
const WITH_BODY: [&str; 4] = ["413", "415", "422", "507"];

/// Returns the description of the API.
#[allow(
    clippy::expect_used,
    reason = "the API cannot be without a description"
)]
pub fn document() -> Value {
    let described =
        super::routes().fold(OpenApiRouter::new(), |router, route| route.describe(router));
    let described = described.into_openapi();
    let mut document = serde_json::to_value(described).expect("a description is JSON");
    document["info"] = json!({
        "title": "utakata",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Observes and controls what is in a data centre. Errors are \
            application/problem+json with a code, a cure and a page under /v1/errors.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["security"] = json!([{ "token": [] }]);
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer" },
    });
    document["components"]["responses"] = json!({
        "Refused": {
            "description": "The problem, and its remedy",
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/HttpProblem" },
            } },
        },
    });
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let operations = item.as_object_mut().into_iter().flatten();
        for (_, operation) in operations {
            if let Some(operation) = operation.as_object_mut() {
                refuse(path, operation);
            }
        }
    }
    document
}

fn refuse(path: &str, operation: &mut Map<String, Value>) {
    let has_body = operation.contains_key("requestBody");
    let has_name = path.contains('{');
    let with_name: &[&str] = if has_name { &WITH_NAME } else { &[] };
    let with_body: &[&str] = if has_body { &WITH_BODY } else { &[] };
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for status in ALWAYS.iter().chain(with_name).chain(with_body) {
        responses
            .entry(*status)
            .or_insert_with(|| json!({ "$ref": "#/components/responses/Refused" }));
    }
}
