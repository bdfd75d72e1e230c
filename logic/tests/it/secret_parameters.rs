//! Secret parameters of actions: whoever carries the task out gets them, and nobody else.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use utakata_logic::{Handle, inventory::Withheld};
use utakata_model::{OutcomeStatus, Problem, Task, parameters::Lent};
use utakata_tests::wait::until;

use crate::{
    room::{KEEPER, Room, config},
    secrets::with,
};

const PLANTED: &str = "pl4nted-s3cret";

/// The tasks as they were published, and the values that an environment was lent for each.
#[derive(Default)]
struct Seen {
    handle: OnceLock<Handle>,
    published: Mutex<Vec<String>>,
    lent: Mutex<Vec<String>>,
}

impl Seen {
    fn take(&self, task: &Task) {
        let text = serde_json::to_string(task).unwrap();
        self.published.lock().unwrap().push(text);
        let Some(Lent::Reference(reference)) = task.parameters.lent() else {
            return;
        };
        let inventory = self.handle.get().unwrap().inventory();
        let (name, version) = (&reference.name, &reference.version);
        let elsewhere = inventory.lend(name, version, &"hall-2".parse().unwrap());
        assert_eq!(elsewhere.unwrap_err(), Withheld::Unused);
        let (values, uses) = inventory.lend(name, version, &task.target.zone).unwrap();
        assert!(uses.allow(&reference, &task.target.zone, &task.target));
        let mut parameters = task.parameters.clone();
        parameters.put_secrets(values);
        let worker: Value = serde_json::from_slice(&parameters.reveal()).unwrap();
        let password = worker["password"].as_str().unwrap().to_owned();
        self.lent.lock().unwrap().push(password);
    }
}

async fn room(folder: TempDir, ends: bool) -> (Room, Arc<Seen>) {
    let mut room = Room::at(folder, config()).await;
    let seen = Arc::new(Seen::default());
    seen.handle.set(room.handle.clone()).ok().unwrap();
    let takes = Arc::clone(&seen);
    let script = move |task: &Task| -> Option<(OutcomeStatus, Option<Problem>)> {
        takes.take(task);
        ends.then_some((OutcomeStatus::Succeeded, None))
    };
    room.serve(KEEPER, Arc::new(script)).await;
    (room, seen)
}

fn bmc(name: &str) -> Value {
    json!({ "type": "target", "name": name, "kind": KEEPER, "address": format!("192.0.2.1:{}", name.len()) })
}

fn set(password: &str) -> Value {
    json!({
        "selector": format!("kind={KEEPER}"), "action": "set-password", "key": "once",
        "parameters": { "password": password, "user": "root" },
    })
}

fn and(mut requested: Value, key: &str, value: impl Into<Value>) -> Value {
    requested[key] = value.into();
    requested
}

fn is_nowhere(folder: &Path) {
    assert_eq!(with(PLANTED, folder), [] as [std::path::PathBuf; 0]);
}

#[tokio::test]
async fn a_secret_parameter_reaches_the_worker_and_no_answer_store_or_trail() {
    let (room, seen) = room(tempfile::tempdir().unwrap(), true).await;
    room.apply(json!([bmc("a"), bmc("bb")])).await;
    let (status, plan) = room
        .post("/v1/operations", and(set(PLANTED), "dry_run", true))
        .await;
    assert_eq!(status, StatusCode::OK, "{plan}");
    // A plan tells nobody whether they have guessed a password.
    let (_, guess) = room
        .post("/v1/operations", and(set("guess"), "dry_run", true))
        .await;
    assert_eq!(plan["plan"]["token"], guess["plan"]["token"], "{plan}");
    let (status, wrong) = room.post("/v1/operations", set("WR0NG!")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    assert!(!wrong.to_string().contains("WR0NG!"), "{wrong}");

    let (status, done) = room
        .post("/v1/operations", and(set(PLANTED), "wait", "10s"))
        .await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["operation"]["counts"]["succeeded"], 2, "{done}");
    let shown = json!({ "password": "***", "user": "root" });
    assert_eq!(done["operation"]["parameters"], shown, "{done}");
    assert_eq!(*seen.lent.lock().unwrap(), [PLANTED, PLANTED]);
    for published in seen.published.lock().unwrap().iter() {
        assert!(!published.contains(PLANTED), "{published}");
    }

    // The same request is known again, and another one under its key is not it.
    let (_, again) = room.post("/v1/operations", set(PLANTED)).await;
    assert_eq!(again["operation"]["is_known"], true, "{again}");
    let (status, other) = room.post("/v1/operations", set("other")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{other}");
    assert_eq!(other["code"], "key-taken", "{other}");
    assert_eq!(seen.lent.lock().unwrap().len(), 2);

    let inventory = room.handle.inventory();
    until("it is forgotten", async || inventory.held().is_empty()).await;
    for path in [
        "/v1/operations",
        "/v1/tasks",
        "/v1/audit",
        "/v1/credentials",
    ] {
        let (_, answer) = room.get(path).await;
        assert!(!answer.to_string().contains(PLANTED), "{path}: {answer}");
    }
    is_nowhere(room.folder.path());
    let folder = room.end().await;
    is_nowhere(folder.path());
}

#[tokio::test]
async fn what_waits_keeps_its_secret_over_a_restart_and_a_rotation_of_the_site_key() {
    let (room, seen) = room(tempfile::tempdir().unwrap(), false).await;
    room.apply(json!([bmc("a")])).await;
    let locked = json!({ "why": "not yet", "for": "1h" });
    let (status, answer) = room.send("PUT", "/v1/targets/a/lock", Some(locked)).await;
    assert!(status.is_success(), "{answer}");
    let (status, begun) = room.post("/v1/operations", set(PLANTED)).await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    assert_eq!(*seen.lent.lock().unwrap(), [] as [String; 0]);
    let held = room.handle.inventory().held();
    assert_eq!(held.len(), 1);
    // It is nobody's credential.
    let name = format!("operation.{}", held[0]);
    let (_, credentials) = room.get("/v1/credentials").await;
    assert_eq!(credentials["items"], json!([]), "{credentials}");
    let (status, _) = room.get(&format!("/v1/credentials/{name}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for (method, body) in [
        ("PUT", Some(json!({ "values": { "password": "x" } }))),
        ("DELETE", None),
    ] {
        let path = format!("/v1/credentials/{name}");
        let (status, answer) = room.send(method, &path, body).await;
        assert!(status.is_client_error(), "{method}: {answer}");
    }
    room.handle.inventory().reseal().await.unwrap();
    let folder = room.end().await;
    is_nowhere(folder.path());

    let (room, seen) = self::room(folder, true).await;
    let (status, answer) = room.send("DELETE", "/v1/targets/a/lock", None).await;
    assert!(status.is_success(), "{answer}");
    let id = begun["operation"]["id"].as_str().unwrap();
    room.until(&format!("/v1/operations/{id}"), |shown| {
        shown["counts"]["succeeded"] == 1
    })
    .await;
    assert_eq!(*seen.lent.lock().unwrap(), [PLANTED]);
    let (_, again) = room.post("/v1/operations", set(PLANTED)).await;
    assert_eq!(again["operation"]["is_known"], true, "{again}");
    room.end().await;
}
