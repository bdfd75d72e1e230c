//! The site as a policy sees it at one moment: live, or from history.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{PolicyName, TargetName};

/// The site at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The values of each input, in the order of the policy.
    pub inputs: Vec<InputView>,
    /// The possible targets of each act, in the order of the policy.
    pub candidates: Vec<Vec<Candidate>>,
    /// The fates of the changes that were asked for, by their keys.
    pub fates: BTreeMap<String, Fate>,
    /// The acts of other policies on what this one looks at.
    pub causes: Vec<Cause>,
}

/// An act of another policy on something that this one looks at: what it sees may be its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The time of the act.
    pub at: Timestamp,
    /// The time for which its effect may show.
    pub lasts: Duration,
    /// The policies that led to it, the one that acted first.
    pub chain: Vec<PolicyName>,
}

/// The values of one input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputView {
    /// The number of targets that should have a value.
    pub targets: usize,
    /// The latest value of each series that has one.
    pub samples: Vec<Sample>,
}

impl View {
    /// Returns the possible targets that cannot be changed, each once.
    pub fn locked(&self) -> Vec<TargetName> {
        let all = self.candidates.iter().flatten();
        let mut locked: Vec<TargetName> = all
            .filter(|one| !one.is_free)
            .map(|one| one.target.clone())
            .collect();
        locked.sort_unstable();
        locked.dedup();
        locked
    }

    /// Locks possible targets.
    pub fn lock(&mut self, targets: &[TargetName]) {
        for candidate in self.candidates.iter_mut().flatten() {
            candidate.is_free = !targets.contains(&candidate.target);
        }
    }
}

impl InputView {
    /// Creates the view of an input. Values are in an order of their own: that in which they are
    /// found is another one live than in history.
    pub fn new(targets: usize, mut samples: Vec<Sample>) -> Self {
        samples.sort_by(Sample::cmp);
        Self { targets, samples }
    }
}

impl Sample {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = || match (&self.value, &other.value) {
            (SampleValue::Number(one), SampleValue::Number(other)) => one.total_cmp(other),
            (SampleValue::Text(one), SampleValue::Text(other)) => one.cmp(other),
            (SampleValue::Number(_), SampleValue::Text(_)) => Ordering::Less,
            (SampleValue::Text(_), SampleValue::Number(_)) => Ordering::Greater,
        };
        self.target
            .cmp(&other.target)
            .then(self.heard.cmp(&other.heard))
            .then_with(by_value)
    }
}

/// The latest value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The target that has the series.
    pub target: TargetName,
    /// The value, in the unit of the metric.
    pub value: SampleValue,
    /// The time at which it was heard.
    pub heard: Timestamp,
}

/// A number, or the text of a state.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number, in the unit of its metric.
    Number(f64),
    /// A state, in words.
    Text(Arc<str>),
}

/// A possible target of an act.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The target that would be changed.
    pub target: TargetName,
    /// The outlet that would be switched, where the act is on outlets.
    pub outlet: Option<String>,
    /// The value of the label that orders the choice.
    pub order: Option<String>,
    /// The amount that changing it gives, in the unit of the metric `gives`, if it is known.
    pub gives: Option<f64>,
    /// False if it cannot be changed now: a person has locked it.
    pub is_free: bool,
}

/// The fate of a change that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is under way.
    Open,
    /// It was done, and the target shows it still, as far as anybody knows.
    Done,
    /// It was done, and somebody else has changed it since.
    Foreign,
    /// It was not done.
    NotDone,
    /// Nobody knows, and a person has to decide.
    Unsettled,
}
