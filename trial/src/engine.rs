//! The engine of a trial: decides for every policy, has what is asked for recorded together with its
//! state, and goes on from there when it was killed. As at a site (`logic/src/policies/keeper.rs`),
//! but for the store, which is a map of texts.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{PolicyName, TargetName, policy::Mode};
use utakata_policy::{Cause, Compiled, Decided, Fate, Purpose, Stage, State, View, Word, decide};
use utakata_room::Room;

use crate::{ledger::Ledger, scope::Scope, site::Error, site::Site};

/// The policies of a trial.
#[derive(Debug)]
pub(crate) struct Engine {
    policies: Vec<Kept>,
    /// The stored state: texts, as in a store.
    stored: BTreeMap<String, String>,
    pub counts: Counts,
    /// Every decision with everything that it was made of, if it is wanted.
    pub trace: Option<Vec<Traced>>,
}

/// The decisions of a trial by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub decisions: u64,
    pub blind: u64,
    pub acts: u64,
    pub backs: u64,
    pub renewals: u64,
    pub kills: u64,
    pub stops: Vec<(PolicyName, String)>,
    /// The acts that could not be asked for.
    pub impossible: Vec<String>,
    /// The acts and hand-backs in words.
    pub told: Vec<(Duration, String)>,
}

/// One decision, with the view and the mode that it was made in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Traced {
    pub policy: usize,
    pub instance: usize,
    pub at: Timestamp,
    pub view: View,
    pub mode: Mode,
    pub is_ending: bool,
    pub decided: Decided,
}

#[derive(Debug)]
struct Kept {
    compiled: Compiled,
    mode: ModeRow,
    instances: Vec<Instance>,
}

/// The stored state of a policy besides the states of its instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ModeRow {
    mode: Mode,
    is_ending: bool,
}

#[derive(Debug)]
struct Instance {
    prefix: String,
    scope: Scope,
    state: State,
    /// The state as it is stored.
    written: State,
    decided_at: Option<Duration>,
}

/// The moment at which an engine is killed, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    No,
    /// After a decision, and before anything of it is recorded.
    BeforeItIsRecorded,
    /// Right after everything of a decision is recorded.
    AfterIt,
}

impl Engine {
    pub fn new(policies: &[Compiled], site: &Site, room: &Room) -> Result<Self, Error> {
        let mut kept = Vec::new();
        for compiled in policies {
            let policy = compiled.policy();
            let names: Vec<Option<TargetName>> = match &policy.for_each {
                None => vec![None],
                Some(selector) => {
                    let found = site.select(selector);
                    found.map(|entry| Some(entry.target.name.clone())).collect()
                }
            };
            let strange = |why: String| Error::Strange {
                policy: policy.name.to_string(),
                room: room.name.clone(),
                why,
            };
            let mut instances = Vec::new();
            for name in names {
                let scope = Scope::of(compiled, name.as_ref(), site);
                if let Some(why) = scope.lacks(compiled, room) {
                    return Err(strange(why));
                }
                let target = name.as_ref().map_or("", TargetName::as_str);
                instances.push(Instance {
                    prefix: format!("policy/{}/1/{target}", policy.name),
                    scope,
                    state: State::default(),
                    written: State::default(),
                    decided_at: None,
                });
            }
            if instances.is_empty() {
                return Err(strange("nothing here is what for_each selects".into()));
            }
            kept.push(Kept {
                compiled: compiled.clone(),
                mode: ModeRow {
                    mode: Mode::Armed,
                    is_ending: false,
                },
                instances,
            });
        }
        Ok(Self {
            policies: kept,
            stored: BTreeMap::new(),
            counts: Counts::default(),
            trace: None,
        })
    }

    /// Reads everything that the policies look at.
    pub fn poll(&mut self, room: &Room, now: Timestamp) {
        for kept in &mut self.policies {
            for instance in &mut kept.instances {
                instance.scope.poll(&kept.compiled, room, now);
            }
        }
    }

