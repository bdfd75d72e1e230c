//! The ledger compared with the truth of the devices: tasks lost, done twice, or reported wrongly.
//! Pure.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use utakata_model::{OperationId, OutcomeStatus, TaskId, TaskState};

use crate::order::Act;

/// An operation that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The operation that it belongs to, according to the answer.
    pub operation: OperationId,
    pub act: Act,
    pub token: String,
    /// The devices that it controls.
    pub devices: Vec<String>,
}

/// A task as the ledger has it at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    /// The operation that it belongs to.
    pub operation: OperationId,
    pub act: Act,
    pub token: String,
    /// The device that it controls.
    pub device: String,
    /// The last known state.
    pub state: TaskState,
    /// The status of each attempt, if reported.
    pub attempts: Vec<Option<OutcomeStatus>>,
}

/// The deeds of the devices, as they count them themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// The devices by name.
    pub devices: BTreeMap<String, Device>,
}

/// The deeds of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// True if it answers "done" and does nothing.
    pub is_liar: bool,
    pub tokens: HashMap<String, Deeds>,
    /// The number of marks that it has made.
    pub marks: u64,
}

/// The number of commands that a device received, and obeyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Deeds {
    /// The number of SETs that it received.
    pub received: u64,
    /// The number of effects.
    pub done: u64,
}

/// The result of comparing the ledger with the devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The number of operations that were accepted.
    pub operations: u64,
    /// The number of tasks that they must have.
    pub sent: u64,
    /// The number of tasks reported as succeeded.
    pub succeeded: u64,
    /// ... as failed.
    pub failed: u64,
    /// ... as expired before they began.
    pub expired: u64,
    /// ... as cancelled.
    pub cancelled: u64,
    /// The number of tasks whose outcome nobody can know, so that a person has to decide.
    pub waiting: u64,
    /// The number of attempts with an unknown or no outcome, of tasks that have ended.
    pub settled: u64,
    /// The number of tasks that are missing, or that never ended.
    pub lost: u64,
    /// The number of tasks that must be done once and were done twice.
    pub twice: u64,
    /// The number of tasks whose report contradicts the devices.
    pub lies: u64,
    /// The number of tasks that a device received and the ledger does not have.
    pub nowhere: u64,
    /// One finding for each broken promise.
    pub findings: Vec<Finding>,
}

/// A contradiction between the ledger and a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The promise that is broken.
    pub what: What,
    /// The reason why it counts as broken.
    pub why: &'static str,
    /// The task, if there is one.
    pub task: Option<TaskId>,
    pub token: String,
    pub device: String,
    pub action: &'static str,
    /// The state of the task in the ledger.
    pub state: Option<TaskState>,
    /// The deeds of the device.
    pub truth: Deeds,
}

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was accepted and never ended.
    Lost,
    /// It was done more than once.
    Twice,
    /// The report contradicts the device.
    Lie,
    /// It was done, and is not in the ledger.
    Nowhere,
}

impl Counts {
    /// Returns true if nothing was lost, done twice, reported wrongly or not recorded.
    pub fn is_clean(&self) -> bool {
        (self.lost, self.twice, self.lies, self.nowhere) == (0, 0, 0, 0)
    }

    fn find(&mut self, finding: Finding) {
        match finding.what {
            What::Lost => self.lost += 1,
            What::Twice => self.twice += 1,
            What::Lie => self.lies += 1,
            What::Nowhere => self.nowhere += 1,
        }
        self.findings.push(finding);
    }

    fn add(&mut self, task: &Task) {
        match task.state {
            TaskState::Succeeded => self.succeeded += 1,
            TaskState::Failed => self.failed += 1,
            TaskState::Expired => self.expired += 1,
            TaskState::Cancelled => self.cancelled += 1,
            TaskState::Unsettled => self.waiting += 1,
            _ => {}
        }
        if task.state.is_final() {
            let is_open = |status: &&Option<OutcomeStatus>| {
                matches!(status, None | Some(OutcomeStatus::Unknown))
            };
            self.settled += task.attempts.iter().filter(is_open).count() as u64;
        }
    }
}

