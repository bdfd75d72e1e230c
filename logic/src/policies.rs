//! Policies: decided where the ledger is kept, and recorded with what they ask for.
//!
//! ```text
//!  observations ──► live view ─┐                        history ──► past view ─┐
//!                              ▼                                               ▼
//!            utakata_policy::decide (pure) ◄────── the same ──────► test, explain --at
//!                              │ states, operations, trail
//!                              ▼
//!                 ledger: one transaction, and the gate of its envelopes
//! ```

mod commands;
mod error;
mod keeper;
mod kept;
mod listeners;
mod live;
mod mode;
mod outcomes;
mod past;
mod record;
mod rehearsal;
mod replay;
mod request;
mod scope;
mod shown;
mod step;

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};
use utakata_api::ledger::Attribution;
use utakata_model::{PolicyName, policy::Mode};

pub use self::{
    error::Error,
    keeper::PolicyKeeper,
    kept::Last,
    rehearsal::{Rehearsed, rehearse},
    replay::replay,
    shown::{InstanceShown, PolicyShown, Shown},
};
use crate::{
    config::Approval, control::Control, duties::Duties, history::Recorder, inventory::Inventory,
    kinds::Kinds, ledger::Ledger, observe::Observe, observed::Observed, people::Identity,
    store::Store,
};
use record::TestRow;

/// The number of requests of people that may wait.
const COMMANDS: usize = 64;

/// The services that policies depend on.
#[derive(Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub ledger: Ledger,
    pub inventory: Arc<Inventory>,
    pub observed: Arc<Observed>,
    pub kinds: Arc<Kinds>,
    pub observe: Arc<Observe>,
    pub control: Arc<Control>,
    pub duties: watch::Receiver<Duties>,
    /// The keeper of readings, on which decisions are made.
    pub recorder: Recorder,
    /// The operations that need the approval of a second person: if some do, two people arm a policy
    /// with an action of high risk.
    pub approval: Approval,
}

/// The policies. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    commands: mpsc::Sender<Command>,
    shown: Arc<RwLock<Shown>>,
}

/// A request to arm a policy.
#[derive(Debug, Clone)]
pub struct Arm {
    pub name: PolicyName,
    /// `armed` or `advise`.
    pub mode: Mode,
    /// The token of its test.
    pub token: String,
    /// The time after which it is in shadow again.
    pub lasts: Duration,
    pub by: Attribution,
    /// Whoever wants it.
    pub caller: Arc<Identity>,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is recorded.
    Done,
    /// It is recorded, and takes effect when somebody else requests the same.
    NeedsSecond,
}

type Reply = oneshot::Sender<Result<Told, Error>>;

/// Everything that the keeper hears.
enum Command {
    Arm(Arm, Reply),
    Disarm {
        name: PolicyName,
        mode: Mode,
        by: Attribution,
        reply: Reply,
    },
    Stop {
        by: Attribution,
        reply: Reply,
    },
    Resume {
        by: Attribution,
        reply: Reply,
    },
    Tested {
        name: PolicyName,
        test: TestRow,
        reply: Reply,
    },
}

impl Command {
    /// Answers whoever gave the command with an error.
    fn refuse(self, error: Error) {
        let (Self::Arm(_, reply)
        | Self::Disarm { reply, .. }
        | Self::Stop { reply, .. }
        | Self::Resume { reply, .. }
        | Self::Tested { reply, .. }) = self;
        let _ = reply.send(Err(error));
    }
}

impl Policies {
    /// Creates the policies, and their keeper, which runs in the background.
    pub fn new(parts: Parts) -> (Self, PolicyKeeper) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let shown = Arc::default();
        let keeper = PolicyKeeper {
            parts,
            commands,
            shown: Arc::clone(&shown),
        };
        let policies = Self {
            commands: sender,
            shown,
        };
        (policies, keeper)
    }

    /// Looks at the policies as they were last decided.
    pub fn look<R>(&self, look: impl FnOnce(&Shown) -> R) -> R {
        look(&self.shown.read())
    }

    /// Arms a policy. When it returns, that is recorded.
    ///
    /// # Errors
    /// There is no such policy, the token is not that of its last test, or it could not be recorded.
    pub async fn arm(&self, arm: Arm) -> Result<Told, Error> {
        self.ask(|reply| Command::Arm(arm, reply)).await
    }

    /// Takes the hands of a policy off: it hands back what it has changed.
    ///
    /// # Errors
    /// There is no such policy, or it could not be recorded.
    pub async fn disarm(
        &self,
        name: PolicyName,
        mode: Mode,
        by: Attribution,
    ) -> Result<Told, Error> {
        let command = |reply| Command::Disarm {
            name,
            mode,
            by,
            reply,
        };
        self.ask(command).await
    }

    /// Takes the hands of all policies off.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn stop(&self, by: Attribution) -> Result<Told, Error> {
        self.ask(|reply| Command::Stop { by, reply }).await
    }

    /// Ends the red rule: policies may be armed and act again.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn resume(&self, by: Attribution) -> Result<Told, Error> {
        self.ask(|reply| Command::Resume { by, reply }).await
    }

    /// Records the result of a test, and returns its token.
    ///
    /// # Errors
    /// There is no such policy, or it could not be recorded.
    pub async fn tested(&self, name: PolicyName, token: String) -> Result<Told, Error> {
        let test = TestRow {
            token,
            at: crate::clock::now(),
        };
        self.ask(|reply| Command::Tested { name, test, reply })
            .await
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<Told, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| Error::Again)?;
        answer.await.map_err(|_| Error::Again)?
    }
}
