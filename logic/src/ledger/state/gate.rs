//! The gate of the ledger: no task begins that an envelope does not admit. Asked when a task is
//! published, and again before its permit.
//!
//! A permit is written down as an act in the batch that records it, so that acts are counted
//! exactly, whoever keeps the ledger. They are counted in **ledger time**, which is written with
//! them: it stands still while nobody keeps the ledger, and knows nothing of the wall clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use utakata_api::ledger::Attribution;
use utakata_envelope::{Act, Acts, Moment, Task, Verdict, gate};
use utakata_model::{Cure, Problem, TargetName, TaskId};
use utakata_permit::life::Stage;

use super::LedgerState;
use crate::{
    audit,
    ledger::{
        entry::TaskEntry,
        surroundings::{InForceSet, Surroundings},
    },
};

/// The code of a task that an envelope refuses.
const REFUSED: &str = "envelope";
/// The interval between writes of the ledger time, as long as an act counts. That much of it is lost
/// at most when a ledger is taken over: then acts count for so much longer.
const WRITE_TIME: Duration = Duration::from_secs(15);
/// The time for which acts are kept at least, for envelopes that are applied later.
const KEEP: Duration = Duration::from_secs(86_400);

const CLOCK: &str = "clock";
const RED: &str = "red";
const ACT: &str = "act/";
const FAILED: &str = "failed/";

/// Everything that the gate remembers.
pub(in crate::ledger) struct GateState {
    site: Arc<dyn Surroundings>,
    acts: Acts,
    /// The ledger times of failures, by their tasks.
    failures: BTreeMap<TaskId, Duration>,
    red: Option<Red>,
    /// The ledger time at which this ledger was taken up, and when that was.
    base: Duration,
    began: Instant,
    /// The last ledger time that was written.
    written: Duration,
    /// The times at which a lane is looked at again: one for each.
    ends: BTreeSet<(Instant, TargetName)>,
    end_of: BTreeMap<TargetName, Instant>,
    /// The reasons why tasks wait.
    waits: BTreeMap<TaskId, (Arc<str>, String)>,
}

/// The reason why no policy acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Red {
    pub envelope: String,
    pub at: Timestamp,
    pub why: String,
}

/// The use of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    pub envelope: Arc<str>,
    pub limit: String,
    pub used: usize,
    pub max: u32,
}

/// The memory of the gate, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateView {
    pub red: Option<Red>,
    pub uses: Vec<LimitUse>,
    /// The tasks that wait, with the envelope and the reason.
    pub waits: Vec<(TaskId, Arc<str>, String)>,
}

impl GateState {
    pub fn new(site: Arc<dyn Surroundings>, now: Instant) -> Self {
        Self {
            site,
            acts: Acts::default(),
            failures: BTreeMap::new(),
            red: None,
            base: Duration::ZERO,
            began: now,
            written: Duration::ZERO,
            ends: BTreeSet::new(),
            end_of: BTreeMap::new(),
            waits: BTreeMap::new(),
        }
    }

    fn time(&self, now: Instant) -> Duration {
        self.base + now.saturating_duration_since(self.began)
    }

    /// Has a lane looked at again, no later than this.
    fn look_again(&mut self, target: TargetName, at: Instant) {
        match self.end_of.get(&target) {
            Some(known) if *known <= at => return,
            Some(known) => drop(self.ends.remove(&(*known, target.clone()))),
            None => {}
        }
        self.end_of.insert(target.clone(), at);
        self.ends.insert((at, target));
    }

    fn remembers(&self) -> bool {
        !self.acts.is_empty() || !self.failures.is_empty()
    }

    /// Returns the next moment at which time alone changes something.
    pub fn deadline(&self) -> Option<Instant> {
        let lane = self.ends.first().map(|(at, _)| *at);
        let write = self.remembers().then(|| {
            let next = (self.written + WRITE_TIME).saturating_sub(self.base);
            self.began + next
        });
        lane.into_iter().chain(write).min()
    }

    /// Returns the envelope that holds a task back, with the reason.
    pub fn wait_of(&self, task: TaskId) -> Option<&(Arc<str>, String)> {
        self.waits.get(&task)
    }
}

