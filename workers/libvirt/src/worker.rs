//! Carries out tasks.

mod control;
mod discover;
mod problem;
mod read;

use std::{error::Error as StdError, time::Duration};

use tokio::time::{Instant, timeout_at};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    gates::Gates,
    model::{Class, Cure, Problem, action::DISCOVER},
};

use crate::{
    address::{self, Place},
    session::{Error, Session},
};
use control::Order;

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(300);

/// A worker for the virtual machines of libvirt hosts.
#[derive(Debug, Default)]
pub struct LibvirtWorker {
    gates: Gates,
}

/// A task on a host, within a conversation.
struct Conversation<'a> {
    task: &'a Task,
    place: &'a Place,
    session: Session,
}

impl LibvirtWorker {
    async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        if task.action.as_str() == DISCOVER {
            return self.discover(task, deadline).await;
        }
        let place = address::parse(&task.address).map_err(|error| {
            let message = format!("{}: {error}", task.target);
            Failure::failed(Problem::new("bad-address", Cure::Operator, message))
        })?;
        let turn = timeout_at(deadline, self.gates.enter(&place.to_string())).await;
        let _turn = turn.map_err(|_| Failure::failed(problem::busy(task, &place)))?;
        let session = Session::open(&place, deadline).await;
        let session =
            session.map_err(|error| Failure::failed(problem::of(task, &place, &error)))?;
        let mut conversation = Conversation {
            task,
            place: &place,
            session,
        };
        let answer = match task.class {
            Class::Observe => conversation.read().await,
            Class::Control => conversation.control().await,
        };
        conversation.session.close().await;
        answer
    }
}

impl Conversation<'_> {
    fn failed(&self, error: &Error) -> Failure {
        Failure::failed(problem::of(self.task, self.place, error))
    }
}

impl Worker for LibvirtWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let is_known = |name: &str, class: Class| match class {
            Class::Observe => matches!(name, "read" | DISCOVER),
            Class::Control => Order::of(name).is_some(),
        };
        let mut actions = release.manifest.actions.iter();
        match actions.find(|action| !is_known(action.name.as_str(), action.class)) {
            None => Ok(Self::default()),
            Some(action) => {
                let known = Order::ALL.map(|(name, _)| name).join(", ");
                let name = &action.name;
                Err(format!("worker.toml: \"{name}\" is none of read, {known}").into())
            }
        }
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
