//! An inter connect with deliberate faults, like those of real networks and brokers: it fails,
//! drops, duplicates, delays and reorders. It keeps the promises of the traits, so that their users
//! can be tested; only [`Lose::Anything`] does not, to test the conformance suite.
//!
//! The same seed and the same calls give the same faults.

mod dice;
mod events;
mod late;
mod spec;
mod tasks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use self::{dice::Dice, late::Late};
pub use self::{events::FaultyEvents, spec::SpecError, tasks::FaultyTasks};
use utakata_interconnect::Error;

/// The probability of each fault, from 0.0 (never) to 1.0 (always).
///
/// As text: `lose=0.02,double=0.05,late=0.1,delay=0.1,max-delay=200ms,reorder=0.1,fail=0.01`, and
/// `may-lose=` one of `expendable`, `protocol` (the default) and `anything`.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The seed of the random faults.
    pub seed: u64,
    /// For each call: it fails. Half of the publishing calls that fail have taken effect.
    pub fail: f64,
    /// For each task or event that may be lost: it is lost.
    pub lose: f64,
    /// The limits of what may be lost.
    pub may_lose: Lose,
    /// For each task or event: it is published twice.
    pub double: f64,
    /// For each call: it takes up to `max_delay` longer.
    pub delay: f64,
    /// For each task that is delivered, and each message that the permit protocol repeats or
    /// tolerates late: it is held back up to `max_delay`, and later ones overtake it.
    pub late: f64,
    /// The longest delay.
    pub max_delay: Duration,
    /// For each call with several tasks or events: their order is changed.
    pub reorder: f64,
}

/// The limits of what a faulty inter connect may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lose {
    /// Observe tasks and expendable events, which is permitted.
    Expendable,
    /// Also messages that the permit protocol repeats until answered: asks, permits, outcomes,
    /// records. Its design survives that. Control tasks and statuses are not lost.
    Protocol,
    /// Also control tasks and everything that must not be dropped: this breaks the promises.
    Anything,
}

impl Faults {
    /// No faults at all.
    pub const NONE: Self = Self {
        seed: 0,
        fail: 0.0,
        lose: 0.0,
        may_lose: Lose::Expendable,
        double: 0.0,
        delay: 0.0,
        late: 0.0,
        max_delay: Duration::from_millis(20),
        reorder: 0.0,
    };

    /// Returns the faults of a bad day: one in ten of everything, within the promises.
    pub fn bad_day(seed: u64) -> Self {
        Self {
            seed,
            fail: 0.1,
            lose: 0.1,
            double: 0.1,
            delay: 0.1,
            reorder: 0.1,
            ..Self::NONE
        }
    }
}

/// The counts of the faults so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of calls that failed.
    pub failed: u64,
    /// The number of tasks or events that were lost.
    pub lost: u64,
    /// The number of tasks or events that were duplicated.
    pub doubled: u64,
    /// The number of calls that were delayed.
    pub delayed: u64,
    /// The number of tasks or events that others could overtake.
    pub late: u64,
    /// The number of calls whose order was changed.
    pub reordered: u64,
}

/// Decides on faults, and counts them.
#[derive(Debug)]
struct Fate {
    faults: Faults,
    dice: Dice,
    failed: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    delayed: AtomicU64,
    late: AtomicU64,
    reordered: AtomicU64,
}

/// The moment at which a publishing call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Before,
    After,
}

impl Fate {
    fn new(faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            dice: Dice::new(faults.seed),
            faults,
            failed: AtomicU64::default(),
            lost: AtomicU64::default(),
            doubled: AtomicU64::default(),
            delayed: AtomicU64::default(),
            late: AtomicU64::default(),
            reordered: AtomicU64::default(),
        })
    }

    fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            failed: count(&self.failed),
            lost: count(&self.lost),
            doubled: count(&self.doubled),
            delayed: count(&self.delayed),
            late: count(&self.late),
            reordered: count(&self.reordered),
        }
    }

    fn happens(&self, chance: f64, counter: &AtomicU64) -> bool {
        let happens = self.dice.chance(chance);
        if happens {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        happens
    }

    async fn delay(&self) {
        if self.happens(self.faults.delay, &self.delayed) {
            tokio::time::sleep(self.how_long()).await;
        }
    }

    fn how_long(&self) -> Duration {
        let part = self.dice.below(1_000);
        let max = u64::try_from(self.faults.max_delay.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(max.saturating_mul(part) / 1_000)
    }

    /// Holds some of these back, and returns the others.
    fn hold_up<T>(
        &self,
        items: Vec<T>,
        late: &mut Late<T>,
        may_be_late: impl Fn(&T) -> bool,
    ) -> Vec<T> {
        let now = Instant::now();
        let on_time = items.into_iter().filter_map(|item| {
            let held =
                late.has_room() && may_be_late(&item) && self.happens(self.faults.late, &self.late);
            if held {
                late.hold(now + self.how_long(), item);
                return None;
            }
            Some(item)
        });
        on_time.collect()
    }

    fn fail(&self) -> Result<(), Error> {
        match self.failure() {
            Some(_) => Err(away()),
            None => Ok(()),
        }
    }

    fn failure(&self) -> Option<Failure> {
        self.happens(self.faults.fail, &self.failed).then(|| {
            if self.dice.below(2) == 0 {
                Failure::Before
            } else {
                Failure::After
            }
        })
    }

    /// Loses, duplicates and reorders what is to be published.
    fn disturb<T: Clone>(&self, items: Vec<T>, may_be_lost: impl Fn(&T, Lose) -> bool) -> Vec<T> {
        let mut disturbed = Vec::with_capacity(items.len());
        for item in items {
            if may_be_lost(&item, self.faults.may_lose)
                && self.happens(self.faults.lose, &self.lost)
            {
                continue;
            }
            if self.happens(self.faults.double, &self.doubled) {
                disturbed.push(item.clone());
            }
            disturbed.push(item);
        }
        self.reorder(&mut disturbed);
        disturbed
    }

    fn reorder<T>(&self, items: &mut [T]) {
        if items.len() > 1 && self.happens(self.faults.reorder, &self.reordered) {
            self.dice.shuffle(items);
        }
    }
}

fn away() -> Error {
    Error::Away {
        reason: "a fault on purpose".into(),
    }
}

#[cfg(test)]
mod tests;
