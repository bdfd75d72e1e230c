//! Every change leaves a line in the audit trail, with who made it (F7).

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    ask, give, make, make_with,
    scopes::{off, two_racks},
    table::described,
    trail,
};
use crate::room::{Room, TOKEN};

/// The routes that change nothing by themselves.
const NO_CHANGE: [&str; 9] = [
    "POST /v1/reads",
    "POST /v1/session",
    "DELETE /v1/session",
    "POST /v1/login/device",
    "POST /v1/login/device/token",
    "POST /v1/alarm-rules/test",
    "POST /v1/policies/{name}/test",
    "POST /v1/audit/verify",
    "PUT /v1/release-files/{sha256}",
];

/// A route, a request to it that succeeds, and a text that the new lines have.
fn requests() -> Vec<(&'static str, String, Option<Value>, &'static str)> {
    let of = |route: &'static str, path: &str, body: Value, says| {
        (
            route,
            path.to_owned(),
            Some(body).filter(|body| !body.is_null()),
            says,
        )
    };
    let target =
        json!({ "name": "a-1", "kind": "pdu", "address": "127.0.0.9", "credential": "pdus" });
    let schedule = json!({ "name": "all", "selector": "kind=pdu", "interval": "1h" });
    let relation = json!({ "relation": "feeds", "from": "a-1", "to": "b-1" });
    let rule = json!({
        "name": "fan-failed", "on": { "metric": "hw.status" }, "raise": "value == 'failed'",
        "off": true,
    });
    let none = Value::Null;
    vec![
        of(
            "PUT /v1/targets/{name}",
            "/v1/targets/a-1",
            target,
            "127.0.0.9",
        ),
        of(
            "PUT /v1/schedules/{name}",
            "/v1/schedules/all",
            schedule,
            "schedule all",
        ),
        of(
            "DELETE /v1/schedules/{name}",
            "/v1/schedules/all",
            none.clone(),
            "/v1/schedules/all",
        ),
        of(
            "PUT /v1/credentials/{name}",
            "/v1/credentials/other",
            json!({ "name": "other", "values": { "community": "hidden-c0ffee" } }),
            "credential other",
        ),
        of(
            "DELETE /v1/credentials/{name}",
            "/v1/credentials/other",
            none.clone(),
            "/v1/credentials/other",
        ),
        of(
            "POST /v1/secrets/rotate",
            "/v1/secrets/rotate",
            none.clone(),
            "/v1/secrets/rotate",
        ),
        of("PUT /v1/relations", "/v1/relations", relation, "feeds"),
        of(
            "PUT /v1/floors/{name}",
            "/v1/floors/north",
            json!({ "name": "north", "size": [6, 6] }),
            "floor north",
        ),
        of(
            "DELETE /v1/floors/{name}",
            "/v1/floors/north",
            none.clone(),
            "/v1/floors/north",
        ),
        of(
            "PUT /v1/alarm-rules/{name}",
            "/v1/alarm-rules/fan-failed",
            rule,
            "alarm fan-failed",
        ),
        of(
            "DELETE /v1/alarm-rules/{name}",
            "/v1/alarm-rules/fan-failed",
            none.clone(),
            "/v1/alarm-rules/fan-failed",
        ),
        of(
            "POST /v1/apply",
            "/v1/apply",
            json!({ "documents": [{ "type": "target", "name": "c-1", "kind": "pdu", "address": "127.0.0.3", "credential": "pdus" }] }),
            "target c-1",
        ),
        of(
            "DELETE /v1/targets/{name}",
            "/v1/targets/c-1",
            none.clone(),
            "127.0.0.3",
        ),
        of(
            "PUT /v1/people/{name}",
            "/v1/people/zoe",
            none.clone(),
            "/v1/people/zoe",
        ),
        of(
            "PUT /v1/people/{name}/tokens/{token}",
            "/v1/people/zoe/tokens/laptop",
            none.clone(),
            "tokens/laptop",
        ),
        of(
            "PUT /v1/bindings/{name}",
            "/v1/bindings/zoe-viewer",
            json!({ "who": "zoe", "role": "viewer" }),
            "viewer",
        ),
        of(
            "DELETE /v1/bindings/{name}",
            "/v1/bindings/zoe-viewer",
            none.clone(),
            "viewer",
        ),
        of(
            "POST /v1/people/{name}/tokens/{token}/confirm",
            "/v1/people/max/tokens/first/confirm",
            none.clone(),
            "max/tokens/first/confirm",
        ),
        of(
            "DELETE /v1/people/{name}/tokens/{token}",
            "/v1/people/zoe/tokens/laptop",
            none.clone(),
            "tokens/laptop",
        ),
        of(
            "DELETE /v1/people/{name}",
            "/v1/people/zoe",
            none.clone(),
            "/v1/people/zoe",
        ),
        of(
            "PUT /v1/kinds/{kind}/pins",
            "/v1/kinds/pdu/pins",
            json!({ "pins": [] }),
            "pins",
        ),
        of(
            "PUT /v1/kinds/{kind}/placement",
            "/v1/kinds/pdu/placement",
            json!({}),
            "placement",
        ),
        of(
            "POST /v1/environments/{id}/pause",
            "/v1/environments/env-1/pause",
            json!({ "why": "quiet" }),
            "quiet",
        ),
        of(
            "POST /v1/environments/{id}/resume",
            "/v1/environments/env-1/resume",
            json!({}),
            "resume",
        ),
        of(
            "POST /v1/environments/{id}/drain",
            "/v1/environments/env-1/drain",
            json!({ "why": "works" }),
            "works",
        ),
        of(
            "POST /v1/environments/{id}/resume",
            "/v1/environments/env-1/resume",
            json!({}),
            "resume",
        ),
        of(
            "POST /v1/orders/pause",
            "/v1/orders/pause",
            json!({ "scope": { "kind": "pdu" }, "why": "still" }),
            "still",
        ),
        of(
            "POST /v1/orders/resume",
            "/v1/orders/resume",
            json!({ "scope": { "kind": "pdu" } }),
            "resume",
        ),
        of(
            "POST /v1/orders/drain",
            "/v1/orders/drain",
            json!({ "scope": { "kind": "pdu" } }),
            "drain",
        ),
        of(
            "POST /v1/orders/resume",
            "/v1/orders/resume",
            json!({ "scope": { "kind": "pdu" } }),
            "resume",
        ),
        of(
            "PUT /v1/targets/{name}/lock",
            "/v1/targets/a-1/lock",
            json!({ "why": "mine", "for": "1h" }),
            "target.locked",
        ),
        of(
            "DELETE /v1/targets/{name}/lock",
            "/v1/targets/a-1/lock",
            none,
            "target.unlocked",
        ),
    ]
}

