//! Operations, lanes, locks and people in the state of the ledger.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;
use utakata_api::ledger::{Attribution, Lock};
use utakata_envelope::InForce;
use utakata_interconnect::{OutcomeBatch, Sender};
use utakata_model::{
    Class, EnvironmentId, Incarnation, Kind, Operation, OperationId, OperationState, Outcome,
    OutcomeStatus, Pace, Parameters, PolicyName, Priority, Target, TargetName, TaskId, TaskKey,
    TaskState,
    manifest::{Repeat, Risk, Undo, Verify},
    outcome::Timings,
};
use utakata_permit::{
    Evidence,
    message::{Ask, Refused, StartBatch, Verdict as Permit},
};

use super::{
    Effect, LedgerState, Now, OperationPlan, OperationUnfit, OperationVerb, Purpose, ReadBackResult,
};
use crate::{
    audit::Trail,
    config,
    dispatch::{Progress, Show},
    inventory::TargetEntry,
    store::ControlTask,
};

mod gate;
mod operations;
mod people;
mod races;
mod targets;
mod window;
mod withdrawals;

/// A ledger on a table, with a clock that is moved by hand.
struct Table {
    ledger: LedgerState,
    now: Now,
}

impl Table {
    fn new() -> Self {
        Self::with(config::Control {
            publish_again: Duration::from_secs(1000),
            ..config::Control::default()
        })
    }

    fn with(config: config::Control) -> Self {
        Self::within(config, Vec::new())
    }

