//! Policies and envelopes, from the document to the device and back.

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_logic::config::Approval;
use utakata_tests::wait::until;

use crate::{
    rights::make_with,
    room::{Room, TOKEN, config},
};

/// Sets the first PDU to 100 W as soon as both draw more than 230 W, and hands it back below 150 W.
fn cap() -> Value {
    json!({
        "type": "policy", "name": "cap",
        "watch": { "load": { "metric": "hw.power", "selector": "kind=pdu", "aggregate": "sum",
            "fresh": "10m" } },
        "when": "load > 230.0",
        "act": [{ "action": "set-power", "on": { "selector": "name=pdu-0" },
            "parameters": { "watts": 100 }, "settle": "2s",
            "expects": { "input": "load", "moves": "down", "by": 10.0, "within": "10m" } }],
        "back": { "when": "load < 150.0" },
        "envelope": { "only": { "selector": "kind=pdu", "actions": ["set-power"] },
            "at_most": ["5 in 1h"] },
    })
}

async fn read(room: &Room, selector: &str) {
    let read = json!({ "selector": selector, "wait": "10s" });
    let (status, answer) = room.post("/v1/reads", read).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn set_power(room: &Room, target: &str, watts: f64) {
    let control = json!({
        "selector": format!("name={target}"), "action": "set-power",
        "parameters": { "watts": watts }, "wait": "10s",
    });
    let (status, answer) = room.post("/v1/operations", control).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    read(room, &format!("name={target}")).await;
}

/// Tests a policy, and arms it.
async fn arm(room: &Room, name: &str) {
    room.until(&format!("/v1/policies/{name}"), |policy| {
        policy["instances"][0]["at"].is_string()
    })
    .await;
    let (status, tested) = test(room, name).await;
    assert_eq!(status, StatusCode::OK, "{tested}");
    let arm = json!({ "token": tested["token"], "for": "1h", "why": "to see" });
    let (status, armed) = room.post(&format!("/v1/policies/{name}/arm"), arm).await;
    assert_eq!(status, StatusCode::OK, "{armed}");
}

async fn test(room: &Room, name: &str) -> (StatusCode, Value) {
    let path = format!("/v1/policies/{name}/test");
    room.post(&path, json!({ "since": "1h" })).await
}

/// The operations that policies have requested.
async fn by_policies(room: &Room) -> Vec<Value> {
    let (_, list) = room.get("/v1/operations?class=control").await;
    let items = list["items"].as_array().unwrap().clone();
    let is_its = |one: &Value| one["policy"].is_string();
    items.into_iter().filter(is_its).collect()
}

fn stage(policy: &Value) -> Option<&str> {
    policy["instances"][0]["changes"][0]["stage"].as_str()
}

#[tokio::test]
async fn an_armed_policy_acts_once_also_over_a_restart_and_hands_back() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    // In shadow it decides, and does nothing.
    let shadow = room
        .until("/v1/policies/cap", |policy| stage(policy) == Some("would"))
        .await;
    assert_eq!(shadow["mode"], "shadow", "{shadow}");
    assert_eq!(by_policies(&room).await.len(), 0);

    arm(&room, "cap").await;
    let armed = room
        .until("/v1/policies/cap", |policy| stage(policy) == Some("done"))
        .await;
    assert_eq!(armed["mode"], "armed", "{armed}");
    read(&room, "kind=pdu").await;
    assert_eq!(by_policies(&room).await.len(), 1);
    let (_, trail) = room.get("/v1/audit").await;
    for words in ["policy.changed", "armed", "to see", "acts"] {
        assert!(trail.to_string().contains(words), "{words}: {trail}");
    }

    let folder = room.end().await;
    let mut room = Room::at(folder, config()).await;
    let script = |_: &_| Some((utakata_model::OutcomeStatus::Succeeded, None));
    room.serve("pdu", std::sync::Arc::new(script)).await;
    let after = room
        .until("/v1/policies/cap", |policy| {
            policy["instances"][0]["at"].is_string()
        })
        .await;
    assert_eq!(after["mode"], "armed", "{after}");
    assert_eq!(stage(&after), Some("done"), "{after}");
    assert_eq!(by_policies(&room).await.len(), 1, "it acts once");

    set_power(&room, "pdu-1", 20.0).await;
    room.until("/v1/policies/cap", |policy| stage(policy).is_none())
        .await;
    let requested = by_policies(&room).await;
    assert_eq!(requested.len(), 2, "{requested:?}");
    assert_eq!(requested[0]["undoes"], requested[1]["id"]);
    assert_eq!(requested[0]["parameters"]["watts"], 120);
    room.end().await;
}