impl LedgerState {
    /// Asks the gate about a task; absent if no envelope can bind it.
    fn ask_gate(&self, entry: &TaskEntry) -> Option<Verdict> {
        let operation = &self.operations.get(&entry.task.operation)?.operation;
        let envelopes = self.gate.site.envelopes();
        if operation.break_glass || (operation.policy.is_none() && !envelopes.binds_people) {
            return None;
        }
        let is_back = operation.undoes.is_some();
        if let Some(red) = &self.gate.red
            && operation.policy.is_some()
            && !is_back
        {
            return Some(Verdict::Wait {
                time: Duration::from_secs(1),
                envelope: red.envelope.as_str().into(),
                why: format!("no policy acts until a person says so: {}", red.why),
            });
        }
        let task = Task {
            policy: operation.policy.clone(),
            kind: entry.task.kind.clone(),
            target: entry.task.target.clone(),
            outlet: outlet(&entry.task.parameters.to_json()),
            action: entry.task.action.clone(),
            risk: entry.task.risk,
            parameters: numbers(&entry.task.parameters.to_json()),
            present: self.gate.site.present(&entry.task),
            is_back,
            is_renewal: operation.renews.is_some(),
        };
        let now = Moment {
            ledger: self.gate.time(self.now.instant),
            wall: self.now.at,
        };
        let site: &dyn utakata_envelope::Site = &*self.gate.site;
        Some(gate(
            &envelopes.envelopes,
            &self.gate.acts,
            site,
            &task,
            now,
        ))
    }

    /// Returns true if the gate admits a task now. One that waits is looked at again in time; one
    /// that is refused is returned with its problem.
    pub(super) fn admits(&mut self, id: TaskId) -> Result<bool, Problem> {
        let Some(entry) = self.tasks.get(&id) else {
            return Ok(true);
        };
        let target = entry.task.target.clone();
        match self.ask_gate(entry) {
            None | Some(Verdict::Admit) => {
                self.gate.waits.remove(&id);
                Ok(true)
            }
            Some(Verdict::Wait {
                time,
                envelope,
                why,
            }) => {
                self.gate.waits.insert(id, (envelope, why));
                self.gate.look_again(target, self.now.instant + time);
                Ok(false)
            }
            Some(Verdict::Refuse { envelope, why }) => {
                self.gate.waits.remove(&id);
                let message = format!("the envelope {envelope} does not allow it: {why}");
                Err(Problem::new(REFUSED, Cure::Operator, message))
            }
        }
    }

    /// Returns true if a task that is about to get its first permit is held back. Its lane is looked
    /// at again.
    pub(super) fn is_held_at_permit(&mut self, id: TaskId) -> bool {
        let is_open = |entry: &&TaskEntry| matches!(entry.life.stage, Stage::Queued { .. });
        let Some(entry) = self.tasks.get(&id).filter(is_open) else {
            return false;
        };
        let is_held = !matches!(self.ask_gate(entry), None | Some(Verdict::Admit));
        if is_held {
            self.dirty.insert(entry.task.target.clone());
        }
        is_held
    }

    /// Writes a permit down as an act, in the batch that records the permit.
    pub(super) fn acted(&mut self, id: TaskId, attempt: u32) {
        let Some(entry) = self.tasks.get(&id) else {
            return;
        };
        let Some(open) = self.operations.get(&entry.task.operation) else {
            return;
        };
        let policy = open.operation.policy.clone();
        if policy.is_none() && !self.gate.site.envelopes().binds_people {
            return;
        }
        let act = Act {
            task: id,
            attempt,
            policy,
            kind: entry.task.kind.clone(),
            target: entry.task.target.clone(),
            outlet: outlet(&entry.task.parameters.to_json()),
            action: entry.task.action.clone(),
            is_back: open.operation.undoes.is_some(),
            is_renewal: open.operation.renews.is_some(),
            at: self.gate.time(self.now.instant),
            ended: None,
        };
        self.write_act(&act);
        self.gate.acts.add(act);
        self.write_time();
    }

    fn write_act(&mut self, act: &Act) {
        let key = format!("{ACT}{}/{}", act.task, act.attempt);
        self.write_gate(key, act);
    }

