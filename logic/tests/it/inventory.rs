//! Targets, schedules and credentials.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::room::{Room, config, target};

#[tokio::test]
async fn applying_again_changes_nothing_and_differences_are_reported_without_secrets() {
    let room = Room::served().await;
    room.furnish(2).await;
    let credential = |community: &str| json!({ "type": "credential", "name": "lab", "values": { "community": community } });
    let again = room
        .apply(json!([credential("public"), target("pdu-0")]))
        .await;
    assert_eq!(again["changes"][0]["verdict"], "unchanged", "{again}");
    assert_eq!(again["changes"][1]["verdict"], "unchanged", "{again}");
    let mut moved = target("pdu-0");
    moved["labels"] = json!({ "rack": "B2", "feed": "left" });
    let dry = json!({ "documents": [moved, credential("hunter2")], "dry_run": true });
    let (_, told) = room.post("/v1/apply", dry).await;
    assert_eq!(told["dry_run"], true);
    let differences = &told["changes"][0]["differences"];
    assert_eq!(
        differences[0],
        json!({ "field": "labels.feed", "after": "left" })
    );
    assert_eq!(
        differences[1],
        json!({ "field": "labels.rack", "before": "A1", "after": "B2" })
    );
    let secret = &told["changes"][1]["differences"][0];
    assert_eq!(
        *secret,
        json!({ "field": "values.community", "before": "***", "after": "***" })
    );
    let (_, seen) = room.get("/v1/targets/pdu-0").await;
    assert_eq!(seen["labels"]["rack"], "A1", "a dry run changes nothing");
    room.end().await;
}

#[tokio::test]
async fn one_wrong_key_among_a_thousand_documents_is_named_and_nothing_is_changed() {
    let room = Room::served().await;
    room.furnish(0).await;
    let mut documents: Vec<Value> = (0..1000).map(|at| target(&format!("pdu-{at}"))).collect();
    documents[700]["adress"] = json!("192.0.2.9");
    let (status, problem) = room
        .post("/v1/apply", json!({ "documents": documents }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "documents-invalid", "{problem}");
    let told = json!({
        "subject": "target pdu-700",
        "message": "unknown field \"adress\": did you mean \"address\"?",
    });
    assert_eq!(problem["problems"], json!([told]));
    let (_, page) = room.get("/v1/targets").await;
    assert_eq!(page["items"], json!([]));
    room.end().await;
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once() {
    let room = Room::served().await;
    room.furnish(1).await;
    let with = |name: &str, key: &str, value: Value| {
        let mut document = target(name);
        document[key] = value;
        document
    };
    let schedule = |name: &str, key: &str, value: Value| {
        let mut document =
            json!({ "type": "schedule", "name": name, "selector": "", "interval": "5s" });
        document[key] = value;
        document
    };
    for (document, says) in [
        (
            with("a", "credential", json!("lap")),
            "did you mean \"lab\"?",
        ),
        (
            with("a", "labels", json!({ "kind": "x" })),
            "cannot be a label",
        ),
        (with("a", "labels", json!({ "x": "a\nb" })), "U+000A"),
        (with("a", "address", json!("")), "address"),
        (with("a/b", "zone", json!("z")), "has '/' at position 2"),
        (with("a", "kind", json!(7)), "a text was expected"),
        (
            with("a", "type", json!("tarket")),
            "did you mean \"target\"?",
        ),
        (
            schedule("s", "interval", json!("50ms")),
            "not between 100ms",
        ),
        (schedule("s", "interval", json!("5")), "not a duration"),
        (schedule("s", "selector", json!("a=")), "wrong at position"),
        (
            schedule("s", "action", json!("outlet-off")),
            "can only observe",
        ),
        (
            schedule("s", "action", json!("raed")),
            "did you mean \"read\"?",
        ),
        (schedule("s", "parameters", json!({ "x": 1 })), "are wrong"),
        (schedule("s", "parameters", json!([])), "not an object"),
        (json!(7), "not an object"),
        (json!({ "name": "x" }), "\"type\" is missing"),
        (
            json!({ "type": "target", "name": "x" }),
            "\"kind\" is missing",
        ),
    ] {
        let two = json!({ "documents": [document, with("other", "address", json!("\n"))] });
        let (status, problem) = room.post("/v1/apply", two).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{document}");
        let text = problem["problems"].to_string();
        let text = text.replace("\\\"", "\"");
        assert!(text.contains(says), "{document}: {text}");
    }
    let twice = json!({ "documents": [target("x"), target("x")] });
    let (_, problem) = room.post("/v1/apply", twice).await;
    assert_eq!(problem["problems"][0]["message"], "it is listed twice");
    room.end().await;
}

#[tokio::test]
async fn f23_what_looks_like_something_else_is_refused_or_told() {
    let room = Room::served().await;
    room.furnish(1).await;
    let apply = async |document: Value| {
        let documents = json!({ "documents": [document] });
        room.post("/v1/apply", documents).await
    };
    let mut hidden = target("pdu-9");
    hidden["labels"] = json!({ "rack": "A1\u{202e}" });
    let (status, problem) = apply(hidden).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["problems"].to_string().contains("U+202E"));
    let mut hidden = target("pdu-9");
    hidden["address"] = json!("192.0.2.\u{200b}1");
    let (status, problem) = apply(hidden).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["problems"].to_string().contains("U+200B"));
    apply(target("row-1")).await;
    let (_, applied) = apply(target("ROW-1")).await;
    let warning = &applied["warnings"][0];
    assert_eq!(warning["subject"], "target ROW-1", "{applied}");
    assert!(warning["message"].to_string().contains("target row-1"));
    // Both are there: that has been said.
    let (_, again) = apply(target("ROW-1")).await;
    assert_eq!(again["warnings"], Value::Null, "{again}");
    room.end().await;
}

#[tokio::test]
async fn a_credential_in_use_stays_and_its_secrets_never_come_out() {
    let room = Room::served().await;
    room.furnish(7).await;
    let (_, seen) = room.get("/v1/credentials/lab").await;
    assert_eq!(
        seen,
        json!({ "name": "lab", "keys": ["community"], "used_by": 7 })
    );
    let (status, problem) = room.send("DELETE", "/v1/credentials/lab", None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        problem["detail"],
        "the credential \"lab\" is used by \"pdu-0\", \"pdu-1\", \"pdu-2\", \"pdu-3\", \"pdu-4\" \
         and 2 more"
    );
    for at in 0..7 {
        room.send("DELETE", &format!("/v1/targets/pdu-{at}"), None)
            .await;
    }
    let (status, _) = room.send("DELETE", "/v1/credentials/lab", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    room.end().await;
}

#[tokio::test]
async fn what_is_put_one_by_one_outlives_a_restart_page_by_page() {
    let room = Room::served().await;
    room.furnish(0).await;
    for name in ["c", "a", "b"] {
        let mut body = target(name);
        body.as_object_mut().unwrap().remove("type");
        let (status, change) = room
            .send("PUT", &format!("/v1/targets/{name}"), Some(body))
            .await;
        assert_eq!(
            (status, &change["verdict"]),
            (StatusCode::OK, &json!("created"))
        );
    }
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (_, page) = room.get("/v1/targets?selector=rack=A1&limit=2").await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|one| one["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names(&page), ["a", "b"]);
    let (_, page) = room.get("/v1/targets?limit=2&cursor=b").await;
    assert_eq!(
        (names(&page), &page["next"]),
        (vec!["c".to_owned()], &Value::Null)
    );
    let (status, problem) = room.get("/v1/targets/aa").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["cure"], "did you mean \"a\"?");
    room.end().await;
}
