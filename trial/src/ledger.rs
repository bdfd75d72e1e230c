//! The ledger's part of an operation: recorded once under its key, held back by the gate, carried
//! out once, read back, and known for as long as anybody asks.
//!
//! ```text
//!  Waiting ──gate──► Acting ──shown──► Done
//!     │ refused, or too late   └─ never shown ─► Unsettled
//!     └────────────────────────────────────────► NotDone
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use utakata_envelope::{Act, Acts, Feed, InForce, Moment, Seen, Task, Verdict, gate};
use utakata_model::{
    ActionName, Kind, PolicyName, Selector, TargetName, TaskId, action::Risk, envelope::Shows,
};
use utakata_policy::{Fate, HandBack, Renewal, Request, SampleValue};
use utakata_room::{Command, Room};

use crate::{
    devices::{Order, answers, shows},
    site::{Part, Site},
};

/// The time for which an operation may wait.
const EXPIRES: Duration = Duration::from_secs(600);
/// The time after which an effect is looked for, and that after which nobody looks any more.
const LOOKS: Duration = Duration::from_secs(5);
const GIVES_UP: Duration = Duration::from_secs(40);

/// The gate of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It is asked.
    On,
    /// Everything is admitted: to show that a trial finds the consequences.
    Off,
}

#[derive(Debug)]
struct Operation {
    policy: PolicyName,
    task: TaskId,
    kind: Kind,
    target: TargetName,
    part: Part,
    action: ActionName,
    outlet: Option<String>,
    parameters: BTreeMap<String, Value>,
    order: Order,
    /// The order that brings back what was there before.
    prior: Option<Order>,
    is_back: bool,
    is_renewal: bool,
    asked: Duration,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Acting(Duration),
    Done,
    NotDone,
    Unsettled,
}

/// One command as a device received it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub at: Duration,
    pub policy: PolicyName,
    pub kind: Kind,
    pub target: TargetName,
    pub outlet: Option<String>,
    pub action: ActionName,
    pub parameters: BTreeMap<String, Value>,
    pub key: String,
    pub is_back: bool,
    pub is_renewal: bool,
}

/// The operations of a trial.
#[derive(Debug)]
pub(crate) struct Ledger {
    operations: BTreeMap<String, Operation>,
    /// Those that have not ended, in the order in which they were recorded.
    open: Vec<String>,
    acts: Acts,
    envelopes: Vec<InForce>,
    gate: Gate,
    count: u64,
    /// The commands that devices received.
    pub received: Vec<Received>,
    /// The operations that waited for an envelope, and those that one refused.
    pub held_back: BTreeSet<String>,
    pub refused: u64,
}

/// The site as the gate looks at it.
struct Looked<'a> {
    site: &'a Site,
    room: &'a Room,
    /// The time since devices were last read.
    age: Duration,
}

impl Ledger {
    pub fn new(envelopes: Vec<InForce>, gate: Gate) -> Self {
        Self {
            operations: BTreeMap::new(),
            open: Vec::new(),
            acts: Acts::default(),
            envelopes,
            gate,
            count: 0,
            received: Vec::new(),
            held_back: BTreeSet::new(),
            refused: 0,
        }
    }

    /// Records a change that a policy asks for. Asking twice is asking once.
    ///
    /// # Errors
    /// The target cannot do it.
    pub fn ask(
        &mut self,
        policy: &PolicyName,
        request: &Request,
        site: &Site,
        now: Duration,
    ) -> Result<(), String> {
        let Some(entry) = site.find(&request.target) else {
            return Err("there is no such target".into());
        };
        let order = Order::read(entry.part, &request.action, &request.parameters)?;
        let order = order.leased(request.lease)?;
        let operation = Operation {
            policy: policy.clone(),
            task: self.next_task(),
            kind: entry.target.kind.clone(),
            target: request.target.clone(),
            part: entry.part,
            action: request.action.clone(),
            outlet: request.parameters.get("outlet").map(plain),
            parameters: request.parameters.clone(),
            order,
            prior: None,
            is_back: false,
            is_renewal: false,
            asked: now,
            stage: Stage::Waiting,
        };
        self.record(&request.key, operation);
        Ok(())
    }

