//! A client of a hub: its tasks and events are those of the hub.

mod consumer;
mod dial;
mod link;
mod subscription;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Task, Zone};

use self::{consumer::HubConsumer, dial::Redial, link::Link, subscription::HubSubscription};
use super::message::{Answer, Ask, MAX_TASKS, one_message, written};
use crate::{
    Consumer, Error, Event, Events, Interest, Refusal, Subscription, Tasks, connection::Health,
    message,
};

/// The longest time that a hub may take to acknowledge that a client will return.
const STEP_ASIDE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// An error of connecting to a hub.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "no hub answers on {}: is `utakata hub --socket {}` running?", path.display(),
        path.display()
    )]
    Away {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Something listens, and does not answer.
    #[error("the hub on {} listens and does not answer", path.display())]
    Silent { path: PathBuf },
    /// The hub, or something else in its place, refuses us.
    #[error("the hub on {} refuses: {reason}", path.display())]
    Refused {
        path: PathBuf,
        /// The reason, in the hub's words.
        reason: String,
    },
}

/// A client of a hub. It reconnects by itself when the connection is lost; meanwhile calls fail at
/// once with [`Error::Away`]. When it is dropped, its tasks and events are closed.
///
/// Consumers do not outlive their connection: begin a new one. Subscriptions return [`Error::Away`]
/// once, so that their owner knows of the gap, and then continue.
#[derive(Debug)]
pub struct HubClient {
    shared: Arc<ClientState>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The present connection, and the state that survives it.
#[derive(Debug)]
struct ClientState {
    state: watch::Sender<State>,
    health: Health,
    /// The statuses with which the next connection begins: the hub may have forgotten them.
    statuses: Mutex<BTreeMap<EnvironmentId, Arc<EnvironmentStatus>>>,
}

#[derive(Debug, Clone)]
enum State {
    Up(Arc<Link>),
    Away(String),
    Closed,
}

/// The tasks and the events of a hub.
#[derive(Debug, Clone)]
struct Remote(Arc<ClientState>);

impl HubClient {
    /// Connects; waits up to 10 s for a hub that does not exist yet, and without limit for one that
    /// listens and does not answer.
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self, ConnectError> {
        let path = path.as_ref().to_owned();
        let first = dial::patiently(&path).await?;
        let stop = CancellationToken::new();
        let shared = Arc::new(ClientState {
            state: watch::Sender::new(State::Away("it connects".into())),
            health: Health::new("hub", path.display().to_string()),
            statuses: Mutex::default(),
        });
        let redial = Redial {
            path,
            shared: Arc::clone(&shared),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(redial.run(first, stop.clone()));
        let client = Self {
            shared,
            stop,
            tasks,
        };
        client.connected().await;
        Ok(client)
    }

    /// Returns the health of the connection.
    pub fn health(&self) -> Health {
        self.shared.health.clone()
    }

    /// Returns the task queues of the hub.
    pub fn tasks(&self) -> Arc<dyn Tasks> {
        Arc::new(Remote(Arc::clone(&self.shared)))
    }

    pub fn events(&self) -> Arc<dyn Events> {
        Arc::new(Remote(Arc::clone(&self.shared)))
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        let mut state = self.shared.state.subscribe();
        // The sender lives as long as this.
        let _ = state.wait_for(|state| matches!(state, State::Up(_))).await;
    }

    /// Disconnects in order to return: the hub does not report our environments as gone.
    ///
    /// # Errors
    /// The hub is away, or does not support this; the connection stays.
    pub async fn step_aside(&mut self) -> Result<(), Error> {
        let link = self.shared.link()?;
        let told = tokio::time::timeout(STEP_ASIDE_TIMEOUT, link.ask(Ask::StepAside)).await;
        let silent = |_| Error::Away {
            reason: "the hub does not answer".into(),
        };
        done(told.map_err(silent)??)?;
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Closes the connection.
    pub async fn close(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for HubClient {
    fn drop(&mut self) {
        self.shared.turn(State::Closed);
    }
}

impl ClientState {
    /// Changes the state. Once closed, it stays closed.
    fn turn(&self, state: State) {
        match &state {
            State::Up(_) => self.health.made(),
            State::Away(reason) => self.health.lost(reason.as_str()),
            State::Closed => {}
        }
        self.state.send_if_modified(|now| {
            let changes = !matches!(now, State::Closed);
            if changes {
                *now = state;
            }
            changes
        });
    }

    fn link(&self) -> Result<Arc<Link>, Error> {
        match &*self.state.borrow() {
            State::Up(link) => Ok(Arc::clone(link)),
            State::Away(reason) => Err(Error::Away {
                reason: reason.clone(),
            }),
            State::Closed => Err(Error::Closed),
        }
    }

    /// Remembers the statuses of our environments.
    fn note(&self, events: &[Event]) {
        for event in events {
            let Event::Environment(status) = event else {
                continue;
            };
            let mut statuses = self.statuses.lock();
            if status.state == EnvironmentState::Gone {
                statuses.remove(&status.id);
            } else {
                statuses.insert(status.id.clone(), Arc::clone(status));
            }
        }
    }

    fn statuses(&self) -> Vec<Event> {
        let statuses = self.statuses.lock();
        statuses.values().cloned().map(Event::Environment).collect()
    }
}

#[async_trait]
impl Tasks for Remote {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        let (mut refused, mut rest) = (Vec::new(), tasks);
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(MAX_TASKS));
            let part = std::mem::replace(&mut rest, later);
            let encoded = written(&part).map_err(|error| unsendable(&error))?;
            match self.0.link()?.ask(Ask::PublishTasks(encoded)).await? {
                Answer::Published(more) => refused.extend(more.into_iter().map(Refusal::from)),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(refused)
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        let link = self.0.link()?;
        Ok(Box::new(HubConsumer::open(link, zone, kind).await?))
    }
}

#[async_trait]
impl Events for Remote {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        self.0.note(&events);
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let part = one_message(&mut events).map_err(|error| unsendable(&error))?;
            done(self.0.link()?.ask(Ask::PublishEvents(part)).await?)?;
        }
        Ok(())
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        let shared = Arc::clone(&self.0);
        Ok(Box::new(HubSubscription::open(shared, interest).await?))
    }
}

fn done(answer: Answer) -> Result<(), Error> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// Returns the error that an unexpected answer means.
fn unexpected(answer: &Answer) -> Error {
    let reason = match answer {
        Answer::Failed(reason) => reason.clone(),
        _ => "the hub answered something else".into(),
    };
    Error::Away { reason }
}

fn unsendable(error: &message::Error) -> Error {
    tracing::error!(%error, "a message cannot be sent");
    Error::Away {
        reason: error.to_string(),
    }
}
