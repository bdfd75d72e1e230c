//! One connection to a broker, whichever version of MQTT it speaks.

mod v3;
mod v5;

use bytes::Bytes;

use super::{
    client_name::ClientName,
    config::{Config, Version},
    filters::Filter,
    problem::Problem,
};

/// Messages of ours that the broker may have to acknowledge at a time.
const IN_FLIGHT: u16 = 1_000;
/// Messages of the broker's that we may have to acknowledge at a time; in 3.1.1 it decides.
const MAX_UNACKNOWLEDGED: u16 = 1_000;
/// Requests that wait in the library: what waits longer waits where it can be dropped.
const REQUESTS: usize = 64;
/// The most bytes of a message that is taken in, and of one that is sent.
pub(super) const MAX_MESSAGE: usize = 32 * 1024 * 1024;
/// The most that MQTT knows. In 3.1.1 nobody can forbid the broker to send it; a client that did
/// not read it would be sent it again and again.
const MAX_PACKET: usize = 268_435_460;
/// The seconds for which the broker keeps the session of a client that is away.
const SESSION_SECONDS: u32 = 3_600;
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(5);
const CONNECT_SECONDS: u64 = 5;

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
    /// The next message that is kept was sent, under this number.
    Sent(u16),
    /// The next subscribing or unsubscribing was sent, under this number.
    Requested(u16),
    /// The broker has the message of this number, or does not want it.
    Acknowledged(u16, Result<(), String>),
    /// The broker has done what was asked under this number, or refuses.
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

/// The end of a session that takes requests; they are sent while the session is polled.
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

    /// Returns the next notice. Not cancel safe. After an error the session is of no use any more.
    pub(super) async fn poll(&mut self) -> Result<Notice, Problem> {
        match self {
            Self::V3(session) => session.poll().await,
            Self::V5(session) => session.poll().await,
        }
    }
}

impl Sender {
    /// Waits until the session takes it. Errors: the session is no more.
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
