//! The hosts that a worker talks to, each as one user sees it: a kept connection, and the time of
//! the last refusal.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as Gate, OwnedMutexGuard},
    time::Instant,
};
use utakata_worker_sdk::{
    address::Address,
    gates::{self, Gates},
};

use crate::{
    credential::Credential,
    session::{Error, Seen, Session},
};

/// The time after which a kept connection is not trusted to be open.
const IDLE: Duration = Duration::from_secs(300);
/// The time for which nobody logs in after the user was refused: many hosts lock accounts.
const LOCKED: Duration = Duration::from_secs(900);
/// The number of hosts whose connections are kept.
const KEPT: usize = 1_000;

/// The hosts that a worker talks to.
#[derive(Debug, Default)]
pub struct Hosts {
    known: Mutex<HashMap<Key, Arc<Gate<Host>>>>,
    gates: Gates,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    credential: Credential,
}

/// A host as one user sees it.
#[derive(Debug)]
struct Host {
    credential: Credential,
    session: Option<Session>,
    used: Instant,
    refused: Option<Instant>,
    seen: Seen,
}

/// The turn of a conversation with a host, which ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    host: OwnedMutexGuard<Host>,
    is_kept: bool,
    _turn: gates::Conversation,
}

impl Hosts {
    /// Waits for the turn of a conversation.
    pub async fn enter(&self, address: &Address, credential: Credential) -> Turn {
        let key = Key {
            host: address.to_string(),
            credential,
        };
        let turn = self.gates.enter(&key.host).await;
        let (host, is_kept) = {
            let mut known = self.known.lock();
            if known.len() >= KEPT && !known.contains_key(&key) {
                let idle = |host: &Arc<Gate<Host>>| {
                    let used = host.try_lock().map(|host| host.used.elapsed());
                    used.map_or(true, |idle| idle < IDLE)
                };
                known.retain(|_, host| idle(host));
            }
            let is_kept = known.len() < KEPT;
            let host = known.entry(key.clone()).or_insert_with(|| {
                Arc::new(Gate::new(Host {
                    credential: key.credential,
                    session: None,
                    used: Instant::now(),
                    refused: None,
                    seen: Seen::default(),
                }))
            });
            (Arc::clone(host), is_kept)
        };
        let mut host = host.lock_owned().await;
        if host.used.elapsed() > IDLE || host.session.as_ref().is_some_and(|one| !one.is_open()) {
            host.session = None;
        }
        Turn {
            host,
            is_kept,
            _turn: turn,
        }
    }

    /// Ends all connections.
    pub async fn close(&self) {
        let all: Vec<_> = self.known.lock().drain().collect();
        for (_, host) in all {
            if let Ok(mut host) = host.try_lock()
                && let Some(session) = host.session.take()
            {
                session.close().await;
            }
        }
    }
}

impl Turn {
    /// The kept connection.
    pub fn session(&self) -> Option<&Session> {
        self.host.session.as_ref()
    }

    /// The credential with which somebody logs in, and the host key that was seen first.
    ///
    /// # Errors
    /// The user was refused lately.
    pub fn credential(&self) -> Result<(Credential, Seen), Error> {
        match self.host.refused {
            Some(at) if at.elapsed() < LOCKED => Err(Error::Locked { ago: at.elapsed() }),
            _ => Ok((self.host.credential.clone(), Arc::clone(&self.host.seen))),
        }
    }

    /// Keeps a connection.
    pub fn keep(&mut self, session: Session) -> &Session {
        self.host.refused = None;
        self.host.session.insert(session)
    }

    /// Forgets the connection.
    pub fn forget(&mut self) {
        self.host.session = None;
    }

    /// Remembers that the user was refused.
    pub fn lock(&mut self) {
        self.host.refused = Some(Instant::now());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.host.used = Instant::now();
        if !self.is_kept {
            self.host.session = None;
        }
    }
}
