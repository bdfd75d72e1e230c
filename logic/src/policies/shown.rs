//! The policies as they were last decided, for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use utakata_model::{PolicyName, TargetName, policy::Mode};
use utakata_policy::State;

use super::kept::{Kept, Last};

/// The policies as they were last decided.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub policies: BTreeMap<PolicyName, PolicyShown>,
}

/// A policy with its mode and its instances.
#[derive(Debug, Clone)]
pub struct PolicyShown {
    pub mode: Mode,
    pub until: Option<Timestamp>,
    pub by: Option<String>,
    pub is_ending: bool,
    pub stopped: Option<String>,
    /// The person who has asked for it to be armed, where two have to.
    pub asked_by: Option<String>,
    pub token: Option<String>,
    pub instances: Vec<InstanceShown>,
}

/// An instance of a policy: for one target, or for the whole site.
#[derive(Debug, Clone)]
pub struct InstanceShown {
    pub target: Option<TargetName>,
    pub state: State,
    pub last: Option<Last>,
}

impl Shown {
    pub(super) fn take(&mut self, kept: &BTreeMap<PolicyName, Kept>) {
        let policies = kept.iter().map(|(name, one)| (name.clone(), of(one)));
        self.policies = policies.collect();
    }

    /// Takes over some of the policies.
    pub(super) fn take_some(&mut self, kept: &BTreeMap<PolicyName, Kept>, names: &[PolicyName]) {
        for name in names {
            if let Some(one) = kept.get(name) {
                self.policies.insert(name.clone(), of(one));
            }
        }
    }
}

fn of(kept: &Kept) -> PolicyShown {
    let instances = kept.instances.iter().map(|(target, one)| InstanceShown {
        target: target.clone(),
        state: one.state.clone(),
        last: one.last.clone(),
    });
    PolicyShown {
        mode: kept.mode.mode,
        until: kept.mode.until,
        by: kept.mode.by.clone(),
        is_ending: kept.mode.is_ending,
        stopped: kept.mode.stopped.clone(),
        asked_by: kept.mode.asked.as_ref().map(|asked| asked.by.clone()),
        token: kept.mode.test.as_ref().map(|test| test.token.clone()),
        instances: instances.collect(),
    }
}
