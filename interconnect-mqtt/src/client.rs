//! Events over a broker of MQTT: Mosquitto, RabbitMQ, and what else speaks 3.1.1 or 5.
//!
//! ```text
//! publish ─► outbox ─► session ─► broker    one connection for the process
//!               ▲        │
//!               └─ acks ─┤  (decoded once)
//! subscriptions ◄─ bus ◄─ intake
//! ```
//!
//! Events that are not expendable are sent with QoS 1 and published when the broker has
//! acknowledged them; what came with QoS 1 is acknowledged when the bus of this process has taken
//! it. So the bound of what waits is the broker's window, and what it does not acknowledge is
//! published again by whoever waits for it. The broker keeps the session of a process that is away
//! for an hour.
//!
//! The broker says of an environment that it is gone when its connection is cut off (last will);
//! after each connecting the environments of this process are told of again.
//!
//! # Where a broker promises less
//!
//! * RabbitMQ gives what is retained only to who subscribes to one topic, and not to filters of
//!   many. Statuses of environments then come when they are told again (every ten seconds), and
//!   what is retained of a deleted target stays.
//! * RabbitMQ may let what is expendable overtake what is not, and the other way round.
//! * A broker that is full drops what it has no room for, control, too. All of control is asked
//!   or told again until it is answered, so that costs time alone.

mod client_name;
mod config;
mod filters;
mod foreign;
mod incoming;
mod intake;
mod outbox;
mod outgoing;
mod problem;
mod publish;
mod queue;
mod service;
mod session;
mod shared;
mod statuses;
mod subscribe;
mod tickets;
mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utakata_model::EnvironmentStatus;

pub use self::config::{Config, ConfigError, Url, Version};
use self::shared::{Shared, State};
use utakata_interconnect::{
    Error, Event, Events, Interest, Subscription, clock::Clock, connection::Health,
};

/// The events of a broker, over one connection. When it is dropped, its events are closed and
/// the broker publishes its last will; [`MqttEvents::close`] ends it in order.
#[derive(Debug)]
pub struct MqttEvents {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The events, for whoever publishes or follows them.
#[derive(Debug, Clone)]
struct Remote(Arc<Shared>);

impl MqttEvents {
    /// Begins to connect, and tries for ever; returns at once. With a `will`, the broker says that
    /// this environment is gone, in the life that the status names, when the connection is cut
    /// off: its state is replaced by `Gone`.
    ///
    /// # Errors
    /// The configuration can never work. That the broker is not there, or refuses, is told
    /// by [`MqttEvents::health`].
    pub fn connect(config: Config, will: Option<EnvironmentStatus>) -> Result<Self, ConfigError> {
        Self::connect_with(config, will, Clock::default())
    }

    /// The same with another clock than that of this process.
    ///
    /// # Errors
    /// As of [`Self::connect`].
    pub fn connect_with(
        config: Config,
        will: Option<EnvironmentStatus>,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared::new(config, will, clock));
        let mut tasks = JoinSet::new();
        tasks.spawn(service::connect(Arc::clone(&shared), stop.clone()));
        tasks.spawn(service::forward(Arc::clone(&shared)));
        Ok(Self {
            shared,
            stop,
            tasks,
        })
    }

    pub fn events(&self) -> Arc<dyn Events> {
        Arc::new(Remote(Arc::clone(&self.shared)))
    }

    /// Returns the health of the connection, under the name `events`.
    pub fn health(&self) -> Health {
        self.shared.health.clone()
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        let mut state = self.shared.state.subscribe();
        // The sender lives as long as we do.
        let _ = state.wait_for(|state| matches!(state, State::Up(_))).await;
    }

    /// Says goodbye to the broker, which then publishes no last will.
    pub async fn close(mut self) {
        self.stop.cancel();
        // The one that forwards lasts until it is aborted.
        let _ = self.tasks.join_next().await;
    }
}

impl Drop for MqttEvents {
    fn drop(&mut self) {
        self.shared.close();
    }
}

#[async_trait]
impl Events for Remote {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        publish::publish(&self.0, events).await
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        let subscribed = subscribe::subscribe(&self.0, interest).await?;
        Ok(Box::new(subscribed))
    }
}
