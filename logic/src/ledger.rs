//! The ledger: every control task, written down before anybody acts on it.
//!
//! ```text
//!  operations, asks, outcomes, evidence, time
//!        │ commands
//!        ▼
//!  service ─► state (in memory, pure) ─► batch ─► store (one transaction, fsync)
//!                                         │ written
//!                                         ▼
//!                     act: publish, permit, record, read back, answer
//! ```
//!
//! What could not be written has not happened: whoever asked hears so, or asks again.

mod act;
mod command;
mod entry;
mod explain;
mod hand_over;
mod keeper;
mod read_back;
mod restore;
mod service;
mod state;

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use utakata_api::ledger::{Attribution, Explanation, Lock};
use utakata_interconnect::{Events, OutcomeBatch, Tasks};
use utakata_model::{EnvironmentStatus, OperationId, TargetName, TaskId};
use utakata_permit::message::StartBatch;

use self::{
    act::{Actor, Couriers},
    command::{LedgerCommand, Promise},
    read_back::ReadBacks,
    service::Service,
    state::LedgerState,
};
pub use self::{
    explain::{Facts, ended as explain_ended, over as explain_over, read as explain_read},
    keeper::Keeper,
    state::{OperationPlan, OperationUnfit, OperationVerb, Summary, TaskUnfit, Verdict},
};
use crate::{
    Config,
    audit::Trail,
    dispatch::{Dispatch, Failing},
    duties::Term,
    evidence::ReadBackCounts,
    inventory::Inventory,
    kinds::Kinds,
    store::{self, Store},
};

/// Commands that wait; beyond it whoever sends has to wait, too.
const COMMANDS: usize = 8192;

/// A reason why the ledger did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The logic environment is ending.
    #[error("the logic environment is ending")]
    Ending,
    /// Another logic environment has the ledger, or nobody has at this moment.
    #[error("another logic environment keeps the ledger of control now")]
    Elsewhere,
    /// It could not be written down.
    #[error("it could not be written down, and nothing was done")]
    Store(#[from] Arc<store::Error>),
    /// Nobody knows whether what came before it is written down.
    #[error(
        "the ledger of control takes nothing until it is known whether its last page was written: \
         this was not taken, and nothing of it is done"
    )]
    Waits,
    /// The operation's own write is in doubt.
    #[error(
        "nobody knows yet whether the operation {0} was written down: if it was, it is done when \
         the store answers again"
    )]
    InDoubt(OperationId),
}

/// The lock of a target, the task that has it, and the number of those that wait for it.
pub type LaneView = (Option<Lock>, Option<TaskId>, usize);

/// The ledger. Cheap to clone. At a time one logic environment keeps it: here what comes from
/// environments is left to that one, and what people ask is refused.
#[derive(Clone, Default)]
pub struct Ledger {
    here: Arc<RwLock<Option<mpsc::Sender<LedgerCommand>>>>,
}

/// The parts that the ledger is put together from. Cheap to clone.
#[derive(Clone)]
pub struct LedgerParts {
    pub store: Arc<dyn Store>,
    /// Hands reads over.
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    /// The kinds that are served.
    pub kinds: Arc<Kinds>,
    /// The counts of read-backs by release.
    pub counts: Arc<ReadBackCounts>,
    /// The last error, while there is one.
    pub failing: Arc<Failing>,
}

/// A ledger that is to be run.
pub struct Running {
    service: Service,
    couriers: Couriers,
}

impl Running {
    /// Runs the ledger until it is told to end.
    pub async fn run(self, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) {
        // The couriers end when the service is gone.
        tokio::join!(self.service.run(), self.couriers.run(tasks, events));
    }
}

impl Ledger {
    /// Returns true when it is kept here.
    pub fn is_here(&self) -> bool {
        self.here.read().is_some()
    }

