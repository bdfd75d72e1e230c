//! Counts of the control that needs somebody's attention.

use utakata_api::overview::ControlCounts;
use utakata_model::{OperationId, OperationState, TargetName, TaskId, TaskState};

use super::LedgerState;

/// The number of tasks that are listed by name.
const NAMED: usize = 3;

/// Control that has not ended, in numbers and a few names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub counts: ControlCounts,
    /// The oldest tasks that a person has to settle.
    pub unsettled: Vec<(TaskId, TargetName)>,
    /// The oldest operations that wait for an approval.
    pub awaiting: Vec<OperationId>,
    /// The oldest operations that have stopped.
    pub stopped: Vec<OperationId>,
}

impl LedgerState {
    /// Looks at each open task and operation once.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        let mut unsettled = Vec::new();
        for entry in self.tasks.values() {
            if entry.life.state() == TaskState::Unsettled {
                unsettled.push((entry.task.id, entry.task.target.clone()));
            }
        }
        let (mut awaiting, mut stopped) = (Vec::new(), Vec::new());
        for (id, open) in &self.operations {
            match open.record.state {
                OperationState::Awaiting => awaiting.push(*id),
                OperationState::Stopped => stopped.push(*id),
                OperationState::Paused => summary.counts.paused += 1,
                OperationState::Running | OperationState::Done | OperationState::Cancelled => {}
            }
        }
        summary.counts.open = self.tasks.len() as u64;
        summary.counts.unsettled = unsettled.len() as u64;
        summary.counts.awaiting = awaiting.len() as u64;
        summary.counts.stopped = stopped.len() as u64;
        summary.unsettled = oldest(unsettled);
        summary.awaiting = oldest(awaiting);
        summary.stopped = oldest(stopped);
        summary
    }
}

/// Identifiers are ordered by time.
fn oldest<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.truncate(NAMED);
    all
}
