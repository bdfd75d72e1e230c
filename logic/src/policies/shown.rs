//! The policies as they were last decided, for people.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use utakata_model::{PolicyName, TargetName, policy::Mode};
use utakata_policy::State;

use super::{
    kept::{Instance, Kept, Last},
    listeners::InstanceId,
};

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

    /// Takes over some of the instances, with the modes of their policies.
    pub(super) fn take_some(
        &mut self,
        kept: &BTreeMap<PolicyName, Kept>,
        instances: &[Arc<InstanceId>],
    ) {
        for id in instances {
            let Some(one) = kept.get(&id.policy) else {
                continue;
            };
            let shown = self.policies.remove(&id.policy);
            let shown = match shown.zip(one.instances.get(&id.target)) {
                Some((shown, instance)) => {
                    let instance = instance_of((&id.target, instance));
                    let mut instances = shown.instances;
                    match instances.binary_search_by(|other| other.target.cmp(&id.target)) {
                        Ok(at) => instances[at] = instance,
                        Err(at) => instances.insert(at, instance),
                    }
                    with_instances(one, instances)
                }
                None => of(one),
            };
            self.policies.insert(id.policy.clone(), shown);
        }
    }
}

fn of(kept: &Kept) -> PolicyShown {
    let instances = kept.instances.iter().map(instance_of);
    with_instances(kept, instances.collect())
}

fn instance_of((target, one): (&Option<TargetName>, &Instance)) -> InstanceShown {
    InstanceShown {
        target: target.clone(),
        state: one.state.clone(),
        last: one.last.clone(),
    }
}

fn with_instances(kept: &Kept, instances: Vec<InstanceShown>) -> PolicyShown {
    PolicyShown {
        mode: kept.mode.mode,
        until: kept.mode.until,
        by: kept.mode.by.clone(),
        is_ending: kept.mode.is_ending,
        stopped: kept.mode.stopped.clone(),
        asked_by: kept.mode.asked.as_ref().map(|asked| asked.by.to_string()),
        token: kept.mode.test.as_ref().map(|test| test.token.clone()),
        instances,
    }
}