    /// Has all policies hand back what they have changed, and do nothing more.
    pub fn end(&mut self) {
        for (at, kept) in self.policies.iter_mut().enumerate() {
            kept.mode = ModeRow {
                mode: Mode::Off,
                is_ending: true,
            };
            put(&mut self.stored, mode_key(at), &kept.mode);
        }
    }

    /// Returns what is not handed back: the key of each change, and true if it waits for a person.
    pub fn left(&self) -> Vec<(String, bool)> {
        let instances = self.policies.iter().flat_map(|kept| &kept.instances);
        let episodes = instances.filter_map(|one| one.state.episode.as_ref());
        let changes = episodes.flat_map(|episode| &episode.changes);
        let real = changes.filter(|change| change.stage != Stage::Would);
        real.map(|change| (change.key.clone(), change.stage == Stage::Person))
            .collect()
    }

    /// Decides for every policy whose turn it is.
    pub fn step(
        &mut self,
        (ledger, site, room): (&mut Ledger, &Site, &Room),
        (now, wall): (Duration, Timestamp),
        mut killed: impl FnMut() -> Killed,
    ) {
        for policy in 0..self.policies.len() {
            for instance in 0..self.policies[policy].instances.len() {
                let Some(traced) = self.decide(policy, instance, (ledger, room), (now, wall))
                else {
                    continue;
                };
                let killed = killed();
                if killed == Killed::BeforeItIsRecorded {
                    self.forget();
                    continue;
                }
                self.take(traced, (ledger, site), now);
                if killed == Killed::AfterIt {
                    self.forget();
                }
            }
            self.end_one(policy);
        }
    }

    fn decide(
        &self,
        policy: usize,
        instance: usize,
        (ledger, room): (&Ledger, &Room),
        (now, wall): (Duration, Timestamp),
    ) -> Option<Traced> {
        let kept = &self.policies[policy];
        let its = &kept.instances[instance];
        let ModeRow { mode, is_ending } = kept.mode;
        if mode == Mode::Off && !is_ending {
            return None;
        }
        let every = kept.compiled.policy().every;
        let since = its.decided_at.map(|at| now.saturating_sub(at));
        if !is_ending && since.is_some_and(|since| since < every) {
            return None;
        }
        let changes = its.state.episode.iter().flat_map(|one| &one.changes);
        let asked = changes.filter(|change| change.stage != Stage::Would);
        let fates: BTreeMap<String, Fate> = asked
            .filter_map(|change| Some((change.latest.clone(), ledger.fate(&change.latest, room)?)))
            .collect();
        let mut view = its.scope.view(&kept.compiled, fates, wall);
        view.causes = self.causes(policy, &its.scope);
        let purpose = Purpose {
            mode,
            is_ending,
            prefix: &its.prefix,
        };
        let decided = decide(&kept.compiled, &view, &its.state, purpose, wall);
        Some(Traced {
            policy,
            instance,
            at: wall,
            view,
            mode,
            is_ending,
            decided,
        })
    }

    /// Returns the acts of other policies on what an instance looks at.
    fn causes(&self, policy: usize, scope: &Scope) -> Vec<Cause> {
        let others = self.policies.iter().enumerate();
        let others = others.filter(|(other, _)| *other != policy);
        let instances = others.flat_map(|(_, other)| &other.instances);
        let acted = instances.flat_map(|other| &other.state.acted);
        let seen = acted.filter(|acted| acted.targets.iter().any(|one| scope.looks_at(one)));
        seen.map(|acted| acted.cause.clone()).collect()
    }

