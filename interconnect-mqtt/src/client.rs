//! Events over an MQTT broker: Mosquitto, RabbitMQ, and any other that speaks 3.1.1 or 5.
//!
//! ```text
//! publish ─► outbox ─► session ─► broker    one connection for the process
//!               ▲        │
//!               └─ acks ─┤  (decoded once)
//! subscriptions ◄─ bus ◄─ intake
//! ```
//!
//! Events that are not expendable are sent with QoS 1, and count as published when the broker has
//! acknowledged them; messages that arrived with QoS 1 are acknowledged when the bus of this
//! process has taken them. The amount of waiting messages is therefore limited by the broker's
//! window, and unacknowledged ones are published again by those who wait for them. The broker keeps
//! the session of a process that is away for an hour.
//!
//! The broker reports an environment as gone when its connection is cut off (last will); after each
//! connecting, the environments of this process are reported again.
//!
//! # Brokers that promise less
//!
//! * RabbitMQ delivers retained messages only to subscriptions of one topic, and not to wildcard
//!   filters. Statuses of environments then arrive when they are published again (every ten seconds),
//!   and the retained messages of a deleted target stay.
//! * RabbitMQ may let expendable messages overtake others, and the other way round.
//! * A broker that is full drops messages for which it has no room, including control. All of
//!   control is repeated until it is answered, so this only costs time.

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
    Error, Event, Events, Interest, Signatures, Subscription, clock::Clock, connection::Health,
};

/// The events of a broker, over one connection. When dropped, its events are closed and the broker
/// publishes its last will; [`MqttEvents::close`] ends it properly.
#[derive(Debug)]
pub struct MqttEvents {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The events, for publishers and followers.
#[derive(Debug, Clone)]
struct Remote(Arc<Shared>);

impl MqttEvents {
    /// Begins to connect, and tries for ever; returns at once. With a `will`, the broker reports
    /// that this environment is gone, in the incarnation that the status names, when the connection
    /// is cut off: its state is replaced by `Gone`.
    ///
    /// # Errors
    /// The configuration can never work. A broker that is away, or refuses, is reported by
    /// [`MqttEvents::health`].
    pub fn connect(config: Config, will: Option<EnvironmentStatus>) -> Result<Self, ConfigError> {
        Self::connect_with(config, will, Clock::default(), None)
    }

    /// Connects with another clock than that of this process, or with signatures.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub fn connect_with(
        config: Config,
        will: Option<EnvironmentStatus>,
        clock: Clock,
        signatures: Option<Arc<dyn Signatures>>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared::new(config, will, clock, signatures));
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
        // The sender lives as long as this.
        let _ = state.wait_for(|state| matches!(state, State::Up(_))).await;
    }

    /// Disconnects from the broker, which then publishes no last will.
    pub async fn close(mut self) {
        self.stop.cancel();
        // The forwarding task lasts until it is aborted.
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
