//! Impossible states. If one occurs all the same, it fails a test; elsewhere it is logged, and the
//! rest continues.

use std::fmt::Display;

/// Reports an impossible state.
pub(crate) fn broken(what: &'static str, subject: &dyn Display) {
    debug_assert!(false, "{what}: {subject}");
    tracing::error!(
        what, %subject,
        "this cannot be: a mistake in utakata, please report it with the log of this moment"
    );
}
