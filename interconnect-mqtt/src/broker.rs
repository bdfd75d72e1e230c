//! The embedded MQTT broker (3.1.1 and 5 on one port): another subscriber of the events, for
//! everybody outside this process. It keeps everything in memory and writes no file.
//!
//! Whoever comes in may subscribe below `utakata/v1/`; nobody may publish. By default everybody who
//! can connect comes in, and it therefore listens on loopback; with a [`Door`] only those who have a
//! right password do, over TLS.

mod access;
mod clients;
mod door;
mod pump;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mqtt5::broker::{BrokerConfig, StorageBackendType, StorageConfig, router::MessageRouter};
use thiserror::Error;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Events, Interest};

use self::{clients::Clients, pump::Pump};

pub use self::door::{Door, Doorkeeper, Follows};

/// The longest time that stopping may take: the library gives its clients five seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);

/// The address of the broker, and its limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address; port 0 takes a free one, see [`Broker::address`].
    pub listen: SocketAddr,
    /// The largest number of clients at a time.
    pub max_clients: usize,
    /// The largest number of clients from one address.
    pub max_clients_per_address: usize,
    /// The largest number of messages that wait for one client; beyond it they are dropped for it.
    /// All retained messages of a new subscription wait there at once, so it must exceed the number
    /// of targets times observe actions.
    pub client_queue: usize,
}

impl Default for Config {
    /// Returns loopback, with the MQTT port assigned by IANA (1883).
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
            max_clients: 1_000,
            max_clients_per_address: 250,
            client_queue: 100_000,
        }
    }
}

/// An error of starting the broker.
#[derive(Debug, Error)]
pub enum Error {
    /// Another program listens on the address.
    #[error(
        "the MQTT broker cannot listen on {address}: another program does; stop that one or \
         choose another address"
    )]
    InUse { address: SocketAddr },
    /// The operating system does not permit listening there.
    #[error(
        "the MQTT broker cannot listen on {address}: choose an address of this machine and a port that it may have"
    )]
    Listen {
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    #[error("the MQTT broker on {address} did not start: {problem}")]
    Start {
        address: SocketAddr,
        /// The error of the library.
        problem: String,
    },
    /// There is nothing to subscribe to.
    #[error("the MQTT broker cannot follow the events")]
    Events(#[source] utakata_interconnect::Error),
}

/// A running broker. Stop it with [`Broker::stop`]; dropping it cuts its clients off.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Broker {
    /// Starts to listen, and to publish events. When it returns, clients can connect.
    pub async fn start(config: Config, events: Arc<dyn Events>) -> Result<Self, Error> {
        Self::start_behind(Door::default(), config, events).await
    }

    /// The same behind a door.
    pub async fn start_behind(
        door: Door,
        config: Config,
        events: Arc<dyn Events>,
    ) -> Result<Self, Error> {
        let listener = bind(config.listen).await?;
        let listened = listener.local_addr();
        let address = listened.unwrap_or(config.listen);
        let failed = |error: mqtt5::MqttError| Error::Start {
            address,
            problem: error.to_string(),
        };
        let library = library_config(&config);
        library.validate().map_err(failed)?;
        let router = Arc::new(MessageRouter::new());
        router.initialize().await.map_err(failed)?;
        let subscription = events
            .subscribe(Interest::ALL)
            .await
            .map_err(Error::Events)?;
        let (commands, received) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let pump = Pump::new(Arc::clone(&router), subscription, received);
        let clients = Clients::new(door, &config, library, router, commands);
        let mut tasks = JoinSet::new();
        tasks.spawn(pump.run(stop.clone()));
        tasks.spawn(clients.serve(listener, stop.clone()));
        Ok(Self {
            address,
            stop,
            tasks,
        })
    }

    /// Returns the address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Disconnects the clients and stops listening.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, all_ended).await.is_err() {
            tracing::warn!(address = %self.address, "the MQTT broker was cut off: it did not stop in time");
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => Error::InUse { address },
            _ => Error::Listen { address, source },
        })
}

/// Returns the configuration of the library, whose defaults write into the working directory, keep
/// the sessions of clients for ever and publish statistics of their own: none of this here.
fn library_config(config: &Config) -> BrokerConfig {
    BrokerConfig::new()
        .with_bind_address(config.listen)
        .with_max_clients(config.max_clients)
        .with_client_channel_capacity(config.client_queue)
        .with_drain_batch(512)
        .with_session_expiry(Duration::ZERO)
        .with_sys_topics_enabled(false)
        .with_max_subscriptions_per_client(1_000)
        .with_storage(
            StorageConfig::new()
                .with_backend(StorageBackendType::Memory)
                .with_persistence(false),
        )
}
