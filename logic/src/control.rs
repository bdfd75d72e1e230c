//! Control: one action that changes something, on selected targets, written down before it is
//! sent.

mod error;
mod plan;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_api::operation::{Control as Asked, Plan, PlannedTask};
use utakata_model::{
    Class, Cure, Kind, Operation, OperationId, Origin, Outcome, OutcomeStatus, Parameters, Problem,
    outcome::Timings,
};

pub use error::Error;

use crate::{
    Config,
    dispatch::{Batch, Dispatch, Made, Progress, Show},
    inventory::Inventory,
    kinds::{Kinds, ServedAction},
    observe::WAIT_MAX,
    store::{self, ControlTask, Store, TaskRow},
};

/// Controls. Cheap to share.
pub struct Control {
    config: Config,
    dispatch: Arc<Dispatch>,
    inventory: Arc<Inventory>,
    kinds: Arc<Kinds>,
    store: Arc<dyn Store>,
}

/// What became of what was asked.
#[derive(Debug)]
pub enum Answer {
    /// It was only asked what would be done.
    Plan(Plan),
    /// It is written down and on its way.
    Operation(OperationId),
}

/// The targets of one kind and what is done to them.
type Part<'a> = (&'a ServedAction, Vec<Made>);

impl Control {
    /// With nothing under way.
    pub fn new(
        config: Config,
        dispatch: Arc<Dispatch>,
        inventory: Arc<Inventory>,
        kinds: Arc<Kinds>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self {
            config,
            dispatch,
            inventory,
            kinds,
            store,
        }
    }

    /// Does what is asked, or tells what would be done; waits for the outcomes as long as was
    /// asked. When it returns an operation, that is in the store.
    ///
    /// # Errors
    /// Nothing was sent: what is wrong, for every target.
    pub async fn ask(&self, asked: Asked) -> Result<Answer, Error> {
        if asked.wait > WAIT_MAX {
            return Err(Error::Wait);
        }
        if asked.selector.is_everything() {
            return Err(Error::Everything);
        }
        let selection = self.inventory.select(&asked.selector);
        if selection.is_empty() {
            let selector = asked.selector;
            return Err(Error::SelectsNothing { selector });
        }
        let served = self.kinds.served();
        let parameters = serde_json::Value::Object(asked.parameters.clone());
        let planned = plan::plan(&asked.action, &parameters, &selection, &served)
            .map_err(|problems| Error::Impossible { problems })?;
        if asked.dry_run {
            let task = |(known, served): &plan::Planned<'_>| PlannedTask {
                target: known.target.name.clone(),
                release: served.0.release.clone(),
            };
            let targets = planned.iter().map(task).collect();
            return Ok(Answer::Plan(Plan { targets }));
        }
        let mut parts: BTreeMap<&Kind, Part<'_>> = BTreeMap::new();
        for (known, (_, action)) in &planned {
            let part = parts.entry(&known.target.kind);
            let (_, made) = part.or_insert_with(|| (*action, Vec::new()));
            made.push(Made::new(known));
        }
        let operation = Operation {
            id: OperationId::generate(),
            selector: asked.selector,
            action: Some(asked.action),
            class: Class::Control,
            parameters,
            asked: Timestamp::now(),
            why: asked.why,
        };
        self.start(operation, parts.into_values().collect(), asked.wait)
            .await
    }

    async fn start(
        &self,
        operation: Operation,
        parts: Vec<Part<'_>>,
        wait: Duration,
    ) -> Result<Answer, Error> {
        let id = operation.id;
        let total = parts.iter().map(|(_, made)| made.len()).sum();
        let progress = Arc::new(Progress::new(total, Show::Counts));
        let parts: Vec<(Arc<Batch>, Vec<Made>)> = parts
            .into_iter()
            .map(|(action, made)| (self.batch(&operation, action, &progress), made))
            .collect();
        let rows: Vec<ControlTask> = parts
            .iter()
            .flat_map(|(batch, made)| made.iter().map(|one| row(id, batch, one)))
            .collect();
        self.store.plan(&operation, &rows).await?;
        // From here on it is a promise: every task ends, and its end is written down.
        for (batch, made) in parts {
            self.dispatch.send(&batch, made).await?;
        }
        if let Err(error) = self.store.queued(id).await {
            tracing::warn!(operation = %id, %error, "tasks stay planned in the store until they end");
        }
        if !wait.is_zero() {
            progress.wait_for(wait).await;
        }
        Ok(Answer::Operation(id))
    }

    fn batch(
        &self,
        operation: &Operation,
        action: &ServedAction,
        progress: &Arc<Progress>,
    ) -> Arc<Batch> {
        let timeout = action.action.timeout;
        let lifetime = self.config.control.lifetime;
        Arc::new(Batch {
            origin: Origin::Operation(operation.id),
            action: action.action.name.clone(),
            class: Class::Control,
            parameters: Parameters::new(&operation.parameters),
            timeout,
            made: operation.asked,
            expires: operation.asked + lifetime,
            deadline: Instant::now() + lifetime + timeout + self.config.control.grace,
            progress: Some(Arc::clone(progress)),
        })
    }
}

fn row(operation: OperationId, batch: &Batch, made: &Made) -> ControlTask {
    ControlTask {
        id: made.id,
        attempt: 1,
        operation,
        target: made.known.target.name.clone(),
        kind: made.known.target.kind.clone(),
        action: batch.action.clone(),
        parameters: batch.parameters.clone(),
        timeout: batch.timeout,
        made: batch.made,
        expires: batch.expires,
    }
}

/// Tasks that had not ended when the last process did: nobody can know what came of them.
///
/// # Errors
/// The store failed.
pub async fn settle_restarted(store: &dyn Store) -> Result<usize, store::Error> {
    let unfinished = store.unfinished().await?;
    let outcomes: Vec<Outcome> = unfinished.iter().map(restarted).collect();
    if !outcomes.is_empty() {
        store.end(&outcomes).await?;
    }
    Ok(outcomes.len())
}

fn restarted(row: &TaskRow) -> Outcome {
    let problem = Problem::new(
        "restarted",
        Cure::Operator,
        "the logic environment was restarted before an outcome came: look at the target before \
         doing it again",
    );
    Outcome {
        task: row.task.id,
        attempt: row.task.attempt,
        origin: row.task.origin(),
        target: row.task.target.clone(),
        action: row.task.action.clone(),
        class: row.task.class(),
        status: OutcomeStatus::Unknown,
        problem: Some(problem),
        result: None,
        ran_by: None,
        timings: Timings {
            ended: Timestamp::now(),
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        },
    }
}
