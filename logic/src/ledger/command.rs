//! What the ledger is told and asked.

use std::sync::Arc;

use tokio::sync::oneshot;
use utakata_api::ledger::{Attribution, Explanation, Lock};
use utakata_interconnect::OutcomeBatch;
use utakata_model::{EnvironmentStatus, OperationId, ReadingValue, TargetName, TaskId};
use utakata_permit::message::StartBatch;

use super::{
    explain::{self, Facts},
    state::{self, Effect, LedgerState, OperationPlan, OperationVerb, ReadBackResult, Verdict},
};
use crate::{dispatch::Progress, ledger::Error};

/// The way back for an answer.
type Reply<T> = oneshot::Sender<T>;
/// The way back for a promise, or a refusal.
pub(super) type Promise<T> = oneshot::Sender<Result<T, Error>>;

/// A command to the ledger, or a question. One that promises something is answered when it is
/// written.
pub(super) enum LedgerCommand {
    Plan(Box<OperationPlan>, Promise<()>),
    /// An environment asks for permits.
    Asked(Arc<StartBatch>),
    /// Outcomes have come.
    Told(Arc<OutcomeBatch>),
    /// An environment tells how it is.
    Heard(Arc<EnvironmentStatus>),
    /// A target was read back for an attempt; it was asked at this moment.
    Seen(ReadBackResult),
    /// The value that a target had before it was changed.
    Captured(TaskId, Option<ReadingValue>),
    /// Carries out the decision of a person about an operation.
    Change(
        OperationId,
        OperationVerb,
        Attribution,
        Promise<Result<(), state::OperationUnfit>>,
    ),
    /// Settles a task by the word of a person on what became of it.
    Settle(
        TaskId,
        Verdict,
        Attribution,
        Promise<Result<(), state::TaskUnfit>>,
    ),
    /// A person takes a task back.
    Cancel(TaskId, Attribution, Promise<Result<(), state::TaskUnfit>>),
    /// Locks a target for a person.
    Lock(TargetName, Lock, Promise<()>),
    /// A person lets it go. The answer says whether it was locked.
    Unlock(TargetName, Attribution, Promise<bool>),
    /// Returns the lock of a target, the task that has it, and the number of those that wait for
    /// it.
    LaneOf(TargetName, Reply<super::LaneView>),
    /// The question what a task waits for.
    ExplainTask(TaskId, Arc<Facts>, Reply<Option<Explanation>>),
    /// The question what an operation waits for.
    ExplainOperation(OperationId, Arc<Facts>, Reply<Option<Explanation>>),
    /// Returns the progress of an operation; none once it is over, and that is written down.
    Progress(OperationId, Promise<Option<Arc<Progress>>>),
    /// Returns the number of tasks that have not ended.
    Count(Reply<usize>),
    /// Returns a summary of control that somebody has to do something about.
    Summary(Reply<state::Summary>),
    /// Write what there is, then end.
    End,
}

impl LedgerCommand {
    /// Returns true when it comes again if it is left out.
    pub fn is_repeated(&self) -> bool {
        matches!(self, Self::Asked(_) | Self::Told(_) | Self::Seen(..))
    }

    /// Returns true when it is answered and changes nothing.
    pub fn only_asks(&self) -> bool {
        matches!(
            self,
            Self::LaneOf(..)
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
            Self::Progress(_, to) => answer(to, Err(Error::Waits)),
            other => return Some(other),
        }
        None
    }

    /// Does it, but for new operations, which the owner of the ledger does last.
    pub fn carry_out(self, ledger: &mut LedgerState) {
        match self {
            Self::Asked(batch) => ledger.asked(&batch),
            Self::Told(batch) => ledger.told(&batch),
            Self::Heard(status) => ledger.heard(&status),
            Self::Seen(look) => ledger.seen(&look),
            Self::Captured(task, prior) => ledger.captured(task, prior),
            Self::Change(id, verb, said, to) => {
                let done = ledger.change(id, verb, &said);
                reply(ledger, to, done);
            }
            Self::Settle(id, verdict, said, to) => {
                let done = ledger.settled(id, verdict, &said);
                reply(ledger, to, done);
            }
            Self::Cancel(id, said, to) => {
                let done = ledger.cancelled(id, &said);
                reply(ledger, to, done);
            }
            Self::Lock(target, lock, to) => {
                ledger.lock(&target, lock);
                reply(ledger, to, ());
            }
            Self::Unlock(target, said, to) => {
                let was_locked = ledger.unlock(&target, &said);
                reply(ledger, to, was_locked);
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

/// Answers once what it says is written down.
fn reply<T: Send + 'static>(ledger: &mut LedgerState, to: Promise<T>, done: T) {
    ledger
        .effects
        .push(Effect::Reply(Box::new(move || answer(to, Ok(done)))));
}

/// Answers; whoever asked may have lost interest.
fn answer<T>(to: Reply<T>, answer: T) {
    let _ = to.send(answer);
}