/// The changing routes whose success needs more than one request: each has a test elsewhere, and is
/// recorded by the same code, or by the ledger.
const ELSEWHERE: [&str; 37] = [
    // It takes Vault: `vault.rs`.
    "POST /v1/secrets/rewrap",
    // It takes a kind with an action for it: `rotation.rs`.
    "POST /v1/credentials/{name}/rotate",
    "PUT /v1/people/{name}/link",
    // Recorded by the ledger.
    "POST /v1/operations",
    "POST /v1/operations/{id}/approve",
    "POST /v1/operations/{id}/pause",
    "POST /v1/operations/{id}/resume",
    "POST /v1/operations/{id}/cancel",
    "POST /v1/operations/{id}/undo",
    "POST /v1/tasks/{id}/settle",
    "POST /v1/tasks/{id}/cancel",
    "POST /v1/alarms/{id}/seen",
    "POST /v1/alarms/{id}/shelve",
    "POST /v1/alarms/{id}/unshelve",
    "POST /v1/policies/{name}/arm",
    "POST /v1/policies/{name}/off",
    "POST /v1/policies/{name}/shadow",
    "POST /v1/smart-control/stop",
    "POST /v1/smart-control/resume",
    // As alarm rules.
    "PUT /v1/policies/{name}",
    "DELETE /v1/policies/{name}",
    "PUT /v1/envelopes/{name}",
    "DELETE /v1/envelopes/{name}",
    // Below.
    "POST /v1/releases",
    "DELETE /v1/releases/{release}",
    "DELETE /v1/environments/{id}",
    // They need an environment with a key.
    "POST /v1/environments/{id}/accept",
    "POST /v1/environments/{id}/revoke",
    // As pins and placement.
    "POST /v1/rollouts",
    "POST /v1/rollouts/{id}/pause",
    "POST /v1/rollouts/{id}/resume",
    "POST /v1/rollouts/{id}/promote",
    "POST /v1/rollouts/{id}/abort",
    // In the tests of discovery.
    "POST /v1/discoveries",
    "POST /v1/discoveries/{id}/cancel",
    "POST /v1/proposals/{id}/accept",
    "POST /v1/proposals/{id}/dismiss",
];

#[test]
fn every_changing_route_is_tried_here_or_known_to_be_tried_elsewhere() {
    let tried: BTreeSet<&str> = requests().iter().map(|(route, ..)| *route).collect();
    let known: BTreeSet<&str> = tried
        .into_iter()
        .chain(ELSEWHERE)
        .chain(NO_CHANGE)
        .collect();
    let described = described();
    let missing: Vec<&String> = described
        .iter()
        .filter(|route| {
            let (method, _) = route.split_once(' ').unwrap();
            !method.parse::<Method>().unwrap().is_safe() && !known.contains(route.as_str())
        })
        .collect();
    assert!(
        missing.is_empty(),
        "these routes change something, and nobody has looked whether the trail says so: add a \
         request for each to {}: {missing:?}",
        file!()
    );
}

