//! The time as an argument, so that tests decide it; and the differences of others' clocks.
//!
//! A moment on one host means nothing on another: their clocks differ, by hours if nobody sets
//! them, and each may be set at any time. A message therefore states the time left until a deadline
//! and the age of a value, and is stamped with a monotonic clock ([`Sent`]). The receiver
//! calculates from its arrival, less the time that it lay on the way, as far as that can be
//! determined.

mod senders;

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::senders::Senders;

/// The clock of this process: its stamps and arrivals are related to each other.
static PROCESS: LazyLock<Clock> = LazyLock::new(|| Clock::new(now));
/// The number of milliseconds by which this process's clock is ahead of its machine's.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// The difference, in milliseconds, from which a shared clock is used.
const DIFFERS: i64 = 2000;
/// The difference, in milliseconds, from which a shared clock in use is followed.
const FOLLOWED: i64 = 500;
/// The origin of the monotonic clock of this process.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time by the clock of this machine, or by one that several processes share.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    let ahead = SignedDuration::from_millis(AHEAD.load(Ordering::Relaxed));
    now.checked_add(ahead).unwrap_or(now)
}

/// Sets the time of the clock that the cooperating processes share. If it differs from that of this
/// machine by seconds, this process uses it from now on.
pub fn share(shown: Timestamp) {
    let ahead = shown.as_millisecond() - Timestamp::now().as_millisecond();
    let before = AHEAD.load(Ordering::Relaxed);
    let after = followed(before, ahead);
    if after != before {
        AHEAD.store(after, Ordering::Relaxed);
        tracing::warn!(
            ahead_ms = -after,
            "the clock of this machine differs from the one that is shared: set it by NTP"
        );
    }
}

/// Returns the number of milliseconds by which the shared clock in use is ahead.
pub fn shared_ahead() -> i64 {
    AHEAD.load(Ordering::Relaxed)
}

/// Returns the difference to use after this one was seen.
fn followed(before: i64, seen: i64) -> i64 {
    match seen {
        seen if seen.abs() < DIFFERS => 0,
        seen if (seen - before).abs() <= FOLLOWED => before,
        seen => seen,
    }
}

/// A source of the time. Cheap to clone; the default is the clock of this process.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    wall: Box<dyn Fn() -> Timestamp + Send + Sync>,
    steady: Box<dyn Fn() -> Duration + Send + Sync>,
    /// The name in its stamps: a new one after each start.
    by: Arc<str>,
    senders: Mutex<Senders>,
}

/// The time at which a message was written, by the clocks of its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The life of the process to which the times belong.
    pub by: Arc<str>,
    /// The milliseconds of a monotonic clock, counted from any origin.
    pub at: u64,
    /// The time of its wall clock.
    pub clock: Timestamp,
}

/// The transit of a message, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transit {
    /// The time that it lay on the way, beyond that of its sender's fastest message.
    pub waited: Duration,
    /// The time by which the sender's clock is ahead of this one; negative if it is behind.
    pub ahead: SignedDuration,
}

impl Clock {
    /// Creates a clock that takes the time from this function.
    pub fn new(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::with_steady(wall, || BEGUN.elapsed())
    }

    /// Creates a clock with another monotonic clock, as of another host.
    pub fn with_steady(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        steady: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            wall: Box::new(wall),
            steady: Box::new(steady),
            by: Uuid::new_v4().simple().to_string().into(),
            senders: Mutex::default(),
        }))
    }

    /// Returns the present time.
    pub fn now(&self) -> Timestamp {
        (self.0.wall)()
    }

    /// Returns the time left until then; negative if it has passed.
    pub fn left(&self, until: Timestamp) -> SignedDuration {
        until.duration_since(self.now())
    }

    /// Returns the age of a time; zero if it is still to come.
    pub fn age(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(time)).unwrap_or_default()
    }

    /// Returns the time that long ago.
    pub fn before(&self, age: Duration) -> Timestamp {
        let now = self.now();
        now.checked_sub(age).unwrap_or(now)
    }

    /// Returns the stamp of a message that is written now.
    pub fn stamp(&self) -> Sent {
        Sent {
            by: Arc::clone(&self.0.by),
            at: milliseconds((self.0.steady)()),
            clock: self.now(),
        }
    }

    /// Learns from a message that arrived, and returns its transit.
    pub fn receive(&self, sent: &Sent) -> Transit {
        let steady = milliseconds((self.0.steady)());
        self.0.senders.lock().receive(sent, steady, self.now())
    }

    /// Forgets a sender: what was learned of it was wrong, as another promise shows.
    pub fn doubt(&self, sent: &Sent) {
        self.0.senders.lock().forget(&sent.by);
    }

    /// Returns the time by which a sender's clock was ahead when it was last heard of.
    pub fn ahead(&self, sent: &Sent) -> Option<SignedDuration> {
        self.0.senders.lock().ahead(&sent.by)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Clock {
    fn default() -> Self {
        PROCESS.clone()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_clock_is_followed_where_it_differs_and_not_for_every_millisecond() {
        for (before, seen, expect) in [
            (0, 30, 0),
            (0, -1900, 0),
            (0, 7_200_000, 7_200_000),
            (7_200_000, 7_200_300, 7_200_000),
            (7_200_000, 7_201_000, 7_201_000),
            (-7_200_000, 100, 0),
        ] {
            assert_eq!(followed(before, seen), expect, "{before} {seen}");
        }
    }
}