    /// Takes up what an earlier keeper has left in the store. From now on it is kept here.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn take_up(
        &self,
        config: &Config,
        parts: LedgerParts,
        term: &Term,
    ) -> Result<Running, store::Error> {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let trail = Trail::after(parts.store.audit_head().await?);
        let inventory = Arc::clone(&parts.inventory);
        let find: state::Find = Arc::new(move |name| inventory.find(name));
        let mut ledger = LedgerState::new(config.control.clone(), find, trail, service::now());
        restore::restore(&mut ledger, parts.store.as_ref(), &config.control).await?;
        let read_backs = ReadBacks::new(
            Arc::clone(&parts.dispatch),
            parts.inventory,
            parts.kinds,
            sender.downgrade(),
        );
        let (actor, couriers) = Actor::new(parts.dispatch, read_backs, parts.counts);
        let service = Service {
            ledger,
            store: parts.store,
            actor,
            commands,
            failing: parts.failing,
            fence: term.fence().cloned(),
            writes: service::WriteState::default(),
        };
        *self.here.write() = Some(sender);
        Ok(Running { service, couriers })
    }

    /// It is not kept here any more.
    fn let_go(&self) {
        self.here.write().take();
    }

    /// Writes a new operation down. When it returns, it is a promise.
    ///
    /// # Errors
    /// It could not be written down, and nothing is done.
    pub async fn plan(&self, new: OperationPlan) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Plan(Box::new(new), to))
            .await
    }

    /// Waits until all tasks of an operation have ended, but not longer than this.
    pub async fn wait_for(&self, id: OperationId, max: Duration) {
        let end = async {
            let progress = self.promise(|to| LedgerCommand::Progress(id, to)).await;
            // Where nobody can wait for it here, it is told how far it is.
            if let Ok(Some(progress)) = progress {
                progress.wait_for(max).await;
            }
        };
        // Running out of time is an answer like any other: the counts say what is missing.
        let _ = tokio::time::timeout(max, end).await;
    }

    /// An environment asks for permits.
    pub async fn asked(&self, batch: Arc<StartBatch>) {
        self.tell(LedgerCommand::Asked(batch)).await;
    }

    /// Outcomes of control have come.
    pub async fn told(&self, batch: Arc<OutcomeBatch>) {
        self.tell(LedgerCommand::Told(batch)).await;
    }

    /// An environment tells how it is.
    pub async fn heard(&self, status: Arc<EnvironmentStatus>) {
        self.tell(LedgerCommand::Heard(status)).await;
    }

    /// Carries out the decision of a person about an operation.
    ///
    /// # Errors
    /// The ledger has ended, or takes nothing; within: it cannot be done with it now, or not by this person.
    pub async fn change(
        &self,
        id: OperationId,
        verb: OperationVerb,
        said: Attribution,
    ) -> Result<Result<(), OperationUnfit>, Error> {
        self.promise(|to| LedgerCommand::Change(id, verb, said, to))
            .await
    }

    /// Settles a task by the word of a person on what became of it.
    ///
    /// # Errors
    /// The ledger has ended, or takes nothing; within: nobody has to say, or not yet.
    pub async fn settle(
        &self,
        id: TaskId,
        verdict: Verdict,
        said: Attribution,
    ) -> Result<Result<(), TaskUnfit>, Error> {
        self.promise(|to| LedgerCommand::Settle(id, verdict, said, to))
            .await
    }

    /// A person takes a task back: it is not begun any more.
    ///
    /// # Errors
    /// The ledger has ended, or takes nothing; within: the task has.
    pub async fn cancel(
        &self,
        id: TaskId,
        said: Attribution,
    ) -> Result<Result<(), TaskUnfit>, Error> {
        self.promise(|to| LedgerCommand::Cancel(id, said, to)).await
    }

    /// Locks a target for a person.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn lock(&self, target: TargetName, lock: Lock) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Lock(target, lock, to))
            .await
    }

    /// A person lets a target go; says whether it was locked.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn unlock(&self, target: TargetName, said: Attribution) -> Result<bool, Error> {
        self.promise(|to| LedgerCommand::Unlock(target, said, to))
            .await
    }

    /// Returns the lock of a target, the task that has it, and the number of those that wait for
    /// it.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn lane_of(&self, target: TargetName) -> Result<LaneView, Error> {
        self.ask(|to| LedgerCommand::LaneOf(target, to)).await
    }

    /// Explains what a task waits for; absent when it has ended, or there is none.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn explain_task(
        &self,
        id: TaskId,
        facts: Facts,
    ) -> Result<Option<Explanation>, Error> {
        let facts = Arc::new(facts);
        self.ask(|to| LedgerCommand::ExplainTask(id, facts, to))
            .await
    }

    /// Explains what an operation waits for; absent when it is over, or there is none.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn explain_operation(
        &self,
        id: OperationId,
        facts: Facts,
    ) -> Result<Option<Explanation>, Error> {
        let facts = Arc::new(facts);
        self.ask(|to| LedgerCommand::ExplainOperation(id, facts, to))
            .await
    }

    /// Returns the number of tasks that have not ended.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn count(&self) -> Result<usize, Error> {
        self.ask(LedgerCommand::Count).await
    }

    /// Returns a summary of control that somebody has to do something about.
    ///
    /// # Errors
    /// The ledger has ended, or is kept elsewhere.
    pub async fn summary(&self) -> Result<Summary, Error> {
        self.ask(LedgerCommand::Summary).await
    }

    /// Writes what there is, then ends.
    pub async fn close(&self) {
        self.tell(LedgerCommand::End).await;
    }

    fn commands(&self) -> Option<mpsc::Sender<LedgerCommand>> {
        self.here.read().clone()
    }

    async fn tell(&self, command: LedgerCommand) {
        let Some(commands) = self.commands() else {
            return;
        };
        if commands.send(command).await.is_err() {
            tracing::debug!("something came after the ledger was closed");
        }
    }

    async fn promise<T>(
        &self,
        command: impl FnOnce(Promise<T>) -> LedgerCommand,
    ) -> Result<T, Error> {
        self.ask(command).await?
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> LedgerCommand,
    ) -> Result<T, Error> {
        let (to, answer) = oneshot::channel();
        self.commands()
            .ok_or(Error::Elsewhere)?
            .send(command(to))
            .await
            .map_err(|_| Error::Ending)?;
        answer.await.map_err(|_| Error::Ending)
    }
}
