//! Carries out tasks.

mod control;
mod hosts;
mod problem;
mod read;

use std::{error::Error as StdError, time::Duration};

use tokio::time::{Instant, timeout_at};
use utakata_profile::release::{self, Program};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    address::{self, Address},
    model::{Class, Cure, Problem},
};

use crate::{
    credential,
    profile::Content,
    session::{Done, Error, Session},
};
use hosts::{Hosts, Turn};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(300);
/// The port of SSH.
const PORT: u16 = 22;
/// The time for saying goodbye to all hosts.
const GOODBYE: Duration = Duration::from_millis(1_800);

/// A worker for hosts by SSH.
#[derive(Debug)]
pub struct SshWorker {
    program: Program<Content>,
    hosts: Hosts,
}

/// A task on a host.
struct Conversation<'a> {
    worker: &'a SshWorker,
    task: &'a Task,
    address: Address,
    turn: Turn,
    deadline: Instant,
}

impl SshWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        Ok(Self {
            program: Program::of(&release.folder, &release.manifest, &["read"])?,
            hosts: Hosts::default(),
        })
    }

    async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        let bad = |code, text: String| {
            let message = format!("{}: {text}", task.target);
            Failure::failed(Problem::new(code, Cure::Operator, message))
        };
        let address = address::parse(&task.address, PORT)
            .map_err(|error| bad("bad-address", error.to_string()))?;
        let credential =
            credential::parse(&task.credential).map_err(|text| bad("bad-credential", text))?;
        let entering = self.hosts.enter(&address, credential);
        let turn = timeout_at(deadline, entering).await;
        let turn = turn.map_err(|_| Failure::failed(problem::busy(task, &address)))?;
        let mut conversation = Conversation {
            worker: self,
            task,
            address,
            turn,
            deadline,
        };
        match task.class {
            Class::Observe => conversation.read().await,
            Class::Control => conversation.control().await,
        }
    }
}

impl Conversation<'_> {
    /// Runs a command. A kept connection that has ended is replaced, if nothing was sent over it.
    async fn run(&mut self, command: &str) -> Result<Done, Failure> {
        let done = self.try_run(command).await;
        done.map_err(|error| Failure::failed(self.problem(&error)))
    }

    async fn try_run(&mut self, command: &str) -> Result<Done, Error> {
        if let Some(session) = self.turn.session() {
            match session.run(command, self.deadline).await {
                Err(Error::Unsent) => self.turn.forget(),
                done => return self.look(done),
            }
        }
        let (credential, seen) = self.turn.credential()?;
        let opened = Session::open(&self.address, &credential, &seen, self.deadline).await;
        let session = match opened {
            Ok(session) => self.turn.keep(session),
            Err(error) => {
                if matches!(error, Error::Refused) {
                    self.turn.lock();
                }
                return Err(error);
            }
        };
        let done = session.run(command, self.deadline).await;
        self.look(done)
    }

    /// Forgets a connection that is in doubt.
    fn look(&mut self, done: Result<Done, Error>) -> Result<Done, Error> {
        if done.is_err() {
            self.turn.forget();
        }
        done
    }

    fn problem(&self, error: &Error) -> Problem {
        problem::of(self.task, &self.address, error)
    }

    fn refused(&self, why: &str) -> Failure {
        let message = format!("{}: {why}", self.task.target);
        Failure::failed(Problem::new("device-refused", Cure::Operator, message))
    }
}

impl Worker for SshWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }

    async fn close(&self) {
        let _ = timeout_at(Instant::now() + GOODBYE, self.hosts.close()).await;
    }

    /// Each host has a connection of its own.
    fn capacity(&self) -> u32 {
        512
    }
}
