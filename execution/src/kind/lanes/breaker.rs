//! The breaker, which leaves a target alone that does not answer. Pure.
//!
//! ```text
//!            several attempts in a row without an answer
//!  closed ──────────────────────────────────────────────► open
//!    ▲                                                    │  ▲
//!    │ an answer          the cool-down has passed        │  │ none, for twice as long
//!    └───────────────────────── half-open ◄───────────────┘  │
//!                                   └── one attempt on trial ─┘
//! ```

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    Backoff, BreakerState, BreakerStatus, Problem, TargetName, backoff::spread, hash::fnv1a_32,
};

/// The time without contact after which a target's silences are forgotten.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The rule by which a target is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The number of consecutive attempts without an answer; 0: never.
    pub(crate) failures: u32,
    /// The first cool-down; it doubles each time.
    pub(crate) first: Duration,
    /// The longest time.
    pub(crate) max: Duration,
}

/// The breaker of one target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// The time of the first of them.
    first: Option<Timestamp>,
    /// The time of the last of them.
    last: Option<Instant>,
    open: Option<Open>,
}

#[derive(Debug, Clone)]
struct Open {
    since: Timestamp,
    /// The end of the cool-down: on the monotonic clock, and for people.
    until: Instant,
    shown_until: Timestamp,
    cool_down: Backoff,
    is_on_trial: bool,
    problem: Problem,
}

/// The attempts that may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// All attempts.
    Free,
    /// One attempt, as a trial.
    Trial,
    /// No attempt.
    None,
}

impl Breaker {
    pub(crate) fn passage(&self, now: Instant) -> Passage {
        match &self.open {
            None => Passage::Free,
            Some(open) if open.is_on_trial || now < open.until => Passage::None,
            Some(_) => Passage::Trial,
        }
    }

    /// Begins an attempt: if it is the trial, there is no other.
    pub(crate) fn begin(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_on_trial = true;
        }
    }

    /// Ends the trial, or an attempt that was not made.
    pub(crate) fn release(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_on_trial = false;
        }
    }

    /// Closes the breaker: the target has answered.
    pub(crate) fn on_answer(&mut self) {
        *self = Self::default();
    }

    /// Records an attempt without an answer. Returns true if the target is left alone from now on
    /// and was not before.
    pub(crate) fn on_silence(
        &mut self,
        target: &TargetName,
        problem: &Problem,
        rule: &Rule,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        if self.is_forgotten(now) {
            *self = Self::default();
        }
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        let first = *self.first.get_or_insert(clock);
        let (since, mut cool_down) = match &mut self.open {
            None if rule.failures == 0 || self.failures < rule.failures => return false,
            None => (first, Backoff::new(rule.first, rule.max)),
            Some(open) if now < open.until => {
                // Begun before, or under a permit.
                open.problem = problem.clone();
                return false;
            }
            Some(open) => (open.since, open.cool_down),
        };
        let wait = jittered(cool_down.wait(), target);
        let was_closed = self.open.is_none();
        self.open = Some(Open {
            since,
            until: now + wait,
            shown_until: clock.checked_add(wait).unwrap_or(clock),
            cool_down,
            is_on_trial: false,
            problem: problem.clone(),
        });
        was_closed
    }

    /// Returns the time from which an attempt may begin, if none may now.
    pub(crate) fn opens_at(&self, now: Instant) -> Option<Instant> {
        let open = self.open.as_ref()?;
        (now < open.until).then_some(open.until)
    }

    /// Returns true if there is nothing to remember.
    pub(crate) fn is_forgotten(&self, now: Instant) -> bool {
        self.forgotten_at().is_none_or(|at| now >= at)
    }

    /// Returns the time from which there is nothing to remember.
    pub(crate) fn forgotten_at(&self) -> Option<Instant> {
        self.last.map(|last| last + FORGOTTEN_AFTER)
    }

    /// Returns its status, unless it is closed.
    pub(crate) fn status(&self, target: &TargetName, now: Instant) -> Option<BreakerStatus> {
        let open = self.open.as_ref()?;
        Some(BreakerStatus {
            target: target.clone(),
            state: if now < open.until {
                BreakerState::Open
            } else {
                BreakerState::HalfOpen
            },
            since: open.since,
            until: open.shown_until,
            failures: self.failures,
            problem: open.problem.clone(),
        })
    }
}

/// Returns a time up to a quarter shorter or longer, so that not all targets behind a dead switch
/// are tried at once: the same for the same name.
fn jittered(wait: Duration, target: &TargetName) -> Duration {
    let [.., high, higher] = fnv1a_32(target.as_str().bytes()).to_le_bytes();
    spread(wait, u16::from_le_bytes([high, higher]))
}

#[cfg(test)]
mod tests;
