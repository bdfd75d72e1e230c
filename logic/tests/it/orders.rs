//! Environments ordered to pause, to drain, and to resume.

use axum::http::StatusCode;
use serde_json::json;
use utakata_interconnect::{Event, Events, Interest, Subscription, Zones};
use utakata_model::{Desired, StandingOrders, Stop};
use utakata_tests::wait::soon;

use crate::room::{Room, config};

/// Follows the messages to an environment of the zone.
async fn follow(room: &Room) -> Box<dyn Subscription> {
    let interest = Interest {
        desired: Zones::One("default".parse().unwrap()),
        ..Interest::NONE
    };
    room.bus.subscribe(interest).await.unwrap()
}

/// Returns the next message.
async fn next(told: &mut dyn Subscription) -> Desired {
    let events = soon("what is asked", told.next()).await.unwrap();
    match events.last() {
        Some(Event::Desired(desired)) => Desired::clone(desired),
        other => panic!("{other:?}"),
    }
}

/// Returns the order for everything that `env-1` does.
fn stop(desired: &Desired) -> Option<Stop> {
    let orders = desired.environments.get("env-1")?;
    orders.all.as_ref().map(|order| order.stop)
}

#[tokio::test]
async fn what_is_asked_of_an_environment_is_told_to_its_zone_and_holds_after_a_restart() {
    let room = Room::served().await;
    let mut told = follow(&room).await;
    let why = json!({ "why": "its switch is replaced" });
    let (status, paused) = room.post("/v1/environments/env-1/pause", why).await;
    assert_eq!(status, StatusCode::OK, "{paused}");
    let first = next(told.as_mut()).await;
    assert_eq!(paused["revision"], first.revision);
    assert_eq!(stop(&first), Some(Stop::Pause));
    let (_, list) = room.get("/v1/environments").await;
    let order = &list["items"][0]["orders"]["all"];
    assert_eq!(order["by"], "admin", "{list}");
    assert_eq!(order["why"], "its switch is replaced");
    let folder = room.end().await;
    // The order is published before the environment reports.
    let room = Room::at(folder, config()).await;
    let mut told = follow(&room).await;
    assert_eq!(next(told.as_mut()).await, first);
    room.announce(&["pdu"]).await;
    let (status, going) = room.post("/v1/environments/env-1/resume", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{going}");
    let mut last = next(told.as_mut()).await;
    while last.revision == first.revision {
        // It is repeated until the environment has received it.
        last = next(told.as_mut()).await;
    }
    assert!(last.revision > first.revision);
    assert_eq!(stop(&last), None);
    room.end().await;
}

#[tokio::test]
async fn what_nobody_knows_is_refused_with_the_nearest_name_and_changes_nothing() {
    let room = Room::served().await;
    for (path, body, status, code, cure) in [
        ("env-2/pause", json!({}), 404, "not-found", "\"env-1\""),
        (
            "env-1/pause",
            json!({ "kind": "pd" }),
            404,
            "not-found",
            "\"pdu\"",
        ),
        ("env-1/halt", json!({}), 404, "no-such-path", ""),
        (
            "env-1/drain",
            json!({ "kin": "pdu" }),
            422,
            "body-invalid",
            "\"kind\"",
        ),
        (
            "env-1/drain",
            json!({ "why": " " }),
            422,
            "body-invalid",
            "why",
        ),
        (
            "env-1/drain",
            json!([null, null]),
            422,
            "body-invalid",
            "a list was found where an object was expected",
        ),
        ("-/drain", json!({}), 400, "name-invalid", ""),
    ] {
        let (found, told) = room.post(&format!("/v1/environments/{path}"), body).await;
        assert_eq!(
            (found.as_u16(), &told["code"]),
            (status, &json!(code)),
            "{path}: {told}"
        );
        assert!(
            told.to_string().replace('\\', "").contains(cure),
            "{path}: {told}"
        );
    }
    let (_, list) = room.get("/v1/environments").await;
    assert!(list["items"][0].get("orders").is_none(), "{list}");
    room.end().await;
}

#[tokio::test]
async fn an_order_is_taken_back_where_it_was_given() {
    let room = Room::served().await;
    let of_kind = json!({ "kind": "pdu" });
    let order = async |verb: &str, body: &serde_json::Value| {
        let path = format!("/v1/environments/env-1/{verb}");
        room.post(&path, body.clone()).await
    };
    let (_, told) = order("drain", &of_kind).await;
    assert_eq!(told["orders"]["kinds"]["pdu"]["stop"], "drain", "{told}");
    let (status, told) = order("resume", &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    assert_eq!(told["code"], "order-elsewhere");
    let cure = told["cure"].as_str().unwrap();
    assert!(cure.contains("resume env-1 --kind pdu`"), "{cure}");
    let (status, told) = order("resume", &of_kind).await;
    assert_eq!(status, StatusCode::OK);
    assert!(told.get("orders").is_none(), "{told}");
    // Resuming something that is not stopped is fine.
    let (status, again) = order("resume", &of_kind).await;
    assert_eq!(
        (status, &again["revision"]),
        (StatusCode::OK, &told["revision"])
    );
    order("pause", &json!({})).await;
    let (status, told) = order("resume", &of_kind).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    room.end().await;
}

#[tokio::test]
async fn a_task_that_waits_because_of_an_order_says_so() {
    let room = Room::empty(config()).await;
    room.announce(&["pdu"]).await;
    room.furnish(1).await;
    let path = "/v1/environments/env-1/pause";
    room.post(path, json!({ "why": "its switch is replaced" }))
        .await;
    let off = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
    });
    let (_, requested) = room.post("/v1/operations", off).await;
    let id = requested["operation"]["id"].as_str().unwrap();
    let explain = format!("/v1/operations/{id}/explain");
    let told = room
        .until(&explain, |told| told["waits_for"] == "order")
        .await;
    let says = told["says"].as_str().unwrap();
    let expect = "the environment env-1 is paused by admin since ";
    assert!(says.contains(expect), "{says}");
    assert!(says.ends_with("(its switch is replaced)"), "{says}");
    assert_eq!(told["cure"], "`utakata environment resume env-1`");
    room.post("/v1/environments/env-1/resume", json!({})).await;
    room.until(&explain, |told| told["waits_for"] == "queue")
        .await;
    room.end().await;
}

