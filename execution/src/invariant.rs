//! States that cannot be. One that is all the same stops a test; elsewhere it is logged, and the
//! rest goes on.

use std::fmt::Display;

/// Reports a state that cannot be.
pub(crate) fn broken(what: &'static str, subject: &dyn Display) {
    debug_assert!(false, "{what}: {subject}");
    tracing::error!(
        what, %subject,
        "this cannot be: a mistake in utakata, please report it with the log of this moment"
    );
}
