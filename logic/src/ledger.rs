//! The ledger: every control task, recorded before anybody acts on it.
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
//! Anything that could not be written has not happened: the requester is told so, or asks again.

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
mod surroundings;

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use utakata_api::ledger::{Attribution, Explanation, Lock};
use utakata_interconnect::{Events, OutcomeBatch, Tasks};
use utakata_model::{EnvironmentStatus, OperationId, TargetName, TaskId, chain};
use utakata_permit::message::StartBatch;

use self::{
    act::{Actor, Couriers},
    command::{LedgerCommand, Promise},
    read_back::ReadBacks,
    service::Service,
    state::LedgerState,
    surroundings::LiveSite,
};
pub use self::{
    explain::{Facts, ended as explain_ended, over as explain_over, read as explain_read},
    keeper::Keeper,
    state::{
        GateView, LimitUse, OperationPlan, OperationUnfit, OperationVerb, PolicyWrites, Red,
        Summary, TaskUnfit, Verdict, Withdrawal,
    },
};
use crate::{
    Config,
    audit::{AlarmAct, SiteNote, Trail},
    dispatch::{Dispatch, Failing},
    duties::Term,
    evidence::ReadBackCounts,
    inventory::{self, Inventory},
    kinds::Kinds,
    observed::Observed,
    store::{self, AlarmWrites, Store},
};

/// The number of commands that may wait; beyond it, senders wait.
const COMMANDS: usize = 8192;

/// A reason why the ledger did not do what was requested.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The logic environment is ending.
    #[error("the logic environment is ending")]
    Ending,
    /// Another logic environment keeps the ledger, or none does at the moment.
    #[error("another logic environment keeps the ledger of control now")]
    Elsewhere,
    /// It could not be recorded.
    #[error("it could not be recorded, and nothing was done")]
    Store(#[from] Arc<store::Error>),
    /// Nobody knows whether an earlier batch is recorded.
    #[error(
        "the ledger of control takes nothing until it is known whether its last page was written: \
         this was not taken, and nothing of it is done"
    )]
    Waits,
    /// Nobody knows whether the operation itself is recorded.
    #[error(
        "it is not known yet whether the operation {0} was recorded: if it was, it is done when \
         the store answers again"
    )]
    InDoubt(OperationId),
}

/// The lock of a target, the task that holds it, and the number of tasks that wait for it.
pub type LaneView = (Option<Lock>, Option<TaskId>, usize);

/// The ledger. Cheap to clone. One logic environment keeps it at a time: elsewhere, messages from
/// environments are left to that one, and requests of people are refused.
#[derive(Clone, Default)]
pub struct Ledger {
    here: Arc<RwLock<Option<mpsc::Sender<LedgerCommand>>>>,
}

/// The parts from which the ledger is built. Cheap to clone.
#[derive(Clone)]
pub struct LedgerParts {
    pub store: Arc<dyn Store>,
    /// The dispatch of reads.
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    /// The latest observations, at which gates look.
    pub observed: Arc<Observed>,
    /// The kinds that are served.
    pub kinds: Arc<Kinds>,
    /// The counts of read-backs by release.
    pub counts: Arc<ReadBackCounts>,
    /// The last error, as long as it lasts.
    pub failing: Arc<Failing>,
}

impl LedgerParts {
    async fn reload_inventory(&self) -> Result<(), store::Error> {
        match self.inventory.reload().await {
            Ok(()) => Ok(()),
            Err(inventory::Error::Store(error)) => Err(error),
            Err(error) => {
                tracing::error!(error = chain(&error), "the inventory cannot be read again");
                Ok(())
            }
        }
    }
}

/// A ledger that is about to run.
pub struct Running {
    service: Service,
    couriers: Couriers,
}

impl Running {
    /// Runs the ledger until it is asked to end.
    pub async fn run(self, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) {
        // The couriers end when the service is gone.
        tokio::join!(self.service.run(), self.couriers.run(tasks, events));
    }
}

impl Ledger {
    /// Returns true if it is kept here.
    pub fn is_here(&self) -> bool {
        self.here.read().is_some()
    }

    /// Takes up the ledger that an earlier keeper has left in the store. From now on it is kept
    /// here.
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
        if *term != Term::Alone {
            // The keeper before may have begun operations whose secret parameters are new here.
            parts.reload_inventory().await?;
        }
        let trail = Trail::after(parts.store.audit_head().await?);
        let inventory = Arc::clone(&parts.inventory);
        let find: state::Find = Arc::new(move |name| inventory.find(name));
        let site = LiveSite::new(
            Arc::clone(&parts.inventory),
            Arc::clone(&parts.observed),
            config.control.asks_envelopes(),
        );
        let knows = (find, Arc::new(site) as Arc<_>);
        let mut ledger = LedgerState::new(config.control.clone(), knows, trail, service::now());
        restore::restore(&mut ledger, parts.store.as_ref(), &config.control).await?;
        let read_backs = ReadBacks::new(
            Arc::clone(&parts.dispatch),
            Arc::clone(&parts.inventory),
            parts.kinds,
            sender.downgrade(),
        );
        let to = (parts.dispatch, parts.inventory);
        let (actor, couriers) = Actor::new(to, read_backs, parts.counts);
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

