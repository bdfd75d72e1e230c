//! Rotation of passwords: whatever happens meanwhile, the device can be reached afterwards.

use std::sync::{Arc, Mutex, OnceLock};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use utakata_logic::Handle;
use utakata_model::{Class, Cure, OutcomeStatus, Problem, Task, TaskCredential, parameters::Lent};

use crate::{
    room::{LOCKER, Room, config},
    secrets::with,
};

const OLD: &str = "0ld-passw0rd";

/// The behaviour of a device that is told to take another password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// It takes it.
    Takes,
    /// It refuses it.
    Refuses,
    /// It takes it, and nobody hears of that.
    TakesUnheard,
    /// It does not get it, and nobody hears of that.
    LosesUnheard,
    /// It takes it, says so, and is away afterwards.
    TakesAndLeaves,
}

/// A device with one password.
struct Device {
    handle: OnceLock<Handle>,
    password: Arc<Mutex<String>>,
    habit: Habit,
    is_away: Arc<Mutex<bool>>,
}

impl Device {
    fn answer(&self, task: &Task) -> Option<(OutcomeStatus, Option<Problem>)> {
        let fail = |code: &str| {
            let problem = Problem::new(code, Cure::Operator, "it says no");
            Some((OutcomeStatus::Failed, Some(problem)))
        };
        if *self.is_away.lock().unwrap() {
            return fail("unreachable");
        }
        if self.given(task.credential.as_ref()) != *self.password.lock().unwrap() {
            return fail("bad-credential");
        }
        if task.class == Class::Observe {
            return Some((OutcomeStatus::Succeeded, None));
        }
        let new = self.new_password(task);
        let unknown = Problem::new("unreachable", Cure::Operator, "nobody knows");
        match self.habit {
            Habit::Refuses => return fail("device-refused"),
            Habit::LosesUnheard => {}
            _ => *self.password.lock().unwrap() = new,
        }
        *self.is_away.lock().unwrap() = self.habit == Habit::TakesAndLeaves;
        match self.habit {
            Habit::TakesUnheard | Habit::LosesUnheard => {
                Some((OutcomeStatus::Unknown, Some(unknown)))
            }
            _ => Some((OutcomeStatus::Succeeded, None)),
        }
    }

    /// The password that a worker gets with a task.
    fn given(&self, credential: Option<&TaskCredential>) -> String {
        let reference = &credential.unwrap().reference;
        let inventory = self.handle.get().unwrap().inventory();
        let zone = "default".parse().unwrap();
        let lent = inventory.lend(&reference.name, &reference.version, &zone);
        let (values, _) = lent.unwrap();
        values.values["password"].reveal().to_owned()
    }

    fn new_password(&self, task: &Task) -> String {
        let Some(Lent::Reference(reference)) = task.parameters.lent() else {
            panic!("{task:?}");
        };
        let inventory = self.handle.get().unwrap().inventory();
        let (name, version) = (&reference.name, &reference.version);
        let (values, _) = inventory.lend(name, version, &task.target.zone).unwrap();
        let mut parameters = task.parameters.clone();
        parameters.put_secrets(values);
        let worker: Value = serde_json::from_slice(&parameters.reveal()).unwrap();
        worker["password"].as_str().unwrap().to_owned()
    }
}

struct Site {
    room: Room,
    password: Arc<Mutex<String>>,
    is_away: Arc<Mutex<bool>>,
}

impl Site {
    async fn new(habit: Habit) -> Self {
        let password = Arc::new(Mutex::new(OLD.to_owned()));
        let site = Self::at(
            tempfile::tempdir().unwrap(),
            habit,
            password,
            Arc::default(),
        )
        .await;
        let documents = json!([
            { "type": "credential", "name": "safe", "values": { "password": OLD } },
            { "type": "target", "name": "a", "kind": LOCKER, "address": "192.0.2.1",
              "credential": "safe" },
        ]);
        site.room.apply(documents).await;
        site
    }

