//! The memory of a policy between decisions. It is stored with the operations that it asks for.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{ActionName, TargetName};

/// The longest time between two looks that counts for a timer: over a longer one, nobody knows
/// whether the condition held.
const GAP: Duration = Duration::from_secs(60);
/// The number of directions that are remembered.
const DIRECTIONS: usize = 6;

/// The memory of one instance of a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The time for which `when` has held.
    pub when: Timer,
    /// The time for which the condition of `back` has held.
    pub back: Timer,
    /// The time for which it has been blind.
    pub blind: Timer,
    /// True from the first act until `until` holds.
    pub is_engaged: bool,
    /// The last truth of `when` that was known.
    pub was_true: bool,
    /// The number of episodes that have begun.
    pub episodes: u64,
    /// The episode under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<Episode>,
    /// The time before which nothing more is begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settles: Option<Timestamp>,
    /// The time until which it keeps its hands off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<Timestamp>,
    /// The acts in a row without the expected effect.
    pub missed: u32,
    /// The directions of the latest changes of numbers: true is up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directions: Vec<bool>,
}

/// From the first act until all is handed back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The number, from 1.
    pub number: u64,
    /// The time of its first act.
    pub began: Timestamp,
    /// The number of acts and hand-backs so far.
    pub steps: u64,
    /// The changes that are not handed back, the oldest first.
    pub changes: Vec<Change>,
}

/// One change that a policy has asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The key of the operation that was asked for: the first on this target in the episode.
    pub key: String,
    /// The key of the latest operation on this target.
    pub latest: String,
    /// The action.
    pub action: ActionName,
    /// The target.
    pub target: TargetName,
    /// The outlet, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// The parameters of the latest operation.
    pub parameters: BTreeMap<String, Value>,
    /// The time of the latest operation.
    pub at: Timestamp,
    /// Its stage.
    pub stage: Stage,
    /// The act of the policy by its number.
    pub act: usize,
    /// The value of the input that it should move, as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// True once the expected effect was seen, or missed.
    #[serde(default)]
    pub is_judged: bool,
}

/// The stage of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It was only thought of: the policy is in shadow.
    Would,
    /// It was asked for.
    Asked,
    /// It was done.
    Done,
    /// It is being handed back.
    Returning,
    /// A person has to look at it: nobody knows whether it was done or handed back.
    Person,
}

/// The time for which a condition has held. What is not known pauses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timer {
    /// The time so far.
    pub held: Duration,
    /// The last look, if the condition held then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

impl Timer {
    /// Takes a look at the condition; returns the time for which it has held, if it holds.
    pub fn look(&mut self, holds: Option<bool>, now: Timestamp) -> Option<Duration> {
        match holds {
            Some(true) => {
                let passed = self.last.map(|last| now.duration_since(last));
                let passed = passed.and_then(|passed| Duration::try_from(passed).ok());
                let passed = passed.map_or(Duration::ZERO, |passed| passed.min(GAP));
                self.held = self.held.saturating_add(passed);
                self.last = Some(now);
                Some(self.held)
            }
            Some(false) => {
                *self = Self::default();
                None
            }
            None => {
                self.last = None;
                None
            }
        }
    }
}

impl State {
    /// Notes the direction of a change. Returns true if it swings to and fro.
    pub(crate) fn turns(&mut self, up: bool) -> bool {
        self.directions.push(up);
        if self.directions.len() > DIRECTIONS {
            self.directions.remove(0);
        }
        let turns = self.directions.windows(2).filter(|pair| pair[0] != pair[1]);
        turns.count() >= DIRECTIONS - 2
    }

    /// Returns true if it has changed something that is not handed back, or may have.
    pub fn has_changed(&self) -> bool {
        self.episode.is_some()
    }
}
