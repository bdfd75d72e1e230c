//! The commands and queries to the ledger.

use std::sync::Arc;

use tokio::sync::oneshot;
use utakata_api::ledger::{Attribution, Explanation, Lock};
use utakata_interconnect::OutcomeBatch;
use utakata_model::{EnvironmentStatus, OperationId, ReadingValue, TargetName, TaskId};
use utakata_permit::message::StartBatch;

use super::{
    explain::{self, Facts},
    state::{
        self, Effect, LedgerState, OperationPlan, OperationVerb, PolicyWrites, ReadBackResult,
        Verdict,
    },
};
use crate::{
    audit::{AlarmAct, SiteNote},
    dispatch::Progress,
    ledger::Error,
    store::AlarmWrites,
};

/// The channel for an answer.
type Reply<T> = oneshot::Sender<T>;
/// The channel for a promise, or a refusal.
pub(super) type Promise<T> = oneshot::Sender<Result<T, Error>>;

/// A command to the ledger, or a query. A command that promises something is answered once it is
/// recorded.
pub(super) enum LedgerCommand {
    Plan(Box<OperationPlan>, Promise<()>),
    /// An environment asks for permits.
    Asks(Arc<StartBatch>),
    /// Outcomes have arrived.
    Outcomes(Arc<OutcomeBatch>),
    /// An environment reports its status.
    Status(Arc<EnvironmentStatus>),
    /// A target was read back for an attempt.
    Seen(ReadBackResult),
    /// The previous value of a target was captured.
    Captured(TaskId, Option<ReadingValue>),
    /// A person decides about an operation.
    Change(
        OperationId,
        OperationVerb,
        Attribution,
        Promise<Result<(), state::OperationUnfit>>,
    ),
    /// A person settles a task.
    Settle(
        TaskId,
        Verdict,
        Attribution,
        Promise<Result<(), state::TaskUnfit>>,
    ),
    /// A person cancels a task.
    Cancel(TaskId, Attribution, Promise<Result<(), state::TaskUnfit>>),
    /// A person locks a target.
    Lock(TargetName, Lock, Promise<()>),
    /// A person unlocks a target. The answer is true if it was locked.
    Unlock(TargetName, Attribution, Promise<bool>),
    /// Alarms have changed, with the acts of people that changed them.
    Alarms(Box<AlarmWrites>, Vec<AlarmAct>, Promise<()>),
    /// Policies have changed, or ask for operations. Those that ask are handled last.
    Policies(Box<PolicyWrites>, Promise<()>),
    /// A query for what the gate remembers.
    Gate(Reply<state::GateView>),
    /// Something other than control was changed or refused.
    Note(Box<SiteNote>, Promise<()>),
    /// A query for the lock of a target, the task that holds it, and the number of tasks that wait
    /// for it.
    LaneOf(TargetName, Reply<super::LaneView>),
    /// A query for what a task waits for.
    ExplainTask(TaskId, Arc<Facts>, Reply<Option<Explanation>>),
    /// A query for what an operation waits for.
    ExplainOperation(OperationId, Arc<Facts>, Reply<Option<Explanation>>),
    /// A query for the progress of an operation: `None` once its end is recorded.
    Progress(OperationId, Promise<Option<Arc<Progress>>>),
    /// A query for the number of tasks that have not ended.
    Count(Reply<usize>),
    /// A query for the control that needs somebody's attention.
    Summary(Reply<state::Summary>),
    /// Write everything that is pending, then end.
    End,
}

impl LedgerCommand {
    /// Returns true if the command is repeated by its sender when it is left out.
    pub fn is_repeated(&self) -> bool {
        matches!(self, Self::Asks(_) | Self::Outcomes(_) | Self::Seen(..))
    }

    /// Returns true if it is a query, which changes nothing.
    pub fn only_asks(&self) -> bool {
        matches!(
            self,
            Self::LaneOf(..)
                | Self::Gate(_)
                | Self::ExplainTask(..)
                | Self::ExplainOperation(..)
                | Self::Count(_)
                | Self::Summary(_)
        )
    }

    /// Refuses the promise that somebody waits for; returns a command that promises nothing.
    pub fn refuse(self) -> Option<Self> {
        match self {
            Self::Plan(_, to) => answer(to, Err(Error::Waits)),
            Self::Change(.., to) => answer(to, Err(Error::Waits)),
            Self::Settle(.., to) | Self::Cancel(.., to) => answer(to, Err(Error::Waits)),
            Self::Lock(.., to) => answer(to, Err(Error::Waits)),
            Self::Unlock(.., to) => answer(to, Err(Error::Waits)),
            Self::Alarms(.., to) => answer(to, Err(Error::Waits)),
            Self::Policies(_, to) => answer(to, Err(Error::Waits)),
            Self::Note(_, to) => answer(to, Err(Error::Waits)),
            Self::Progress(_, to) => answer(to, Err(Error::Waits)),
            other => return Some(other),
        }
        None
    }

    /// Carries out a command, except for new operations, which the owner of the ledger handles
    /// last.
    pub fn carry_out(self, ledger: &mut LedgerState) {
        match self {
            Self::Asks(batch) => ledger.on_asks(&batch),
            Self::Outcomes(batch) => ledger.on_outcomes(&batch),
            Self::Status(status) => ledger.on_status(&status),
            Self::Seen(look) => ledger.seen(&look),
            Self::Captured(task, prior) => ledger.captured(task, prior),
            Self::Change(id, verb, attribution, to) => {
                let done = ledger.change(id, verb, &attribution);
                reply(ledger, to, done);
            }
            Self::Settle(id, verdict, attribution, to) => {
                let done = ledger.settled(id, verdict, &attribution);
                reply(ledger, to, done);
            }
            Self::Cancel(id, attribution, to) => {
                let done = ledger.cancelled(id, &attribution);
                reply(ledger, to, done);
            }
            Self::Lock(target, lock, to) => {
                ledger.lock(&target, lock);
                reply(ledger, to, ());
            }
            Self::Unlock(target, attribution, to) => {
                let was_locked = ledger.unlock(&target, &attribution);
                reply(ledger, to, was_locked);
            }
            Self::Alarms(writes, acts, to) => {
                ledger.alarms(*writes, &acts);
                reply(ledger, to, ());
            }
            Self::Policies(writes, to) => {
                ledger.policies(*writes);
                reply(ledger, to, ());
            }
            Self::Gate(to) => answer(to, ledger.gate_view()),
            Self::Note(note, to) => {
                ledger.note(&note);
                reply(ledger, to, ());
            }
            Self::Progress(id, to) => match ledger.open(id) {
                Some(open) => answer(to, Ok(Some(Arc::clone(&open.progress)))),
                None => reply(ledger, to, None),
            },
            Self::LaneOf(target, to) => answer(to, ledger.lane_of(&target)),
            Self::ExplainTask(id, facts, to) => answer(to, explain::task(ledger, id, &facts)),
            Self::ExplainOperation(id, facts, to) => {
                answer(to, explain::operation(ledger, id, &facts));
            }
            Self::Count(to) => answer(to, ledger.len()),
            Self::Summary(to) => answer(to, ledger.summary()),
            Self::Plan(..) | Self::End => {}
        }
    }
}

/// Replies once the change is recorded.
fn reply<T: Send + 'static>(ledger: &mut LedgerState, to: Promise<T>, done: T) {
    ledger
        .effects
        .push(Effect::Reply(Box::new(move || answer(to, Ok(done)))));
}

/// Answers; the caller may have lost interest.
fn answer<T>(to: Reply<T>, answer: T) {
    let _ = to.send(answer);
}