impl Truth {
    fn of(&self, device: &str, token: &str) -> Deeds {
        let device = self.devices.get(device);
        let deeds = device.and_then(|device| device.tokens.get(token));
        deeds.copied().unwrap_or_default()
    }

    fn is_liar(&self, device: &str) -> bool {
        self.devices.get(device).is_some_and(|one| one.is_liar)
    }
}

/// Compares everything that was accepted with the ledger, and the ledger with the devices.
pub fn count(sent: &[Sent], tasks: &[Task], truth: &Truth) -> Counts {
    let mut counts = Counts {
        operations: sent.len() as u64,
        ..Counts::default()
    };
    let mut ledger: HashMap<(&str, &str), Vec<&Task>> = HashMap::new();
    for task in tasks {
        counts.add(task);
        let place = (task.token.as_str(), task.device.as_str());
        ledger.entry(place).or_default().push(task);
    }
    written_nowhere(&ledger, truth, &mut counts);
    for one in sent {
        for device in &one.devices {
            counts.sent += 1;
            let found = ledger.remove(&(one.token.as_str(), device.as_str()));
            let expected = |task: &&Task| task.operation == one.operation;
            let found = found.unwrap_or_default();
            if !found.iter().any(expected) {
                counts.find(absent(one, device, truth));
            }
            for task in &found {
                judge(task, truth, &mut counts);
            }
            if found.len() > 1 {
                let why = "accepted once, and in the ledger more than once";
                counts.find(found[0].finding(What::Twice, why, truth));
            }
        }
    }
    for (_, unasked) in ledger {
        for task in unasked {
            let why = "in the ledger, and never requested";
            counts.find(task.finding(What::Lie, why, truth));
        }
    }
    counts
}

/// Returns the commands that devices received and the ledger does not know.
fn written_nowhere(ledger: &HashMap<(&str, &str), Vec<&Task>>, truth: &Truth, counts: &mut Counts) {
    for (name, device) in &truth.devices {
        let mut unknown: Vec<(&String, &Deeds)> = device
            .tokens
            .iter()
            .filter(|(token, _)| !ledger.contains_key(&(token.as_str(), name.as_str())))
            .collect();
        unknown.sort_by_key(|(token, _)| *token);
        for (token, deeds) in unknown {
            counts.find(Finding {
                what: What::Nowhere,
                why: "sent to a device, and not in the ledger",
                task: None,
                token: token.clone(),
                device: name.clone(),
                action: "",
                state: None,
                truth: *deeds,
            });
        }
    }
}

fn absent(sent: &Sent, device: &str, truth: &Truth) -> Finding {
    Finding {
        what: What::Lost,
        why: "accepted, and not in the ledger",
        task: None,
        token: sent.token.clone(),
        device: device.to_owned(),
        action: sent.act.as_str(),
        state: None,
        truth: truth.of(device, &sent.token),
    }
}

/// Returns the broken promise of a task, if there is one.
fn judge(task: &Task, truth: &Truth, counts: &mut Counts) {
    let deeds = truth.of(&task.device, &task.token);
    if !task.state.is_final() && task.state != TaskState::Unsettled {
        counts.find(task.finding(What::Lost, "accepted, and never ended", truth));
    }
    if task.act.is_once() && deeds.done > 1 {
        counts.find(task.finding(What::Twice, "done more than once", truth));
    }
    // A liar that cannot be read back: nobody can know.
    let is_hidden = !task.act.is_read_back() && truth.is_liar(&task.device);
    match task.state {
        TaskState::Succeeded if deeds.done == 0 && !is_hidden => {
            counts.find(task.finding(What::Lie, "reported as done, and not done", truth));
        }
        TaskState::Failed | TaskState::Expired | TaskState::Cancelled if deeds.done > 0 => {
            counts.find(task.finding(What::Lie, "reported as not done, and done", truth));
        }
        _ => {}
    }
}

impl Task {
    fn finding(&self, what: What, why: &'static str, truth: &Truth) -> Finding {
        Finding {
            what,
            why,
            task: Some(self.id),
            token: self.token.clone(),
            device: self.device.clone(),
            action: self.act.as_str(),
            state: Some(self.state),
            truth: truth.of(&self.device, &self.token),
        }
    }
}

#[cfg(test)]
mod tests;
