//! Impossible states. If one occurs all the same, it fails a test; elsewhere it is logged and
//! counted, and the rest goes on.

use std::{
    fmt::Display,
    sync::atomic::{AtomicU64, Ordering},
};

static BROKEN: AtomicU64 = AtomicU64::new(0);

/// Reports an impossible state.
pub(crate) fn broken(what: &'static str, subject: &dyn Display) {
    debug_assert!(false, "{what}: {subject}");
    BROKEN.fetch_add(1, Ordering::Relaxed);
    tracing::error!(
        what, %subject,
        "this cannot be: a mistake in utakata, please report it with the log of this moment"
    );
}

/// Returns the number of impossible states since the process began.
pub(crate) fn count() -> u64 {
    BROKEN.load(Ordering::Relaxed)
}