    fn write_gate(&mut self, key: String, body: &impl Serialize) {
        match serde_json::to_string(body) {
            Ok(body) => drop(self.batch.gate.0.insert(key, Some(body))),
            Err(error) => utakata_invariant::broken("a row of the gate that is no JSON", &error),
        }
    }

    fn write_time(&mut self) {
        self.gate.written = self.gate.time(self.now.instant);
        let written = self.gate.written;
        self.write_gate(CLOCK.into(), &written);
    }

    /// Takes note that a task has ended: its acts are over, and a failure of a policy counts for the
    /// red rule.
    pub(super) fn is_over_for_gate(&mut self, entry: &TaskEntry, has_failed: bool) {
        let id = entry.task.id;
        self.gate.waits.remove(&id);
        let now = self.gate.time(self.now.instant);
        let ended = self.gate.acts.end(id, now);
        for act in &ended {
            self.write_act(act);
        }
        let is_of_policy = ended.iter().any(|act| act.policy.is_some());
        if has_failed && is_of_policy {
            self.failed_by_policy(id, now);
        }
    }

    /// Takes note of a failure, or of an outcome that nobody knows.
    pub(super) fn failed_by_policy(&mut self, id: TaskId, now: Duration) {
        if self.gate.failures.insert(id, now).is_some() {
            return;
        }
        self.write_gate(format!("{FAILED}{id}"), &now);
        self.write_time();
        let envelopes = self.gate.site.envelopes();
        for (envelope, rate) in &envelopes.red {
            let recent = self.gate.failures.values();
            let recent = recent
                .filter(|at| now.saturating_sub(**at) < rate.within)
                .count();
            let is_red = u32::try_from(recent).is_ok_and(|recent| recent >= rate.count);
            if is_red && self.gate.red.is_none() {
                let red = Red {
                    envelope: envelope.to_string(),
                    at: self.now.at,
                    why: format!("{recent} tasks of policies failed, and the rule is {rate}"),
                };
                let entry = audit::AuditEntry::Red {
                    envelope: &red.envelope,
                    why: &red.why,
                };
                self.trail.note(self.now.at, &entry);
                self.write_gate(RED.into(), &red);
                self.gate.red = Some(red);
            }
        }
    }

    /// Takes note that a person has to look at a task of a policy.
    pub(super) fn is_unsettled_for_gate(&mut self, id: TaskId) {
        let mut acts = self.gate.acts.latest();
        let is_its = acts.any(|act| act.task == id && act.policy.is_some());
        drop(acts);
        if is_its {
            let now = self.gate.time(self.now.instant);
            self.failed_by_policy(id, now);
        }
    }

    /// Ends the red rule, as a person says.
    pub fn clear_red(&mut self, attribution: &Attribution) {
        if self.gate.red.take().is_none() {
            return;
        }
        let failed: Vec<TaskId> = self.gate.failures.keys().copied().collect();
        for id in failed {
            self.batch.gate.0.insert(format!("{FAILED}{id}"), None);
        }
        self.gate.failures.clear();
        self.batch.gate.0.insert(RED.into(), None);
        let entry = audit::AuditEntry::RedOver { attribution };
        self.trail.note(self.now.at, &entry);
    }

    /// Lets time pass: lanes are looked at again, and what is too old to count is forgotten.
    pub(super) fn tick_gate(&mut self) {
        while let Some((at, _)) = self.gate.ends.first()
            && *at <= self.now.instant
        {
            if let Some((_, target)) = self.gate.ends.pop_first() {
                self.gate.end_of.remove(&target);
                self.dirty.insert(target);
            }
        }
        let now = self.gate.time(self.now.instant);
        if !self.gate.remembers() || now < self.gate.written + WRITE_TIME {
            return;
        }
        let longest = self.gate.site.envelopes().longest().max(KEEP);
        for act in self.gate.acts.forget(now, longest) {
            let key = format!("{ACT}{}/{}", act.task, act.attempt);
            self.batch.gate.0.insert(key, None);
        }
        let old = self.gate.failures.iter();
        let old = old.filter(|(_, at)| now.saturating_sub(**at) > longest);
        let old: Vec<TaskId> = old.map(|(id, _)| *id).collect();
        for id in old {
            self.gate.failures.remove(&id);
            self.batch.gate.0.insert(format!("{FAILED}{id}"), None);
        }
        self.write_time();
    }

