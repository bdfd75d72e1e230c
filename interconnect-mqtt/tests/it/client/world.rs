//! Processes on a broker, and their messages.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use utakata_interconnect::{Error, Event, Events, Interest, Subscription};
use utakata_interconnect_mqtt::{
    MqttEvents,
    client::{Config, Version},
};
use utakata_model::EnvironmentStatus;
pub use utakata_tests::wait::until;
use utakata_tests::{
    servers::{Mosquitto, Rabbitmq, Server},
    wait::{self, PATIENCE},
};

pub fn config(url: &str, version: Version, client: &str) -> Config {
    Config {
        url: url.parse().unwrap(),
        version,
        client: client.into(),
        ..Config::default()
    }
}

/// Connects a process.
pub async fn process(url: &str, version: Version, client: &str) -> MqttEvents {
    with_will(url, version, client, None).await
}

pub async fn with_will(
    url: &str,
    version: Version,
    client: &str,
    will: Option<EnvironmentStatus>,
) -> MqttEvents {
    let process = MqttEvents::connect(config(url, version, client), will).unwrap();
    let connected = tokio::time::timeout(PATIENCE, process.connected()).await;
    assert!(connected.is_ok(), "{:?}", process.health().problem());
    process
}

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    wait::soon("what the broker passes on", what).await
}

/// A broker of either make.
pub enum Broker {
    Mosquitto(Mosquitto),
    Rabbitmq(Rabbitmq),
}

impl Broker {
    pub fn mosquitto() -> Self {
        Self::Mosquitto(Mosquitto::start().unwrap())
    }

    pub fn rabbitmq() -> Self {
        Self::Rabbitmq(Rabbitmq::start().unwrap())
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Mosquitto(broker) => broker.address(),
            Self::Rabbitmq(broker) => broker.mqtt().unwrap(),
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://admin:secret@{}", self.address())
    }

    pub fn kill(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.kill().unwrap(),
            Self::Rabbitmq(broker) => broker.kill().unwrap(),
        }
    }

    pub fn start_again(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.start_again().unwrap(),
            Self::Rabbitmq(broker) => broker.start_again().unwrap(),
        }
    }

    pub fn server(&self) -> &Server {
        match self {
            Self::Mosquitto(broker) => broker.server().unwrap(),
            Self::Rabbitmq(broker) => broker.server().unwrap(),
        }
    }
}

/// Returns a name that no other client of a broker has.
pub fn fresh(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A publisher and a follower, which may be the same process, with the broker that connects them.
pub struct World<B> {
    publisher: Arc<dyn Events>,
    follower: Arc<dyn Events>,
    _processes: Vec<MqttEvents>,
    /// A mutex, so that it can be shared between threads.
    _broker: Mutex<B>,
}

impl<B> World<B> {
    pub async fn build(broker: B, url: &str, version: Version, processes: usize) -> Self {
        let mut all = Vec::new();
        for _ in 0..processes {
            all.push(process(url, version, &fresh("process")).await);
        }
        Self {
            publisher: all.first().unwrap().events(),
            follower: all.last().unwrap().events(),
            _processes: all,
            _broker: Mutex::new(broker),
        }
    }
}

#[async_trait]
impl<B: Send + 'static> Events for World<B> {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        self.publisher.publish(events).await
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        self.follower.subscribe(interest).await
    }
}