    /// Records that a change is told again. Returns false if it was never recorded.
    pub fn renew(&mut self, policy: &PolicyName, renewal: &Renewal, now: Duration) -> bool {
        let task = self.next_task();
        let Some(renewed) = self.operations.get(&renewal.renews) else {
            return false;
        };
        // Another value would be a change.
        if renewed.parameters != renewal.parameters {
            return false;
        }
        let order = Order::read(renewed.part, &renewal.action, &renewal.parameters);
        let Ok(order) = order.and_then(|order| order.leased(Some(renewal.lease))) else {
            return false;
        };
        let operation = Operation {
            policy: policy.clone(),
            task,
            kind: renewed.kind.clone(),
            target: renewed.target.clone(),
            part: renewed.part,
            action: renewal.action.clone(),
            outlet: renewed.outlet.clone(),
            parameters: renewal.parameters.clone(),
            order,
            prior: None,
            is_back: false,
            is_renewal: true,
            asked: now,
            stage: Stage::Waiting,
        };
        self.record(&renewal.key, operation);
        true
    }

    /// Records that a change is handed back. Returns false if there is nothing to hand back.
    pub fn hand_back(&mut self, policy: &PolicyName, back: &HandBack, now: Duration) -> bool {
        let task = self.next_task();
        let Some(undone) = self.operations.get(&back.undoes) else {
            return false;
        };
        let Some(prior) = undone.prior else {
            return false;
        };
        let (action, parameters) = match prior {
            Order::Outlet(_, command) => {
                let action = match command {
                    Command::On => "outlet-on",
                    _ => "outlet-off",
                };
                (action.parse().ok(), undone.parameters.clone())
            }
            Order::Setpoint(setpoint, _) => {
                let celsius = [("celsius".to_owned(), Value::from(setpoint.0))];
                (Some(undone.action.clone()), celsius.into())
            }
        };
        let operation = Operation {
            policy: policy.clone(),
            task,
            kind: undone.kind.clone(),
            target: undone.target.clone(),
            part: undone.part,
            action: action.unwrap_or_else(|| undone.action.clone()),
            outlet: undone.outlet.clone(),
            parameters,
            order: prior,
            prior: None,
            is_back: true,
            is_renewal: false,
            asked: now,
            stage: Stage::Waiting,
        };
        self.record(&back.key, operation);
        true
    }

    /// Withdraws what nobody has begun.
    pub fn withdraw(&mut self, key: &str) {
        let operation = self.operations.get_mut(key);
        if let Some(operation) = operation.filter(|one| one.stage == Stage::Waiting) {
            operation.stage = Stage::NotDone;
        }
    }

