//! The embedded history keeps the promises of every history.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use tempfile::TempDir;
use utakata_history::{Embedded, embedded::Config};
use utakata_history_conformance::{Keeps, check};

const START: i64 = 498_877 * 3_600_000;

#[tokio::test]
async fn the_embedded_history_keeps_every_promise() {
    let folder = TempDir::new().unwrap();
    let history = Embedded::open(Config {
        folder: folder.path().into(),
        raw_days: 10,
        hour_days: 10,
        max_bytes: 1 << 30,
        min_free: 0,
        clock: Arc::new(|| START + 4 * 3_600_000),
    })
    .unwrap();
    check(
        &history,
        START,
        Keeps {
            heard: true,
            extremes: true,
        },
    )
    .await;
}
