//! SQLite keeps the promises of a store.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use utakata_logic::store::{Audit, Error, Inventory, Ledger, WriteBatch, sqlite::Sqlite};
use utakata_tests::disk::SmallDisk;

use super::{conformance, full};

macro_rules! conforms {
    ($($promise:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $promise() {
            let folder = tempfile::tempdir().unwrap();
            let store = Sqlite::open(folder.path().join("store")).await.unwrap();
            conformance::$promise(&store).await;
        })*
    };
}

conformance::promises!(conforms);

#[tokio::test]
async fn what_is_acknowledged_around_a_full_disk_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 6).unwrap() else {
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    let path = disk.path().join("store");
    let open = async || Sqlite::open(&path).await.unwrap();
    full::what_is_acknowledged_around_a_full_disk_is_there(open, &disk).await;
}

fn page(number: u64) -> WriteBatch {
    WriteBatch {
        audit: Some(conformance::audit(number)),
        ..WriteBatch::default()
    }
}

/// An open store with a page.
async fn with_a_page() -> (TempDir, PathBuf, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Sqlite::open(&path).await.unwrap();
    store.write(&page(1)).await.unwrap();
    (folder, path, store)
}

fn beside(path: &std::path::Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[tokio::test]
async fn a_file_that_is_taken_away_or_replaced_is_reported_and_nothing_is_written() {
    let (folder, path, store) = with_a_page().await;
    let away = folder.path().join("away");
    let refused = async || {
        for written in [
            store.write(&page(2)).await,
            store.change(&[conformance::put("a")]).await,
        ] {
            let error = written.unwrap_err();
            assert!(matches!(error, Error::Replaced { .. }), "{error}");
            assert_eq!(error.code().as_str(), "store-replaced");
        }
    };
    fs::rename(&path, &away).unwrap();
    refused().await;
    fs::copy(&away, &path).unwrap();
    refused().await;
    // The right one is back: it continues.
    fs::rename(&away, &path).unwrap();
    store.write(&page(2)).await.unwrap();
    let other = Sqlite::open(&path).await.unwrap();
    assert_eq!(other.audit_head().await.unwrap().unwrap().page, 2);
}

#[tokio::test]
async fn a_log_that_is_taken_away_loses_nothing_that_was_acknowledged() {
    let (_folder, path, store) = with_a_page().await;
    fs::remove_file(beside(&path, "-wal")).unwrap();
    store.write(&page(2)).await.unwrap();
    store.write(&page(3)).await.unwrap();
    let other = Sqlite::open(&path).await.unwrap();
    assert_eq!(other.audit_head().await.unwrap().unwrap().page, 3);
    assert_eq!(other.audit(1, 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_a_cut_took_away_is_reported_and_nothing_is_acknowledged_on_it() {
    let (_folder, path, store) = with_a_page().await;
    let log = fs::File::options()
        .write(true)
        .open(beside(&path, "-wal"))
        .unwrap();
    log.set_len(0).unwrap();
    for _ in 0..3 {
        let error = store.write(&page(2)).await.unwrap_err();
        assert!(!matches!(error, Error::Full { .. }), "{error}");
        store.change(&[conformance::put("a")]).await.unwrap_err();
    }
}
