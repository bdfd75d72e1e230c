//! What was last seen of one target: pure bookkeeping.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utakata_model::{
    ActionName, Class, Missing, Outcome, OutcomeStatus, Problem, Reading, Readings, Recognition,
    missing, reading,
};

use super::turns::HealthTurn;

/// The time for which a value is kept that its action no longer reports (an interface that was
/// removed).
const KEEP_EARLIER: Duration = Duration::from_secs(86_400);
/// The most such values of one target and action: a device may invent names without end.
const MAX_EARLIER: usize = 1000;

/// The last observations of one target.
#[derive(Debug, Default)]
pub struct LastSeen {
    /// The time of its last answer.
    pub answered: Option<Timestamp>,
    /// The last problem, unless it answered since.
    pub problem: Option<Problem>,
    /// The problem for which the target is left alone.
    before_breaker: Option<Problem>,
    /// The last readings of each action.
    pub actions: Vec<ActionReadings>,
    /// The parts that the last answer to each action lacked.
    pub missing: BTreeMap<ActionName, Vec<Missing>>,
    pub recognition: Option<Arc<Recognition>>,
    /// True while it waits to be written to the store.
    pub(super) waits: bool,
}

/// The last readings of a target by one action.
#[derive(Debug)]
pub struct ActionReadings {
    pub action: ActionName,
    /// The readings of its last attempt.
    pub last: Arc<Readings>,
    /// Readings of earlier attempts that the last one did not have.
    pub earlier: Vec<Earlier>,
    /// True when it differs from the store.
    pub(super) changed: bool,
}

/// A value that the last attempt did not see again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// The time when it was seen.
    pub time: Timestamp,
    pub reading: Reading,
}

/// A [`ActionReadings`] as the store has it.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub last: Arc<Readings>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

impl LastSeen {
    /// An attempt ended. Only what reached for the target says how it is, and what comes late
    /// says nothing against a later answer. Gives the turn that it took by this, if any.
    pub fn ended(&mut self, outcome: &Outcome) -> Option<HealthTurn> {
        let is_old = self.answered > Some(outcome.timings.ended);
        match (outcome.status, &outcome.problem) {
            (OutcomeStatus::Succeeded, _) => {
                if !is_old {
                    self.note(outcome);
                }
                self.answered = self.answered.max(Some(outcome.timings.ended));
                self.before_breaker = None;
                self.problem.take().map(|_| HealthTurn::Answers)
            }
            (OutcomeStatus::Failed | OutcomeStatus::Unknown | OutcomeStatus::Expired, found) => {
                if let Some(problem) = found
                    && !is_old
                    && says_how_it_is(outcome.class, problem)
                    && self.problem.as_ref() != Some(problem)
                {
                    let before = self.problem.replace(problem.clone());
                    if let Some(before) = before.as_ref().filter(|one| !is_of_breaker(one)) {
                        self.before_breaker = Some(before.clone());
                    }
                    return before.is_none().then(|| HealthTurn::Fails(problem.clone()));
                }
                None
            }
            (OutcomeStatus::Cancelled, _) => None,
        }
    }

    /// Notes the parts that an answer lacked, and the recognition.
    fn note(&mut self, outcome: &Outcome) {
        match outcome.missing.is_empty() {
            true => self.missing.remove(&outcome.action),
            false => {
                let missing = outcome.missing.clone();
                self.missing.insert(outcome.action.clone(), missing)
            }
        };
        if outcome.recognition.is_some() {
            self.recognition.clone_from(&outcome.recognition);
        }
    }

    /// A read that asked for everything ended: what it did not bring, though it is whole, is gone.
    /// Says whether that was anything.
    pub fn forget_unseen(&mut self, outcome: &Outcome) -> bool {
        if outcome.status != OutcomeStatus::Succeeded || outcome.is_partial() {
            return false;
        }
        let of_attempt = |seen: &&mut ActionReadings| {
            seen.action == outcome.action && seen.last.seen_by == outcome.key()
        };
        let Some(seen) = self.actions.iter_mut().find(of_attempt) else {
            return false;
        };
        let is_any = !seen.earlier.is_empty();
        seen.changed |= is_any;
        seen.earlier = Vec::new();
        is_any
    }

