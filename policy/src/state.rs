//! The memory of a policy between decisions. It is stored with the operations that it asks for.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{ActionName, PolicyName, TargetName};

use crate::{request::Request, view::Cause};

/// The longest time between two looks that counts for a timer: over a longer one, nobody knows
/// whether the condition held.
const GAP: Duration = Duration::from_secs(60);
/// The age up to which a stored state in which only timers have run since is as good as the state
/// itself: little enough that no timer loses a part of a longer gap.
const STORED: Duration = Duration::from_secs(15);
/// The number of turns that is swinging to and fro.
const TURNS: usize = 4;

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
    /// The latest turns: changes whose direction was not that of the change before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub swings: Vec<Swing>,
    /// The policies whose acts may have led to it acting, while it is engaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<PolicyName>,
    /// The latest acts and hand-backs, as other policies may see their effects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acted: Vec<Acted>,
}

/// An act or a hand-back, with what may show its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The act, as a cause of others.
    #[serde(flatten)]
    pub cause: Cause,
    /// The targets that it has changed, and those of the input that it is expected to move.
    pub targets: Vec<TargetName>,
}

/// A change in another direction than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swing {
    /// The time at which it turned.
    pub at: Timestamp,
    /// True for a number that rose, or for an act; false for a number that fell, or for a hand-back.
    pub up: bool,
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
    /// The key of the latest operation on this target, whatever has become of it.
    pub latest: String,
    /// The key of the last operation on this target that was done, and not handed back: what it has
    /// set is what the target should show. Absent while none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// The key of the second operation on this target that was done: it sets another value than the
    /// first, and so has changed something if that one found the target as it wanted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// The action that was asked for.
    pub action: ActionName,
    /// The target of the change.
    pub target: TargetName,
    /// The outlet, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// The stage that the change has reached.
    pub stage: Stage,
    /// The last operation that was done; the first, until one was.
    #[serde(flatten)]
    pub set: Set,
    /// A further operation, until it is known whether it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Set>,
    /// True if the latest operation hands it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_back: bool,
    /// True once the expected effect was seen, or missed.
    #[serde(default)]
    pub is_judged: bool,
    /// The time at which the target takes it back by itself, as it was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lets_go: Option<Timestamp>,
    /// The time at which it was last told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed: Option<Timestamp>,
}

/// What one operation sets, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// Its parameters.
    pub parameters: BTreeMap<String, Value>,
    /// The time at which it was asked for.
    pub at: Timestamp,
    /// The act of the policy by its number.
    pub act: usize,
    /// The value of the input that it should move, as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
}

impl Change {
    /// Returns what the latest operation sets, whatever has become of it.
    pub fn asked(&self) -> &Set {
        self.next.as_ref().unwrap_or(&self.set)
    }

    /// Takes note that its latest operation was done, and that it is no hand-back.
    pub(crate) fn is_done(&mut self) {
        self.stage = Stage::Done;
        if let Some(next) = self.next.take() {
            self.set = next;
            self.is_judged = false;
            if self.done.is_some() && self.second.is_none() {
                self.second = Some(self.latest.clone());
            }
            self.done = Some(self.latest.clone());
        }
        // Being told again, it sets nothing new.
        self.done.get_or_insert_with(|| self.latest.clone());
    }

    /// Goes back to what the last operation that was done has set: a later one, or a hand-back, was
    /// not done. Returns false if there is none.
    pub(crate) fn is_as_before(&mut self) -> bool {
        let done = match &self.done {
            Some(done) => (*done != self.latest).then(|| done.clone()),
            // It was stored before the last one was kept.
            None => (self.key != self.latest).then(|| self.key.clone()),
        };
        let Some(done) = done else {
            return false;
        };
        self.latest = done;
        self.stage = Stage::Done;
        self.next = None;
        self.is_back = false;
        true
    }
}