#[tokio::test]
async fn a_task_that_waits_for_a_read_or_for_another_task_says_what_holds_that_up() {
    let room = Room::empty(config()).await;
    room.announce(&["pdu"]).await;
    room.furnish(1).await;
    let stop = json!({ "scope": { "kind": "pdu" }, "why": "its driver is looked at" });
    room.post("/v1/orders/pause", stop).await;
    let ask = async |body: serde_json::Value| {
        let (_, requested) = room.post("/v1/operations", body).await;
        let id = requested["operation"]["id"].as_str().unwrap();
        format!("/v1/operations/{id}/explain")
    };
    // The current state is read first, so that it can be restored.
    let set = json!({
        "selector": "rack=A1", "action": "set-power", "parameters": { "watts": 70.0 },
    });
    let captures = ask(set).await;
    let off = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
    });
    let is_held = |told: &serde_json::Value| told["waits_for"] == "order";
    let held = ask(off.clone()).await;
    room.until(&held, is_held).await;
    let behind = ask(off).await;
    for (path, begins) in [
        (&captures, "what pdu-0 has now is being read"),
        (&behind, "the task "),
    ] {
        let told = room
            .until(path, |told| {
                let says = told["says"].as_str().unwrap_or_default();
                says.contains("the kind pdu is paused by admin since ")
            })
            .await;
        let says = told["says"].as_str().unwrap();
        assert!(says.contains(begins), "{says}");
        assert!(says.ends_with("(its driver is looked at)"), "{says}");
        assert_eq!(told["cure"], "`utakata kind resume pdu`");
    }
    room.post("/v1/orders/resume", json!({ "scope": { "kind": "pdu" } }))
        .await;
    room.until(&captures, |told| told["waits_for"] == "capture")
        .await;
    room.end().await;
}

#[tokio::test]
async fn an_order_of_a_zone_a_kind_or_a_release_is_one_and_holds_for_who_comes_later() {
    let room = Room::served().await;
    let mut told = follow(&room).await;
    let order = async |verb: &str, scope: &serde_json::Value, why: &str| {
        let body = json!({ "scope": scope, "why": why });
        room.post(&format!("/v1/orders/{verb}"), body).await
    };
    let scopes = [
        json!({ "zone": "default" }),
        json!({ "kind": "pdu" }),
        json!({ "zone": "default", "kind": "pdu" }),
        json!({ "release": "pdu@1.0.0" }),
    ];
    for scope in &scopes {
        let (status, view) = order("drain", scope, "a test").await;
        assert_eq!(status, StatusCode::OK, "{view}");
        assert_eq!(view["order"]["stop"], "drain");
        assert_eq!(view["environments"], json!(["env-1"]), "{view}");
        let revision = view["revision"].as_u64().unwrap();
        let mut desired = next(told.as_mut()).await;
        while desired.revision < revision {
            desired = next(told.as_mut()).await;
        }
        assert!(desired.environments.is_empty());
        let StandingOrders { zone, everywhere } = desired.standing;
        let stops = [
            zone.all.iter().count(),
            everywhere.kinds.len(),
            zone.kinds.len(),
            everywhere.releases.len(),
        ];
        assert_eq!(stops.iter().sum::<usize>(), 1, "{scope}: {stops:?}");
        let (_, list) = room.get("/v1/orders").await;
        assert_eq!(list["items"][0]["scope"], *scope, "{list}");
        assert_eq!(list["items"][0]["by"], "admin");
        assert_eq!(list["items"][0]["why"], "a test");
        let (_, list) = room.get("/v1/environments").await;
        assert_eq!(list["items"][0]["standing"][0]["scope"], *scope, "{list}");
        let (status, view) = order("resume", scope, "done").await;
        assert_eq!(status, StatusCode::OK, "{view}");
        assert!(
            view.get("order").is_none() && view.get("others").is_none(),
            "{view}"
        );
    }
    order("pause", &scopes[0], "kept").await;
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    // Nobody is there yet.
    let mut told = follow(&room).await;
    let kept = next(told.as_mut()).await.standing.zone.all.unwrap();
    assert_eq!(
        (kept.stop, kept.why.as_deref()),
        (Stop::Pause, Some("kept"))
    );
    room.end().await;
}