#[tokio::test]
async fn f7_every_change_is_in_the_trail_with_who_made_it() {
    let room = two_racks().await;
    let eve = make_with(&room, TOKEN, "eve", "admin", "").await;
    make(&room, TOKEN, "max").await;
    let mut count = trail(&room).await.len();
    for (route, path, body, says) in requests() {
        let (method, _) = route.split_once(' ').unwrap();
        let (status, told) = ask(&room, &eve, method, &path, body).await;
        assert!(status.is_success(), "{route} {status} {told}");
        let lines = trail(&room).await;
        let new = lines[count..]
            .iter()
            .map(Value::to_string)
            .collect::<String>();
        assert!(!new.is_empty(), "{route} has left no line");
        assert!(new.contains("eve"), "{route}: {new}");
        assert!(new.contains(says), "{route}: {new}");
        assert!(!new.contains("hidden-c0ffee"), "{route}: {new}");
        count = lines.len();
    }
    let (_, report) = room.get("/v1/audit/verify").await;
    assert_eq!(report["findings"], json!([]), "{report}");
    room.end().await;
}

#[tokio::test]
async fn f7_the_trail_has_the_address_before_and_after_and_that_of_each_task() {
    let room = two_racks().await;
    let (_, told) = room.post("/v1/operations", off("rack=A1")).await;
    assert_eq!(told["operation"]["counts"]["succeeded"], 1, "{told}");
    let mut moved = json!({
        "name": "a-1", "kind": "pdu", "address": "127.0.0.77", "credential": "pdus",
        "labels": { "rack": "A1" },
    });
    let (status, told) = room
        .send("PUT", "/v1/targets/a-1", Some(moved.take()))
        .await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.post("/v1/operations", off("rack=A1")).await;
    let lines = trail(&room).await;
    let planned = lines.iter().filter(|line| line["what"] == "task.planned");
    let addresses: Vec<&Value> = planned.map(|line| &line["address"]).collect();
    assert_eq!(addresses, ["127.0.0.1", "127.0.0.77"]);
    let change = lines
        .iter()
        .rfind(|line| line["what"] == "site.changed")
        .unwrap();
    assert_eq!(change["by"], "admin");
    assert_eq!(
        change["changes"][0]["differences"][0],
        json!({ "field": "address", "before": "127.0.0.1", "after": "127.0.0.77" }),
        "{change}"
    );
    room.end().await;
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_line() {
    let room = two_racks().await;
    let before = trail(&room).await.len();
    let dry = json!({ "dry_run": true, "documents": [
        { "type": "target", "name": "c-1", "kind": "pdu", "address": "127.0.0.3", "credential": "pdus" },
    ] });
    assert_eq!(room.post("/v1/apply", dry).await.0, StatusCode::OK);
    let read = json!({ "selector": "rack=A1", "wait": "10s" });
    assert_eq!(room.post("/v1/reads", read).await.0, StatusCode::OK);
    let wrong = json!({ "documents": 1 });
    assert!(!room.post("/v1/apply", wrong).await.0.is_success());
    assert_eq!(trail(&room).await.len(), before);
    room.end().await;
}

#[tokio::test]
async fn refusals_are_lines_of_which_many_are_one() {
    let room = Room::empty(crate::room::config()).await;
    let ana = make_with(&room, TOKEN, "ana", "viewer", "").await;
    let before = trail(&room).await.len();
    for _ in 0..20 {
        let (status, _) = ask(&room, &ana, "DELETE", "/v1/people/bo", None).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let lines = trail(&room).await;
    assert_eq!(lines.len(), before + 1, "{lines:?}");
    let line = lines.last().unwrap();
    assert_eq!(line["what"], "request.refused");
    assert_eq!(line["by"], "ana");
    assert_eq!(line["request"], "DELETE /v1/people/{name}");
    assert_eq!(line["code"], "forbidden");
    room.end().await;
}

#[tokio::test]
async fn a_long_body_is_in_the_trail_by_its_hash() {
    let room = Room::empty(crate::room::config()).await;
    make(&room, TOKEN, "ana").await;
    let names: Vec<String> = (0..600).map(|number| format!("target-{number}")).collect();
    let selector = format!("name in ({})", names.join(","));
    let body = json!({ "who": "ana", "role": "viewer", "selector": selector });
    let hash: String = Sha256::digest(body.to_string())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        give(&room, TOKEN, "ana", "viewer", &selector).await,
        StatusCode::OK
    );
    let lines = trail(&room).await;
    assert_eq!(lines.last().unwrap()["body"]["sha256"], hash);
    room.end().await;
}