#[tokio::test]
async fn all_hands_are_off_at_once_and_what_was_changed_goes_back() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    arm(&room, "cap").await;
    room.until("/v1/policies/cap", |policy| stage(policy) == Some("done"))
        .await;
    let (status, stopped) = room
        .post("/v1/smart-control/stop", json!({ "why": "enough" }))
        .await;
    assert_eq!(status, StatusCode::OK, "{stopped}");
    let after = room
        .until("/v1/policies/cap", |policy| {
            policy["mode"] == "shadow" && policy["hands_back"].is_null()
        })
        .await;
    assert!(
        stage(&after).is_none_or(|stage| stage == "would"),
        "{after}"
    );
    let requested = by_policies(&room).await;
    assert_eq!(requested.len(), 2, "{requested:?}");
    room.end().await;
}

#[tokio::test]
async fn a_policy_is_armed_only_as_it_was_tested() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    room.until("/v1/policies/cap", |policy| {
        policy["instances"][0]["at"].is_string()
    })
    .await;
    let arm = |token: Value| json!({ "token": token, "for": "1h" });
    let path = "/v1/policies/cap/arm";
    let (status, refused) = room.post(path, arm("x".into())).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert_eq!(refused["code"], "policy-untested");
    let (_, tested) = test(&room, "cap").await;
    assert_eq!(tested["episodes"], 1, "{tested}");
    let (_, refused) = room.post(path, arm("x".into())).await;
    assert_eq!(refused["code"], "policy-token", "{refused}");
    // An envelope that came since makes it another test.
    let site = json!({ "type": "envelope", "name": "site", "limits": { "at_most": ["9 in 1h"] } });
    room.apply(json!([site])).await;
    let (_, refused) = room.post(path, arm(tested["token"].clone())).await;
    assert_eq!(refused["code"], "policy-token", "{refused}");
    let (_, tested) = test(&room, "cap").await;
    let (status, armed) = room.post(path, arm(tested["token"].clone())).await;
    assert_eq!(status, StatusCode::OK, "{armed}");
    assert_eq!(armed["needs_second"], false);
    room.end().await;
}

#[tokio::test]
async fn two_policies_that_fight_are_refused_unless_one_ranks_after_the_other() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut other = cap();
    other["name"] = "other".into();
    let both = json!({ "documents": [cap(), other] });
    let (status, refused) = room.post("/v1/apply", both).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let text = refused.to_string();
    assert!(text.contains("set-power on pdu-0, too"), "{text}");
    other["after"] = "cap".into();
    room.apply(json!([cap(), other])).await;
    room.end().await;
}

#[tokio::test]
async fn an_envelope_of_the_site_binds_people_who_do_not_break_the_glass() {
    let room = Room::served().await;
    room.furnish(3).await;
    let site = json!({ "type": "envelope", "name": "site", "applies": "all",
        "limits": { "at_most": ["1 in 1h"] } });
    room.apply(json!([site])).await;
    set_power(&room, "pdu-0", 90.0).await;
    let control = |target: &str, more: Value| {
        let mut control = json!({ "selector": format!("name={target}"), "action": "set-power",
            "parameters": { "watts": 80 } });
        control
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        control
    };
    let (status, answer) = room
        .post("/v1/operations", control("pdu-1", json!({})))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let id = answer["operation"]["id"].as_str().unwrap();
    let explained = room
        .until(&format!("/v1/operations/{id}/explain"), |explained| {
            explained["waits_for"] == "envelope"
        })
        .await;
    let says = explained["says"].as_str().unwrap();
    assert!(says.contains("1 acts in 1h"), "{says}");
    let (_, envelope) = room.get("/v1/envelopes/site").await;
    assert_eq!(envelope["uses"][0]["used"], 1, "{envelope}");
    assert_eq!(envelope["waits"].as_array().unwrap().len(), 1);

    let path = "/v1/operations";
    let glass = json!({ "break_glass": true, "wait": "10s" });
    let (status, refused) = room.post(path, control("pdu-2", glass)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let glass = json!({ "break_glass": true, "wait": "10s", "why": "smoke" });
    let (_, answer) = room.post(path, control("pdu-2", glass)).await;
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let (_, trail) = room.get("/v1/audit").await;
    assert!(trail.to_string().contains("break_glass"), "{trail}");
    // What counts is known after a restart.
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (_, envelope) = room.get("/v1/envelopes/site").await;
    assert_eq!(envelope["uses"][0]["used"], 2, "{envelope}");
    room.end().await;
}

#[tokio::test]
async fn any_moment_is_explained_from_history() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    let at = jiff::Timestamp::now();
    set_power(&room, "pdu-1", 20.0).await;
    set_power(&room, "pdu-0", 20.0).await;
    let path = format!("/v1/policies/cap/explain?at={at}");
    let then = room
        .until(&path, |one| {
            one["instances"][0]["inputs"][0]["value"] == 240.0
        })
        .await;
    assert_eq!(then["recomputed"], true);
    assert_eq!(then["instances"][0]["conditions"]["when"], true, "{then}");
    let now = room
        .until("/v1/policies/cap/explain", |one| {
            one["instances"][0]["inputs"][0]["value"] == 40.0
        })
        .await;
    let needs = now["instances"][0]["needs"].to_string();
    assert!(
        needs.contains("load > 230.0 would have to be true"),
        "{now}"
    );
    room.end().await;
}