#[tokio::test]
async fn an_order_for_what_nobody_knows_is_refused_and_one_is_lifted_where_it_was_given() {
    let room = Room::served().await;
    let order = async |verb: &str, scope: serde_json::Value| {
        let body = json!({ "scope": scope });
        room.post(&format!("/v1/orders/{verb}"), body).await
    };
    for (scope, status, code, hint) in [
        (json!({ "zone": "default1" }), 404, "not-found", "default"),
        (json!({ "kind": "pud" }), 404, "not-found", "pdu"),
        (json!({ "release": "pdu@9" }), 404, "not-found", "pdu@"),
        (json!({ "environment": "env-2" }), 404, "not-found", "env-1"),
        (json!({}), 422, "body-invalid", "name its scope"),
        (
            json!({ "zone": "default", "release": "pdu@1.0.0" }),
            422,
            "body-invalid",
            "name its scope",
        ),
        (
            json!({ "release": "pdu" }),
            422,
            "body-invalid",
            "KIND@VERSION",
        ),
    ] {
        let (found, told) = order("pause", scope.clone()).await;
        let found = (found.as_u16(), told["code"].as_str().unwrap());
        assert_eq!(found, (status, code), "{scope}: {told}");
        assert!(told.to_string().contains(hint), "{scope}: {told}");
    }
    let (_, list) = room.get("/v1/orders").await;
    assert_eq!(list["items"], json!([]));
    order("pause", json!({ "zone": "default" })).await;
    for (scope, lift) in [
        (json!({ "environment": "env-1" }), "resume --zone default"),
        (
            json!({ "environment": "env-1", "kind": "pdu" }),
            "resume --zone default",
        ),
        (
            json!({ "zone": "default", "kind": "pdu" }),
            "resume --zone default",
        ),
    ] {
        let (status, told) = order("resume", scope.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{scope}: {told}");
        assert!(told["cure"].as_str().unwrap().contains(lift), "{told}");
    }
    order("resume", json!({ "zone": "default" })).await;
    order("drain", json!({ "environment": "env-1", "kind": "pdu" })).await;
    let (status, told) = order("resume", json!({ "kind": "pdu" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    let cure = told["cure"].as_str().unwrap();
    assert!(
        cure.contains("environment resume env-1 --kind pdu"),
        "{cure}"
    );
    // Resuming something that is not stopped is fine.
    let (status, told) = order("resume", json!({ "release": "pdu@1.0.0" })).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.end().await;
}

#[tokio::test]
async fn an_environment_that_needs_networks_is_told_those_of_its_targets_as_they_change() {
    let room = Room::empty(config()).await;
    let mut told = follow(&room).await;
    let apply = async |targets: &[(&str, &str)]| {
        let documents = targets.iter().map(|(name, address)| {
            json!({"type": "target", "name": name, "kind": "pdu", "address": address})
        });
        let documents: Vec<_> = documents.collect();
        let (status, said) = room
            .post("/v1/apply", json!({"documents": documents}))
            .await;
        assert_eq!(status, StatusCode::OK, "{said}");
    };
    apply(&[("a", "192.0.2.1"), ("b", "pdu-b.example:161")]).await;
    room.announce_one(&["pdu"], |status| status.needs_networks = true)
        .await;
    let first = next(told.as_mut()).await;
    assert_eq!(first.revision, 0, "nothing was ever ordered");
    let targets = |desired: &Desired| serde_json::to_value(&desired.targets).unwrap();
    let expect = json!({"pdu": {"networks": ["192.0.2.1/32"], "names": ["pdu-b.example"]}});
    assert_eq!(targets(&first), expect);
    apply(&[("b", "192.0.2.0")]).await;
    let second = next(told.as_mut()).await;
    assert_eq!(second.revision, first.revision);
    assert_eq!(
        targets(&second),
        json!({"pdu": {"networks": ["192.0.2.0/31"]}})
    );
    room.end().await;
}

#[tokio::test]
async fn an_environment_that_needs_no_networks_is_told_none() {
    let room = Room::served().await;
    let mut told = follow(&room).await;
    let (status, _) = room.post("/v1/environments/env-1/pause", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(next(told.as_mut()).await.targets, None);
    room.end().await;
}
