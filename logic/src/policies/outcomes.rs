//! The fates of the changes that a policy asked for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_model::{OutcomeStatus, TaskState, manifest::expected::Expected};
use utakata_permit::evidence::current_reading;
use utakata_policy::{Fate, Stage, State};

use crate::{
    inventory::Inventory,
    observed::Observed,
    store::{self, Store, TaskRow},
};

/// The time after a change within which another value is no sign of somebody else.
const SETTLING: Duration = Duration::from_secs(2);

/// Looks at what became of changes.
#[derive(Clone)]
pub(super) struct Outcomes {
    pub store: Arc<dyn Store>,
    pub inventory: Arc<Inventory>,
    pub observed: Arc<Observed>,
}

impl Outcomes {
    /// Returns the fates of the changes of a state.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn of(&self, state: &State) -> Result<BTreeMap<String, Fate>, store::Error> {
        let mut fates = BTreeMap::new();
        let changes = state.episode.iter().flat_map(|episode| &episode.changes);
        for change in changes.filter(|change| change.stage != Stage::Would) {
            let Some(id) = self.store.operation_by_key(&change.latest).await? else {
                continue;
            };
            let rows = self.store.tasks_of(id).await?;
            if let [row] = rows.as_slice() {
                let is_back = change.is_back || change.stage == Stage::Returning;
                fates.insert(change.latest.clone(), self.of_row(row, is_back));
            }
        }
        Ok(fates)
    }

    fn of_row(&self, row: &TaskRow, is_back: bool) -> Fate {
        match row.progress.state {
            TaskState::Planned
            | TaskState::Queued
            | TaskState::Permitted
            | TaskState::Verifying
            | TaskState::Unknown => Fate::Open,
            TaskState::Failed | TaskState::Expired | TaskState::Cancelled => Fate::NotDone,
            TaskState::Unsettled => Fate::Unsettled,
            TaskState::Succeeded if !is_back && self.is_foreign(row) == Some(true) => Fate::Foreign,
            TaskState::Succeeded => Fate::Done,
        }
    }

    /// Returns true if the target shows another value than the one that was set, and was asked after
    /// that had ended. Absent if nobody knows.
    fn is_foreign(&self, row: &TaskRow) -> Option<bool> {
        let verify = row.task.verify.as_ref()?;
        let outcome = row.progress.outcome.as_ref()?;
        let ended = outcome.timings.ended;
        let since: Timestamp = ended.checked_add(SETTLING).ok()?;
        if outcome.status != OutcomeStatus::Succeeded {
            return None;
        }
        let parameters = row.task.parameters.to_json();
        let expected = Expected::new(verify, &parameters).ok()?;
        let known = self.inventory.find(&row.task.target)?;
        self.observed.look(known.device, |seen| {
            let last = seen.actions.iter().map(|action| &action.last);
            let shown = last.filter(|last| last.time > since).filter_map(|last| {
                let reading = current_reading(verify, &parameters, last)?;
                Some((last.time, expected.is_effect(&reading.value)))
            });
            let (_, is_ours) = shown.max_by_key(|(time, _)| *time)?;
            Some(!is_ours)
        })
    }
}