#[tokio::test]
async fn two_people_arm_a_policy_whose_action_is_of_high_risk() {
    arm_by_two(true).await;
}

#[tokio::test]
async fn two_people_arm_a_policy_whose_actions_nobody_serves_at_the_moment() {
    arm_by_two(false).await;
}

async fn arm_by_two(is_served: bool) {
    let mut config = config();
    config.control.approval = Approval::High;
    let mut room = Room::empty(config).await;
    if is_served {
        let script = |_: &_| Some((utakata_model::OutcomeStatus::Succeeded, None));
        room.serve("pdu", std::sync::Arc::new(script)).await;
    }
    room.furnish(2).await;
    let mut dark = cap();
    dark["name"] = "dark".into();
    dark["act"] =
        json!([{ "action": "feed-off", "on": { "selector": "name=pdu-0" }, "settle": "2s" }]);
    dark["envelope"]["only"]["actions"] = json!(["feed-off"]);
    room.apply(json!([dark])).await;
    // One person holds these two.
    let sec = make_with(&room, TOKEN, "sec", "security", "").await;
    let bob = make_with(&room, &sec, "bob", "operator", "").await;
    let puppet = make_with(&room, &sec, "puppet", "operator", "").await;
    let own = make_with(&room, TOKEN, "ana", "operator", "").await;
    room.until("/v1/policies/dark", |policy| {
        policy["instances"][0]["at"].is_string()
    })
    .await;
    let (_, tested) = test(&room, "dark").await;
    let arm = json!({ "token": tested["token"], "for": "1h" });
    let path = "/v1/policies/dark/arm";
    for _ in 0..2 {
        let (status, armed) = room.post_as(&bob, path, arm.clone()).await;
        assert_eq!(status, StatusCode::OK, "{armed}");
        assert_eq!(armed["needs_second"], true, "{armed}");
    }
    // Late has the right only since bob has requested it.
    let late = make_with(&room, TOKEN, "late", "operator", "").await;
    for (by, why) in [
        (&puppet, "the token of puppet was made by sec"),
        (&late, "younger than the request"),
    ] {
        let (status, told) = room.post_as(by, path, arm.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{told}");
        assert_eq!(told["code"], "approve-given", "{told}");
        assert!(told["detail"].as_str().unwrap().contains(why), "{told}");
    }
    for (by, needs_second) in [(&bob, true), (&own, false)] {
        let (status, armed) = room.post_as(by, path, arm.clone()).await;
        assert_eq!(status, StatusCode::OK, "{armed}");
        assert_eq!(armed["needs_second"], needs_second, "{armed}");
        let mode = if needs_second { "shadow" } else { "armed" };
        let is_so = |policy: &Value| policy["mode"] == mode;
        room.until("/v1/policies/dark", is_so).await;
    }
    room.end().await;
}

#[tokio::test]
async fn what_a_kind_cannot_do_is_told_when_a_policy_is_applied() {
    let room = Room::served().await;
    room.furnish(1).await;
    let mut misspelt = cap();
    misspelt["act"][0]["action"] = "set-powers".into();
    misspelt["envelope"].as_object_mut().unwrap().remove("only");
    let mut leased = cap();
    leased["dead_man"] = json!({ "lease": "1m", "renew": "10s" });
    for (policy, words) in [
        (misspelt, "did you mean"),
        (leased, "does not take set-power back"),
    ] {
        let documents = json!({ "documents": [policy] });
        let (status, refused) = room.post("/v1/apply", documents).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains("act.0.action") && text.contains(words),
            "{text}"
        );
    }
    room.end().await;
}

