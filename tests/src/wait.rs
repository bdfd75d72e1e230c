//! Waiting: on a value, never for a time.
//!
//! There is one deadline, and all it does is end a test that would hang: how soon something must
//! come is a matter of benchmarks. Where it is to be proven that nothing comes, what was asked
//! for later is waited for instead.
#![allow(clippy::panic, reason = "a test fails by a panic")]

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

/// Longer than anything takes, also where others use all processors and disks. A test that is
/// ended by it fails; the limit of the test runner comes later, so that it says what never came.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The interval between looks.
const LOOK_EACH: Duration = Duration::from_millis(20);

/// Looks again and again until there is something.
///
/// # Panics
/// There never is; the message says what.
#[track_caller]
pub fn eventually<T>(what: impl Display, look: impl FnMut() -> Option<T>) -> T {
    match wait_for(look) {
        Some(found) => found,
        None => panic!("never: {what}"),
    }
}

/// The same, for those who have more to say when there never is.
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

/// Waits until it is so, in a runtime.
///
/// # Panics
/// It never is; the message says what.
pub async fn until(what: impl Display, mut is_so: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !is_so().await {
            pause().await;
        }
    })
    .await;
}

/// Between one look and the next, for loops within [`soon`].
pub async fn pause() {
    tokio::time::sleep(LOOK_EACH).await;
}

/// Waits for what comes by itself.
///
/// # Panics
/// It never comes; the message says what.
pub async fn soon<T>(what: impl Display, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("never: {what}"),
    }
}
