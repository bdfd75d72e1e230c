//! Carries out tasks.

mod account;
mod control;
mod discover;
mod learned;
mod problem;
mod read;

use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use tokio::{
    sync::Mutex as Turn,
    time::{Instant, timeout_at},
};
use utakata_profile::{
    json::Wanted,
    release::{self, Program},
};
use utakata_worker_http::connection::Endpoint;
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    gates::Gates,
    model::{Class, Cure, Problem, action::DISCOVER},
};

use crate::{
    address::{self, Place},
    client::Client,
    credential::{self, Credential},
    profile::{self, Content, Profile},
};
use account::SET_PASSWORD;
use learned::Learned;

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(300);
/// The number of services whose connections are kept: one takes some 40 kB.
const KEPT: usize = 4_000;
/// The time after which a service that nobody asks is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

/// The time for ending all sessions, and the number that is ended at once.
const GOODBYE: Duration = Duration::from_millis(1_800);
const GOODBYES: usize = 256;

/// A worker for everything that speaks Redfish.
#[derive(Debug)]
pub struct RedfishWorker {
    program: Program<Content>,
    services: Mutex<HashMap<Key, Arc<Turn<Service>>>>,
    gates: Gates,
    /// The parts of resources that profiles look at, by the names of the profiles: of many services
    /// there are few sorts.
    wanted: Mutex<HashMap<Vec<String>, Arc<Wanted>>>,
}

/// A service as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    server: String,
    is_tls: bool,
    credential: Credential,
}

/// A service: the conversation with it, and what was learned of it.
#[derive(Debug)]
struct Service {
    client: Client,
    learned: Option<Learned>,
}

/// A task on a service.
struct Conversation<'a> {
    worker: &'a RedfishWorker,
    task: &'a Task,
    place: &'a Place,
    service: &'a mut Service,
}

impl RedfishWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        Ok(Self {
            program: Program::of(
                &release.folder,
                &release.manifest,
                &["read", DISCOVER, SET_PASSWORD],
            )?,
            services: Mutex::default(),
            gates: Gates::default(),
            wanted: Mutex::default(),
        })
    }

    /// Carries out a task before the deadline.
    ///
    /// # Errors
    /// The service did not do it, or nobody can know.
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
        let credential =
            credential::parse(&task.credential).map_err(|text| bad("bad-credential", text))?;
        let server = place.server.to_string();
        let service = self
            .service(&place, credential)
            .map_err(|text| bad("bad-credential", text))?;
        let waiting = async {
            let turn = self.gates.enter(&server).await;
            (turn, service.lock().await)
        };
        let waited = timeout_at(deadline, waiting).await;
        let (_turn, mut service) =
            waited.map_err(|_| Failure::failed(problem::busy(task, &server)))?;
        service.client.begin(deadline);
        let mut conversation = Conversation {
            worker: self,
            task,
            place: &place,
            service: &mut service,
        };
        let answer = match task.class {
            Class::Observe => conversation.read().await,
            Class::Control if task.action.as_str() == SET_PASSWORD => {
                conversation.set_password().await
            }
            Class::Control => conversation.control().await,
        };
        if self.services.lock().len() > KEPT {
            service.client.disconnect();
        }
        answer
    }

    /// The service at a place, as a user sees it.
    fn service(&self, place: &Place, credential: Credential) -> Result<Arc<Turn<Service>>, String> {
        let key = Key {
            server: place.server.to_string(),
            is_tls: place.is_tls,
            credential,
        };
        let mut services = self.services.lock();
        if let Some(known) = services.get(&key) {
            return Ok(Arc::clone(known));
        }
        let is_used = |service: &Arc<Turn<Service>>| {
            let idle = service
                .try_lock()
                .map(|service| service.client.used().elapsed());
            idle.map_or(true, |idle| idle < FORGOTTEN)
        };
        if services.len().is_power_of_two() {
            services.retain(|_, service| is_used(service));
        }
        let trust = match place.is_tls {
            true => Some(key.credential.rule.trust()?),
            false => None,
        };
        let endpoint = Endpoint {
            address: place.server.clone(),
            trust,
        };
        let service = Arc::new(Turn::new(Service {
            client: Client::new(endpoint, key.credential.clone()),
            learned: None,
        }));
        services.insert(key, Arc::clone(&service));
        Ok(service)
    }

    /// The parts of resources that these profiles look at.
    fn wanted(&self, profiles: &[Arc<Profile>]) -> Arc<Wanted> {
        let names = profiles.iter().map(|profile| profile.name.clone());
        let mut known = self.wanted.lock();
        let of = known.entry(names.collect());
        Arc::clone(of.or_insert_with(|| Arc::new(profile::wanted(profiles))))
    }

    /// Ends the sessions that this worker has, best effort.
    pub async fn log_out(&self, deadline: Instant) {
        let services: Vec<_> = self.services.lock().values().cloned().collect();
        let leave = |service: Arc<Turn<Service>>| async move {
            if let Ok(mut service) = service.try_lock() {
                service.client.begin(deadline);
                service.client.log_out().await;
            }
        };
        stream::iter(services)
            .for_each_concurrent(GOODBYES, leave)
            .await;
    }
}

impl Worker for RedfishWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn close(&self) {
        self.log_out(Instant::now() + GOODBYE).await;
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
