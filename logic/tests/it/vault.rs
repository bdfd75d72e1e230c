//! Vault holds the site key, and values of credentials.

use std::{fs, path::Path, sync::Arc, time::Duration};

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use utakata_logic::{
    Config, config,
    secrets::{Error, KeyPlace, Secrets, VaultAccess, add_key},
    store::{Sealing, Store, sqlite::Sqlite},
};
use utakata_model::{Credential, target::Secret};
use utakata_tests::servers::VaultServer;

use crate::{
    room::{Room, config},
    secrets::with,
};

const PLANTED: &str = "pl4nted-s3cret";
const STORE: &str = "store.sqlite3";
const KEY: &str = "site.key";
const TRANSIT: [(&str, &str); 3] = [
    ("transit/encrypt/utakata", "update"),
    ("transit/decrypt/utakata", "update"),
    ("transit/rewrap/utakata", "update"),
];

/// A server with a key, and a token for it in a file.
async fn vault(folder: &Path) -> (VaultServer, config::Vault) {
    let server = VaultServer::start().await.unwrap();
    server.make_key("utakata");
    let token_file = folder.join("vault.token");
    fs::write(&token_file, server.token(&TRANSIT)).unwrap();
    let settings = config::Vault {
        url: Some(server.url()),
        token_file: Some(token_file),
        transit_key: Some("utakata".into()),
        ..config::Vault::default()
    };
    (server, settings)
}

fn using(vault: &config::Vault) -> Config {
    Config {
        vault: vault.clone(),
        ..config()
    }
}

fn planted() -> Value {
    json!({ "type": "credential", "name": "lab", "values": { "community": PLANTED } })
}

