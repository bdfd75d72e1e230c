//! Operations that change something.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use serde_json::json;
use utakata_model::{Class, OutcomeStatus, Task};

use crate::room::{Room, config, target};

#[tokio::test]
async fn an_operation_is_recorded_done_and_reported_per_target() {
    let room = Room::served().await;
    room.furnish(3).await;
    let (status, answer) = room
        .post(
            "/v1/operations",
            json!({
                "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 3 },
                "why": "maintenance", "wait": "10s",
            }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let operation = &answer["operation"];
    assert_eq!(operation["counts"]["succeeded"], 3, "{answer}");
    assert_eq!(operation["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(operation["why"], "maintenance");
    let id = operation["id"].as_str().unwrap().to_owned();
    let folder = room.end().await;

    let room = Room::at(folder, config()).await;
    let (_, again) = room.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(again["counts"]["succeeded"], 3, "{again}");
    let (_, tasks) = room.get("/v1/tasks?class=control&target=pdu-1").await;
    assert_eq!(tasks["items"][0]["outcome"]["ran_by"]["worker"], "pdu-1");
    let (_, list) = room.get("/v1/operations").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    room.end().await;
}

#[tokio::test]
async fn nothing_is_sent_unless_everything_is_right() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut bare = target("pdu-bare");
    bare.as_object_mut().unwrap().remove("credential");
    let mut other = target("ups-1");
    other["kind"] = json!("ups");
    let mut far = target("pdu-far");
    far["zone"] = json!("far");
    room.apply(json!([bare, other, far])).await;
    let off = |selector: &str, action: &str, outlet: i32| json!({ "selector": selector, "action": action, "parameters": { "outlet": outlet } });
    for (requested, code, says) in [
        (off("", "outlet-off", 1), "selector-empty", "every target"),
        (
            off("rack=Z9", "outlet-off", 1),
            "selects-nothing",
            "rack=Z9",
        ),
        (
            off("name=pdu-0", "outlet-of", 1),
            "cannot-be-done",
            "did you mean \"outlet-off\"?",
        ),
        (
            off("name=pdu-0", "read", 1),
            "cannot-be-done",
            "only observes",
        ),
        (
            off("name=pdu-0", "outlet-off", 0),
            "cannot-be-done",
            "minimum of 1",
        ),
        (
            off("name=pdu-bare", "outlet-off", 1),
            "cannot-be-done",
            "needs a credential",
        ),
        (
            off("name=ups-1", "outlet-off", 1),
            "cannot-be-done",
            "kind \"ups\"",
        ),
        (
            off("name=pdu-far", "outlet-off", 1),
            "cannot-be-done",
            "zone \"far\"",
        ),
        // A single impossible one stops all the others.
        (
            off("rack=A1", "outlet-off", 1),
            "cannot-be-done",
            "3 things are wrong",
        ),
    ] {
        let (status, problem) = room.post("/v1/operations", requested.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{requested}");
        assert_eq!(problem["code"], code, "{requested}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{requested}: {problem}"
        );
        assert!(!problem["cure"].as_str().unwrap().is_empty());
    }
    let (_, tasks) = room.get("/v1/tasks?class=control").await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 0);
    assert_eq!(room.tasks.counts().control_waiting, 0);
    room.end().await;
}

#[tokio::test]
async fn a_pace_by_a_label_that_no_target_has_is_refused() {
    let room = Room::served().await;
    room.furnish(2).await;
    let requested = |pace: serde_json::Value| {
        json!({
            "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
            "pace": pace, "dry_run": true,
        })
    };
    let max = |label: &str| json!({ "at_most": [{ "label": label, "max": 1 }] });
    for (pace, expect) in [
        (max("rack"), None),
        (max("zone"), None),
        (
            max("rak"),
            Some("label rak: none of the selected targets has it: did you mean \"rack\"?"),
        ),
        (json!({ "order_by": "rak" }), Some("did you mean \"rack\"?")),
    ] {
        let (status, answer) = room.post("/v1/operations", requested(pace.clone())).await;
        let Some(expect) = expect else {
            assert_eq!(status, StatusCode::OK, "{pace}: {answer}");
            continue;
        };
        assert_eq!(answer["code"], "cannot-be-done", "{pace}: {answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(expect), "{pace}: {answer}");
    }
    room.end().await;
}

#[tokio::test]
async fn a_dry_run_tells_which_release_would_do_it_and_does_nothing() {
    let room = Room::served().await;
    room.furnish(2).await;
    let (status, answer) = room
        .post(
            "/v1/operations",
            json!({
                "selector": "name", "action": "outlet-off", "parameters": { "outlet": 1 },
                "dry_run": true,
            }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["plan"]["targets"].as_array().unwrap().len(), 2);
    assert_eq!(answer["plan"]["targets"][0]["release"]["version"], "1.0.0");
    let (_, list) = room.get("/v1/operations").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    room.end().await;
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "it is made where it is given"
)]
pub fn off(more: serde_json::Value) -> serde_json::Value {
    let mut requested = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
    });
    let more = more.as_object().unwrap().clone();
    requested.as_object_mut().unwrap().extend(more);
    requested
}

/// Short times: for tasks that nobody answers.
pub fn hasty() -> utakata_logic::Config {
    let mut config = config();
    config.control.grace = Duration::ZERO;
    config.control.window = Duration::from_millis(10);
    config.control.settling = Duration::from_millis(10);
    config
}

#[tokio::test]
async fn control_that_nobody_answers_waits_for_a_person_and_an_outcome_of_no_permit_changes_nothing()
 {
    let mut room = Room::empty(hasty()).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(1).await;
    let (_, answer) = room
        .post("/v1/operations", off(json!({ "wait": "20s" })))
        .await;
    let task = &answer["operation"]["tasks"][0];
    assert_eq!(task["state"], "unsettled", "{answer}");
    assert_eq!(task["outcome"]["problem"]["code"], "unsettled");
    assert_eq!(task["attempts"][0]["environment"], "env-1");
    let mut late: utakata_model::Outcome = serde_json::from_value(task["outcome"].clone()).unwrap();
    late.status = OutcomeStatus::Succeeded;
    late.permit = Some(77);
    let id = late.task;
    room.publish(late.clone()).await;
    let (_, seen) = room.get(&format!("/v1/tasks/{id}")).await;
    assert_eq!(seen["state"], "unsettled");
    // The holder of the permit is believed, however late.
    late.permit = Some(1);
    room.publish(late).await;
    room.until(&format!("/v1/tasks/{id}"), |task| {
        task["state"] == "succeeded"
    })
    .await;
    room.end().await;
}

#[tokio::test]
async fn control_that_was_under_way_at_a_restart_is_settled_and_never_lost() {
    let mut room = Room::empty(hasty()).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(2).await;
    let (status, answer) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::OK);
    let id = answer["operation"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/operations/{id}");
    room.until(&path, |operation| operation["counts"]["permitted"] == 2)
        .await;
    let folder = room.end().await;
    let room = Room::at(folder, hasty()).await;
    let seen = room
        .until(&path, |operation| operation["counts"]["unsettled"] == 2)
        .await;
    assert_eq!(seen["state"], "running", "{seen}");
    room.end().await;
}

#[tokio::test]
async fn control_that_nobody_fetched_before_a_restart_is_done_after_it() {
    let room = Room::empty(config()).await;
    room.announce(&["pdu"]).await;
    room.furnish(2).await;
    let (_, answer) = room.post("/v1/operations", off(json!({}))).await;
    let id = answer["operation"]["id"].as_str().unwrap().to_owned();
    let folder = room.end().await;
    let mut room = Room::at(folder, config()).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    let path = format!("/v1/operations/{id}");
    let seen = room
        .until(&path, |operation| operation["counts"]["succeeded"] == 2)
        .await;
    assert_eq!(seen["state"], "done", "{seen}");
    room.end().await;
}

#[tokio::test]
async fn many_targets_need_to_be_meant() {
    let mut config = config();
    config.control.many = 2;
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(3).await;
    for (more, code) in [
        (json!({}), "many-targets"),
        (json!({ "expect": 4 }), "other-targets"),
    ] {
        let (status, problem) = room.post("/v1/operations", off(more)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], code, "{problem}");
    }
    let (status, _) = room
        .post("/v1/operations", off(json!({ "expect": 3 })))
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, plan) = room
        .post("/v1/operations", off(json!({ "dry_run": true })))
        .await;
    let token = plan["plan"]["token"].clone();
    let (status, _) = room
        .post("/v1/operations", off(json!({ "plan": token })))
        .await;
    assert_eq!(status, StatusCode::OK);
    room.apply(json!([target("pdu-new")])).await;
    let (status, problem) = room
        .post("/v1/operations", off(json!({ "plan": token })))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "plan-changed", "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("targets"),
        "{problem}"
    );
    room.end().await;
}

