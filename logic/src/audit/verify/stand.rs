//! The operations and tasks of the trail, in little memory, to be compared with their rows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};
use utakata_model::{Operation, OperationId, OperationState, TaskId, TaskState};

use super::line::TaskStep;
use crate::store::{ControlTask, OperationProgress, TaskProgress, WrittenOperation, WrittenTask};

/// A finding about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowFinding {
    Same,
    /// None: the row is older than the trail.
    Older,
}

/// The tasks of the trail.
#[derive(Debug, Default)]
pub(super) struct Tasks(HashMap<TaskId, Task>);

/// A task according to the trail. There may be millions.
#[derive(Debug, Clone, Copy)]
struct Task {
    /// The hash of the task as planned; absent if no line records the planning.
    made: Option<u64>,
    /// The index of its operation.
    operation: Option<u32>,
    stands: TaskStep,
}

/// The operations of the trail.
#[derive(Debug, Default)]
pub(super) struct Operations {
    places: HashMap<OperationId, u32>,
    all: Vec<Known>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    requested: Option<u64>,
    state: Option<OperationState>,
    tasks: u32,
    ended: u32,
}

/// Returns a short hash of a value.
fn mark(value: &impl Serialize) -> Option<u64> {
    let text = serde_json::to_string(value).ok()?;
    let hash = Sha256::digest(text);
    let first = hash.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*first))
}

/// Returns true if two texts are the same JSON.
pub(super) fn matches(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    parse(one).is_some() && parse(one) == parse(other)
}

/// Returns true for a row of a version without a trail: it lacks fields that every later version
/// writes for a task or an operation.
fn is_older(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Later {
        lifetime: Option<IgnoredAny>,
        priority: Option<IgnoredAny>,
    }
    let later = serde_json::from_str(body);
    later.is_ok_and(|later: Later| later.lifetime.is_none() && later.priority.is_none())
}

impl Tasks {
    pub fn planned(&mut self, task: &ControlTask, operation: u32) {
        let made = Task {
            made: mark(task),
            operation: Some(operation),
            stands: TaskStep {
                state: TaskState::Planned,
                attempt: 1,
                end: None,
            },
        };
        self.0.insert(task.id, made);
    }

    /// Changes the state of a task. Returns the index of its operation if the task has ended.
    pub fn stands(&mut self, id: TaskId, stands: TaskStep) -> Option<u32> {
        let task = self.0.entry(id).or_insert(Task {
            made: None,
            operation: None,
            stands,
        });
        let had_ended = task.made.is_some() && task.stands.state.is_final();
        task.stands = stands;
        (stands.state.is_final() && !had_ended)
            .then_some(task.operation)
            .flatten()
    }

    /// Compares a row with the trail, and crosses it off.
    ///
    /// # Errors
    /// A description of the difference.
    pub fn cross_off(&mut self, row: &WrittenTask) -> Result<RowFinding, String> {
        let id: TaskId = row
            .id
            .parse()
            .map_err(|_| "its id is not valid".to_owned())?;
        let told = self.0.remove(&id);
        let body: ControlTask = serde_json::from_str(&row.body)
            .map_err(|error| format!("its row cannot be read: {error}"))?;
        let is_older = is_older(&row.body);
        let told = match told {
            None if is_older => return Ok(RowFinding::Older),
            None => return Err("its creation is not in the trail".into()),
            Some(told) => told,
        };
        match told.made {
            None if !is_older => return Err("its creation is not in the trail".into()),
            Some(made) if Some(made) != mark(&body) => {
                return Err("its row is not what the trail says that it was made as".into());
            }
            _ => {}
        }
        let columns = (row.operation.as_str(), row.target.as_str());
        if body.id != id || columns != (&*body.operation.to_string(), body.target.as_str()) {
            return Err("the columns of its row contradict each other".into());
        }
        told.stands.is_of(row).map(|()| RowFinding::Same)
    }

    /// Returns the tasks that had no row.
    pub fn left(&self) -> Vec<TaskId> {
        sorted(self.0.keys().copied())
    }
}