    fn next_task(&mut self) -> TaskId {
        self.count += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.count.to_be_bytes());
        TaskId::from_bytes(bytes)
    }

    fn record(&mut self, key: &str, operation: Operation) {
        if !self.operations.contains_key(key) {
            self.operations.insert(key.to_owned(), operation);
            self.open.push(key.to_owned());
        }
    }

    /// Lets every operation that has not ended go on. `polled` is when devices were last read.
    pub fn advance(
        &mut self,
        site: &Site,
        room: &mut Room,
        (now, polled): (Duration, Duration),
        wall: Timestamp,
    ) {
        let age = now.saturating_sub(polled);
        for key in std::mem::take(&mut self.open) {
            let Some(mut operation) = self.operations.remove(&key) else {
                continue;
            };
            match operation.stage {
                Stage::Waiting => {
                    let looked = Looked { site, room, age };
                    let moment = Moment { ledger: now, wall };
                    match self.ask_gate(&operation, &looked, moment) {
                        Verdict::Admit => self.carry_out(&key, &mut operation, room, now),
                        Verdict::Wait { .. } => {
                            self.held_back.insert(key.clone());
                            if now.saturating_sub(operation.asked) > EXPIRES {
                                operation.stage = Stage::NotDone;
                            }
                        }
                        Verdict::Refuse { .. } => {
                            self.refused += 1;
                            operation.stage = Stage::NotDone;
                        }
                    }
                }
                Stage::Acting(since) => self.read_back(&mut operation, room, (since, now)),
                Stage::Done | Stage::NotDone | Stage::Unsettled => {}
            }
            if matches!(operation.stage, Stage::Waiting | Stage::Acting(_)) {
                self.open.push(key.clone());
            }
            self.operations.insert(key, operation);
        }
        let longest = self.envelopes.iter().map(InForce::longest).max();
        self.acts.forget(now, longest.unwrap_or_default());
    }

    fn ask_gate(&self, operation: &Operation, looked: &Looked<'_>, now: Moment) -> Verdict {
        if self.gate == Gate::Off {
            return Verdict::Admit;
        }
        let present = match operation.part {
            Part::Cooling(unit) => Some(looked.room.cooling[unit].setpoint.0),
            Part::Pdu(_) | Part::Ups(_) | Part::Server(_) => None,
        };
        let numbers = operation.parameters.iter();
        let task = Task {
            policy: Some(operation.policy.clone()),
            kind: operation.kind.clone(),
            target: operation.target.clone(),
            outlet: operation.outlet.clone(),
            action: operation.action.clone(),
            risk: match operation.order {
                Order::Outlet(_, Command::Off | Command::Cycle) => Risk::High,
                _ => Risk::Low,
            },
            parameters: numbers
                .map(|(name, value)| (name.clone(), value.as_f64()))
                .collect(),
            present,
            is_back: operation.is_back,
            is_renewal: operation.is_renewal,
        };
        gate(&self.envelopes, &self.acts, looked, &task, now)
    }

    /// Writes the permit down, and tells the device.
    fn carry_out(&mut self, key: &str, operation: &mut Operation, room: &mut Room, now: Duration) {
        self.acts.add(Act {
            task: operation.task,
            attempt: 1,
            policy: Some(operation.policy.clone()),
            kind: operation.kind.clone(),
            target: operation.target.clone(),
            outlet: operation.outlet.clone(),
            action: operation.action.clone(),
            is_back: operation.is_back,
            is_renewal: operation.is_renewal,
            at: now,
            ended: None,
        });
        let prior = operation.order.back(room, operation.part);
        if !operation.order.tell(room, operation.part) {
            self.acts.end(operation.task, now);
            operation.stage = Stage::NotDone;
            return;
        }
        operation.prior = Some(prior);
        operation.stage = Stage::Acting(now);
        self.received.push(Received {
            at: now,
            policy: operation.policy.clone(),
            kind: operation.kind.clone(),
            target: operation.target.clone(),
            outlet: operation.outlet.clone(),
            action: operation.action.clone(),
            parameters: operation.parameters.clone(),
            key: key.to_owned(),
            is_back: operation.is_back,
            is_renewal: operation.is_renewal,
        });
    }

    fn read_back(
        &mut self,
        operation: &mut Operation,
        room: &Room,
        (since, now): (Duration, Duration),
    ) {
        let passed = now.saturating_sub(since);
        if passed < LOOKS {
            return;
        }
        operation.stage = match operation.order.shows(room, operation.part) {
            Some(true) => Stage::Done,
            Some(false) | None if passed > GIVES_UP => Stage::Unsettled,
            Some(false) | None => return,
        };
        self.acts.end(operation.task, now);
    }

    /// Returns the fate of an operation; absent if none was recorded under the key.
    pub fn fate(&self, key: &str, room: &Room) -> Option<Fate> {
        let operation = self.operations.get(key)?;
        Some(match operation.stage {
            Stage::Waiting | Stage::Acting(_) => Fate::Open,
            Stage::NotDone => Fate::NotDone,
            Stage::Unsettled => Fate::Unsettled,
            Stage::Done if operation.is_back => Fate::Done,
            Stage::Done => match operation.order.shows(room, operation.part) {
                Some(false) => Fate::Foreign,
                Some(true) | None => Fate::Done,
            },
        })
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

impl utakata_envelope::Site for Looked<'_> {
    fn matches(&self, target: &TargetName, selector: &Selector) -> bool {
        let found = self.site.find(target);
        found.is_some_and(|entry| selector.matches(&entry.target))
    }

    fn label(&self, target: &TargetName, label: &str) -> Option<String> {
        let entry = self.site.find(target)?;
        entry.target.value(label).map(str::to_owned)
    }

    fn select(&self, selector: &Selector) -> Vec<TargetName> {
        let found = self.site.select(selector);
        found.map(|entry| entry.target.name.clone()).collect()
    }

    fn loads(&self, target: &TargetName, outlet: Option<&str>) -> Vec<TargetName> {
        self.site.loads(target, outlet).cloned().collect()
    }

    fn feeds(&self, load: &TargetName) -> Vec<Feed> {
        let sources = self.site.sources(load).iter();
        sources
            .map(|one| Feed {
                target: one.target.clone(),
                outlet: one.outlet.clone(),
            })
            .collect()
    }

    fn shows(&self, target: &TargetName, outlet: Option<&str>, shown: &Shows) -> Option<Seen> {
        let part = self.site.find(target)?.part;
        if !answers(self.room, part) {
            return None;
        }
        let found = shows(self.room, part, shown.metric.as_str());
        let mut its = found.iter();
        let its = its.find(|one| outlet.is_none() || one.attribute("outlet") == outlet)?;
        Some(Seen {
            is: matches!(&its.value, SampleValue::Text(text) if **text == *shown.is),
            age: self.age,
        })
    }
}
