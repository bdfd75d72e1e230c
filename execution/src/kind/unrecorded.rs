//! Outcomes of control that the logic environment has not recorded yet. Pure.
//!
//! ```text
//! reported ─► again after 1 s, 2 s, 4 s, 8 s, 10 s, 10 s ... until recorded
//! ```

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use utakata_model::{Backoff, Outcome, TaskKey, backoff::spread};
use utakata_permit::message::Recorded;

use crate::takeover::UnrecordedLeft;

/// The waits after which an outcome is repeated.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
/// The number of outcomes that are repeated together.
const MAX_TOGETHER: usize = 1000;
/// The number of attempts that ended without a permit and are remembered.
const MAX_ENDED: usize = 10_000;

/// Outcomes that are repeated until they are recorded.
#[derive(Debug)]
pub(super) struct Unrecorded {
    limit: usize,
    /// The outcomes by attempt, and the ask under which they were reported.
    kept: BTreeMap<Recorded, Kept>,
    due: BTreeSet<(Instant, Recorded)>,
    told: EndedAttempts,
}

#[derive(Debug)]
struct Kept {
    outcome: Outcome,
    again: Instant,
    backoff: Backoff,
    /// True if it replaced another one under the same ask, which the next record may mean.
    is_second: bool,
}

/// The latest attempts that ended without a permit: they do so only once.
#[derive(Debug, Default)]
struct EndedAttempts {
    keys: HashSet<TaskKey, foldhash::fast::RandomState>,
    order: VecDeque<TaskKey>,
}

impl Unrecorded {
    /// Creates an empty set, which never keeps more than the limit, except for outcomes under a
    /// permit.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: BTreeMap::new(),
            due: BTreeSet::new(),
            told: EndedAttempts::default(),
        }
    }

    /// Keeps an outcome that is reported now.
    pub(super) fn keep(&mut self, outcome: &Outcome, now: Instant) {
        let told = Recorded {
            key: outcome.key(),
            ask: outcome.permit,
        };
        if outcome.permit.is_none() {
            if self.room() == 0 {
                // Nothing was done, and the ledger publishes it again.
                return;
            }
            self.told.insert(told.key);
        }
        let was = self.kept.remove(&told);
        if let Some(was) = &was {
            self.due.remove(&(was.again, told));
        }
        let mut backoff = BACKOFF;
        let kept = Kept {
            outcome: outcome.clone(),
            again: now + jittered(backoff.wait(), told.key),
            backoff,
            is_second: was.is_some(),
        };
        self.due.insert((kept.again, told));
        self.kept.insert(told, kept);
    }

    /// Returns the outcomes that are kept, and the attempts that ended without a permit.
    pub(super) fn leave(&self) -> (Vec<UnrecordedLeft>, Vec<TaskKey>) {
        let left = self.kept.values().map(|kept| UnrecordedLeft {
            outcome: kept.outcome.clone(),
            is_second: kept.is_second,
        });
        (left.collect(), self.told.order.iter().copied().collect())
    }

    /// Continues where another program of this life was: everything is repeated soon.
    pub(super) fn take_over(
        &mut self,
        left: Vec<UnrecordedLeft>,
        told: Vec<TaskKey>,
        now: Instant,
    ) {
        for UnrecordedLeft { outcome, is_second } in left {
            let told = Recorded {
                key: outcome.key(),
                ask: outcome.permit,
            };
            let mut backoff = BACKOFF;
            let kept = Kept {
                again: now + jittered(backoff.wait(), told.key),
                backoff,
                outcome,
                is_second,
            };
            self.due.insert((kept.again, told));
            self.kept.insert(told, kept);
        }
        told.into_iter().for_each(|key| self.told.insert(key));
    }

    /// Forgets recorded outcomes.
    pub(super) fn on_recorded(&mut self, attempts: &[Recorded], now: Instant) {
        for recorded in attempts {
            let Some(told) = self.meant(*recorded) else {
                continue;
            };
            let Some(mut kept) = self.kept.remove(&told) else {
                continue;
            };
            self.due.remove(&(kept.again, told));
            if kept.is_second {
                // The record may be of the first outcome: this one is repeated.
                kept.is_second = false;
                kept.backoff.reset();
                kept.again = now + jittered(kept.backoff.wait(), told.key);
                self.due.insert((kept.again, told));
                self.kept.insert(told, kept);
            }
        }
    }

    /// Finds the outcome that a record confirms. One that names no ask is for an outcome without
    /// any, or from a logic environment that names none: then it is the first of the attempt.
    fn meant(&self, recorded: Recorded) -> Option<Recorded> {
        if recorded.ask.is_some() || self.kept.contains_key(&recorded) {
            return Some(recorded);
        }
        self.of(recorded.key).next().copied()
    }

    /// Returns the outcomes of an attempt.
    fn of(&self, key: TaskKey) -> impl Iterator<Item = &Recorded> {
        let told = |ask| Recorded { key, ask };
        let all = self.kept.range(told(None)..=told(Some(u64::MAX)));
        all.map(|(told, _)| told)
    }

    /// Takes the outcomes to repeat now.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Outcome> {
        let mut again = Vec::new();
        while again.len() < MAX_TOGETHER
            && let Some((at, told)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            if let Some(kept) = self.kept.get_mut(&told) {
                kept.again = now + jittered(kept.backoff.wait(), told.key);
                self.due.insert((kept.again, told));
                again.push(kept.outcome.clone());
            }
        }
        again
    }

    /// Returns true if the attempt has ended here: it is not recorded yet, or had no permit.
    pub(super) fn has(&self, key: TaskKey) -> bool {
        self.of(key).next().is_some() || self.told.keys.contains(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the number of outcomes for which there is room.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.kept.len())
    }

    /// Returns the outcomes that are not recorded.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Recorded> {
        self.kept.keys()
    }
}

impl EndedAttempts {
    fn insert(&mut self, key: TaskKey) {
        if !self.keys.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// Returns a time up to a quarter shorter or longer, so that not all are repeated at once: the same
/// for the same attempt.
fn jittered(wait: Duration, key: TaskKey) -> Duration {
    let [.., low, high] = *key.task.as_bytes();
    spread(wait, u16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests;