async fn shown(room: &Room) -> Value {
    let (status, answer) = room.get("/v1/secrets").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Opens the keys as a start does.
async fn begin(config: &Config, folder: &Path) -> Result<Secrets, Error> {
    let store = Sqlite::open(folder.join(STORE)).await.unwrap();
    let place = KeyPlace::of(config, folder, None);
    let vault = VaultAccess::of(&config.vault)?;
    let begun = Secrets::begin(place, vault, &store as &dyn Sealing, Timestamp::now()).await;
    store.close().await;
    begun
}

/// Starts once, and ends: the folder has a store that Vault alone opens.
async fn sealed(folder: TempDir, config: &Config) -> TempDir {
    let room = Room::at(folder, config.clone()).await;
    room.apply(json!([planted()])).await;
    room.end().await
}

#[tokio::test]
async fn the_site_key_is_in_no_file_and_follows_what_is_rotated() {
    let beside = tempfile::tempdir().unwrap();
    let (server, settings) = vault(beside.path()).await;
    let config = using(&settings);
    let folder = sealed(tempfile::tempdir().unwrap(), &config).await;
    assert!(!folder.path().join(KEY).exists());
    assert!(with(PLANTED, folder.path()).is_empty());

    let room = Room::at(folder, config.clone()).await;
    let first = shown(&room).await;
    assert_eq!(first["credentials"], 1, "{first}");
    let wrapped = first["wrapped"].as_str().unwrap();
    assert!(wrapped.starts_with("vault:v1:"), "{first}");
    assert_eq!(
        first["file"],
        format!("transit/utakata of {}", server.url())
    );
    let (status, second) = room.post("/v1/secrets/rotate", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_ne!(first["key"], second["key"]);

    server.rotate_key("utakata");
    let (status, third) = room.post("/v1/secrets/rewrap", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{third}");
    assert_eq!(second["key"], third["key"]);
    let wrapped = third["wrapped"].as_str().unwrap();
    assert!(wrapped.starts_with("vault:v2:"), "{third}");
    let (_, trail) = room.get("/v1/audit?limit=10").await;
    assert!(trail.to_string().contains("/v1/secrets/rewrap"), "{trail}");
    let (_, status) = room.get("/v1/status").await;
    let connection = &status["connections"][0];
    assert_eq!(connection["name"], "vault", "{status}");
    assert!(connection["problem"].is_null(), "{status}");

    let folder = room.end().await;
    server.open_from("utakata", 2);
    let secrets = begin(&config, folder.path()).await.unwrap();
    assert_eq!(secrets.seal().wrapped.len(), 2);
    assert_eq!(secrets.seal().key.to_string(), third["key"]);
    assert!(!folder.path().join(KEY).exists());
}

#[tokio::test]
async fn without_vault_nothing_starts_in_clear_and_the_reason_says_which_and_where() {
    let beside = tempfile::tempdir().unwrap();
    let (server, settings) = vault(beside.path()).await;
    let config = using(&settings);
    let folder = sealed(tempfile::tempdir().unwrap(), &config).await;
    let token_file = settings.token_file.as_ref().unwrap();
    let token = fs::read_to_string(token_file).unwrap();
    let refused = async |config: &Config, says: &str, may_pass: bool| {
        let error = begin(config, folder.path()).await.expect_err(says);
        let text = utakata_model::chain(&error);
        assert!(text.contains(says), "{text}");
        assert_eq!(error.may_pass(), may_pass, "{text}");
        assert!(!error.cure().is_empty());
        assert!(!folder.path().join(KEY).exists(), "no other key is made");
        text
    };

    server.seal(true);
    let text = refused(&config, "is sealed", true).await;
    assert!(text.contains(&server.url()), "{text}");
    server.seal(false);
    fs::write(token_file, "hvs.unknown\n").unwrap();
    refused(&config, "does not accept the token in", true).await;
    fs::write(token_file, server.token(&TRANSIT[..1])).unwrap();
    let denied = "to update transit/decrypt/utakata";
    refused(&config, denied, true).await;
    fs::write(token_file, "\n").unwrap();
    refused(&config, "it is empty", true).await;
    fs::remove_file(token_file).unwrap();
    refused(&config, "there is no token", true).await;
    fs::write(token_file, format!("{token}\n")).unwrap();
    begin(&config, folder.path()).await.unwrap();

    let other = |change: &dyn Fn(&mut config::Vault)| {
        let mut vault = settings.clone();
        change(&mut vault);
        using(&vault)
    };
    fs::write(token_file, server.root()).unwrap();
    let elsewhere = other(&|vault| vault.transit_mount = "transit-2".into());
    refused(&elsewhere, "has no engine at transit-2/", false).await;
    let misnamed = other(&|vault| vault.transit_key = Some("utakta".into()));
    refused(&misnamed, "has no key at transit/decrypt/utakta", false).await;
    server.make_key("other");
    let another = other(&|vault| vault.transit_key = Some("other".into()));
    refused(&another, "does not open what", false).await;
    let off = other(&|vault| *vault = config::Vault::default());
    refused(&off, "which Vault has wrapped", false).await;
    server.remove_key("utakata");
    refused(&config, "has no key at", false).await;
    let gone = server.url();
    drop(server);
    let text = refused(&config, "cannot be reached", true).await;
    assert!(text.contains(&gone), "{text}");
}

#[tokio::test]
async fn the_keys_of_a_file_move_into_vault_and_back_by_hand() {
    let folder = sealed(tempfile::tempdir().unwrap(), &config()).await;
    let key = folder.path().join(KEY);
    let newest = add_key(&key).unwrap();
    let beside = tempfile::tempdir().unwrap();
    let (server, settings) = vault(beside.path()).await;
    let config = using(&settings);
    server.seal(true);
    let sealed = begin(&config, folder.path()).await.unwrap_err();
    assert!(sealed.may_pass(), "{sealed}");
    server.seal(false);
    let moved = begin(&config, folder.path()).await.unwrap().seal();
    let keys: Vec<_> = moved.wrapped.iter().map(|one| one.key.clone()).collect();
    assert_eq!(keys, [moved.key.clone(), newest]);
    fs::remove_file(&key).unwrap();
    let room = Room::at(folder, config.clone()).await;
    assert_eq!(shown(&room).await["credentials"], 1);
    let folder = room.end().await;

    // As the guide says: Vault opens it, and that is a line of a file.
    let client = utakata_vault::Vault::new(utakata_vault::Config {
        url: server.url(),
        namespace: None,
        ca: None,
        auth: utakata_vault::Auth::TokenFile(settings.token_file.unwrap()),
        timeout: Duration::from_secs(5),
    });
    let by = utakata_vault::TransitKey {
        mount: "transit".into(),
        name: "utakata".into(),
    };
    let client = client.unwrap();
    let opened = client.unwrap(&by, &moved.wrapped[0].ciphertext).await;
    fs::write(&key, opened.unwrap().reveal()).unwrap();
    drop(server);
    begin(&self::config(), folder.path()).await.unwrap();
}

#[tokio::test]
async fn logic_environments_of_one_store_need_no_file_and_follow_a_rotation() {
    let beside = tempfile::tempdir().unwrap();
    let (server, mut settings) = vault(beside.path()).await;
    server.let_in("role-1", "s3cret-id");
    let secret_id = beside.path().join("secret-id");
    fs::write(&secret_id, "s3cret-id\n").unwrap();
    settings.token_file = None;
    settings.approle.role_id = Some("role-1".into());
    settings.approle.secret_id_file = Some(secret_id.clone());
    let mut config = using(&settings);
    // What several share is shared by none of the files.
    config.store.url = Some("postgres://localhost/utakata".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(folder.path().join(STORE)).await.unwrap());
    let load = async || {
        let place = KeyPlace::of(&config, folder.path(), None);
        let vault = VaultAccess::of(&config.vault).unwrap();
        let secrets = Secrets::begin(place, vault, &*store, Timestamp::now());
        let secrets = Arc::new(secrets.await.unwrap());
        let loaded = utakata_logic::inventory::Inventory::load(
            store.clone(),
            secrets,
            Arc::new(utakata_logic::kinds::Kinds::default()),
        );
        Arc::new(loaded.await.unwrap())
    };
    let (one, other) = (load().await, load().await);
    let document = serde_json::from_value(planted()).unwrap();
    one.apply(vec![document], false).await.unwrap();
    one.reseal().await.unwrap();
    other.reload().await.unwrap();
    assert_eq!(one.secrets().seal(), other.secrets().seal());
    assert_eq!(other.credentials().len(), 1);
    let logins = |server: &VaultServer| {
        let requests = server.requests().into_iter();
        requests.filter(|one| one.contains("approle/login")).count()
    };
    assert_eq!(logins(&server), 2, "one for each client");

    fs::write(&secret_id, "wrong").unwrap();
    let vault = VaultAccess::of(&config.vault).unwrap();
    let place = KeyPlace::of(&config, folder.path(), None);
    let refused = Secrets::begin(place, vault, &*store, Timestamp::now()).await;
    let text = utakata_model::chain(&refused.err().unwrap());
    assert!(
        text.contains("does not accept the role of approle"),
        "{text}"
    );
    store.close().await;
}

#[tokio::test]
async fn a_value_in_vault_is_read_when_it_is_lent() {
    let beside = tempfile::tempdir().unwrap();
    let (server, mut settings) = vault(beside.path()).await;
    settings.transit_key = None;
    settings.kept = Duration::from_secs(120);
    let token_file = settings.token_file.clone().unwrap();
    fs::write(&token_file, server.token(&[("secret/data/bmc/*", "read")])).unwrap();
    server.put("secret/bmc/a1", json!({ "password": PLANTED, "port": 623 }));
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join(STORE)).await.unwrap();
    let config = using(&settings);
    let secrets = Secrets::begin(
        KeyPlace::of(&config, folder.path(), None),
        VaultAccess::of(&config.vault).unwrap(),
        &store,
        Timestamp::now(),
    );
    let secrets = secrets.await.unwrap();
    let credential = |path: &str| {
        let values = [
            ("user".to_owned(), Secret::new("operator")),
            ("password".to_owned(), Secret::new(format!("vault:{path}"))),
        ];
        Arc::new(Credential {
            name: "lab".parse().unwrap(),
            values: values.into(),
        })
    };
    for _ in 0..20 {
        let lent = secrets.provide(credential("secret/bmc/a1#password"));
        let lent = lent.await.unwrap();
        assert_eq!(lent.credential.values["password"].reveal(), PLANTED);
        assert_eq!(lent.credential.values["user"].reveal(), "operator");
        assert_eq!(lent.kept, Some(Duration::from_secs(120)));
    }
    let reads = server.requests().len();
    assert_eq!(reads, 1, "a thousand devices of one secret read it once");
    let number = secrets.provide(credential("secret/bmc/a1#port")).await;
    assert_eq!(
        number.unwrap().credential.values["password"].reveal(),
        "623"
    );

    let refused = async |path: &str, says: &str, may_pass: bool| {
        let error = secrets.provide(credential(path)).await.unwrap_err();
        let text = utakata_model::chain(&error);
        assert!(text.contains(says), "{text}");
        assert_eq!(error.may_pass(), may_pass, "{text}");
    };
    refused(
        "secret/bmc/a1#passphrase",
        "has no field \"passphrase\"",
        false,
    )
    .await;
    refused("secret/bmc/a2#password", "has no secret at", false).await;
    refused("secret/other/a#b", "to read secret/data/other/a", true).await;
    server.put("secret/bmc/a3", json!({ "password": "x" }));
    server.delete("secret/bmc/a3");
    refused("secret/bmc/a3#password", "has no secret at", false).await;
    server.seal(true);
    refused("secret/bmc/a4#password", "is sealed", true).await;
    store.close().await;
}

#[tokio::test]
async fn a_place_in_vault_is_in_the_store_and_a_wrong_one_is_refused() {
    let room = Room::empty(config()).await;
    let of = |value: &str| {
        json!({ "documents": [
            { "type": "credential", "name": "lab", "values": { "community": value } },
        ] })
    };
    let (status, answer) = room.post("/v1/apply", of("vault:secret/a")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    assert!(
        answer.to_string().contains("write the field behind"),
        "{answer}"
    );
    let (status, answer) = room.post("/v1/apply", of("vault:secret/a#b")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    room.end().await;
}