    /// Has a decision recorded with everything that it asks for, and takes over its state.
    fn take(&mut self, traced: Traced, (ledger, site): (&mut Ledger, &Site), now: Duration) {
        let (policy, instance) = (traced.policy, traced.instance);
        let kept = &mut self.policies[policy];
        let name = kept.compiled.policy().name.clone();
        let decided = &traced.decided;
        let mut state = decided.state.clone();
        self.counts.decisions += 1;
        self.counts.blind += u64::from(decided.evaluation.when.is_none());
        if decided.word == Word::Stop {
            kept.mode = ModeRow {
                mode: Mode::Shadow,
                is_ending: true,
            };
            put(&mut self.stored, mode_key(policy), &kept.mode);
            self.counts.stops.push((name.clone(), decided.why.clone()));
            let told = format!("{name} stops itself: {}", decided.why);
            self.counts.told.push((now, told));
        }
        let is_real = kept.mode.mode == Mode::Armed || kept.mode.is_ending;
        let mut is_asked = false;
        if is_real {
            let withdrawn = decided.withdrawals.iter();
            withdrawn.for_each(|key| ledger.withdraw(key));
        }
        let is_quiet = decided.acts.is_empty() && decided.backs.is_empty();
        if is_real && !(is_quiet && decided.renewals.is_empty()) {
            is_asked = true;
            if !is_quiet {
                let told = format!("{name}: {}", decided.why);
                self.counts.told.push((now, told));
            }
            for request in &decided.acts {
                match ledger.ask(&name, request, site, now) {
                    Ok(()) => self.counts.acts += 1,
                    Err(why) => {
                        state.withdraw(&request.key);
                        let why = format!("{name} on {}: {why}", request.target);
                        self.counts.impossible.push(why);
                    }
                }
            }
            for renewal in &decided.renewals {
                match ledger.renew(&name, renewal, now) {
                    true => self.counts.renewals += 1,
                    false => state.withdraw(&renewal.key),
                }
            }
            for back in &decided.backs {
                match ledger.hand_back(&name, back, now) {
                    true => self.counts.backs += 1,
                    false => state.forget(&back.key),
                }
            }
        }
        let its = &mut kept.instances[instance];
        if is_asked || !its.written.leads_to(&state) {
            put(&mut self.stored, state_key(policy, instance), &state);
            its.written.clone_from(&state);
        }
        its.state = state;
        its.decided_at = Some(now);
        if let Some(trace) = &mut self.trace {
            trace.push(traced);
        }
    }

    /// Ends the handing back of a policy that has handed back everything.
    fn end_one(&mut self, policy: usize) {
        let kept = &mut self.policies[policy];
        let changes = kept
            .instances
            .iter()
            .filter_map(|one| one.state.episode.as_ref());
        let mut changes = changes.flat_map(|episode| &episode.changes);
        let is_left = changes.any(|one| !matches!(one.stage, Stage::Would | Stage::Person));
        if kept.mode.is_ending && !is_left {
            kept.mode.is_ending = false;
            put(&mut self.stored, mode_key(policy), &kept.mode);
        }
    }

    /// Is killed, and starts again from what is stored.
    fn forget(&mut self) {
        self.counts.kills += 1;
        for (at, kept) in self.policies.iter_mut().enumerate() {
            if let Some(mode) = get(&self.stored, &mode_key(at)) {
                kept.mode = mode;
            }
            for (number, its) in kept.instances.iter_mut().enumerate() {
                its.state = get(&self.stored, &state_key(at, number)).unwrap_or_default();
                its.written.clone_from(&its.state);
            }
        }
    }

    /// Returns the policies on trial, compiled.
    #[cfg(test)]
    pub fn compiled(&self) -> impl Iterator<Item = &Compiled> {
        self.policies.iter().map(|kept| &kept.compiled)
    }

    /// Returns the start of the keys of an instance.
    #[cfg(test)]
    pub fn prefix(&self, policy: usize, instance: usize) -> &str {
        &self.policies[policy].instances[instance].prefix
    }
}

fn mode_key(policy: usize) -> String {
    format!("mode/{policy}")
}

fn state_key(policy: usize, instance: usize) -> String {
    format!("state/{policy}/{instance}")
}

#[expect(clippy::expect_used, reason = "all of a state can be written as JSON")]
fn put(stored: &mut BTreeMap<String, String>, key: String, row: &impl Serialize) {
    let text = serde_json::to_string(row).expect("a state is JSON");
    stored.insert(key, text);
}

#[expect(clippy::expect_used, reason = "it was written above")]
fn get<T: for<'de> Deserialize<'de>>(stored: &BTreeMap<String, String>, key: &str) -> Option<T> {
    let text = stored.get(key)?;
    Some(serde_json::from_str(text).expect("what was stored can be read"))
}