impl Episode {
    /// Notes a change: of several on one target, what was there before the first is handed back.
    pub(crate) fn note(
        &mut self,
        request: &Request,
        (stage, before): (Stage, Option<f64>),
        now: Timestamp,
    ) {
        let mut changes = self.changes.iter_mut();
        let known = changes.find(|change| {
            change.target == request.target
                && change.outlet == request.outlet
                && change.action == request.action
        });
        let set = Set {
            parameters: request.parameters.clone(),
            at: now,
            act: request.act,
            before,
        };
        match known {
            Some(known) => {
                known.latest.clone_from(&request.key);
                match stage {
                    // Nothing is done, and so there is nothing to go back to.
                    Stage::Would => known.set = set,
                    _ => known.next = Some(set),
                }
                known.stage = stage;
            }
            None => self.changes.push(Change {
                key: request.key.clone(),
                latest: request.key.clone(),
                done: None,
                second: None,
                action: request.action.clone(),
                target: request.target.clone(),
                outlet: request.outlet.clone(),
                stage,
                set,
                next: None,
                is_back: false,
                is_judged: false,
                lets_go: None,
                renewed: None,
            }),
        }
    }
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
    /// It was done, and is told again so that the target does not take it back by itself.
    Renewing,
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
    /// Takes a look at the condition; returns the time for which it has held, if it holds. Looks are
    /// taken at this interval.
    pub fn look(
        &mut self,
        holds: Option<bool>,
        now: Timestamp,
        every: Duration,
    ) -> Option<Duration> {
        // One that is missing is no gap.
        let longest = GAP.max(every.saturating_mul(2));
        match holds {
            Some(true) => {
                let passed = self.last.map(|last| now.duration_since(last));
                let passed = passed.and_then(|passed| Duration::try_from(passed).ok());
                let passed = passed.map_or(Duration::ZERO, |passed| passed.min(longest));
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

    /// Returns true if the next look at this timer finds what it finds at a later one.
    fn leads_to(&self, later: &Self) -> bool {
        match (self.last, later.last) {
            (None, None) => self == later,
            (Some(last), Some(then)) => {
                let passed = Duration::try_from(then.duration_since(last)).ok();
                let passed = passed.filter(|passed| *passed < STORED);
                passed.is_some_and(|passed| self.held + passed == later.held)
            }
            _ => false,
        }
    }

    /// Lets it run on until a later moment, if it runs.
    fn run_to(&mut self, moment: Timestamp) {
        let Some(last) = self.last.filter(|last| *last < moment) else {
            return;
        };
        let passed = Duration::try_from(moment.duration_since(last));
        self.held = self.held.saturating_add(passed.unwrap_or_default());
        self.last = Some(moment);
    }
}

impl State {
    /// Returns true if an engine that goes on from this state decides the same as one that goes on
    /// from a later one: only timers have run since, and not for long. Such a later state need not be
    /// stored.
    pub fn leads_to(&self, later: &Self) -> bool {
        let without_timers = |state: &Self| Self {
            when: Timer::default(),
            back: Timer::default(),
            blind: Timer::default(),
            ..state.clone()
        };
        self.when.leads_to(&later.when)
            && self.back.leads_to(&later.back)
            && self.blind.leads_to(&later.blind)
            && without_timers(self) == without_timers(later)
    }

    /// Returns true if nothing has changed from this state to the one of a later moment but that its
    /// timers ran on until then: [`as_of`](Self::as_of) gives it.
    pub fn runs_on_to(&self, later: &Self, moment: Timestamp) -> bool {
        self.as_of(moment) == *later
    }

    /// Returns the state at a later moment, if its timers have only run on until then.
    #[must_use]
    pub fn as_of(&self, moment: Timestamp) -> Self {
        let mut later = self.clone();
        for timer in [&mut later.when, &mut later.back, &mut later.blind] {
            timer.run_to(moment);
        }
        later
    }

    /// Returns the state of a policy that begins anew: nothing is remembered but what is not handed
    /// back.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        let mut episode = self.episode.clone();
        if let Some(episode) = &mut episode {
            episode
                .changes
                .retain(|change| change.stage != Stage::Would);
        }
        Self {
            episodes: self.episodes,
            episode: episode.filter(|episode| !episode.changes.is_empty()),
            acted: self.acted.clone(),
            ..Self::default()
        }
    }

    /// Takes a change out that could not be asked for. One that was there before stays.
    pub fn withdraw(&mut self, key: &str) {
        self.drop_changes(|change| change.key != key);
        let changes = self.episode.iter_mut().flat_map(|one| &mut one.changes);
        for change in changes.filter(|one| one.latest == key) {
            change.is_as_before();
        }
    }

    /// Forgets a change that there is nothing to hand back of, by the key of its hand-back.
    pub fn forget(&mut self, key: &str) {
        self.drop_changes(|change| change.latest != key);
    }

    /// Leaves a change that cannot be handed back to a person, by the key of its hand-back.
    pub fn leave_to_a_person(&mut self, key: &str) {
        let changes = self.episode.iter_mut().flat_map(|one| &mut one.changes);
        for change in changes.filter(|one| one.latest == key) {
            change.stage = Stage::Person;
        }
    }

    fn drop_changes(&mut self, stays: impl Fn(&Change) -> bool) {
        if let Some(episode) = &mut self.episode {
            episode.changes.retain(stays);
        }
        self.episode.take_if(|episode| episode.changes.is_empty());
    }

    /// Notes the direction of a change. Returns true if it has swung to and fro within a time.
    pub(crate) fn swings(&mut self, up: bool, now: Timestamp, within: Duration) -> bool {
        let is_recent = |swing: &Swing| {
            let age = Duration::try_from(now.duration_since(swing.at));
            age.is_ok_and(|age| age <= within)
        };
        self.swings.retain(is_recent);
        if self.swings.last().is_none_or(|last| last.up != up) {
            self.swings.push(Swing { at: now, up });
        }
        self.swings.len() > TURNS
    }

    /// Returns true if it has changed something that is not handed back, or may have.
    pub fn has_changed(&self) -> bool {
        self.episode.is_some()
    }
}
