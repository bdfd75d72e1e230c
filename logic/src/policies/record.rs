//! The rows of policies: their modes, and the states of their instances.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utakata_model::{PersonName, Policy, PolicyName, TargetName, policy::Mode};
use utakata_policy::{Cause, Compiled, Fate, State};

use crate::store::PolicyLogRow;

/// The version of the engine, which a test result is bound to: it grows when decisions change.
pub(super) const ENGINE: u32 = 3;

/// The mode of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ModeRow {
    /// The document by which its state was made. It hands back by this one after it is deleted.
    pub policy: Policy,
    pub mode: Mode,
    /// The number of times that its state began anew: keys of operations never come twice.
    pub run: u64,
    /// The time at which it is not armed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The person who has put it into this mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// True while it hands back what it has changed.
    #[serde(default)]
    pub is_ending: bool,
    /// The reason why it stopped by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The result of its last test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestRow>,
    /// The first of two people who arm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TestRow {
    pub token: String,
    pub at: Timestamp,
}

/// A person who wants a policy armed, where two have to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub by: PersonName,
    /// Those who could have acted as that person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub makers: BTreeSet<PersonName>,
    pub token: String,
    pub at: Timestamp,
}

/// The state of one instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StateRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    pub state: State,
    /// The moment of the decision that has led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Timestamp>,
}

/// A decision that has changed more than timers, as it is kept so that it can be made again: what is
/// neither in history nor in documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LogRow {
    /// The state afterwards.
    pub state: State,
    /// The moment of the decision before; absent if there is none that this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// True if a part of what it asked for was impossible, and is not in the state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_amended: bool,
    /// The hash of the document by which it was made.
    pub document: String,
    /// The purpose at the time: mode, run, and whether everything is handed back.
    pub mode: Mode,
    pub run: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_ending: bool,
    /// The fates of its changes, as the ledger knew them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fates: BTreeMap<String, Fate>,
    /// The targets that people had locked, of those that it may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<TargetName>,
    /// The acts of other policies on what it looks at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// The surroundings of a decision that are kept with it. As long as they stay, and timers alone run,
/// what was kept says all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogAround {
    pub mode: Mode,
    pub is_ending: bool,
    pub locked: Vec<TargetName>,
    pub causes: Vec<Cause>,
}

impl ModeRow {
    /// Returns the row of a policy that was just declared.
    pub fn new(policy: &Policy, run: u64) -> Self {
        Self {
            policy: policy.clone(),
            mode: policy.mode,
            run,
            until: None,
            by: None,
            is_ending: false,
            stopped: None,
            test: None,
            asked: None,
        }
    }

    pub fn key(policy: &PolicyName) -> String {
        format!("mode/{policy}")
    }

    pub fn compiled(&self) -> Option<Compiled> {
        Compiled::new(self.policy.clone()).ok()
    }
}

impl StateRow {
    /// Returns the key of an instance.
    pub fn key(policy: &PolicyName, target: Option<&TargetName>) -> String {
        let target = target.map_or("", TargetName::as_str);
        format!("state/{policy}/{target}")
    }
}

/// Returns the hash of a document by what it decides: modes and texts apart.
pub(super) fn document(policy: &Policy) -> String {
    digest(&Policy {
        about: String::new(),
        mode: Mode::Shadow,
        ..policy.clone()
    })
}

/// Returns the start of the keys of an instance's operations.
pub(super) fn prefix(policy: &PolicyName, run: u64, target: Option<&TargetName>) -> String {
    let target = target.map_or("", TargetName::as_str);
    format!("policy/{policy}/{run}/{target}")
}

impl LogRow {
    /// Returns the surroundings of the decision.
    pub fn around(&self) -> LogAround {
        LogAround {
            mode: self.mode,
            is_ending: self.is_ending,
            locked: self.locked.clone(),
            causes: self.causes.clone(),
        }
    }

    /// Returns it as it is stored.
    pub fn of(
        &self,
        policy: &PolicyName,
        target: Option<&TargetName>,
        at: Timestamp,
    ) -> Option<PolicyLogRow> {
        match serde_json::to_string(self) {
            Ok(body) => Some(PolicyLogRow {
                instance: StateRow::key(policy, target),
                at: at.as_millisecond(),
                body,
            }),
            Err(error) => {
                utakata_invariant::broken("a state of a policy that is no JSON", &error);
                None
            }
        }
    }
}

/// Returns a hash of anything that can be written as JSON.
pub(super) fn digest(of: &impl Serialize) -> String {
    let text = serde_json::to_vec(of).unwrap_or_else(|error| {
        utakata_invariant::broken("something that is hashed is no JSON", &error);
        Vec::new()
    });
    let hash = Sha256::digest(text);
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
