//! Rows of the ledger as values.

use sqlx::{Row, sqlite::SqliteRow};
use utakata_api::operation::Counts;
use utakata_model::TaskState;

use super::Sqlite;
use crate::store::{Error, TaskProgress, TaskRow};

impl Sqlite {
    pub(super) fn task_row(&self, row: &SqliteRow) -> Result<TaskRow, Error> {
        let outcome = row
            .get::<Option<&str>, _>("outcome")
            .map(|text| self.parse("outcome", text))
            .transpose()?;
        let progress = row
            .get::<Option<&str>, _>("progress")
            .map(|text| self.parse::<TaskProgress>("progress of a task", text))
            .transpose()?;
        let state = self.parse("state", &format!("\"{}\"", row.get::<&str, _>("state")))?;
        Ok(TaskRow {
            task: self.parse("task", row.get("body"))?,
            progress: TaskProgress {
                state,
                outcome,
                ..progress.unwrap_or_default()
            },
        })
    }
}

/// Adds so many tasks in a state.
pub(super) fn count(counts: &mut Counts, state: TaskState, tasks: u64) {
    let of_state = match state {
        TaskState::Planned => &mut counts.planned,
        TaskState::Queued => &mut counts.queued,
        TaskState::Permitted => &mut counts.permitted,
        TaskState::Verifying => &mut counts.verifying,
        TaskState::Unsettled => &mut counts.unsettled,
        TaskState::Succeeded => &mut counts.succeeded,
        TaskState::Failed => &mut counts.failed,
        TaskState::Unknown => &mut counts.unknown,
        TaskState::Expired => &mut counts.expired,
        TaskState::Cancelled => &mut counts.cancelled,
    };
    *of_state += tasks;
}
