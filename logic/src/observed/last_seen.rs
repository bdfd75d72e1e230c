//! The latest observation of one target. Pure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utakata_model::{
    ActionName, Class, Missing, Outcome, OutcomeStatus, Problem, Reading, Readings, Recognition,
    TaskKey, missing, reading,
};

use super::{contact, turns::HealthTurn};

/// The time for which a value is kept that its action no longer reports (such as a removed
/// interface).
const KEEP_EARLIER: Duration = Duration::from_secs(86_400);
/// The largest number of such values per target and action: a device may invent names without end.
const MAX_EARLIER: usize = 1000;

/// The latest observations of one target.
#[derive(Debug, Default)]
pub struct LastSeen {
    /// The time of its last answer.
    pub answered: Option<Timestamp>,
    /// The last problem, unless it answered since.
    pub problem: Option<Problem>,
    /// The problem because of which the target is left alone.
    before_breaker: Option<Problem>,
    /// The latest readings of each action.
    pub actions: Vec<ActionReadings>,
    /// The missing parts of the last answer to each action.
    pub missing: BTreeMap<ActionName, Vec<Missing>>,
    pub recognition: Option<Arc<Recognition>>,
}

/// The latest readings of a target by one action.
#[derive(Debug)]
pub struct ActionReadings {
    pub action: ActionName,
    /// The readings of the latest attempt.
    pub last: Arc<Readings>,
    /// The time at which they arrived here.
    pub heard: Timestamp,
    /// The attempt whose complete answer to a request for everything these readings are, if they
    /// are one.
    pub whole: Option<TaskKey>,
    /// The readings of earlier attempts that the latest one did not have.
    pub earlier: Vec<Earlier>,
}

/// A value that the latest attempt did not return.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Earlier {
    /// The time of the reading.
    pub time: Timestamp,
    /// The time at which it arrived; absent in rows of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Timestamp>,
    pub reading: Reading,
}

/// A value with its times.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// The time at which it was seen at the device.
    pub time: Timestamp,
    /// The time at which it arrived here.
    pub heard: Timestamp,
    pub reading: &'a Reading,
}

/// The last readings of an action as they are kept; earlier versions stored them in this form.
#[derive(Deserialize)]
pub struct Stored {
    pub last: Arc<Readings>,
    /// The time at which they arrived; absent in rows of earlier versions.
    #[serde(default)]
    pub heard: Option<Timestamp>,
    #[serde(default)]
    pub earlier: Vec<Earlier>,
}

impl LastSeen {
    /// Applies the end of an attempt. Only an attempt that reached for the target counts, and a
    /// late one does not count against a later answer. Returns the change of health, if there is
    /// one.
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
                    && says_how_it_is(outcome, problem)
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

    /// Records the missing parts of an answer, and the recognition.
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

    /// Applies the end of a read that requested everything: values that a complete answer did not
    /// contain are gone. Returns true if there were any.
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
        seen.whole = Some(outcome.key());
        let is_any = !seen.earlier.is_empty();
        seen.earlier = Vec::new();
        is_any
    }

    /// Returns the reason why its last answer was deficient.
    pub fn shortcoming(&self) -> Option<Problem> {
        let missing: Vec<Missing> = self.missing.values().flatten().cloned().collect();
        let strange = || self.recognition.as_ref()?.problem();
        missing::problem(&missing).or_else(strange)
    }

    /// Returns the cause of its failing: if it is left alone, the problem because of which it is.
    pub fn cause(&self) -> Option<&Problem> {
        let problem = self.problem.as_ref()?;
        let before = self
            .before_breaker
            .as_ref()
            .filter(|_| is_of_breaker(problem));
        Some(before.unwrap_or(problem))
    }

    /// Shifts times after the clock was set, so that observations keep their age.
    pub fn shift(&mut self, step: SignedDuration) {
        let moved = |time: Timestamp| time.checked_add(step).unwrap_or(time);
        self.answered = self.answered.map(moved);
        for action in &mut self.actions {
            let last = Arc::make_mut(&mut action.last);
            last.time = moved(last.time);
            action.heard = moved(action.heard);
            for earlier in &mut action.earlier {
                earlier.time = moved(earlier.time);
                earlier.heard = earlier.heard.map(moved);
            }
        }
    }

    /// Applies readings that arrived at `heard`. Those older than the present ones are ignored.
    pub fn saw(&mut self, readings: &Arc<Readings>, heard: Timestamp) {
        let Some(seen) = self
            .actions
            .iter_mut()
            .find(|seen| seen.action == readings.action)
        else {
            // Hardly any target is read by more than one.
            self.actions.reserve_exact(1);
            self.actions.push(ActionReadings {
                action: readings.action.clone(),
                last: Arc::clone(readings),
                heard,
                whole: None,
                earlier: Vec::new(),
            });
            return;
        };
        if readings.time >= seen.last.time {
            seen.replace(readings, heard);
        }
    }

    /// Returns everything that an action reads, if all of it was seen since a time and nothing of
    /// it was missing.
    pub fn whole_since(&self, action: &ActionName, since: Timestamp) -> Option<Arc<Readings>> {
        let seen = self.actions.iter().find(|seen| seen.action == *action)?;
        let is_whole = seen.whole == Some(seen.last.seen_by) && seen.earlier.is_empty();
        (is_whole && seen.last.time >= since).then(|| Arc::clone(&seen.last))
    }
}

