//! Every route by every role.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use utakata_model::{Role, Verb};

use super::{ask, make, make_with};
use crate::room::{Room, TOKEN};

/// The right that each route needs; `any` is for everybody who has a token, and `open` also for who
/// has none: to log in. A new route needs a row.
const ROUTES: &[(&str, &str)] = &[
    ("GET /v1/login", "open"),
    ("GET /v1/login/browser", "open"),
    ("GET /v1/login/callback", "open"),
    ("POST /v1/login/device", "open"),
    ("POST /v1/login/device/token", "open"),
    ("GET /v1/me", "any"),
    ("POST /v1/session", "any"),
    ("DELETE /v1/session", "any"),
    ("GET /v1/roles", "any"),
    ("GET /v1/errors", "any"),
    ("GET /v1/errors/{code}", "any"),
    ("GET /v1/openapi.json", "any"),
    ("GET /v1/status", "see"),
    ("GET /v1/overview", "see"),
    ("GET /v1/metrics", "metrics"),
    ("GET /v1/metrics/readings", "metrics"),
    ("GET /v1/targets", "see"),
    ("GET /v1/targets/{name}", "see"),
    ("PUT /v1/targets/{name}", "inventory"),
    ("DELETE /v1/targets/{name}", "inventory"),
    ("POST /v1/discoveries", "inventory"),
    ("GET /v1/discoveries", "see"),
    ("GET /v1/discoveries/{id}", "see"),
    ("POST /v1/discoveries/{id}/cancel", "inventory"),
    ("GET /v1/proposals", "see"),
    ("POST /v1/proposals/{id}/accept", "inventory"),
    ("POST /v1/proposals/{id}/dismiss", "inventory"),
    ("GET /v1/schedules", "see"),
    ("GET /v1/schedules/{name}", "see"),
    ("PUT /v1/schedules/{name}", "inventory"),
    ("DELETE /v1/schedules/{name}", "inventory"),
    ("GET /v1/credentials", "see"),
    ("GET /v1/credentials/{name}", "see"),
    ("PUT /v1/credentials/{name}", "secret:write"),
    ("DELETE /v1/credentials/{name}", "secret:write"),
    ("POST /v1/credentials/{name}/rotate", "secret:write"),
    ("GET /v1/credentials/{name}/rotation", "see"),
    ("GET /v1/secrets", "secret:write"),
    ("POST /v1/secrets/rotate", "secret:write"),
    ("POST /v1/secrets/rewrap", "secret:write"),
    ("GET /v1/relations", "see"),
    ("PUT /v1/relations", "inventory"),
    ("GET /v1/topology", "see"),
    ("GET /v1/floors", "see"),
    ("GET /v1/floors/{name}", "see"),
    ("PUT /v1/floors/{name}", "inventory"),
    ("DELETE /v1/floors/{name}", "inventory"),
    ("GET /v1/alarm-rules", "see"),
    ("GET /v1/alarm-rules/{name}", "see"),
    ("PUT /v1/alarm-rules/{name}", "inventory"),
    ("DELETE /v1/alarm-rules/{name}", "inventory"),
    ("POST /v1/alarm-rules/test", "see"),
    ("GET /v1/policies", "see"),
    ("GET /v1/policies/{name}", "see"),
    ("PUT /v1/policies/{name}", "inventory"),
    ("DELETE /v1/policies/{name}", "inventory"),
    ("POST /v1/policies/{name}/test", "inventory"),
    ("GET /v1/policies/{name}/explain", "see"),
    ("POST /v1/policies/{name}/arm", "control:high"),
    (
        "POST /v1/policies/{name}/shadow",
        "control:low control:high",
    ),
    ("POST /v1/policies/{name}/off", "control:low control:high"),
    ("POST /v1/smart-control/stop", "control:low control:high"),
    ("POST /v1/smart-control/resume", "control:high"),
    ("GET /v1/envelopes", "see"),
    ("GET /v1/envelopes/{name}", "see"),
    ("PUT /v1/envelopes/{name}", "people"),
    ("DELETE /v1/envelopes/{name}", "people"),
    ("POST /v1/apply", "inventory secret:write"),
    ("GET /v1/alarms", "see"),
    ("GET /v1/alarms/report", "see"),
    ("GET /v1/alarms/{id}", "see"),
    ("GET /v1/alarms/{id}/explain", "see"),
    ("POST /v1/alarms/{id}/seen", "acknowledge"),
    ("POST /v1/alarms/{id}/shelve", "shelve"),
    ("POST /v1/alarms/{id}/unshelve", "shelve"),
    ("GET /v1/people", "people"),
    ("PUT /v1/people/{name}", "people"),
    ("DELETE /v1/people/{name}", "people"),
    ("PUT /v1/people/{name}/link", "people"),
    ("GET /v1/tokens", "people"),
    ("PUT /v1/people/{name}/tokens/{token}", "people"),
    ("POST /v1/people/{name}/tokens/{token}/confirm", "people"),
    ("DELETE /v1/people/{name}/tokens/{token}", "people"),
    ("GET /v1/bindings", "people"),
    ("PUT /v1/bindings/{name}", "people"),
    ("DELETE /v1/bindings/{name}", "people"),
    ("GET /v1/kinds", "see"),
    ("GET /v1/kinds/{kind}/desired", "see"),
    ("PUT /v1/kinds/{kind}/pins", "release:serve"),
    ("PUT /v1/kinds/{kind}/placement", "release:serve"),
    ("GET /v1/releases", "see"),
    ("POST /v1/releases", "release:push"),
    ("GET /v1/releases/{release}", "see"),
    ("DELETE /v1/releases/{release}", "release:push"),
    ("GET /v1/releases/{from}/diff/{to}", "see"),
    ("PUT /v1/release-files/{sha256}", "release:push"),
    ("GET /v1/rollouts", "see"),
    ("POST /v1/rollouts", "release:serve"),
    ("GET /v1/rollouts/{id}", "see"),
    ("POST /v1/rollouts/{id}/pause", "release:serve"),
    ("POST /v1/rollouts/{id}/resume", "release:serve"),
    ("POST /v1/rollouts/{id}/promote", "release:serve"),
    ("POST /v1/rollouts/{id}/abort", "release:serve"),
    ("GET /v1/environments", "see"),
    ("DELETE /v1/environments/{id}", "order"),
    ("POST /v1/environments/{id}/accept", "secret:write"),
    ("POST /v1/environments/{id}/revoke", "secret:write"),
    ("POST /v1/environments/{id}/pause", "order"),
    ("POST /v1/environments/{id}/drain", "order"),
    ("POST /v1/environments/{id}/resume", "order"),
    ("GET /v1/orders", "see"),
    ("POST /v1/orders/pause", "order"),
    ("POST /v1/orders/drain", "order"),
    ("POST /v1/orders/resume", "order"),
    ("GET /v1/readings", "see"),
    ("GET /v1/history", "see"),
    ("GET /v1/notifications", "see"),
    ("GET /v1/events", "see"),
    ("GET /v1/view", "see"),
    ("GET /v1/view/past", "see"),
    ("POST /v1/reads", "read"),
    ("GET /v1/operations", "see"),
    ("POST /v1/operations", "control:low control:high"),
    ("GET /v1/operations/{id}", "see"),
    ("GET /v1/operations/{id}/explain", "see"),
    ("POST /v1/operations/{id}/approve", "approve"),
    ("POST /v1/operations/{id}/pause", "control:low control:high"),
    (
        "POST /v1/operations/{id}/resume",
        "control:low control:high",
    ),
    (
        "POST /v1/operations/{id}/cancel",
        "control:low control:high",
    ),
    ("POST /v1/operations/{id}/undo", "control:low control:high"),
    ("GET /v1/tasks", "see"),
    ("GET /v1/tasks/{id}", "see"),
    ("GET /v1/tasks/{id}/explain", "see"),
    ("POST /v1/tasks/{id}/settle", "settle"),
    ("POST /v1/tasks/{id}/cancel", "control:low control:high"),
    ("GET /v1/locks", "see"),
    ("PUT /v1/targets/{name}/lock", "lock"),
    ("DELETE /v1/targets/{name}/lock", "lock"),
    ("GET /v1/audit", "audit"),
    ("GET /v1/audit/head", "audit"),
    ("GET /v1/audit/verify", "audit"),
    ("POST /v1/audit/verify", "audit"),
];