#[tokio::test]
async fn a_policy_whose_time_is_over_is_in_shadow_again_and_hands_back() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    room.until("/v1/policies/cap", |policy| {
        policy["instances"][0]["at"].is_string()
    })
    .await;
    let (_, tested) = test(&room, "cap").await;
    let arm = json!({ "token": tested["token"], "for": "4s" });
    let (status, armed) = room.post("/v1/policies/cap/arm", arm).await;
    assert_eq!(status, StatusCode::OK, "{armed}");
    let after = room
        .until("/v1/policies/cap", |policy| {
            policy["by"] == "utakata" && policy["hands_back"].is_null()
        })
        .await;
    assert_eq!(after["mode"], "shadow", "{after}");
    // Whatever it has done by then is undone.
    let requested = by_policies(&room).await;
    let undoes = requested.iter().filter(|one| one["undoes"].is_string());
    assert_eq!(undoes.count() * 2, requested.len(), "{requested:?}");
    room.end().await;
}

/// Hands off, while a second change waits for an envelope that is used up.
#[tokio::test]
async fn what_waits_for_an_envelope_is_not_done_after_a_stop() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut both = cap();
    both["act"][0]["on"] = json!({ "selector": "kind=pdu" });
    both["act"][0]["at_a_time"] = 2.into();
    both["envelope"]["at_most"] = json!(["1 in 8s"]);
    room.apply(json!([both])).await;
    read(&room, "kind=pdu").await;
    arm(&room, "cap").await;
    let stages = |policy: &Value| {
        let changes = policy["instances"][0]["changes"].as_array();
        let stages = changes.into_iter().flatten();
        let stages = stages.filter_map(|one| one["stage"].as_str().map(str::to_owned));
        stages.collect::<Vec<_>>()
    };
    room.until("/v1/policies/cap", |policy| {
        let mut stages = stages(policy);
        stages.sort_unstable();
        stages == ["asked", "done"]
    })
    .await;
    let (status, stopped) = room.post("/v1/smart-control/stop", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{stopped}");
    room.until("/v1/policies/cap", |policy| policy["hands_back"].is_null())
        .await;
    // The second act is for good not done, however much room the envelope has later.
    let mut requested = Vec::new();
    until("one act is done, and one is cancelled", async || {
        requested = by_policies(&room).await;
        let acts = requested.iter().filter(|one| one["undoes"].is_null());
        let mut states: Vec<&str> = acts.filter_map(|one| one["state"].as_str()).collect();
        states.sort_unstable();
        states == ["cancelled", "done"]
    })
    .await;
    assert_eq!(requested.len(), 3, "{requested:?}");
    room.end().await;
}

/// Advice ends with its time, and what nobody has approved by then is not approved later.
#[tokio::test]
async fn advice_ends_and_nobody_can_follow_it_afterwards() {
    let room = Room::served().await;
    room.furnish(2).await;
    room.apply(json!([cap()])).await;
    read(&room, "kind=pdu").await;
    room.until("/v1/policies/cap", |policy| {
        policy["instances"][0]["at"].is_string()
    })
    .await;
    let (_, tested) = test(&room, "cap").await;
    let arm = json!({ "token": tested["token"], "for": "4s", "advise": true });
    let (status, armed) = room.post("/v1/policies/cap/arm", arm).await;
    assert_eq!(status, StatusCode::OK, "{armed}");
    room.until("/v1/policies/cap", |policy| stage(policy) == Some("asked"))
        .await;
    let asked = by_policies(&room).await;
    assert_eq!(asked[0]["state"], "awaiting", "{asked:?}");
    let after = room
        .until("/v1/policies/cap", |policy| {
            policy["by"] == "utakata" && policy["hands_back"].is_null()
        })
        .await;
    assert_eq!(after["mode"], "shadow", "{after}");
    let path = format!(
        "/v1/operations/{}/approve",
        asked[0]["id"].as_str().unwrap()
    );
    let (status, refused) = room.post(&path, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    let requested = by_policies(&room).await;
    assert_eq!(requested.len(), 1, "{requested:?}");
    assert_eq!(requested[0]["state"], "cancelled", "{requested:?}");
    room.end().await;
}

/// Whoever arms a policy arms all of its instances, and so all of them are tested first.
#[tokio::test]
async fn a_policy_of_more_instances_than_are_tested_has_no_token() {
    let room = Room::served().await;
    room.furnish(1001).await;
    let mut each = cap();
    each["for_each"] = "kind=pdu".into();
    each["watch"] = json!({ "load": { "metric": "hw.power", "fresh": "10m" } });
    room.apply(json!([each])).await;
    let (status, tested) = room
        .post("/v1/policies/cap/test", json!({ "since": "1m" }))
        .await;
    assert_eq!(status, StatusCode::OK, "{tested}");
    assert_eq!(tested["instances"], 1000, "{tested}");
    assert_eq!(tested["of"], 1001, "{tested}");
    assert!(tested["token"].is_null(), "{tested}");
    room.end().await;
}