    /// Restores what an earlier ledger has written.
    pub fn restore_gate(&mut self, rows: Vec<(String, String)>) {
        let mut acts = Vec::new();
        for (key, body) in rows {
            let read = match key.as_str() {
                CLOCK => serde_json::from_str(&body).map(|time| self.gate.base = time),
                RED => serde_json::from_str(&body).map(|red| self.gate.red = Some(red)),
                key => match key.strip_prefix(FAILED).and_then(|id| id.parse().ok()) {
                    Some(id) => serde_json::from_str(&body).map(|at| {
                        self.gate.failures.insert(id, at);
                    }),
                    None => serde_json::from_str(&body).map(|act| acts.push(act)),
                },
            };
            if let Err(error) = read {
                utakata_invariant::broken("a row of the gate cannot be read", &error);
            }
        }
        self.gate.began = self.now.instant;
        // Nothing was permitted after now, whatever is lost of the ledger time.
        let latest = acts
            .iter()
            .map(|act: &Act| act.ended.unwrap_or(act.at))
            .max();
        self.gate.base = self.gate.base.max(latest.unwrap_or(Duration::ZERO));
        self.gate.written = self.gate.base;
        self.gate.acts = Acts::of(acts);
    }

    /// Ends the acts of tasks that the ledger does not have any more.
    pub fn end_acts_of_no_task(&mut self) {
        let open = self.gate.acts.latest().filter(|act| act.ended.is_none());
        let gone = open
            .map(|act| act.task)
            .filter(|id| !self.tasks.contains_key(id));
        for id in gone.collect::<Vec<_>>() {
            let now = self.gate.time(self.now.instant);
            for act in self.gate.acts.end(id, now) {
                self.write_act(&act);
            }
        }
    }

    /// Returns what the gate remembers, for people.
    pub fn gate_view(&self) -> GateView {
        let envelopes = self.gate.site.envelopes();
        GateView {
            red: self.gate.red.clone(),
            uses: self.uses(&envelopes),
            waits: self
                .gate
                .waits
                .iter()
                .map(|(id, (envelope, why))| (*id, Arc::clone(envelope), why.clone()))
                .collect(),
        }
    }

    /// Returns how much of each limit is used; of a limit by something, how much by whatever has
    /// used most.
    fn uses(&self, envelopes: &InForceSet) -> Vec<LimitUse> {
        use utakata_model::envelope::Per;
        let site: &dyn utakata_envelope::Site = &*self.gate.site;
        let now = self.gate.time(self.now.instant);
        let mut uses = Vec::new();
        for envelope in &envelopes.envelopes {
            for limit in &envelope.limits.at_most {
                let mut counts: BTreeMap<String, usize> = BTreeMap::new();
                let acts = self.gate.acts.latest();
                let recent = acts.filter(|act| now.saturating_sub(act.at) < limit.rate.within);
                for act in recent.filter(|act| envelope.counts(act, site)) {
                    let of = match &limit.per {
                        Per::Site => String::new(),
                        Per::Policy => act
                            .policy
                            .as_ref()
                            .map(ToString::to_string)
                            .unwrap_or_default(),
                        Per::Kind => act.kind.to_string(),
                        Per::Target => format!("{}:{:?}", act.target, act.outlet),
                        Per::Label(label) => site.label(&act.target, label).unwrap_or_default(),
                    };
                    *counts.entry(of).or_default() += 1;
                }
                uses.push(LimitUse {
                    envelope: Arc::clone(&envelope.name),
                    limit: limit.to_string(),
                    used: counts.into_values().max().unwrap_or(0),
                    max: limit.rate.count,
                });
            }
        }
        uses
    }
}

/// Returns the outlet of a task, where its action has one.
fn outlet(parameters: &Value) -> Option<String> {
    match parameters.get("outlet")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the parameters, with their numbers.
fn numbers(parameters: &Value) -> Vec<(String, Option<f64>)> {
    let fields = parameters.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), value.as_f64()))
        .collect()
}
