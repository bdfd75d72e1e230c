//! The policies as their keeper has them in memory.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use utakata_model::{Policy, PolicyName, Selector, Target, TargetName, policy::Mode};
use utakata_policy::{Cause, Compiled, Decided, Evaluation, Fate, Stage, State, Word};

use super::{
    record::{LogAround, LogRow, ModeRow, StateRow, document},
    scope::Scope,
};
use crate::{inventory::Inventory, kinds::KindsSnapshot, relations::Graph};

/// One policy.
pub(super) struct Kept {
    pub mode: ModeRow,
    pub compiled: Arc<Compiled>,
    /// True as long as its document is there.
    pub is_declared: bool,
    pub instances: BTreeMap<Option<TargetName>, Instance>,
}

/// One instance of a policy.
#[derive(Default)]
pub(super) struct Instance {
    pub scope: Arc<Scope>,
    pub state: State,
    /// The state that was stored last.
    pub written: State,
    /// The moment of the decision that has led to its state; absent if it has begun anew since.
    pub looked: Option<Timestamp>,
    /// The surroundings of the decision that was logged last.
    pub logged: Option<LogAround>,
    /// The time of the last decision of this keeper.
    pub decided_at: Option<Timestamp>,
    pub last: Option<Last>,
}

/// The last decision of an instance.
#[derive(Debug, Clone)]
pub struct Last {
    pub at: Timestamp,
    pub word: Word,
    pub why: String,
    pub needs: Vec<String>,
    pub evaluation: Evaluation,
}

/// A decision that was made, with what of its view is not in history.
pub(super) struct Made {
    pub at: Timestamp,
    pub decided: Decided,
    pub fates: BTreeMap<String, Fate>,
    pub locked: Vec<TargetName>,
    pub causes: Vec<Cause>,
}

impl Kept {
    /// Returns true if something that it has changed is not handed back, except for what a person
    /// has to look at.
    pub fn has_changed(&self) -> bool {
        let states = self.instances.values().map(|one| &one.state);
        let changes = states.flat_map(|state| state.episode.iter());
        let mut changes = changes.flat_map(|episode| &episode.changes);
        changes.any(|change| !matches!(change.stage, Stage::Would | Stage::Person))
    }

    /// Returns true if it acts, or has people asked whether it may.
    pub fn acts(&self) -> bool {
        matches!(self.mode.mode, Mode::Armed | Mode::Advise)
    }

    /// Returns the reason why it must not act any more, if it does: the red rule, or its time is over.
    pub fn has_to_end(&self, red: Option<&str>, now: Timestamp) -> Option<String> {
        let is_over = self.mode.until.is_some_and(|until| until <= now);
        let over = is_over.then_some("its time was over");
        red.or(over).filter(|_| self.acts()).map(str::to_owned)
    }

    /// Returns the row of a decision that has changed more than timers; absent if it has not, so that
    /// the state before says all.
    pub fn log(&self, target: &Option<TargetName>, made: &Made) -> Option<LogRow> {
        let instance = self.instances.get(target)?;
        let around = LogAround {
            mode: self.mode.mode,
            is_ending: self.mode.is_ending,
            locked: made.locked.clone(),
            causes: made.causes.clone(),
        };
        let goes_on = instance.looked.is_some()
            && instance.logged.as_ref() == Some(&around)
            && instance.state.runs_on_to(&made.decided.state, made.at);
        (!goes_on).then(|| LogRow {
            state: made.decided.state.clone(),
            before: instance.looked,
            is_amended: false,
            document: document(&self.mode.policy),
            mode: around.mode,
            run: self.mode.run,
            is_ending: around.is_ending,
            fates: made.fates.clone(),
            locked: around.locked,
            causes: around.causes,
        })
    }

    /// Returns the reason why one of its acts is impossible on a target that it may change, as far as
    /// the kind is served.
    pub fn unable(&self, kinds: &KindsSnapshot) -> Option<String> {
        let policy = &self.mode.policy;
        let mut instances = self.instances.values();
        instances.find_map(|one| {
            let mut acts = policy.act.iter().zip(&one.scope.places);
            acts.find_map(|(act, places)| {
                let mut targets = places.iter().map(|place| &place.entry.target);
                let served = |target: &Arc<Target>| kinds.get(&target.kind, &target.zone);
                let has_dead_man = policy.dead_man.is_some();
                let of = |target| served(target)?.unable(&act.action, has_dead_man);
                targets.find_map(of)
            })
        })
    }

    /// Begins anew: nothing is remembered but what is not handed back. It has to be stored.
    pub fn begin_anew(&mut self) {
        self.mode.run += 1;
        for instance in self.instances.values_mut() {
            instance.state = instance.state.begun_anew();
            instance.looked = None;
            // Whoever begins anew stores it.
            instance.written.clone_from(&instance.state);
        }
    }

    /// Takes over the targets of the site: new ones have new instances.
    pub fn surround(&mut self, inventory: &Inventory, graph: &Graph) {
        let names: Vec<Option<TargetName>> = match &self.mode.policy.for_each {
            None => vec![None],
            Some(selector) => names(inventory, selector).map(Some).collect(),
        };
        let is_gone = |name: &Option<TargetName>, one: &Instance| {
            !names.contains(name) && !one.state.has_changed()
        };
        self.instances.retain(|name, one| !is_gone(name, one));
        for name in names {
            self.instances.entry(name).or_default();
        }
        for (name, instance) in &mut self.instances {
            let scope = Scope::of(&self.compiled, name.as_ref(), inventory, graph);
            instance.scope = Arc::new(scope);
        }
    }
}

fn names<'a>(
    inventory: &Inventory,
    selector: &'a Selector,
) -> impl Iterator<Item = TargetName> + use<'a> {
    let found = inventory.select(selector);
    let names: Vec<TargetName> = found.iter().map(|one| one.target.name.clone()).collect();
    names.into_iter()
}

/// Reads the stored rows.
pub(super) fn read(rows: Vec<(String, String)>) -> BTreeMap<PolicyName, Kept> {
    let mut kept = BTreeMap::new();
    let mut states = Vec::new();
    for (key, body) in rows {
        if key.starts_with("mode/") {
            match serde_json::from_str::<ModeRow>(&body) {
                Ok(mode) => {
                    if let Some(compiled) = mode.compiled() {
                        let name = mode.policy.name.clone();
                        kept.insert(name, of(mode, compiled, false));
                    }
                }
                Err(error) => tracing::error!(key, %error, "a stored policy is left out"),
            }
        } else {
            states.push((key, body));
        }
    }
    for (key, body) in states {
        let name = key.split('/').nth(1).unwrap_or_default().to_owned();
        match serde_json::from_str::<StateRow>(&body) {
            Ok(row) => {
                if let Some(found) = kept.get_mut(name.as_str()) {
                    let instance = found.instances.entry(row.target).or_default();
                    instance.written.clone_from(&row.state);
                    instance.state = row.state;
                    instance.looked = row.decided;
                }
            }
            Err(error) => tracing::error!(key, %error, "the state of a policy is left out"),
        }
    }
    kept
}

/// Returns a policy without instances.
pub(super) fn of(mode: ModeRow, compiled: Compiled, is_declared: bool) -> Kept {
    Kept {
        mode,
        compiled: Arc::new(compiled),
        is_declared,
        instances: BTreeMap::new(),
    }
}

/// Returns true if two documents decide the same: modes and texts apart.
pub(super) fn is_same(one: &Policy, other: &Policy) -> bool {
    let plain = |policy: &Policy| Policy {
        about: String::new(),
        ..policy.clone()
    };
    plain(one) == plain(other)
}
