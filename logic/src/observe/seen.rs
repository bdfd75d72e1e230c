//! What was last seen of one target: pure bookkeeping.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{ActionName, Outcome, OutcomeStatus, Problem, Reading, Readings, reading};

use super::turns::Turn;

/// A value that its action no longer reports (an interface that was removed) is kept this long.
const KEPT: Duration = Duration::from_secs(86_400);
/// The most of such values of one target and action: a device may invent names without end.
const KEPT_MOST: usize = 1000;

/// What was last seen of one target.
#[derive(Debug, Default)]
pub struct Seen {
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// What went wrong the last time, unless it answered since.
    pub problem: Option<Problem>,
    /// What went wrong before the target was left alone because of it.
    before_breaker: Option<Problem>,
    /// The last readings of each action.
    pub actions: Vec<SeenBy>,
    /// Whether it waits to be written to the store.
    pub(super) waits: bool,
}

/// What one action has last seen of a target.
#[derive(Debug)]
pub struct SeenBy {
    /// The action.
    pub action: ActionName,
    /// What its last attempt saw.
    pub last: Arc<Readings>,
    /// What earlier attempts saw and the last one did not, with when they did.
    pub earlier: Vec<Earlier>,
    /// Whether it differs from the store.
    pub(super) changed: bool,
}

/// A value that the last attempt did not see again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// When it was seen.
    pub time: Timestamp,
    /// The value.
    pub reading: Reading,
}

/// A [`SeenBy`] as the store has it.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub last: Arc<Readings>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

impl Seen {
    /// An attempt ended. Only what reached for the target says how it is, and what comes late
    /// says nothing against a later answer. Gives the turn that it took by this, if any.
    pub fn ended(&mut self, outcome: &Outcome) -> Option<Turn> {
        let is_old = self.answered > Some(outcome.timings.ended);
        match (outcome.status, &outcome.problem) {
            (OutcomeStatus::Succeeded, _) => {
                self.answered = self.answered.max(Some(outcome.timings.ended));
                self.before_breaker = None;
                self.problem.take().map(|_| Turn::Answers)
            }
            (OutcomeStatus::Failed | OutcomeStatus::Unknown | OutcomeStatus::Expired, found) => {
                if let Some(problem) = found
                    && !is_old
                    && self.problem.as_ref() != Some(problem)
                {
                    let before = self.problem.replace(problem.clone());
                    if let Some(before) = before.as_ref().filter(|one| !is_of_breaker(one)) {
                        self.before_breaker = Some(before.clone());
                    }
                    return before.is_none().then(|| Turn::Fails(problem.clone()));
                }
                None
            }
            (OutcomeStatus::Cancelled, _) => None,
        }
    }

    /// Why it fails: where it is left alone, what it was left alone for.
    pub fn cause(&self) -> Option<&Problem> {
        let problem = self.problem.as_ref()?;
        let before = self
            .before_breaker
            .as_ref()
            .filter(|_| is_of_breaker(problem));
        Some(before.unwrap_or(problem))
    }

    /// Readings came. Older ones than those that are there are ignored.
    pub fn saw(&mut self, readings: &Arc<Readings>) {
        let Some(seen) = self
            .actions
            .iter_mut()
            .find(|seen| seen.action == readings.action)
        else {
            self.actions.push(SeenBy {
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

impl SeenBy {
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
        let earliest = readings.time - KEPT;
        let mut kept: Vec<Earlier> = gone.chain(std::mem::take(&mut self.earlier)).collect();
        let now: std::collections::HashSet<_> = readings.readings.iter().map(series).collect();
        kept.retain(|one| one.time >= earliest && !now.contains(&series(&one.reading)));
        kept.truncate(KEPT_MOST);
        self.earlier = kept;
    }
}

/// Whether it only says that a target is left alone.
fn is_of_breaker(problem: &Problem) -> bool {
    &*problem.code == "breaker-open"
}

/// What names a series of values: a device that calls it another way has not got another one.
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