    /// Returns the reason why its last answer was not what it should have been, though it answered.
    pub fn shortcoming(&self) -> Option<Problem> {
        let missing: Vec<Missing> = self.missing.values().flatten().cloned().collect();
        let strange = || self.recognition.as_ref()?.problem();
        missing::problem(&missing).or_else(strange)
    }

    /// Returns the cause of its failing: where it is left alone, the problem for which it is.
    pub fn cause(&self) -> Option<&Problem> {
        let problem = self.problem.as_ref()?;
        let before = self
            .before_breaker
            .as_ref()
            .filter(|_| is_of_breaker(problem));
        Some(before.unwrap_or(problem))
    }

    /// The clock was set by so much: what was seen before is as old as it was.
    pub fn shift(&mut self, step: SignedDuration) {
        let moved = |time: Timestamp| time.checked_add(step).unwrap_or(time);
        self.answered = self.answered.map(moved);
        for action in &mut self.actions {
            let last = Arc::make_mut(&mut action.last);
            last.time = moved(last.time);
            for earlier in &mut action.earlier {
                earlier.time = moved(earlier.time);
            }
            action.changed = true;
        }
    }

    /// Takes in readings. Older ones than those that are there are ignored.
    pub fn saw(&mut self, readings: &Arc<Readings>) {
        let Some(seen) = self
            .actions
            .iter_mut()
            .find(|seen| seen.action == readings.action)
        else {
            self.actions.push(ActionReadings {
                action: readings.action.clone(),
                last: Arc::clone(readings),
                earlier: Vec::new(),
                changed: true,
            });
            return;
        };
        if readings.time >= seen.last.time {
            seen.replace(readings);
        }
    }
}

impl ActionReadings {
    pub(super) fn restored(last: Arc<Readings>, earlier: Vec<Earlier>) -> Self {
        Self {
            action: last.action.clone(),
            last,
            earlier,
            changed: false,
        }
    }

    fn replace(&mut self, readings: &Arc<Readings>) {
        let before = std::mem::replace(&mut self.last, Arc::clone(readings));
        self.changed = true;
        if self.earlier.is_empty() && same_series(&before.readings, &readings.readings) {
            return;
        }
        let gone = before.readings.iter().map(|reading| Earlier {
            time: before.time,
            reading: reading.clone(),
        });
        let earliest = readings.time - KEEP_EARLIER;
        let mut kept: Vec<Earlier> = gone.chain(std::mem::take(&mut self.earlier)).collect();
        let now: std::collections::HashSet<_> = readings.readings.iter().map(series).collect();
        kept.retain(|one| one.time >= earliest && !now.contains(&series(&one.reading)));
        kept.truncate(MAX_EARLIER);
        self.earlier = kept;
    }
}

/// Returns true when a problem says that a target is not well. Of control only that it was not
/// reached does: a target that refuses a command has answered, and what a person settled is not
/// news of it.
fn says_how_it_is(class: Class, problem: &Problem) -> bool {
    const NOT_REACHED: [&str; 4] = [
        "unreachable",
        "bad-address",
        "bad-credential",
        "breaker-open",
    ];
    class == Class::Observe || NOT_REACHED.contains(&&*problem.code)
}

/// Returns true when a problem only says that a target is left alone.
fn is_of_breaker(problem: &Problem) -> bool {
    &*problem.code == "breaker-open"
}

/// Returns the identity of a series of values: a device that describes it in other words has not
/// got another one.
fn series(reading: &Reading) -> (&str, Vec<(&str, &str)>) {
    let identity = reading::identity(&reading.attributes);
    let identity = identity.map(|(key, text)| (&**key, &**text));
    (reading.metric.as_str(), identity.collect())
}

fn same_series(before: &[Reading], after: &[Reading]) -> bool {
    let mut pairs = before.iter().zip(after);
    // Almost always the descriptions are the same, too, and nothing has to be made for that.
    let is_same = |(a, b): (&Reading, &Reading)| {
        a.metric == b.metric && (a.attributes == b.attributes || series(a) == series(b))
    };
    before.len() == after.len() && pairs.all(is_same)
}

#[cfg(test)]
mod tests;