impl TaskStep {
    fn is_of(&self, row: &WrittenTask) -> Result<(), String> {
        let state = self.state.as_str();
        if row.state != state {
            return Err(format!(
                "it is \"{}\" in the ledger, and the trail says \"{state}\"",
                row.state
            ));
        }
        let Some(progress) = &row.progress else {
            return Err("its row does not state its progress".into());
        };
        let progress: TaskProgress = serde_json::from_str(progress)
            .map_err(|error| format!("its progress cannot be read: {error}"))?;
        let of_row = Self {
            state: progress.state,
            attempt: progress.attempt,
            end: progress.end,
        };
        if of_row == *self {
            return Ok(());
        }
        Err(format!(
            "where it stands in the ledger ({} in attempt {}) is not what the trail says ({state} \
             in attempt {}, ended as told there)",
            progress.state.as_str(),
            progress.attempt,
            self.attempt
        ))
    }
}

impl Operations {
    fn known(&mut self, id: OperationId) -> (u32, &mut Known) {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(id).or_insert(next);
        let at = place as usize;
        if at >= self.all.len() {
            self.all.resize(at + 1, Known::default());
        }
        (place, &mut self.all[at])
    }

    pub fn requested(&mut self, operation: &Operation) {
        let requested = mark(operation);
        self.known(operation.id).1.requested = requested;
    }

    pub fn changed(&mut self, id: OperationId, state: OperationState) {
        self.known(id).1.state = Some(state);
    }

    /// Adds a task, and returns the index of the operation.
    pub fn has_task(&mut self, id: OperationId) -> u32 {
        let (place, known) = self.known(id);
        known.tasks += 1;
        place
    }

    /// Records that a task of the operation has ended.
    pub fn has_ended(&mut self, place: u32) {
        if let Some(known) = self.all.get_mut(place as usize) {
            known.ended += 1;
        }
    }

    /// Compares a row with the trail, and crosses it off.
    ///
    /// # Errors
    /// A description of the difference.
    pub fn cross_off(&mut self, row: &WrittenOperation) -> Result<RowFinding, String> {
        let id: OperationId = row
            .id
            .parse()
            .map_err(|_| "its id is not valid".to_owned())?;
        let place = self.places.remove(&id);
        let told = place.and_then(|place| self.all.get(place as usize).copied());
        let body: Operation = serde_json::from_str(&row.body)
            .map_err(|error| format!("its row cannot be read: {error}"))?;
        let is_older = is_older(&row.body);
        let Some(told) = told.filter(|told| told.requested.is_some()) else {
            return match is_older {
                true => Ok(RowFinding::Older),
                false => Err("the trail does not say that it was requested".into()),
            };
        };
        if told.requested != mark(&body) {
            return Err("its row differs from the request in the trail".into());
        }
        let Some(progress) = &row.progress else {
            return Err("its row does not state its progress".into());
        };
        let progress: OperationProgress = serde_json::from_str(progress)
            .map_err(|error| format!("its progress cannot be read: {error}"))?;
        match told.may_be(progress.state) {
            true => Ok(RowFinding::Same),
            false => Err(format!(
                "it is \"{}\" in the ledger, and the trail does not say so",
                progress.state.as_str()
            )),
        }
    }

    /// Returns the operations that had no row.
    pub fn left(&self) -> Vec<OperationId> {
        sorted(self.places.keys().copied())
    }
}

impl Known {
    /// Returns true if it may be in a state: whether it is done follows from its tasks, and the
    /// initial state depended on the configuration of that time.
    fn may_be(&self, state: OperationState) -> bool {
        use OperationState as S;
        if self.ended == self.tasks {
            let is_cancelled = self.state == Some(S::Cancelled);
            return state == if is_cancelled { S::Cancelled } else { S::Done };
        }
        match self.state {
            Some(told) => state == told,
            None => matches!(state, S::Running | S::Awaiting),
        }
    }
}

fn sorted<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.collect();
    ids.sort_unstable();
    ids
}