/// Returns every method and path of the API's description.
pub fn described() -> BTreeSet<String> {
    let document = utakata_logic::http::document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    described
}

/// Fills in the variable parts of a path with names of what is not there.
pub fn filled(path: &str) -> String {
    let uuid = "0192f0c1-0000-7000-8000-000000000000";
    let path = match path.contains("/kinds/") {
        true => path.replace("{kind}", "nothing"),
        false => path.to_owned(),
    };
    let is_of_uuid = [
        "/operations/",
        "/tasks/",
        "/alarms/",
        "/rollouts/",
        "/discoveries/",
    ];
    let id = match is_of_uuid.iter().any(|part| path.contains(part)) {
        true => uuid,
        false => "nothing",
    };
    path.replace("{id}", id)
        .replace("{sha256}", &"0".repeat(64))
        .replace("{from}", "nothing@1.0.0")
        .replace("{to}", "nothing@1.0.1")
        .replace("{release}", "nothing@1.0.0")
        .replace("{name}", "nothing")
        .replace("{token}", "nothing")
        .replace("{code}", "nothing")
}

#[tokio::test]
async fn every_route_is_open_to_the_roles_of_its_row_and_to_nobody_else() {
    let rows: BTreeMap<&str, &str> = ROUTES.iter().copied().collect();
    let described = described();
    let known: BTreeSet<String> = rows.keys().map(ToString::to_string).collect();
    let missing: Vec<&String> = described.difference(&known).collect();
    let gone: Vec<&String> = known.difference(&described).collect();
    assert!(
        missing.is_empty(),
        "these routes have no row in the table of {}: say which right each needs: {missing:?}",
        file!()
    );
    assert!(
        gone.is_empty(),
        "these rows have no route any more: {gone:?}"
    );

    let room = Room::empty(crate::room::config()).await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let name = format!("a-{role}");
        tokens.push((
            Some(*role),
            make_with(&room, TOKEN, &name, role.as_str(), "").await,
        ));
    }
    tokens.push((None, make(&room, TOKEN, "nobody").await));
    let mut wrong = Vec::new();
    for (route, needs) in &rows {
        let (method, path) = route.split_once(' ').unwrap();
        for (role, token) in &tokens {
            let verbs = role.map_or(&[][..], |role| role.verbs());
            let may = ["any", "open"].contains(needs)
                || needs
                    .split(' ')
                    .any(|verb| verbs.iter().any(|one| one.as_str() == verb));
            let path = filled(path);
            let path = match path.as_str() {
                // A stream would not end.
                "/v1/events" => "/v1/events?types=nothing".to_owned(),
                "/v1/view" => "/v1/view?no=sense".to_owned(),
                _ => path,
            };
            let body = (method != "GET" && method != "DELETE").then(|| json!({ "no": "sense" }));
            let (status, told) = ask(&room, token, method, &path, body).await;
            let is_refused = status == StatusCode::FORBIDDEN && told["code"] == "forbidden";
            if may == is_refused || status.is_server_error() {
                wrong.push(format!("{role:?} {route}: {status} {}", told["detail"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    room.end().await;
}

#[tokio::test]
async fn only_logging_in_needs_no_token() {
    let room = Room::empty(crate::room::config()).await;
    for (route, needs) in ROUTES {
        let (method, path) = route.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(filled(path));
        let (status, told) = room.answer(request.body(Body::empty()).unwrap()).await;
        let is_open = status != StatusCode::UNAUTHORIZED;
        assert_eq!(is_open, *needs == "open", "{route}: {status} {told}");
    }
    room.end().await;
}

#[tokio::test]
async fn a_refusal_names_the_right_and_the_roles_that_give_it() {
    let room = Room::empty(crate::room::config()).await;
    let ana = make_with(&room, TOKEN, "ana", "viewer", "").await;
    let (status, told) = ask(&room, &ana, "GET", "/v1/audit", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(told["code"], "forbidden");
    assert_eq!(told["detail"], "ana does not have the right audit");
    let cure = told["cure"].as_str().unwrap();
    assert!(cure.contains("security, admin"), "{cure}");
    let (_, me) = ask(&room, &ana, "GET", "/v1/me", None).await;
    assert_eq!(me["roles"][0]["role"], "viewer", "{me}");
    assert_eq!(me["roles"][0]["by"], "admin", "{me}");
    assert_eq!(me["rights"], json!([{ "right": "see" }]), "{me}");
    let ben = make_with(&room, TOKEN, "ben", "approver", "rack=A1").await;
    let (_, me) = ask(&room, &ben, "GET", "/v1/me", None).await;
    let on_a1 = |right| json!({ "right": right, "on": ["rack=A1"] });
    assert_eq!(
        me["rights"],
        json!([on_a1("see"), on_a1("approve")]),
        "{me}"
    );
    let (_, me) = ask(&room, TOKEN, "GET", "/v1/me", None).await;
    let all = Verb::ALL.iter().map(|right| json!({ "right": right }));
    assert_eq!(me["rights"], Value::Array(all.collect()), "{me}");
    let (_, roles) = ask(&room, &ana, "GET", "/v1/roles", None).await;
    let roles: &Vec<Value> = roles["items"].as_array().unwrap();
    assert_eq!(roles.len(), Role::ALL.len());
    room.end().await;
}