#[tokio::test]
async fn an_outcome_that_comes_twice_counts_once() {
    let room = Room::scripted(Arc::new(|_| Some((OutcomeStatus::Succeeded, None)))).await;
    room.furnish(1).await;
    let requested = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
        "wait": "10s",
    });
    let (_, answer) = room.post("/v1/operations", requested).await;
    let outcome = answer["operation"]["tasks"][0]["outcome"].clone();
    let mut doubled: utakata_model::Outcome = serde_json::from_value(outcome).unwrap();
    doubled.status = OutcomeStatus::Failed;
    let task = doubled.task;
    room.publish(doubled).await;
    let (_, seen) = room.get(&format!("/v1/tasks/{task}")).await;
    assert_eq!(seen["state"], "succeeded");
    room.end().await;
}

#[tokio::test]
async fn a_read_back_that_is_lost_is_soon_made_again() {
    let reads = AtomicUsize::new(0);
    let script = move |task: &Task| {
        // The first reads the state before the change, the second is lost.
        let is_lost = task.class == Class::Observe && reads.fetch_add(1, Ordering::Relaxed) == 1;
        (!is_lost).then_some((OutcomeStatus::Succeeded, None))
    };
    let mut config = hasty();
    config.control.read_back_within = Duration::from_secs(60);
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(script)).await;
    room.furnish(1).await;
    let set = json!({
        "selector": "rack=A1", "action": "set-power", "parameters": { "watts": 100 },
        "wait": "15s",
    });
    let (_, answer) = room.post("/v1/operations", set).await;
    let task = &answer["operation"]["tasks"][0];
    assert_eq!(task["state"], "succeeded", "{answer}");
    room.end().await;
}