    async fn at(
        folder: TempDir,
        habit: Habit,
        password: Arc<Mutex<String>>,
        is_away: Arc<Mutex<bool>>,
    ) -> Self {
        let mut room = Room::at(folder, config()).await;
        let device = Device {
            handle: OnceLock::new(),
            password: Arc::clone(&password),
            habit,
            is_away: Arc::clone(&is_away),
        };
        device.handle.set(room.handle.clone()).ok().unwrap();
        room.serve(LOCKER, Arc::new(move |task: &Task| device.answer(task)))
            .await;
        Self {
            room,
            password,
            is_away,
        }
    }

    async fn rotate(&self) -> Value {
        let (status, begun) = self
            .room
            .post("/v1/credentials/safe/rotate", json!({ "why": "a test" }))
            .await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        begun
    }

    async fn until(&self, state: &str) -> Value {
        self.room
            .until("/v1/credentials/safe/rotation", |now| now["state"] == state)
            .await
    }

    /// Checks that the credential opens the device, and that nothing is left over or shown.
    async fn end_whole(self, is_new: bool) {
        let password = self.password.lock().unwrap().clone();
        assert_eq!(password != OLD, is_new);
        let (_, read) = self
            .room
            .post("/v1/reads", json!({ "selector": "name=a", "wait": "10s" }))
            .await;
        assert_eq!(read["counts"]["succeeded"], 1, "{read}");
        let inventory = self.room.handle.inventory();
        assert_eq!(inventory.rotations(), []);
        let (_, trail) = self.room.get("/v1/audit?limit=1000").await;
        let trail = trail.to_string();
        assert!(trail.contains("credential.rotated"), "{trail}");
        assert!(!trail.contains(&password), "{trail}");
        let folder = self.room.end().await;
        assert_eq!(
            with(&password, folder.path()),
            [] as [std::path::PathBuf; 0]
        );
    }
}

#[tokio::test]
async fn a_password_is_changed_tried_and_taken_over() {
    for (habit, state, is_new) in [
        (Habit::Takes, "rotated", true),
        (Habit::Refuses, "kept", false),
        (Habit::TakesUnheard, "rotated", true),
        (Habit::LosesUnheard, "kept", false),
    ] {
        let site = Site::new(habit).await;
        let begun = site.rotate().await;
        let ended = site.until(state).await;
        assert_eq!(ended["operation"], begun["operation"], "{habit:?}");
        let id = begun["operation"].as_str().unwrap();
        let (_, shown) = site.room.get(&format!("/v1/operations/{id}")).await;
        assert_eq!(shown["rotates"], "safe", "{shown}");
        assert_eq!(shown["parameters"]["password"], "***", "{shown}");
        assert_eq!(shown["state"], "done", "{habit:?}: {shown}");
        site.end_whole(is_new).await;
    }
}

#[tokio::test]
async fn a_device_that_leaves_after_it_took_the_password_is_not_lost() {
    let site = Site::new(Habit::TakesAndLeaves).await;
    site.rotate().await;
    let stuck = site.until("stuck").await;
    assert!(
        stuck["told"].as_str().unwrap().contains("it says no"),
        "{stuck}"
    );
    // Nothing begins that would leave a third password.
    let (status, again) = site
        .room
        .post("/v1/credentials/safe/rotate", json!({}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{again}");
    assert_eq!(again["code"], "credential-rotation", "{again}");
    let Site {
        room,
        password,
        is_away,
    } = site;
    room.handle.inventory().reseal().await.unwrap();
    let folder = room.end().await;
    *is_away.lock().unwrap() = false;
    let site = Site::at(folder, Habit::Takes, password, is_away).await;
    site.until("rotated").await;
    site.end_whole(true).await;
}

#[tokio::test]
async fn what_is_shared_or_unused_is_not_changed() {
    let site = Site::new(Habit::Takes).await;
    site.room
        .apply(json!([
            { "type": "target", "name": "b", "kind": LOCKER, "address": "192.0.2.2",
              "credential": "safe" },
            { "type": "credential", "name": "spare", "values": { "password": "x" } },
        ]))
        .await;
    for (name, says) in [("safe", "2 targets share"), ("spare", "no target has")] {
        let path = format!("/v1/credentials/{name}/rotate");
        let (status, refused) = site.room.post(&path, json!({})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{refused}");
        assert_eq!(refused["code"], "credential-rotation", "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{refused}");
    }
    assert_eq!(*site.password.lock().unwrap(), OLD);
    site.room.end().await;
}
