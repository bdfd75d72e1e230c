//! The overview, as the API shows it.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_model::{Cure, OutcomeStatus, Problem};

use crate::room::Room;

const TARGETS: usize = 6;

/// Targets of the kind `pdu`; those in rack B do not answer.
async fn site() -> Room {
    let room = Room::scripted(Arc::new(|task| {
        let is_dead = task.target.labels["rack"] == "B";
        let problem = || Problem::new("unreachable", Cure::Operator, "it does not answer");
        Some(match is_dead {
            true => (OutcomeStatus::Failed, Some(problem())),
            false => (OutcomeStatus::Succeeded, None),
        })
    }))
    .await;
    let target = |at: usize| {
        json!({ "type": "target", "name": format!("pdu-{at}"), "kind": "pdu", "address": "x",
            "labels": { "rack": if at < 2 { "A" } else { "B" } } })
    };
    let documents: Vec<Value> = (0..TARGETS).map(target).collect();
    let (status, body) = room
        .post("/v1/apply", json!({ "documents": documents }))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    room
}

async fn health(room: &Room, word: &str) -> Vec<String> {
    let path = format!("/v1/targets?health={word}&limit=1");
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, body) = room.get(&format!("{path}{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let items = body["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return names,
        }
    }
}

#[tokio::test]
async fn targets_that_nothing_reads_are_not_taken_for_well_and_those_that_fail_are_counted() {
    let room = site().await;
    assert_eq!(health(&room, "unobserved").await.len(), TARGETS);
    let read = json!({ "selector": "", "wait": "10s" });
    let (status, body) = room.post("/v1/reads", read).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // They answered, which says nothing about their state from now on.
    assert_eq!(health(&room, "unobserved").await, ["pdu-0", "pdu-1"]);
    let failing = ["pdu-2", "pdu-3", "pdu-4", "pdu-5"];
    assert_eq!(health(&room, "failing").await, failing);
    assert_eq!(health(&room, "failing,unobserved").await.len(), TARGETS);
    let schedule = json!({ "type": "schedule", "name": "often", "selector": "", "interval": "1h" });
    let (status, body) = room
        .post("/v1/apply", json!({ "documents": [schedule] }))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(health(&room, "answering").await, ["pdu-0", "pdu-1"]);
    let (status, body) = room.get("/v1/targets?health=faling").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.to_string().contains("did you mean"), "{body}");

    let overview = room
        .until("/v1/overview", |one| one["targets"]["failing"] == 4)
        .await;
    assert_eq!(overview["well"], false, "{overview}");
    assert_eq!(overview["targets"]["answering"], 2, "{overview}");
    let group = &overview["failing"][0];
    assert_eq!(
        (&group["count"], &group["of"]),
        (&json!(4), &json!(6)),
        "{overview}"
    );
    assert_eq!(group["code"], "unreachable", "{overview}");
    let place = json!({ "label": "rack", "value": "B", "count": 4, "of": 4 });
    assert_eq!(group["places"][0], place, "{overview}");
}

#[tokio::test]
async fn what_is_to_go_goes_in_one_stroke_with_what_comes_or_not_at_all() {
    let room = site().await;
    let named = |name: &str| json!({ "type": "target", "name": name });
    let new = json!({ "type": "target", "name": "pdu-9", "kind": "pdu", "address": "x",
        "labels": { "rack": "A" } });
    let wrong = json!({ "documents": [new], "delete": [named("pdu-0"), named("pdu-9")] });
    let (status, body) = room.post("/v1/apply", wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(
        body.to_string().contains("to be both created and deleted"),
        "{body}"
    );
    let right = |dry_run: bool| {
        json!({ "documents": [new], "dry_run": dry_run,
            "delete": [named("pdu-0"), named("pdu-1"), named("nobody")] })
    };
    for dry_run in [true, false] {
        let (status, body) = room.post("/v1/apply", right(dry_run)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let verdicts: Vec<&str> = body["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, ["created", "deleted", "deleted", "unchanged"]);
        let expect = if dry_run { TARGETS } else { TARGETS - 1 };
        assert_eq!(health(&room, "unobserved").await.len(), expect);
    }
    let credential = json!({ "type": "credential", "name": "c", "values": { "community": "x" } });
    let user = json!({ "type": "target", "name": "user", "kind": "pdu", "address": "x",
        "credential": "c" });
    let (status, body) = room
        .post("/v1/apply", json!({ "documents": [credential, user] }))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let gone = |more: Value| {
        let mut delete = vec![json!({ "type": "credential", "name": "c" })];
        delete.extend(more.as_array().unwrap().clone());
        json!({ "documents": [], "delete": delete })
    };
    let (status, body) = room.post("/v1/apply", gone(json!([]))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(body.to_string().contains("it is used by user"), "{body}");
    let (status, body) = room.post("/v1/apply", gone(json!([named("user")]))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}
