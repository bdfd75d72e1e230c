//! Two processes that run as the same environment, as after a host was copied.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    Cure, EnvironmentId, EnvironmentState, EnvironmentStatus, Incarnation, Problem,
};

/// The time for which incarnations that have taken turns count as running. Each reports every ten
/// seconds.
const RECENT: Duration = Duration::from_secs(60);
/// The number of turns that reveals two processes: an incarnation that ended may be heard of once
/// more, late, while two that run take turns.
const TURNS: usize = 3;
/// The number of incarnations of an environment that are remembered.
const MAX_LIVES: usize = 4;

/// The known incarnations of each environment.
#[derive(Debug, Default)]
pub(super) struct Twins(BTreeMap<EnvironmentId, Lives>);

#[derive(Debug, Default)]
struct Lives {
    /// The latest status of each, by its own clock; the one heard of last comes last.
    known: Vec<(Incarnation, Timestamp)>,
    /// The times at which one was heard of again after another one.
    turns: Vec<Instant>,
}

impl Twins {
    /// Applies a report of an environment.
    pub(super) fn hear(&mut self, status: &EnvironmentStatus, now: Instant) {
        // The last will of an incarnation may arrive long after its successor has started.
        if status.state == EnvironmentState::Gone {
            return;
        }
        let lives = self.0.entry(status.id.clone()).or_default();
        lives.hear(status.incarnation, status.time, now);
    }

    pub(super) fn forget(&mut self, id: &EnvironmentId) {
        self.0.remove(id);
    }

    /// Returns the environments that two processes run as.
    pub(super) fn problems(&self, now: Instant) -> BTreeMap<EnvironmentId, Problem> {
        let twins = self.0.iter().filter(|(_, lives)| lives.are_two(now));
        twins.map(|(id, _)| (id.clone(), problem(id))).collect()
    }
}

impl Lives {
    fn hear(&mut self, incarnation: Incarnation, time: Timestamp, now: Instant) {
        let known = self.known.iter().position(|(one, _)| *one == incarnation);
        let before = known.map(|at| self.known.remove(at));
        let is_another = known.is_some_and(|at| at < self.known.len());
        let is_later = before.is_some_and(|(_, before)| time > before);
        if is_another && is_later {
            self.turns.push(now);
        }
        self.turns.retain(|at| now.duration_since(*at) < RECENT);
        let time = before.map_or(time, |(_, before)| before.max(time));
        self.known.push((incarnation, time));
        if self.known.len() > MAX_LIVES {
            self.known.remove(0);
        }
    }

    fn are_two(&self, now: Instant) -> bool {
        let recent = self.turns.iter();
        let recent = recent.filter(|at| now.duration_since(**at) < RECENT);
        recent.count() >= TURNS
    }
}

fn problem(id: &EnvironmentId) -> Problem {
    let message = format!(
        "two processes run as the environment {id}, as after a host was copied: each hides what \
         the other tells, and control waits longer; find the other one (its host has the same \
         `--id`, or `execution.id`), and end it or give it an id of its own"
    );
    Problem::new("environment-twice", Cure::Operator, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies reports of incarnations, a second apart; returns true if two are detected at the
    /// end.
    fn heard(lives: &[(u8, i64)]) -> bool {
        let (mut all, start) = (Lives::default(), Instant::now());
        let mut now = start;
        for (life, second) in lives {
            now += Duration::from_secs(1);
            let time = Timestamp::from_second(1_800_000_000 + second).unwrap();
            all.hear(Incarnation::from_bytes([*life; 16]), time, now);
        }
        assert!(!all.are_two(now + RECENT), "nothing was heard for so long");
        all.are_two(now)
    }

    #[test]
    fn lives_that_take_turns_are_two_processes() {
        assert!(heard(&[(1, 1), (2, 2), (1, 3), (2, 4), (1, 5)]));
        assert!(heard(&[
            (1, 1),
            (2, 2),
            (2, 3),
            (1, 4),
            (1, 5),
            (2, 6),
            (1, 7)
        ]));
        // Their clocks need not agree.
        assert!(heard(&[(1, 1), (2, 900), (1, 3), (2, 904), (1, 5)]));
    }

    #[test]
    fn lives_that_follow_each_other_are_one_process_at_a_time() {
        assert!(!heard(&[(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (3, 6)]));
        // A report of an earlier one arrives late, or again.
        assert!(!heard(&[(1, 1), (2, 3), (1, 2), (2, 4), (2, 5)]));
        assert!(!heard(&[
            (1, 2),
            (2, 3),
            (1, 2),
            (2, 4),
            (1, 1),
            (2, 5),
            (1, 2)
        ]));
    }
}