    /// The same within envelopes.
    fn within(config: config::Control, envelopes: Vec<InForce>) -> Self {
        let site = Arc::new(gate::Site::new(envelopes));
        let now = Now {
            instant: Instant::now(),
            at: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        let find: super::Find = Arc::new(|name: &TargetName| {
            let kind = Kind::new("pdu").unwrap();
            let target = || Target::new(name.clone(), kind, "x".into());
            (name.as_str() != "gone").then(|| Arc::new(TargetEntry::of(target(), 0)))
        });
        Self {
            ledger: LedgerState::new(config, (find, site), Trail::default(), now),
            now,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.at += time;
        self.ledger.at(self.now);
        self.ledger.tick();
    }

    /// A new operation on these targets; gives its id and those of its tasks.
    fn plan(&mut self, requested: Request) -> (OperationId, Vec<TaskId>) {
        let operation = Operation {
            id: OperationId::generate(),
            selector: "name".parse().unwrap(),
            action: None,
            class: Class::Control,
            parameters: json!({}),
            secrets: Default::default(),
            requested: self.now.at,
            why: None,
            by: Some("ann".parse().unwrap()),
            makers: BTreeSet::new(),
            pace: requested.pace,
            priority: requested.priority,
            undoes: requested.undoes,
            renews: None,
            rotates: None,
            because: Vec::new(),
            policy: requested.policy,
            break_glass: requested.break_glass,
        };
        let task = |name: &&str| ControlTask {
            id: TaskId::generate(),
            operation: operation.id,
            target: TargetName::new(name).unwrap(),
            address: None,
            kind: Kind::new("pdu").unwrap(),
            action: "off".parse().unwrap(),
            parameters: Parameters::default(),
            timeout: Duration::from_secs(1),
            made: self.now.at,
            expires: self.now.at + Duration::from_secs(3600),
            lifetime: Duration::from_secs(60),
            priority: requested.priority,
            paced: vec![Some(Arc::from("one rack")); operation.pace.at_most.len()],
            repeat: Repeat::Once,
            verify: requested.is_read_back.then(verify),
            undo: requested.is_undoable.then(undo),
            risk: Risk::Low,
        };
        let tasks: Vec<ControlTask> = requested.targets.iter().map(task).collect();
        let ids = tasks.iter().map(|task| task.id).collect();
        let id = operation.id;
        self.ledger.plan(OperationPlan {
            progress: Arc::new(Progress::new(tasks.len(), Show::Counts)),
            operation,
            key: None,
            tasks,
            needs_approval: requested.needs_approval,
        });
        (id, ids)
    }

    /// The tasks that were published since it was last asked.
    fn published(&mut self) -> Vec<TaskId> {
        let effects = self.ledger.effects.drain(..);
        effects
            .filter_map(|effect| match effect {
                Effect::Publish(task) => Some(task.id),
                _ => None,
            })
            .collect()
    }

    fn ask(&mut self, task: TaskId, ask: u64) -> Permit {
        let start = StartBatch {
            environment: environment(),
            incarnation: incarnation(),
            kind: Kind::new("pdu").unwrap(),
            asks: vec![Ask {
                key: TaskKey { task, attempt: 1 },
                ask,
            }],
        };
        self.ledger.on_asks(&start);
        let is_answer = |effect: &Effect| matches!(effect, Effect::Answer(..));
        let at = self.ledger.effects.iter().rposition(is_answer).unwrap();
        let Effect::Answer(_, _, answer) = self.ledger.effects.remove(at) else {
            panic!("an ask is answered");
        };
        answer.verdict
    }

    fn end(&mut self, task: TaskId, ask: u64, status: OutcomeStatus) {
        let outcome = Outcome {
            permit: Some(ask),
            ..outcome(task, status)
        };
        self.ledger.on_outcomes(&OutcomeBatch {
            zone: Default::default(),
            kind: Kind::new("pdu").unwrap(),
            from: Some(sender()),
            outcomes: vec![outcome],
        });
    }

    /// Has tasks done, in the order in which they are published; gives that order.
    fn work_off(&mut self, status: OutcomeStatus) -> Vec<TaskId> {
        let mut order = Vec::new();
        let mut published = self.published();
        while let Some(task) = published.pop() {
            let ask = order.len() as u64;
            if matches!(self.ask(task, ask), Permit::Permitted(_)) {
                order.push(task);
                self.end(task, ask, status);
            }
            published.extend(self.published());
        }
        order
    }

    /// The target of a task shows something when it is read back now.
    fn shows(&mut self, task: TaskId, evidence: Evidence) {
        let now = self.now.instant;
        self.ledger.seen(&ReadBackResult {
            task,
            attempt: 1,
            requested: now,
            answered: now,
            evidence,
        });
    }

    fn state(&self, task: TaskId) -> Option<TaskState> {
        let written = self.ledger.batch.task_progress.get(&task);
        written.map(|progress| progress.state)
    }

    fn operation(&self, id: OperationId) -> Option<OperationState> {
        let written = self.ledger.batch.operation_progress.get(&id);
        written.map(|progress| progress.state)
    }
}

struct Request {
    targets: Vec<&'static str>,
    pace: Pace,
    priority: Priority,
    needs_approval: bool,
    policy: Option<PolicyName>,
    undoes: Option<OperationId>,
    break_glass: bool,
    is_read_back: bool,
    is_undoable: bool,
}

fn on(targets: &[&'static str]) -> Request {
    Request {
        targets: targets.to_vec(),
        pace: Pace::default(),
        priority: Priority::Routine,
        needs_approval: false,
        policy: None,
        undoes: None,
        break_glass: false,
        is_read_back: false,
        is_undoable: false,
    }
}

/// The way to read back what a task does; its effect proves that it was done.
fn verify() -> Verify {
    let verify = json!({ "action": "read", "metric": "outlet", "value": "off" });
    serde_json::from_value(verify).unwrap()
}

fn undo() -> Undo {
    serde_json::from_value(json!({ "action": "on" })).unwrap()
}

fn environment() -> EnvironmentId {
    EnvironmentId::new("wee").unwrap()
}

fn incarnation() -> Incarnation {
    Incarnation::from_bytes([1; 16])
}

fn sender() -> Sender {
    Sender {
        environment: environment(),
        incarnation: incarnation(),
    }
}

fn attribution(by: &str) -> Attribution {
    Attribution {
        by: by.into(),
        at: Timestamp::UNIX_EPOCH,
        why: None,
    }
}

fn outcome(task: TaskId, status: OutcomeStatus) -> Outcome {
    Outcome {
        task,
        attempt: 1,
        origin: utakata_model::Origin::Operation(OperationId::generate()),
        target: TargetName::new("a").unwrap(),
        action: "off".parse().unwrap(),
        class: Class::Control,
        status,
        problem: None,
        result: None,
        missing: Vec::new(),
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: Timestamp::UNIX_EPOCH,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        },
    }
}