impl ActionReadings {
    pub(super) fn restored(stored: Stored) -> Self {
        let Stored {
            last,
            heard,
            earlier,
        } = stored;
        Self {
            action: last.action.clone(),
            heard: heard.unwrap_or(last.time),
            last,
            // It may have been a read of a part: only the next one is known to be whole.
            whole: None,
            earlier,
        }
    }

    /// Returns the values with the times at which they were seen and heard: those of the latest
    /// attempt, then those that it did not have.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let last = self.last.readings.iter().map(|reading| Value {
            time: self.last.time,
            heard: self.heard,
            reading,
        });
        let earlier = self.earlier.iter().map(|one| Value {
            time: one.time,
            heard: one.heard.unwrap_or(one.time),
            reading: &one.reading,
        });
        last.chain(earlier)
    }

    fn replace(&mut self, readings: &Arc<Readings>, heard: Timestamp) {
        let heard_before = std::mem::replace(&mut self.heard, heard);
        let before = std::mem::replace(&mut self.last, Arc::clone(readings));
        if self.earlier.is_empty() && same_series(&before.readings, &readings.readings) {
            return;
        }
        let gone = before.readings.iter().map(|reading| Earlier {
            time: before.time,
            heard: Some(heard_before),
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

/// Returns true if a problem shows that a target is not well. For control, only that it was not
/// reached does: a target that refuses a command has answered, and a settled task is no news of it.
/// A read that nobody began says nothing.
fn says_how_it_is(outcome: &Outcome, problem: &Problem) -> bool {
    const NOT_REACHED: [&str; 4] = [
        "unreachable",
        "bad-address",
        "bad-credential",
        "breaker-open",
    ];
    match outcome.class {
        Class::Observe => !contact::is_not_begun(outcome),
        Class::Control => NOT_REACHED.contains(&&*problem.code),
    }
}

/// Returns true if a problem only reports that a target is left alone.
fn is_of_breaker(problem: &Problem) -> bool {
    &*problem.code == "breaker-open"
}

/// Returns the identity of a series of values, which stays the same if a device changes its
/// description.
fn series(reading: &Reading) -> (&str, Vec<(&str, &str)>) {
    let identity = reading::identity(&reading.attributes);
    let identity = identity.map(|(key, text)| (&**key, &**text));
    (reading.metric.as_str(), identity.collect())
}

fn same_series(before: &[Reading], after: &[Reading]) -> bool {
    let mut pairs = before.iter().zip(after);
    // Almost always the descriptions are the same, too, and nothing has to be allocated.
    let is_same = |(a, b): (&Reading, &Reading)| {
        a.metric == b.metric && (a.attributes == b.attributes || series(a) == series(b))
    };
    before.len() == after.len() && pairs.all(is_same)
}

#[cfg(test)]
mod tests;