    /// Stops keeping the ledger here.
    fn let_go(&self) {
        self.here.write().take();
    }

    /// Records a new operation. When it returns, the operation is a promise.
    ///
    /// # Errors
    /// It could not be recorded, and nothing is done.
    pub async fn plan(&self, new: OperationPlan) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Plan(Box::new(new), to))
            .await
    }

    /// Waits until all tasks of an operation have ended, for at most `max`.
    pub async fn wait_for(&self, id: OperationId, max: Duration) {
        let end = async {
            let progress = self.promise(|to| LedgerCommand::Progress(id, to)).await;
            // If it cannot be waited for here, the answer says how far it is.
            if let Ok(Some(progress)) = progress {
                progress.wait_for(max).await;
            }
        };
        // Running out of time is an answer like any other: the counts say what is missing.
        let _ = tokio::time::timeout(max, end).await;
    }

    /// Handles a request of an environment for permits.
    pub async fn on_asks(&self, batch: Arc<StartBatch>) {
        self.tell(LedgerCommand::Asks(batch)).await;
    }

    /// Handles outcomes of control.
    pub async fn on_outcomes(&self, batch: Arc<OutcomeBatch>) {
        self.tell(LedgerCommand::Outcomes(batch)).await;
    }

    /// Handles the status of an environment.
    pub async fn on_status(&self, status: Arc<EnvironmentStatus>) {
        self.tell(LedgerCommand::Status(status)).await;
    }

    /// Carries out a person's decision about an operation.
    ///
    /// # Errors
    /// The ledger has ended, or accepts nothing; inner: the operation's state or the person does
    /// not allow this.
    pub async fn change(
        &self,
        id: OperationId,
        verb: OperationVerb,
        attribution: Attribution,
    ) -> Result<Result<(), OperationUnfit>, Error> {
        self.promise(|to| LedgerCommand::Change(id, verb, attribution, to))
            .await
    }

    /// Settles a task by a person's statement.
    ///
    /// # Errors
    /// The ledger has ended, or accepts nothing; inner: it does not need settling, or not yet.
    pub async fn settle(
        &self,
        id: TaskId,
        verdict: Verdict,
        attribution: Attribution,
    ) -> Result<Result<(), TaskUnfit>, Error> {
        self.promise(|to| LedgerCommand::Settle(id, verdict, attribution, to))
            .await
    }

    /// Cancels a task.
    ///
    /// # Errors
    /// The ledger has ended, or accepts nothing; inner: the task has ended.
    pub async fn cancel(
        &self,
        id: TaskId,
        attribution: Attribution,
    ) -> Result<Result<(), TaskUnfit>, Error> {
        self.promise(|to| LedgerCommand::Cancel(id, attribution, to))
            .await
    }

    /// Locks a target for a person.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn lock(&self, target: TargetName, lock: Lock) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Lock(target, lock, to))
            .await
    }

    /// Unlocks a target. Returns true if it was locked.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn unlock(
        &self,
        target: TargetName,
        attribution: Attribution,
    ) -> Result<bool, Error> {
        self.promise(|to| LedgerCommand::Unlock(target, attribution, to))
            .await
    }

    /// Records changes to alarms. When it returns, they may be told.
    ///
    /// # Errors
    /// The ledger has ended, or is kept elsewhere.
    pub async fn put_alarms(&self, writes: AlarmWrites, acts: Vec<AlarmAct>) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Alarms(Box::new(writes), acts, to))
            .await
    }

    /// Records what policies change and ask for: all of it, or nothing.
    ///
    /// # Errors
    /// The ledger has ended, is kept elsewhere, or it could not be recorded.
    pub async fn put_policies(&self, writes: PolicyWrites) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Policies(Box::new(writes), to))
            .await
    }

    /// Returns what the gate remembers: the use of each limit, and the tasks that wait.
    ///
    /// # Errors
    /// The ledger has ended, or is kept elsewhere.
    pub async fn gate(&self) -> Result<GateView, Error> {
        self.ask(LedgerCommand::Gate).await
    }

    /// Records a line of the audit trail about something other than control.
    ///
    /// # Errors
    /// The ledger has ended, or is kept elsewhere.
    pub async fn note(&self, note: SiteNote) -> Result<(), Error> {
        self.promise(|to| LedgerCommand::Note(Box::new(note), to))
            .await
    }

    /// Returns the lock of a target, the task that holds it, and the number of tasks that wait for
    /// it.
    ///
    /// # Errors
    /// The ledger has ended.
    pub async fn lane_of(&self, target: TargetName) -> Result<LaneView, Error> {
        self.ask(|to| LedgerCommand::LaneOf(target, to)).await
    }

    /// Explains what a task waits for; absent if it has ended or does not exist.
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

    /// Explains what an operation waits for; absent if it is over or does not exist.
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

    /// Returns a summary of the control that needs somebody's attention.
    ///
    /// # Errors
    /// The ledger has ended, or is kept elsewhere.
    pub async fn summary(&self) -> Result<Summary, Error> {
        self.ask(LedgerCommand::Summary).await
    }

    /// Writes everything that is pending, then ends.
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
            tracing::debug!("something arrived after the ledger was closed");
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
