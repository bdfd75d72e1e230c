//! PostgreSQL keeps the promises of a store, and reports what is wrong when it cannot.

mod broken;
mod cut;
mod lease;
mod outage;
mod replaced;

use std::{os::unix::fs::PermissionsExt, process::Command};

use utakata_logic::{
    config::Url,
    store::{Audit, Error, Store, postgres::Postgres as PostgresStore},
};
use utakata_tests::{disk::SmallDisk, servers::Postgres};

use super::{conformance, full};

pub async fn open(url: &str) -> Result<PostgresStore, Error> {
    PostgresStore::open(&url.parse::<Url>().unwrap()).await
}

#[tokio::test]
async fn postgres_keeps_every_promise_of_a_store() {
    let server = Postgres::start().unwrap();
    macro_rules! conforms {
        ($($promise:ident),* $(,)?) => {
            $(
                let store = open(&server.database().unwrap()).await.unwrap();
                eprintln!("{}", stringify!($promise));
                conformance::$promise(&store).await;
                store.close().await;
            )*
        };
    }
    conformance::promises!(conforms);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_reported_with_the_cure() {
    let server = Postgres::start().unwrap();
    let right = server.database().unwrap();
    for statement in [
        "CREATE ROLE guest LOGIN PASSWORD 'guest'",
        "ALTER DATABASE test_0 SET search_path = public",
    ] {
        server.sql("test_0", statement).unwrap();
    }
    let check = async |url: &str, code: &str, says: &[&str]| {
        let error = open(url).await.err().unwrap();
        let text = format!("{error}: {}", error.cure());
        assert_eq!(error.code().as_str(), code, "{text}");
        for says in says.iter().chain(&["test_0 on 127.0.0.1"]) {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(!text.contains("s3cret"), "{text}");
    };
    let wrong = server.url("postgres", "s3cret", "test_0");
    check(&wrong, "store-refused", &["password", "logic.store.url"]).await;
    let guest = server.url("guest", "guest", "test_0");
    check(&guest, "store-refused", &["permission denied", "belong"]).await;
    let elsewhere = format!("postgres://u:s3cret@{}/test_0", elsewhere());
    check(&elsewhere, "store-away", &["refused", "PostgreSQL runs"]).await;
    let absent = server.url("postgres", "secret", "nothing");
    let error = open(&absent).await.err().unwrap();
    assert_eq!(error.code().as_str(), "store-refused", "{error}");
    assert!(error.to_string().contains("does not exist"), "{error}");

    open(&right).await.unwrap().close().await;
    let newer = "INSERT INTO _sqlx_migrations
        (version, description, success, checksum, execution_time) VALUES (9999, 'x', TRUE, '', 0)";
    server.sql("test_0", newer).unwrap();
    check(&right, "store-newer", &["newer version", "9999"]).await;
}

/// An address on which nothing listens.
fn elsewhere() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn of_many_that_start_at_once_one_makes_the_tables() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let opened = futures::future::join_all((0..6).map(|_| open(&url))).await;
    for store in opened {
        let store = store.unwrap();
        assert_eq!(store.audit_head().await.unwrap(), None);
        store.close().await;
    }
    let known = server
        .sql("test_0", "SELECT COUNT(*) FROM _sqlx_migrations")
        .unwrap();
    assert!(known.parse::<u32>().unwrap() >= 4, "{known}");
}

#[tokio::test]
async fn what_is_acknowledged_around_a_full_disk_of_postgres_is_there() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let at = folder.path().join("disk");
    let Some(disk) = SmallDisk::mount(&at, 24).unwrap() else {
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder.path(), mode(0o755)).unwrap();
    let space = at.join("space");
    std::fs::create_dir(&space).unwrap();
    let owned = Command::new("chown")
        .arg("-R")
        .arg("postgres:")
        .arg(&at)
        .status();
    assert!(owned.unwrap().success());
    let server = Postgres::start().unwrap();
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
    server.sql("postgres", &space).unwrap();
    let database = "CREATE DATABASE small TABLESPACE small";
    server.sql("postgres", database).unwrap();
    let url = server.url(Postgres::USER, Postgres::PASSWORD, "small");
    let open = async || open(&url).await.unwrap();
    full::what_is_acknowledged_around_a_full_disk_is_there(open, &disk).await;
}
