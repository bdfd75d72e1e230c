//! Carries out tasks.

mod account;
mod control;
mod discover;
mod log;
mod problem;
mod read;
mod records;

use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use utakata_profile::release::{self, Program};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    address::{self, Address},
    gates::Gates,
    model::{Class, Cure, Problem, action::DISCOVER},
};

use crate::{
    credential::{self, Credential},
    lan::{Privilege, Suite},
    profile::Content,
    session::{Error, Session},
};
use account::SET_PASSWORD;
use records::Records;

/// Kept back from the time of a task, to close the session and to report how it ended.
const MARGIN: Duration = Duration::from_millis(1_300);
/// The port of RMCP.
const PORT: u16 = 623;
/// The time for which nobody logs in after the user was refused: many BMCs lock accounts.
const LOCKED: Duration = Duration::from_secs(900);
/// The number of BMCs of which something is remembered; more are learned again.
const REMEMBERED: usize = 20_000;

/// A worker for BMCs by IPMI over LAN.
#[derive(Debug)]
pub struct IpmiWorker {
    program: Program<Content>,
    known: Mutex<HashMap<Key, Learned>>,
    gates: Gates,
}

/// A BMC as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    bmc: String,
    credential: Credential,
}

/// The knowledge of a BMC.
#[derive(Debug, Clone, Default)]
struct Learned {
    suite: Option<Suite>,
    records: Option<Arc<Records>>,
    refused: Option<Instant>,
}

/// A task on a BMC, within a session.
struct Conversation<'a> {
    worker: &'a IpmiWorker,
    task: &'a Task,
    address: &'a Address,
    key: Key,
    session: Session,
}

impl IpmiWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        let (folder, manifest) = (&release.folder, &release.manifest);
        Ok(Self {
            program: Program::of(folder, manifest, &["read", "log", DISCOVER, SET_PASSWORD])?,
            known: Mutex::default(),
            gates: Gates::default(),
        })
    }

    async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        if task.action.as_str() == DISCOVER {
            return self.discover(task, deadline).await;
        }
        let bad = |code, text: String| {
            let message = format!("{}: {text}", task.target);
            Failure::failed(Problem::new(code, Cure::Operator, message))
        };
        let address = address::parse(&task.address, PORT)
            .map_err(|error| bad("bad-address", error.to_string()))?;
        let credential =
            credential::parse(&task.credential).map_err(|text| bad("bad-credential", text))?;
        let key = Key {
            bmc: address.to_string(),
            credential,
        };
        let turn = timeout_at(deadline, self.gates.enter(&key.bmc)).await;
        let _turn = turn.map_err(|_| Failure::failed(problem::busy(task, &address)))?;
        let failed = |error: &Error| Failure::failed(problem::of(task, &address, error));
        let session = self.open(task, &address, &key, deadline).await;
        let mut conversation = Conversation {
            worker: self,
            task,
            address: &address,
            session: session.map_err(|error| failed(&error))?,
            key,
        };
        let answer = match (task.class, task.action.as_str()) {
            (Class::Observe, "log") => conversation.log().await,
            (Class::Observe, _) => conversation.read().await,
            (Class::Control, SET_PASSWORD) => conversation.set_password().await,
            (Class::Control, _) => conversation.control().await,
        };
        conversation.session.close().await;
        answer
    }

    /// Opens a session: as a mere user for reading, with more rights for control.
    async fn open(
        &self,
        task: &Task,
        address: &Address,
        key: &Key,
        deadline: Instant,
    ) -> Result<Session, Error> {
        let learned = self.recall(key);
        if let Some(at) = learned.refused.filter(|at| at.elapsed() < LOCKED) {
            return Err(Error::Locked { ago: at.elapsed() });
        }
        let privilege = match task.class {
            Class::Observe => Privilege::User,
            // Nobody else may set a password.
            Class::Control if task.action.as_str() == SET_PASSWORD => Privilege::Administrator,
            Class::Control => key.credential.privilege,
        };
        let suites = match learned.suite {
            Some(suite) => vec![suite],
            None => key.credential.suites.clone(),
        };
        let opened = Session::open(address, &key.credential, &suites, privilege, deadline).await;
        match &opened {
            Ok(session) => {
                let suite = Some(session.suite());
                self.learn(key, |learned| learned.suite = suite);
            }
            Err(Error::Refused(_)) => {
                let now = Some(Instant::now());
                self.learn(key, |learned| learned.refused = now);
            }
            // It may have been replaced.
            Err(_) => self.learn(key, |learned| learned.suite = None),
        }
        opened
    }

    fn recall(&self, key: &Key) -> Learned {
        let known = self.known.lock();
        known.get(key).cloned().unwrap_or_default()
    }

    fn learn(&self, key: &Key, what: impl FnOnce(&mut Learned)) {
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED && !known.contains_key(key) {
            known.clear();
        }
        what(known.entry(key.clone()).or_default());
    }
}

impl Conversation<'_> {
    fn failed(&self, error: &Error) -> Failure {
        Failure::failed(problem::of(self.task, self.address, error))
    }

    fn refused(&self, why: &str) -> Failure {
        let message = format!("{}: {why}", self.task.target);
        Failure::failed(Problem::new("device-refused", Cure::Operator, message))
    }
}

impl Worker for IpmiWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
