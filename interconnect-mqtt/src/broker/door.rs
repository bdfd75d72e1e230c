//! The door of the broker: TLS, and a password that somebody else knows to be right.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use mqtt5::broker::{tls_acceptor::TlsStreamWrapper, transport::BrokerTransport};
use rustls::ServerConfig;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsAcceptor;
use utakata_model::target::Secret;

/// The time that a client has for the handshake of TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval at which it is asked whether a client may stay.
const STAY_INTERVAL: Duration = Duration::from_secs(2);

/// Decides who may enter, and stay.
#[async_trait]
pub trait Doorkeeper: Send + Sync + 'static {
    /// Returns what a client may follow with this password; `None` if it may not enter. May take its
    /// time to refuse one.
    async fn admits(&self, password: &str, from: IpAddr) -> Option<Follows>;

    /// Returns what a client may follow now that has entered with this password; `None` if it may not
    /// stay.
    fn keeps(&self, password: &str) -> Option<Follows>;
}

/// What a client may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Everything that is published.
    Everything,
    /// Readings alone.
    Readings,
}

/// The door of the broker. By default it is open, and plain.
#[derive(Clone, Default)]
pub struct Door {
    /// Decides who may enter; everybody where there is none.
    pub keeper: Option<Arc<dyn Doorkeeper>>,
    /// TLS; plain TCP where there is none.
    pub tls: Option<Arc<ServerConfig>>,
}

/// The entrance of one client.
pub(super) struct Entrance {
    keeper: Option<Arc<dyn Doorkeeper>>,
    /// The password with which it has entered, and what it may follow.
    entered: OnceLock<(Secret, Follows)>,
}

impl Door {
    pub(super) fn entrance(&self) -> Arc<Entrance> {
        Arc::new(Entrance {
            keeper: self.keeper.clone(),
            entered: OnceLock::new(),
        })
    }

    /// Returns the transport of a connection; `None` if its handshake fails.
    pub(super) async fn transport(
        tls: Option<Arc<ServerConfig>>,
        stream: TcpStream,
        from: SocketAddr,
    ) -> Option<BrokerTransport> {
        let Some(tls) = tls else {
            return Some(BrokerTransport::tcp(stream));
        };
        let accepted = TlsAcceptor::from(tls).accept(stream);
        match timeout(HANDSHAKE_TIMEOUT, accepted).await {
            Ok(Ok(stream)) => Some(BrokerTransport::tls(TlsStreamWrapper::new(stream))),
            Ok(Err(error)) => {
                tracing::debug!(%from, %error, "a client of the MQTT broker cannot use TLS");
                None
            }
            Err(_) => None,
        }
    }
}

impl Entrance {
    /// Returns true if the client may enter.
    pub async fn admits(&self, password: Option<&[u8]>, from: IpAddr) -> bool {
        let Some(keeper) = &self.keeper else {
            return true;
        };
        let password = password.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(password) = password else {
            return false;
        };
        let Some(follows) = keeper.admits(password, from).await else {
            return false;
        };
        // A connection has one CONNECT.
        let _ = self.entered.set((Secret::new(password), follows));
        true
    }

    /// Returns what the client may follow; nothing before it has entered.
    pub fn follows(&self) -> Option<Follows> {
        match &self.keeper {
            None => Some(Follows::Everything),
            Some(_) => self.entered.get().map(|(_, follows)| *follows),
        }
    }

    /// Waits until the client may not stay any more.
    pub async fn closed(&self) {
        let Some(keeper) = &self.keeper else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(STAY_INTERVAL).await;
            let entered = self.entered.get();
            // Whoever may follow something else comes back, and follows that.
            let is_over = |(password, follows): &(Secret, Follows)| {
                keeper.keeps(password.reveal()) != Some(*follows)
            };
            if entered.is_some_and(is_over) {
                return;
            }
        }
    }
}
