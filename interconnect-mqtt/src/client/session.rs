//! One connection to a broker, whichever version of MQTT it speaks.

mod v3;
mod v5;

use bytes::Bytes;
use rumqttc::{TlsConfiguration, Transport};

use super::{
    client_name::ClientName,
    config::{Config, Version},
    filters::Filter,
    problem::Problem,
    tls,
};

/// The number of our messages that the broker may have to acknowledge at a time.
const IN_FLIGHT: u16 = 1_000;
/// The number of the broker's messages that we may have to acknowledge at a time; in 3.1.1 the
/// broker decides.
const MAX_UNACKNOWLEDGED: u16 = 1_000;
/// The number of requests that may wait in the library: others wait where they can be dropped.
const REQUESTS: usize = 64;
/// The size of the largest message that is received or sent, in bytes.
pub(super) const MAX_MESSAGE: usize = 32 * 1024 * 1024;
/// The largest packet of MQTT, in bytes. In 3.1.1 the broker cannot be kept from sending it; a
/// client that did not read it would be sent it again and again.
const MAX_PACKET: usize = 268_435_460;
/// The seconds for which the broker keeps the session of a client that is away.
const SESSION_SECONDS: u32 = 3_600;
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(5);
const CONNECT_SECONDS: u64 = 5;

/// The answers of brokers that both versions know, as people read them.
const NOT_LET_IN: &str = "the broker does not let us in: are user and password right?";
const NAME_REFUSED: &str = "the broker does not take the client name";
const MAY_NOT_BE_READ: &str = "the broker refuses it: it may not be read";

/// Returns the transport, where it is another one than plain TCP.
fn transport(config: &Config) -> Result<Option<Transport>, Problem> {
    if !config.url.is_tls {
        return Ok(None);
    }
    let tls = tls::config(&config.tls).map_err(|error| Problem::new(error.to_string()))?;
    let tls = TlsConfiguration::Rustls(tls);
    Ok(Some(Transport::tls_with_config(tls)))
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// True if the broker acknowledges it.
    pub(super) is_kept: bool,
    pub(super) is_retained: bool,
}

/// A request to the broker.
#[derive(Debug)]
pub(super) enum Request {
    Publish(Message),
    Subscribe(Vec<Filter>),
    Unsubscribe(String),
    /// The message with this number was received.
    Acknowledge(u16),
    Disconnect,
}

/// A notice from the session.
#[derive(Debug)]
pub(super) enum Notice {
    /// The next message that is kept was sent with this number.
    Sent(u16),
    /// The next subscribe or unsubscribe was sent with this number.
    Requested(u16),
    /// The broker has the message of this number, or refuses it.
    Acknowledged(u16, Result<(), String>),
    /// The broker has carried out the request of this number, or refuses it.
    Done(u16, Result<(), String>),
    Received(Received),
    Nothing,
}

/// A message that was received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// True if it is from before the subscription.
    pub(super) is_retained: bool,
    /// The number for the acknowledgement, if it needs one.
    pub(super) number: Option<u16>,
}

/// A connection. It must be polled all the time.
pub(super) enum Session {
    V3(Box<v3::Session>),
    V5(Box<v5::Session>),
}

/// The sending side of a session; requests are sent while the session is polled.
#[derive(Clone)]
pub(super) enum Sender {
    V3(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

impl Session {
    /// Connects, with this message as the last will.
    pub(super) async fn connect(
        config: &Config,
        name: &ClientName,
        will: Option<Message>,
    ) -> Result<Self, Problem> {
        let session = match config.version {
            Version::V3 => {
                let session = v3::Session::connect(config, name, will).await;
                session.map(|session| Self::V3(Box::new(session)))
            }
            Version::V5 => {
                let session = v5::Session::connect(config, name, will).await;
                session.map(|session| Self::V5(Box::new(session)))
            }
        };
        session.map_err(|problem| problem.at_once(config))
    }

    pub(super) fn sender(&self) -> Sender {
        match self {
            Self::V3(session) => Sender::V3(session.client.clone()),
            Self::V5(session) => Sender::V5(session.client.clone()),
        }
    }

    /// Returns the next notice. Not cancel safe. After an error the session is useless.
    pub(super) async fn poll(&mut self) -> Result<Notice, Problem> {
        match self {
            Self::V3(session) => session.poll().await,
            Self::V5(session) => session.poll().await,
        }
    }
}

impl Sender {
    /// Waits until the session accepts a request.
    ///
    /// # Errors
    /// The session has ended.
    pub(super) async fn send(&self, request: Request) -> Result<(), Problem> {
        let is_sent = match self {
            Self::V3(client) => v3::send(client, request).await.is_ok(),
            Self::V5(client) => v5::send(client, request).await.is_ok(),
        };
        if is_sent {
            Ok(())
        } else {
            Err(Problem::new("a message cannot be sent"))
        }
    }
}
