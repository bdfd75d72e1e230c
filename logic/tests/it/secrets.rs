//! Secrets at rest: nothing shows them without the key of the site, and nothing loses them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use utakata_logic::{
    code::Code,
    config::{self, Config},
    inventory::{self, Inventory},
    kinds::Kinds,
    secrets::{KeyPlace, Secrets, add_key},
    store::{Sealing, Store, sqlite::Sqlite},
};
use utakata_model::{CredentialRef, OutcomeStatus, TargetName};

use crate::room::{Room, config, target};

const PLANTED: &str = "pl4nted-s3cret";
const STORE: &str = "store.sqlite3";
const KEY: &str = "site.key";

/// Returns the files below a folder that have a text in them.
pub fn with(text: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(with(text, &path));
        } else if fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

fn planted() -> Value {
    json!({ "type": "credential", "name": "lab", "values": { "community": PLANTED } })
}

/// Starts with an environment that notes the secrets that its tasks name.
async fn room(folder: TempDir, arrived: &Arc<Mutex<Vec<String>>>) -> Room {
    let arrived = Arc::clone(arrived);
    let mut room = Room::at(folder, config()).await;
    let handle = room.handle.clone();
    let note = move |task: &utakata_model::Task| {
        let credential = task.credential.as_ref().unwrap();
        assert!(credential.values.is_none(), "{credential:?}");
        let CredentialRef { name, version, .. } = &*credential.reference;
        let (lent, _) = handle
            .inventory()
            .lend(name, version, &task.target.zone)
            .unwrap();
        let community = lent.values["community"].reveal().to_owned();
        arrived.lock().unwrap().push(community);
        Some((OutcomeStatus::Succeeded, None))
    };
    room.serve("pdu", Arc::new(note)).await;
    room
}

async fn switch_off(room: &Room) {
    let request = json!({
        "selector": "name=pdu-1", "action": "outlet-off", "parameters": { "outlet": 1 },
        "why": "to see the secret arrive", "wait": "20s",
    });
    let (status, answer) = room.post("/v1/operations", request).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
}

/// Expects that at least so many tasks had the secret, and none another one.
fn only_planted(arrived: &Mutex<Vec<String>>, least: usize) {
    let arrived = arrived.lock().unwrap();
    assert!(arrived.len() >= least, "{arrived:?}");
    assert!(arrived.iter().all(|one| one == PLANTED), "{arrived:?}");
}

