//! Carries out tasks.

mod control;
mod discover;
mod read;

use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_profile::release::{self, Program, Recognised};
use utakata_worker_http::{
    device::{Devices, Error, Turn},
    place::{Place, Usual},
    task::{begin, problem},
};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    model::{Class, Cure, Problem, action::DISCOVER},
};

use crate::profile::{Content, Document};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);
/// The largest document, in bytes.
const DOCUMENT_MAX: usize = 8 * 1024 * 1024;
/// The time after which a device is recognised anew.
const FRESH: Duration = Duration::from_secs(900);
/// The number of devices of which something is remembered; more are learned again.
const REMEMBERED: usize = 20_000;
/// An address without a scheme.
const USUAL: Usual = Usual {
    is_tls: true,
    port: 443,
};

/// A worker for everything that answers HTTP with JSON.
#[derive(Debug)]
pub struct HttpJsonWorker {
    program: Program<Content>,
    devices: Devices,
    learned: Mutex<HashMap<String, Learned>>,
}

/// A device as it was recognised, and when.
type Learned = (Instant, Arc<Recognised<Content>>);

/// A task on a device.
struct Conversation<'a> {
    worker: &'a HttpJsonWorker,
    task: &'a Task,
    place: Place,
    turn: Turn,
    /// The path under which the device has its documents.
    base: String,
}

/// The reason why there is no document.
enum NoDocument {
    Device(Error),
    /// It is no JSON.
    Garbage(String),
}

impl HttpJsonWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        Ok(Self {
            program: Program::of(&release.folder, &release.manifest, &["read", DISCOVER])?,
            devices: Devices::default(),
            learned: Mutex::default(),
        })
    }

    async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        if task.action.as_str() == DISCOVER {
            return self.discover(task, deadline).await;
        }
        let (place, turn) = begin(&self.devices, task, USUAL, deadline).await?;
        let base = place.path.as_deref().unwrap_or_default();
        let base = base.trim_end_matches('/').to_owned();
        let mut conversation = Conversation {
            worker: self,
            task,
            place,
            turn,
            base,
        };
        match task.class {
            Class::Observe => conversation.read().await,
            Class::Control => conversation.control().await,
        }
    }
}

impl Conversation<'_> {
    /// Reads a document.
    async fn document(&mut self, uri: &str) -> Result<Json, NoDocument> {
        let path = format!("{}{uri}", self.base);
        let device = &mut self.turn.device;
        let response = device.get(&path, "application/json", DOCUMENT_MAX).await;
        let response = response.map_err(NoDocument::Device)?;
        serde_json::from_slice(&response.body)
            .map_err(|error| NoDocument::Garbage(format!("{path} is no JSON: {error}")))
    }

    /// The profiles with which the device is read.
    async fn recognise(&mut self) -> Result<Arc<Recognised<Content>>, Failure> {
        let key = self.task.address.as_str();
        if let Some((since, known)) = self.worker.learned.lock().get(key)
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(known));
        }
        let program = &self.worker.program;
        let mut fitting: Vec<&str> = Vec::new();
        let mut documents: HashMap<&str, Option<Json>> = HashMap::new();
        if program.settings.recognise {
            for profile in program.library.recognisable() {
                let Some(probe) = &profile.content.recognise else {
                    continue;
                };
                if !documents.contains_key(probe.uri.as_str()) {
                    let document = self.probe(&probe.uri).await?;
                    documents.insert(&probe.uri, document);
                }
                let document = documents.get(probe.uri.as_str()).and_then(Option::as_ref);
                let fits = |document: &Json| probe.when.iter().all(|one| one.holds(document));
                if document.is_some_and(fits) {
                    fitting.push(&profile.name);
                }
            }
        }
        let found = program.recognise(|profile| fitting.contains(&profile.name.as_str()));
        let found = found.map_err(|error| self.bug(&error.to_string()))?;
        let found = Arc::new(found);
        let mut learned = self.worker.learned.lock();
        if learned.len() >= REMEMBERED {
            learned.clear();
        }
        learned.insert(key.into(), (Instant::now(), Arc::clone(&found)));
        Ok(found)
    }

    /// A document that other devices may not have.
    async fn probe(&mut self, uri: &str) -> Result<Option<Json>, Failure> {
        match self.document(uri).await {
            Ok(document) => Ok(Some(document)),
            Err(NoDocument::Garbage(_)) => Ok(None),
            Err(NoDocument::Device(Error::Refused { status, .. }))
                if !matches!(status.as_u16(), 429 | 500..=599) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The document of a place: the first profile that knows it decides.
    fn place<'a>(&self, found: &'a Recognised<Content>, place: &str) -> Option<&'a Document> {
        let mut profiles = found.profiles.iter();
        profiles.find_map(|profile| profile.content.documents.get(place))
    }

    fn failed(&self, error: &NoDocument) -> Failure {
        let problem = match error {
            NoDocument::Device(error) => problem(self.task, &self.place, error),
            NoDocument::Garbage(text) => {
                let message = format!("{}: {text}: check the address", self.task.target);
                Problem::new("device-garbage", Cure::Operator, message)
            }
        };
        Failure::failed(problem)
    }

    fn refused(&self, why: &str) -> Failure {
        let message = format!("{}: {why}", self.task.target);
        Failure::failed(Problem::new("device-refused", Cure::Operator, message))
    }

    fn bug(&self, why: &str) -> Failure {
        let message = format!("{}: {why}", self.task.target);
        Failure::failed(Problem::new("internal", Cure::Bug, message))
    }
}

impl Worker for HttpJsonWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
