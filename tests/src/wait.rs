//! Waiting: for a value, never for a fixed time.
//!
//! There is one deadline, which only ends a test that would hang: how soon something must happen is
//! a matter for benchmarks. To prove that something does not happen, tests wait for a later event
//! instead.
#![allow(clippy::panic, reason = "a test fails by a panic")]

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

/// Longer than anything takes, even if other processes use all processors and disks. A test that
/// reaches it fails; the limit of the test runner comes later, so that the test can report what
/// never happened.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The interval between looks.
const LOOK_EACH: Duration = Duration::from_millis(20);

/// Polls until there is a value.
///
/// # Panics
/// There never is; the message names it.
#[track_caller]
pub fn eventually<T>(what: impl Display, look: impl FnMut() -> Option<T>) -> T {
    match wait_for(look) {
        Some(found) => found,
        None => panic!("never: {what}"),
    }
}

/// The same, for callers with more to report when there never is one.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        thread::sleep(LOOK_EACH);
    }
}

/// Polls a condition in a runtime until it holds.
///
/// # Panics
/// It never does; the message names it.
pub async fn until(what: impl Display, mut is_so: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !is_so().await {
            pause().await;
        }
    })
    .await;
}

/// Pauses between two polls, for loops within [`soon`].
pub async fn pause() {
    tokio::time::sleep(LOOK_EACH).await;
}

/// Waits for a future.
///
/// # Panics
/// It never completes; the message names it.
pub async fn soon<T>(what: impl Display, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("never: {what}"),
    }
}
