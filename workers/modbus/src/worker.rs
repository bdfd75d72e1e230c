//! Carries out tasks.

mod control;
mod discover;
mod problem;
mod raw;
mod read;

use std::{
    collections::{BTreeMap, HashMap},
    error::Error as StdError,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};
use utakata_profile::release::{self, Error, Settings};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    gates::Gates,
    model::{Action, ActionName, Class, Cure, Problem, action::DISCOVER},
};

use crate::{
    address::{self, Place},
    plan::Holes,
    profile::{Library, Profile},
    session::Session,
};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);
/// The number of devices of which something is remembered; more are learned again.
const REMEMBERED: usize = 10_000;

/// A worker for everything that speaks Modbus.
#[derive(Debug)]
pub struct ModbusWorker {
    library: Library,
    settings: Settings,
    actions: BTreeMap<ActionName, Operation>,
    /// The knowledge of devices, by address.
    learned: Mutex<HashMap<String, Arc<Learned>>>,
    gates: Gates,
}

/// The operation behind an action.
#[derive(Debug, Clone)]
enum Operation {
    /// Reads the points of the profiles.
    Read,
    /// Reads registers by address.
    Get,
    /// Writes registers by address.
    Set,
    /// Writes a value according to a profile.
    Control(Arc<Profile>, String),
}

/// The knowledge of a device.
#[derive(Debug, Clone)]
struct Learned {
    /// The profiles with which it is read.
    profiles: Vec<Arc<Profile>>,
    /// The names of those that recognised it, and those of the release.
    names: Vec<String>,
    /// The registers that it does not have.
    holes: Holes,
}

/// A task on a unit, within a conversation with its gateway.
struct Conversation<'a> {
    worker: &'a ModbusWorker,
    task: &'a Task,
    place: &'a Place,
    session: Session,
}

impl ModbusWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, Error> {
        let library = Library::of_release(&release.folder)?;
        let settings = release::settings(&release.manifest)?;
        let profiles = library.resolve(settings.profiles.iter().map(String::as_str))?;
        let mut actions = BTreeMap::new();
        for action in &release.manifest.actions {
            actions.insert(action.name.clone(), bind(action, &profiles)?);
        }
        Ok(Self {
            library,
            settings,
            actions,
            learned: Mutex::default(),
            gates: Gates::default(),
        })
    }

    /// Carries out a task before the deadline.
    ///
    /// # Errors
    /// The unit did not do it, or nobody can know.
    pub async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        if task.action.as_str() == DISCOVER {
            return self.discover(task, deadline).await;
        }
        let bad = |code, text: String| {
            let message = format!("{}: {text}", task.target);
            Failure::failed(Problem::new(code, Cure::Operator, message))
        };
        let place =
            address::parse(&task.address).map_err(|error| bad("bad-address", error.to_string()))?;
        let operation = self.actions.get(&task.action).cloned().ok_or_else(|| {
            let text = format!("there is no action \"{}\" for it", task.action);
            bad("bad-parameters", text)
        })?;
        let gateway = place.gateway.to_string();
        let turn = timeout_at(deadline, self.gates.enter(&gateway)).await;
        let _turn = turn.map_err(|_| Failure::failed(problem::busy(task, &gateway)))?;
        let session = Session::open(&place, deadline).await;
        let session =
            session.map_err(|error| Failure::failed(problem::of(task, &place, &error)))?;
        let mut conversation = Conversation {
            worker: self,
            task,
            place: &place,
            session,
        };
        match operation {
            Operation::Read => conversation.read().await,
            Operation::Get => conversation.get().await,
            Operation::Set => conversation.set().await,
            Operation::Control(profile, name) => conversation.control(&profile, &name).await,
        }
    }

    fn recall(&self, address: &str) -> Option<Arc<Learned>> {
        let learned = self
            .learned
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        learned.get(address).cloned()
    }

    fn remember(&self, address: &str, what: Arc<Learned>) {
        let mut learned = self
            .learned
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if learned.len() >= REMEMBERED {
            learned.clear();
        }
        learned.insert(address.into(), what);
    }
}

fn bind(action: &Action, profiles: &[Arc<Profile>]) -> Result<Operation, Error> {
    let name = action.name.as_str();
    match (action.class, name) {
        (Class::Observe, "read") => return Ok(Operation::Read),
        (Class::Observe, "get") => return Ok(Operation::Get),
        // It is about no unit.
        (Class::Observe, DISCOVER) => return Ok(Operation::Read),
        (Class::Observe, _) => return Err(release::meaningless(action, vec!["read", "get"])),
        (Class::Control, _) => {}
    }
    match (release::bind(action, profiles), name) {
        (Ok(profile), _) => Ok(Operation::Control(profile, name.into())),
        (Err(Error::Action { .. }), "set") => Ok(Operation::Set),
        (Err(error), _) => Err(error),
    }
}

impl Worker for ModbusWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }

    /// Each conversation has a connection of its own.
    fn capacity(&self) -> u32 {
        512
    }
}
