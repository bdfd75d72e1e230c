//! Impossible states. If one occurs nevertheless, it stops a test; elsewhere it is logged and
//! counted, and everything else continues.
//!
//! The count is per process. The metrics of a logic environment, the status of an environment and
//! the heartbeats of a worker report it, `utakata status` shows it, and a drill is not passed while
//! it is above 0.

use std::{
    fmt::Display,
    sync::atomic::{AtomicU64, Ordering},
};

/// The text that identifies a broken invariant in a log.
pub const MESSAGE: &str =
    "this cannot be: a mistake in utakata, please report it with the log of this moment";

static BROKEN: AtomicU64 = AtomicU64::new(0);

/// Reports an impossible state.
///
/// It is counted before it is asserted: a task that panics in a debug build is counted, too.
#[track_caller]
pub fn broken(what: &'static str, subject: &dyn Display) {
    record(what, subject);
    debug_assert!(false, "{what}: {subject}");
}

/// Reports an impossible state that was caught: a panic, or one reported by another process of
/// ours. Unlike [`broken`] it asserts nothing, because recovery from it is tested.
pub fn record(what: &'static str, subject: &dyn Display) {
    BROKEN.fetch_add(1, Ordering::Relaxed);
    tracing::error!(what, %subject, "{MESSAGE}");
}

/// Returns the value, reporting its absence.
#[track_caller]
pub fn present<T>(value: Option<T>, what: &'static str, subject: &dyn Display) -> Option<T> {
    if value.is_none() {
        broken(what, subject);
    }
    value
}

/// Returns the number of impossible states since the process started.
pub fn count() -> u64 {
    BROKEN.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::{panic::catch_unwind, sync::Mutex};

    use super::*;

    /// The count is per process: its tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    #[test]
    fn a_broken_invariant_stops_a_test_and_is_counted_all_the_same() {
        let _turn = TURN.lock();
        let before = count();
        let stopped = catch_unwind(|| broken("a lane without a target", &"pdu-1"));
        assert_eq!(stopped.is_err(), cfg!(debug_assertions));
        assert_eq!(count(), before + 1);
    }

    #[test]
    fn what_was_caught_is_counted_and_stops_nothing() {
        let _turn = TURN.lock();
        let before = count();
        record("a panic", &"kind snmp");
        assert_eq!(count(), before + 1);
    }

    #[test]
    fn what_is_there_is_not_reported() {
        let _turn = TURN.lock();
        let before = count();
        assert_eq!(present(Some(1), "a number", &"none"), Some(1));
        assert_eq!(count(), before);
        let absent = catch_unwind(|| present(None::<u8>, "a number", &"none"));
        assert_eq!(absent.is_err(), cfg!(debug_assertions));
        assert_eq!(count(), before + 1);
    }
}
