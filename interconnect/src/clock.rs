//! The time, as an argument, so that tests decide it; and the differences of others' clocks.
//!
//! No moment of one host means anything to another one: their clocks differ, by hours if nobody
//! sets them, and each may be set at any time. So a message says what is left of a deadline and
//! how old a value is, and is stamped with a clock that nobody sets ([`Sent`]). Whoever gets it
//! reckons from its arrival, less the time that it lay on the way, as far as that can be told.

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

/// The clock of this process: all that is stamped and received by it has to do with each other.
static PROCESS: LazyLock<Clock> = LazyLock::new(|| Clock::new(now));
/// By how many milliseconds the clock that this process goes by is ahead of that of its machine.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// A clock that others share is gone by from such a difference on.
const DIFFERS: i64 = 2000;
/// One that is gone by already is followed when it is off by more.
const FOLLOWED: i64 = 500;
/// The origin of the steady clock of this process.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time by the clock of this machine, or by one that several processes share.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    let ahead = SignedDuration::from_millis(AHEAD.load(Ordering::Relaxed));
    now.checked_add(ahead).unwrap_or(now)
}

/// The processes that work together have a clock in common, which shows this. Where it differs
/// from that of this machine by seconds, this process goes by it from now on.
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

/// By how much the shared clock was ahead that this process goes by, in milliseconds.
pub fn shared_ahead() -> i64 {
    AHEAD.load(Ordering::Relaxed)
}

/// Returns the difference to go by, having seen this one.
fn followed(before: i64, seen: i64) -> i64 {
    match seen {
        seen if seen.abs() < DIFFERS => 0,
        seen if (seen - before).abs() <= FOLLOWED => before,
        seen => seen,
    }
}

/// Tells the time. Cheap to clone; the default is the clock of this process.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    wall: Box<dyn Fn() -> Timestamp + Send + Sync>,
    steady: Box<dyn Fn() -> Duration + Send + Sync>,
    /// The name under which it stamps: another one after each start.
    by: Arc<str>,
    senders: Mutex<Senders>,
}

/// The time at which a message was written, by the clocks of its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The life of the process to which the times belong.
    pub by: Arc<str>,
    /// Milliseconds of a clock that is never set, counted from anywhere.
    pub at: u64,
    /// The time that its wall clock showed.
    pub clock: Timestamp,
}

/// The way of a message, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transit {
    /// The time that it lay on the way, beyond what the fastest message of its sender took.
    pub waited: Duration,
    /// By how much the sender's clock is ahead of this one; negative: behind.
    pub ahead: SignedDuration,
}

impl Clock {
    /// A clock that asks this function what time it is.
    pub fn new(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::with_steady(wall, || BEGUN.elapsed())
    }

    /// The same with another clock that is never set, as of another host.
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

    /// Returns the time that is left until then; negative: that has passed since.
    pub fn left(&self, until: Timestamp) -> SignedDuration {
        until.duration_since(self.now())
    }

    /// Returns how long ago that was; zero where it is still to come.
    pub fn age(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(time)).unwrap_or_default()
    }

    /// Returns the time that long ago.
    pub fn before(&self, age: Duration) -> Timestamp {
        let now = self.now();
        now.checked_sub(age).unwrap_or(now)
    }

    /// The stamp of a message that is written now.
    pub fn stamp(&self) -> Sent {
        Sent {
            by: Arc::clone(&self.0.by),
            at: milliseconds((self.0.steady)()),
            clock: self.now(),
        }
    }

    /// A message came: learns from it, and tells of its way.
    pub fn receive(&self, sent: &Sent) -> Transit {
        let steady = milliseconds((self.0.steady)());
        self.0.senders.lock().receive(sent, steady, self.now())
    }

    /// Forgets a sender: what was learned of it was wrong, as another promise shows.
    pub fn doubt(&self, sent: &Sent) {
        self.0.senders.lock().forget(&sent.by);
    }

    /// By how much the clock of a sender was ahead, when it was last heard of.
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
