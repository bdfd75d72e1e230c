//! The reads that notifications cause: soon after the first, and once more after a storm. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;
use utakata_model::TargetName;

/// The time between reads of one target because of notifications.
const APART: Duration = Duration::from_secs(5);
/// The number of targets that are remembered.
const MAX_TARGETS: usize = 100_000;

/// The targets that are to be read, and those that were.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    due: BTreeMap<TargetName, Instant>,
    /// The times at which targets were last read because of notifications.
    last: HashMap<TargetName, Instant>,
}

impl Triggers {
    /// Plans a read of a target: at once, or as soon as the last such read is long enough ago. What
    /// a storm ends with is seen, too.
    pub(super) fn trigger(&mut self, target: &TargetName, now: Instant) {
        if self.due.contains_key(target) || self.due.len() >= MAX_TARGETS {
            return;
        }
        let at = self
            .last
            .get(target)
            .map_or(now, |last| now.max(*last + APART));
        self.due.insert(target.clone(), at);
    }

    /// Takes targets that are due, at most this many.
    pub(super) fn due(&mut self, now: Instant, max: usize) -> Vec<TargetName> {
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<TargetName> = due.map(|(name, _)| name.clone()).take(max).collect();
        self.last.retain(|_, at| *at + APART > now);
        for target in &due {
            self.due.remove(target);
            self.last.insert(target.clone(), now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_at_once_and_once_more_after_a_storm() {
        let (mut triggers, start) = (Triggers::default(), Instant::now());
        let target: TargetName = "a".parse().unwrap();
        let mut reads = Vec::new();
        for step in 0..100 {
            let now = start + Duration::from_millis(100 * step);
            // It is said 1,000 times within two seconds.
            for _ in 0..if step < 20 { 50 } else { 0 } {
                triggers.trigger(&target, now);
            }
            reads.extend(triggers.due(now, 10).iter().map(|_| step));
        }
        assert_eq!(reads, [0, 50]);
    }

    #[test]
    fn many_targets_are_read_in_turn() {
        let (mut triggers, now) = (Triggers::default(), Instant::now());
        for number in 0..600 {
            triggers.trigger(&format!("t-{number}").parse().unwrap(), now);
        }
        let counts: Vec<usize> = (0..4).map(|_| triggers.due(now, 256).len()).collect();
        assert_eq!(counts, [256, 256, 88, 0]);
    }
}