#[tokio::test]
async fn every_feed_of_something_is_not_taken_away_unless_the_plan_was_seen() {
    let room = Room::served().await;
    room.furnish(3).await;
    let feeds = |from: &str| {
        json!({
            "type": "relation", "relation": "feeds", "from": from, "to": "pdu-2",
        })
    };
    room.apply(json!([feeds("pdu-0"), feeds("pdu-1")])).await;
    let off = |selector: &str| {
        json!({
            "selector": selector, "action": "feed-off", "wait": "10s",
        })
    };
    // One feed is what several are for.
    let (status, answer) = room.post("/v1/operations", off("name=pdu-0")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let both = off("name in (pdu-0,pdu-1)");
    let (status, refused) = room.post("/v1/operations", both.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert_eq!(refused["code"], "every-feed", "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("pdu-2 would lose every feed"), "{refused}");
    let mut dry = both.clone();
    dry["dry_run"] = true.into();
    let (_, plan) = room.post("/v1/operations", dry).await;
    let unpowered = json!([{ "target": "pdu-2", "feeds": ["pdu-0", "pdu-1"] }]);
    assert_eq!(plan["plan"]["unpowered"], unpowered, "{plan}");
    let mut seen = both;
    seen["plan"] = plan["plan"]["token"].clone();
    let (status, answer) = room.post("/v1/operations", seen).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 2, "{answer}");
    // An action of low risk takes nothing away.
    let low = json!({
        "selector": "name in (pdu-0,pdu-1)", "action": "outlet-off", "parameters": { "outlet": 1 },
        "wait": "10s",
    });
    let (status, answer) = room.post("/v1/operations", low).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    room.end().await;
}
