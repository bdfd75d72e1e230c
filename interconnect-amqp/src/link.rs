//! The connection to the broker: made in the background, and again for ever.

use std::{future::Future, sync::Arc, time::Duration};

use futures::StreamExt;
use lapin::{Channel, Connection, ConnectionProperties, Event, tcp::OwnedTLSConfig};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Error, Signatures,
    clock::Clock,
    connection::{BACKOFF, Health, draw},
};

use super::{
    Config,
    config::Url,
    dial::{Failure, dial},
    problem, tls,
};

/// The time limit of connecting, and of anything that takes a single answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The duration after which a connection counts as good: the next attempt follows at once.
const STEADY: Duration = Duration::from_secs(5);
/// The interval at which the connection is checked, in case the library does not report.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The present connection.
#[derive(Debug)]
pub(super) struct Link {
    url: Url,
    health: Health,
    clock: Clock,
    signatures: Option<Arc<dyn Signatures>>,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone)]
enum State {
    Up(Arc<Session>),
    Away(String),
    Closed,
}

/// One connection, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    /// Cancelled when the link is gone.
    pub(super) gone: CancellationToken,
}

impl Link {
    pub(super) fn new(
        url: Url,
        health: Health,
        clock: Clock,
        signatures: Option<Arc<dyn Signatures>>,
    ) -> Self {
        let state = State::Away("it is being connected".into());
        Self {
            url,
            health,
            clock,
            signatures,
            state: watch::Sender::new(state),
        }
    }

    /// Returns the clock of this process.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the signatures of control, where it is signed.
    pub(super) fn signatures(&self) -> Option<&dyn Signatures> {
        self.signatures.as_deref()
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    pub(super) fn session(&self) -> Result<Arc<Session>, Error> {
        match &*self.state.borrow() {
            State::Up(session) if session.connection.status().blocked() => Err(Error::Away {
                reason: short_of_room(&self.url),
            }),
            State::Up(session) => Ok(Arc::clone(session)),
            State::Away(reason) => Err(Error::Away {
                reason: reason.clone(),
            }),
            State::Closed => Err(Error::Closed),
        }
    }

    /// Returns true if there is a connection.
    pub(super) fn is_up(&self) -> bool {
        matches!(&*self.state.borrow(), State::Up(_))
    }

    /// Waits until there is a connection; fails if there will be none.
    pub(super) async fn wait(&self) -> Result<(), Error> {
        let mut state = self.state.subscribe();
        let state = state.wait_for(|state| !matches!(state, State::Away(_)));
        match state.await.as_deref() {
            Ok(State::Up(_)) => Ok(()),
            _ => Err(Error::Closed),
        }
    }

    /// Asks the broker, with a deadline; a refusal is reported in the health. `doing` is as in "to
    /// publish control tasks".
    pub(super) async fn ask<T>(
        &self,
        doing: &str,
        asking: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, Error> {
        match timeout(ANSWER_TIMEOUT, asking).await {
            Ok(answer) => answer.map_err(|error| self.refused(&error, doing)),
            Err(_) => Err(self.silent(doing)),
        }
    }

    /// Waits for its end, for no longer than for an answer.
    pub(super) async fn within<T>(
        &self,
        doing: &str,
        what: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = timeout(ANSWER_TIMEOUT, what).await;
        done.unwrap_or_else(|_| Err(self.silent(doing)))
    }

    /// Reports in the health what the broker refuses, while the connection is up; while it is down,
    /// only that matters.
    pub(super) fn refused(&self, error: &lapin::Error, doing: &str) -> Error {
        if let State::Away(reason) = &*self.state.borrow() {
            let reason = reason.clone();
            return Error::Away { reason };
        }
        let reason = problem::words(error, &self.url, Some(doing));
        if error.is_amqp_soft_error() {
            self.health.lost(reason.clone());
        }
        Error::Away { reason }
    }

    /// Returns the error of a missing answer.
    pub(super) fn silent(&self, doing: &str) -> Error {
        let reason = format!(
            "the broker {} did not answer in time {doing}",
            self.url.place()
        );
        Error::Away { reason }
    }

    /// Records that the broker did what was requested.
    pub(super) fn works(&self) {
        if self.is_up() {
            self.health.made();
        }
    }

    /// Connects, and again when the connection is lost, until it is asked to stop.
    pub(super) async fn run(self: Arc<Self>, config: Config, stop: CancellationToken) {
        let mut backoff = BACKOFF;
        loop {
            let begun = Instant::now();
            tokio::select! {
                () = self.live(&config) => {}
                () = stop.cancelled() => break,
            }
            if begun.elapsed() > STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.wait_jittered(draw())) => {}
                () = stop.cancelled() => break,
            }
        }
        if let State::Up(session) = self.state.send_replace(State::Closed) {
            session.gone.cancel();
            let closing = session.connection.close(200, "goodbye".into());
            // It may be gone already, and is disconnected in any case.
            let _ = timeout(Duration::from_secs(2), closing).await;
        }
    }

    /// Uses one connection, from its beginning to its end.
    async fn live(&self, config: &Config) {
        let session = match connect(config).await {
            Ok(connection) => Arc::new(Session {
                connection,
                gone: CancellationToken::new(),
            }),
            Err(reason) => {
                self.lose(reason);
                return;
            }
        };
        self.state.send_replace(State::Up(Arc::clone(&session)));
        self.health.made();
        let reason = self.watch(&session).await;
        self.lose(reason);
        session.gone.cancel();
    }

    fn lose(&self, reason: String) {
        self.health.lost(reason.clone());
        self.state.send_replace(State::Away(reason));
    }

    /// Waits until the connection is gone; returns the reason.
    async fn watch(&self, session: &Session) -> String {
        let connection = &session.connection;
        let mut events = Box::pin(connection.events_listener());
        let mut look = tokio::time::interval(CHECK_INTERVAL);
        let ended = || format!("the broker {} has ended the connection", self.url.place());
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = look.tick() => {
                    if connection.status().connected() {
                        continue;
                    }
                    None
                }
            };
            match event {
                None => return ended(),
                Some(Event::Error(error)) if !connection.status().connected() => {
                    return problem::words(&error, &self.url, None);
                }
                Some(Event::ConnectionBlocked(_)) => self.health.lost(short_of_room(&self.url)),
                Some(Event::ConnectionUnblocked) => self.health.made(),
                Some(_) => {}
            }
        }
    }
}

impl Session {
    pub(super) async fn channel(&self) -> lapin::Result<Channel> {
        self.connection.create_channel().await
    }
}

async fn connect(config: &Config) -> Result<Connection, String> {
    let url = &config.url;
    let properties = ConnectionProperties::default().with_connection_name("utakata".into());
    let tls = match url.is_encrypted() {
        true => tls::load(&config.tls).map_err(|error| {
            format!(
                "the broker {} cannot be reached by TLS: {error}",
                url.place()
            )
        })?,
        false => OwnedTLSConfig::default(),
    };
    let dialled = dial(url.uri(), tls, properties, ANSWER_TIMEOUT).await;
    dialled.map_err(|failure| match failure {
        Failure::Refused(error) => problem::words(&error, url, None),
        Failure::Silent => format!("the broker {} does not answer", url.place()),
    })
}

fn short_of_room(url: &Url) -> String {
    format!(
        "the broker {} takes nothing now: it is short of memory or disk, see its alarms with \
         `rabbitmq-diagnostics alarms`",
        url.place()
    )
}
