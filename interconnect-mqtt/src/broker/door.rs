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
    /// Returns true if a client may enter with this password. May take its time to refuse one.
    async fn admits(&self, password: &str, from: IpAddr) -> bool;

    /// Returns true as long as a client that has entered with this password may stay.
    fn keeps(&self, password: &str) -> bool;
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
    /// The password with which it has entered.
    password: OnceLock<Secret>,
}

impl Door {
    pub(super) fn entrance(&self) -> Arc<Entrance> {
        Arc::new(Entrance {
            keeper: self.keeper.clone(),
            password: OnceLock::new(),
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
        let is_admitted = keeper.admits(password, from).await;
        if is_admitted {
            // A connection has one CONNECT.
            let _ = self.password.set(Secret::new(password));
        }
        is_admitted
    }

    /// Waits until the client may not stay any more.
    pub async fn closed(&self) {
        let Some(keeper) = &self.keeper else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(STAY_INTERVAL).await;
            let password = self.password.get();
            if password.is_some_and(|password| !keeper.keeps(password.reveal())) {
                return;
            }
        }
    }
}
