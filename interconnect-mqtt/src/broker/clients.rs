//! The clients of the broker: their number, and the connection of each.
//!
//! The library's own accept loop does not count clients that have not said CONNECT, and spins while
//! the system has no descriptors: so connections are accepted here.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use mqtt5::broker::{
    BrokerConfig, ResourceLimits, ResourceMonitor, client_handler::ClientHandler,
    router::MessageRouter, sys_topics::BrokerStats,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::admission::{self, Acceptor, Admission, Limits, Slot};

use super::{Config, Door, access::Access, pump::Commands};

/// The name of the listener, for the log.
const WHAT: &str = "the MQTT broker";
/// The interval at which the library forgets its counts of clients that are gone.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Clients {
    door: Door,
    admission: Admission<IpAddr>,
    config: Arc<BrokerConfig>,
    router: Arc<MessageRouter>,
    commands: Commands,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
    /// Ends the sessions of all clients.
    goodbye: broadcast::Sender<()>,
}

impl Clients {
    pub(super) fn new(
        door: Door,
        config: &Config,
        library: BrokerConfig,
        router: Arc<MessageRouter>,
        commands: Commands,
    ) -> Self {
        let limits = Limits {
            total: config.max_clients,
            per_peer: config.max_clients_per_address,
        };
        // They are counted here, before the library sees them.
        let monitor = ResourceMonitor::new(ResourceLimits {
            max_connections: usize::MAX,
            max_connections_per_ip: usize::MAX,
            max_message_rate_per_client: 0,
            max_bandwidth_per_client: 0,
            max_connection_rate: u32::MAX,
            rate_limit_window: Duration::from_secs(1),
        });
        Self {
            door,
            admission: Admission::new(WHAT, limits),
            config: Arc::new(library),
            router,
            commands,
            stats: Arc::new(BrokerStats::new()),
            monitor: Arc::new(monitor),
            goodbye: broadcast::channel(1).0,
        }
    }

    /// Serves until it is stopped; ends when all clients have.
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let mut acceptor = Acceptor::new(WHAT);
        let mut served = JoinSet::new();
        let mut tidy = tokio::time::interval(TIDY_INTERVAL);
        loop {
            let (stream, from) = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = served.join_next() => continue,
                _ = tidy.tick() => {
                    self.monitor.cleanup_expired_windows().await;
                    continue;
                }
                accepted = self.next(&mut acceptor, &listener) => accepted,
            };
            if let Some(place) = self.admission.admit(admission::peer(from.ip())) {
                let client = self.client(stream, from, Arc::new(place));
                served.spawn(client);
            }
        }
        drop(listener);
        // Nobody may be connected.
        let _ = self.goodbye.send(());
        while served.join_next().await.is_some() {}
    }

    async fn next(
        &self,
        acceptor: &mut Acceptor,
        listener: &TcpListener,
    ) -> (TcpStream, SocketAddr) {
        self.admission.settled().await;
        acceptor.accept(listener).await
    }

    /// Serves one client, until it leaves or has to make room.
    fn client(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        place: Arc<Slot<IpAddr>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Messages are small: each is sent at once if the system supports it.
        let _ = stream.set_nodelay(true);
        let entrance = self.door.entrance();
        let access = Access::new(
            self.commands.clone(),
            Arc::clone(&place),
            Arc::clone(&entrance),
        );
        let tls = self.door.tls.clone();
        let (config, router) = (Arc::clone(&self.config), Arc::clone(&self.router));
        let (stats, monitor) = (Arc::clone(&self.stats), Arc::clone(&self.monitor));
        let goodbye = self.goodbye.subscribe();
        let served = async move {
            let Some(transport) = Door::transport(tls, stream, from).await else {
                return Ok(());
            };
            let access = Arc::new(access);
            ClientHandler::new(
                transport, from, config, router, access, None, stats, monitor, goodbye,
            )
            .run()
            .await
        };
        async move {
            let ended = tokio::select! {
                ended = served => ended,
                () = place.pushed_out() => return,
                () = entrance.closed() => {
                    tracing::info!(%from, "a client of the MQTT broker has no right any more");
                    return;
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%from, %error, "a client of the MQTT broker disconnected");
            }
        }
    }
}