/// The row of the credential `lab`, as text.
async fn row(folder: &Path) -> String {
    let url = format!("sqlite://{}", folder.join(STORE).display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let row = sqlx::query("SELECT body FROM credential WHERE name = 'lab'");
    let row = row.fetch_one(&mut connection).await.unwrap();
    let body = row.get(0);
    connection.close().await.unwrap();
    body
}

#[tokio::test]
async fn a_planted_secret_is_used_and_is_in_no_file_and_in_no_answer() {
    let arrived = Arc::default();
    let room = room(tempfile::tempdir().unwrap(), &arrived).await;
    room.apply(json!([planted(), target("pdu-1")])).await;
    switch_off(&room).await;
    let read = json!({ "selector": "kind=pdu", "wait": "20s" });
    room.post("/v1/reads", read).await;
    let change = json!({ "name": "lab", "values": { "community": format!("{PLANTED}-changed") } });
    let (status, changed) = room.send("PUT", "/v1/credentials/lab", Some(change)).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    only_planted(&arrived, 2);

    let mut answers = vec![changed];
    for path in [
        "/v1/credentials",
        "/v1/credentials/lab",
        "/v1/targets",
        "/v1/operations",
        "/v1/tasks",
        "/v1/readings",
        "/v1/audit",
        "/v1/status",
        "/v1/overview",
        "/v1/metrics",
        "/v1/secrets",
    ] {
        let (status, answer) = room.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answers.push(answer);
    }
    for answer in answers {
        assert!(!answer.to_string().contains(PLANTED), "{answer}");
    }
    // The log of the store too, before it is folded in.
    assert!(room.folder.path().join(format!("{STORE}-wal")).exists());
    assert_eq!(with(PLANTED, room.folder.path()), [] as [PathBuf; 0]);
    let folder = room.end().await;
    assert_eq!(with(PLANTED, folder.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_deleted_credential_leaves_nothing_behind_not_even_sealed() {
    let room = Room::empty(config()).await;
    room.apply(json!([planted()])).await;
    let sealed: Value = serde_json::from_str(&row(room.folder.path()).await).unwrap();
    let sealed = sealed["sealed"]["community"].as_str().unwrap().to_owned();
    assert!(!with(&sealed, room.folder.path()).is_empty());
    let (status, answer) = room.send("DELETE", "/v1/credentials/lab", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    let folder = room.end().await;
    assert_eq!(with(&sealed, folder.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn all_secrets_get_a_new_key_while_everything_runs_and_older_copies_still_open() {
    let arrived = Arc::default();
    let room = room(tempfile::tempdir().unwrap(), &arrived).await;
    room.apply(json!([planted(), target("pdu-1")])).await;
    let (_, before) = room.get("/v1/secrets").await;
    let (status, after) = room.send("POST", "/v1/secrets/rotate", None).await;
    assert_eq!(status, StatusCode::OK, "{after}");
    assert_ne!(before["key"], after["key"]);
    assert_eq!(after["credentials"], 1);
    assert_eq!(after["is_scrubbed"], true);
    let body = row(room.folder.path()).await;
    assert!(body.contains(after["key"].as_str().unwrap()), "{body}");
    switch_off(&room).await;
    let folder = room.end().await;
    let keys = fs::read_to_string(folder.path().join(KEY)).unwrap();
    assert!(keys.contains(before["key"].as_str().unwrap()));

    let room = self::room(folder, &arrived).await;
    switch_off(&room).await;
    room.end().await;
    only_planted(&arrived, 2);
}

/// Loads an inventory as a logic environment does when it starts.
async fn load(store: &Arc<Sqlite>, config: &Config, folder: &Path) -> Result<Inventory, String> {
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text.push_str(&format!(": {cause}"));
            next = cause.source();
        }
        text
    };
    let place = KeyPlace::of(config, folder, None);
    let secrets = Secrets::begin(place, None, &**store as &dyn Sealing, Timestamp::now()).await;
    let secrets = secrets.map_err(|error| format!("{}; {}", chain(&error), error.cure()))?;
    let loaded = Inventory::load(store.clone(), Arc::new(secrets), Arc::new(Kinds::default()));
    loaded.await.map_err(|error| chain(&error))
}

#[tokio::test]
async fn a_store_without_its_key_is_refused_and_nothing_is_lost() {
    let room = Room::empty(config()).await;
    room.apply(json!([planted()])).await;
    let folder = room.end().await;
    let (key, aside) = (folder.path().join(KEY), folder.path().join("aside"));
    let before = row(folder.path()).await;
    let store = Arc::new(Sqlite::open(folder.path().join(STORE)).await.unwrap());
    let loaded = async || load(&store, &config(), folder.path()).await;

    fs::rename(&key, &aside).unwrap();
    let missing = loaded().await.err().unwrap();
    assert!(missing.contains("there is no file"), "{missing}");
    assert!(missing.contains("put the file with the key"), "{missing}");
    assert!(!key.exists(), "no other key is made in its place");

    add_key(&key).unwrap();
    let other = loaded().await.err().unwrap();
    assert!(other.contains("has another one"), "{other}");

    fs::write(&key, "not a key").unwrap();
    let wrong = loaded().await.err().unwrap();
    assert!(wrong.contains("line 1"), "{wrong}");

    assert_eq!(row(folder.path()).await, before);
    fs::rename(&aside, &key).unwrap();
    let there = loaded().await.unwrap();
    assert_eq!(there.credentials().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_sealed_credential_that_was_moved_to_another_name_is_refused() {
    let room = Room::empty(config()).await;
    room.apply(json!([planted()])).await;
    let folder = room.end().await;
    let url = format!("sqlite://{}", folder.path().join(STORE).display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let moved = "INSERT INTO credential (name, body)
        SELECT 'theirs', replace(body, '\"lab\"', '\"theirs\"') FROM credential";
    sqlx::query(moved).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let store = Arc::new(Sqlite::open(folder.path().join(STORE)).await.unwrap());
    let refused = load(&store, &config(), folder.path()).await.err().unwrap();
    assert!(refused.contains("theirs"), "{refused}");
    assert!(refused.contains("it was altered"), "{refused}");
    store.close().await;
}

#[tokio::test]
async fn a_store_from_before_is_sealed_when_it_starts_and_what_was_deleted_is_gone() {
    const DELETED: &str = "pl4nted-and-deleted";
    let room = Room::empty(config()).await;
    room.apply(json!([target_without_credential("pdu-1")]))
        .await;
    let folder = room.end().await;
    // As 0.1 wrote it: clear, deleted without overwriting, and without a key.
    let url = format!("sqlite://{}", folder.path().join(STORE).display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for sql in [
        "DELETE FROM seal".to_owned(),
        "PRAGMA secure_delete = OFF".to_owned(),
        format!(
            r#"INSERT INTO credential VALUES ('old', '{{"name":"old","values":{{"p":"{DELETED}"}}}}')"#
        ),
        format!(
            r#"INSERT INTO credential VALUES ('lab', '{{"name":"lab","values":{{"community":"{PLANTED}"}}}}')"#
        ),
        "DELETE FROM credential WHERE name = 'old'".to_owned(),
    ] {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        sql.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    fs::remove_file(folder.path().join(KEY)).unwrap();
    assert_eq!(with(DELETED, folder.path()).len(), 1, "the test is of use");
    assert_eq!(with(PLANTED, folder.path()).len(), 1);

    let arrived = Arc::default();
    let room = self::room(folder, &arrived).await;
    for text in [PLANTED, DELETED] {
        assert_eq!(with(text, room.folder.path()), [] as [PathBuf; 0]);
    }
    room.apply(json!([target("pdu-1")])).await;
    switch_off(&room).await;
    room.end().await;
    only_planted(&arrived, 1);
}

fn target_without_credential(name: &str) -> Value {
    let mut target = target(name);
    target.as_object_mut().unwrap().remove("credential");
    target
}

#[tokio::test]
async fn logic_environments_of_one_store_share_a_key_that_a_person_makes() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("shared.key");
    let config = Config {
        secrets: config::Secrets {
            key_file: Some(key.clone()),
        },
        ..config()
    };
    let store = Arc::new(Sqlite::open(folder.path().join(STORE)).await.unwrap());
    let loaded = async || load(&store, &config, folder.path()).await;
    let missing = loaded().await.err().unwrap();
    assert!(missing.contains("utakata secret key"), "{missing}");
    add_key(&key).unwrap();
    let (one, other) = (loaded().await.unwrap(), loaded().await.unwrap());
    let (one, other) = (Arc::new(one), Arc::new(other));
    let document = serde_json::from_value(planted()).unwrap();
    one.apply(vec![document], false).await.unwrap();
    other.reload().await.unwrap();

    let refused = one.reseal().await.unwrap_err();
    assert!(
        matches!(&refused, inventory::Error::Secrets(error) if error.code() == Code::SecretKeyNotNew),
        "{refused}"
    );
    let newer = add_key(&key).unwrap();
    assert_eq!(one.reseal().await.unwrap(), 1);
    // The other one has only the older key in memory.
    other.reload().await.unwrap();
    assert_eq!(other.secrets().seal().key, newer);
    assert_eq!(one.secrets().seal().key, newer);
    let name = TargetName::new("lab").unwrap();
    assert_eq!(other.credential(&name).unwrap().keys, ["community"]);
    store.close().await;
}
