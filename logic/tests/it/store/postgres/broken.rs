//! The disk of PostgreSQL fails, or has no room for its log: it crashes, and the commit may or may
//! not be there when it is back. So it is not reported as certain.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use utakata_logic::store::{
    Audit, Error, Ledger, Store, WriteBatch, postgres::Postgres as PostgresStore,
};
use utakata_tests::{
    disk::{SmallDisk, fail_sync},
    servers::Postgres,
    wait::until,
};

use super::{
    open,
    outage::{is_there, page},
};

/// Writes the same page until its fate is certain; returns the first error.
async fn write_for_certain(store: &PostgresStore, page: &WriteBatch) -> Option<Error> {
    let first = store.write(page).await.err();
    if first.is_some() {
        until("the page is written", async || {
            store.write(page).await.is_ok()
        })
        .await;
    }
    first
}

fn run(program: &str, arguments: &[&Path]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_of_postgres_that_fails_once_loses_nothing_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    // PostgreSQL runs as its own user, who removes the flag.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let library = fail_sync(folder.path()).unwrap();
    let flag = folder.path().join("fail");
    let variables = [
        ("LD_PRELOAD", library.as_path()),
        ("FAIL_SYNC", flag.as_path()),
    ];
    let mut server = Postgres::start_in(&variables).unwrap();
    let url = server.database().unwrap();
    let store = open(&url).await.unwrap();
    let mut written = Vec::new();
    let mut doubted = 0;
    for number in 1..=12 {
        let page = page(number);
        let fails = number % 3 == 0;
        if fails {
            fs::write(&flag, "").unwrap();
        }
        let met = write_for_certain(&store, &page).await;
        if fails {
            let error = met.expect("a sync failed");
            assert!(!flag.exists(), "nothing failed");
            // What may have been written is not reported as refused.
            assert!(
                matches!(error, Error::InDoubt { .. } | Error::Away { .. }),
                "{error}"
            );
            doubted += usize::from(matches!(error, Error::InDoubt { .. }));
        }
        written.push(page);
    }
    assert!(doubted > 0, "no commit met it");
    server.kill().unwrap();
    server.start_again().unwrap();
    let other = open(&url).await.unwrap();
    for page in &written {
        assert!(is_there(&other, page).await);
    }
    let count = server.sql("test_0", "SELECT COUNT(*), MAX(page) FROM audit");
    assert_eq!(count.unwrap(), "12|12");
}

/// Text that does not compress, so that it takes its space in the log.
fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let character = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 90).unwrap())
    };
    (0..bytes).map(character).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_reported_around_a_full_disk_of_the_log_of_postgres_is_true() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = folder.path().join("disk");
    let Some(disk) = SmallDisk::mount(&at, 96).unwrap() else {
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    let mut server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    server.kill().unwrap();
    let (log, moved) = (server.server().state().join("data/pg_wal"), at.join("wal"));
    run("cp", &[Path::new("-a"), &log, &moved]);
    run("chown", &[Path::new("postgres:"), &at]);
    fs::remove_dir_all(&log).unwrap();
    std::os::unix::fs::symlink(&moved, &log).unwrap();
    server.start_again().unwrap();
    let store = open(&url).await.unwrap();
    let (mut written, mut refused): (Vec<WriteBatch>, Vec<WriteBatch>) = (Vec::new(), Vec::new());
    let mut seed = 0;
    for _ in 0..2 {
        disk.fill().unwrap();
        let mut met = None;
        for _ in 0..100 {
            let mut page = page(written.len() as u64 + 1);
            // The number of a page that was refused is another one's: their bodies differ.
            seed += 1;
            if let Some(audit) = &mut page.audit {
                audit.body = noise(seed, 2 << 20);
            }
            match store.write(&page).await {
                Ok(()) => written.push(page),
                Err(error) => {
                    met = Some((page, error));
                    break;
                }
            }
        }
        let (tried, error) = met.expect("the disk of the log never was full");
        disk.clear().unwrap();
        until("it answers again", async || {
            // It gives up where it cannot recover.
            if server.has_ended().unwrap() {
                server.kill().unwrap();
                server.start_again().unwrap();
            }
            store.audit_head().await.is_ok()
        })
        .await;
        if matches!(error, Error::InDoubt { .. }) {
            write_for_certain(&store, &tried).await;
            written.push(tried);
        } else {
            eprintln!("certain: {error}");
            refused.push(tried);
        }
        let other = open(&url).await.unwrap();
        for page in &written {
            assert!(is_there(&other, page).await);
        }
        for page in &refused {
            assert!(!is_there(&other, page).await, "it was told as refused");
        }
        other.close().await;
    }
}
