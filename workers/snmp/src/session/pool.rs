//! All sessions of the worker: created on demand, kept while they are used.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant as Clock, SystemTime, UNIX_EPOCH},
};

use async_snmp::{DesSaltState, MasterKeys, PersistedDesSaltState, UsmConfig, Version};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Session,
    handle::Handle,
    resolve::{self, Names},
    secrets::Secrets,
    socket::Sockets,
    speaker::Speaker,
    user,
};
use crate::{
    address::Address,
    credential::{Credential, User},
};

/// Sessions unused for this long are dropped.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// Beyond this many, the longest unused are dropped first.
const SESSIONS_MAX: usize = 50_000;
/// Derived keys kept: few suffice, as many targets share a user.
const KEYS_MAX: usize = 1_000;

/// All sessions of the worker.
#[derive(Default)]
pub struct Pool {
    sockets: Sockets,
    names: Names,
    keys: Mutex<HashMap<User, MasterKeys>>,
    salts: Mutex<HashMap<User, DesSaltState>>,
    sessions: Mutex<HashMap<(SocketAddr, Credential), Arc<Session>>>,
}

/// The reason why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target's address cannot be resolved.
    #[error(transparent)]
    Address(#[from] resolve::Error),
    /// No socket could be opened.
    #[error("no socket can be opened")]
    Socket(#[source] io::Error),
    /// The keys cannot be derived.
    #[error("the keys of the user cannot be derived: {problem}")]
    Keys { problem: String },
}

impl Pool {
    /// Returns the session of a target and credential.
    pub async fn session(
        &self,
        address: &Address,
        credential: &Credential,
        deadline: Instant,
    ) -> Result<Arc<Session>, Error> {
        let at = self
            .names
            .resolve(address, deadline)
            .await
            .map_err(Error::Address)?;
        let key = (at, credential.clone());
        let now = Clock::now();
        if let Some(session) = self.sessions.lock().get(&key) {
            session.memory.lock().used = now;
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open(at, credential).await?);
        let mut sessions = self.sessions.lock();
        if sessions.len() >= SESSIONS_MAX || sessions.len().is_multiple_of(256) {
            sweep(&mut sessions, now);
        }
        Ok(Arc::clone(sessions.entry(key).or_insert(session)))
    }

    /// Returns the secrets of a user whose notifications are received, and what DES needs for
    /// replies.
    pub async fn receiving(&self, user: &User) -> Result<(Secrets, Option<DesSaltState>), Error> {
        Ok((self.user(user).await?, self.salts(user)?))
    }

    async fn open(&self, at: SocketAddr, credential: &Credential) -> Result<Session, Error> {
        let socket = self.sockets.to(at).await.map_err(Error::Socket)?;
        match credential {
            Credential::Community {
                version,
                read,
                write,
            } => {
                let speaker = |community: &str| {
                    let handle = Handle::new(Arc::clone(&socket), at, None);
                    Speaker::of_community(handle, *version, community)
                };
                let write = write.as_ref().filter(|write| *write != read);
                let write = write.map(|write| speaker(write));
                Ok(Session::new(at, (*version).into(), speaker(read), write))
            }
            Credential::User(user) => {
                let secrets = Arc::new(self.user(user).await?);
                let handle = Handle::new(socket, at, Some(Arc::clone(&secrets)));
                let speaker = user::Speaker::new(handle, secrets, self.salts(user)?);
                let speaker = Speaker::User(speaker);
                Ok(Session::new(at, Version::V3, speaker, None))
            }
        }
    }

    /// Returns the keys of a user. Deriving them hashes a megabyte for each password, so it is done
    /// once and off the threads that serve the sockets.
    async fn user(&self, user: &User) -> Result<Secrets, Error> {
        let config = UsmConfig::new(user.name.clone()).context_name(user.context.clone());
        if user.auth.is_none() {
            return Ok(Secrets { config, keys: None });
        }
        let known = self.keys.lock().get(user).cloned();
        let keys = match known {
            Some(keys) => keys,
            None => {
                let owned = user.clone();
                let problem = |problem: String| Error::Keys { problem };
                let keys = tokio::task::spawn_blocking(move || derive(&owned))
                    .await
                    .map_err(|error| problem(error.to_string()))?
                    .map_err(problem)?;
                let mut known = self.keys.lock();
                if known.len() >= KEYS_MAX {
                    known.clear();
                }
                known.insert(user.clone(), keys.clone());
                keys
            }
        };
        let config = config.with_master_keys(keys.clone());
        let config = config.map_err(|error| Error::Keys {
            problem: error.to_string(),
        })?;
        Ok(Secrets {
            config,
            keys: Some(keys),
        })
    }

    /// DES must never use a salt twice with one key. Nothing is stored: the epoch is the time of
    /// the start, which no earlier process can have used.
    fn salts(&self, user: &User) -> Result<Option<DesSaltState>, Error> {
        let uses_des = user.privacy.as_ref().is_some_and(|(protocol, _)| {
            matches!(
                protocol,
                async_snmp::PrivProtocol::Des | async_snmp::PrivProtocol::Des3
            )
        });
        if !uses_des {
            return Ok(None);
        }
        let mut salts = self.salts.lock();
        if let Some(known) = salts.get(user) {
            return Ok(Some(known.clone()));
        }
        let problem = |problem: String| Error::Keys { problem };
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let epoch = u32::try_from(seconds & 0x7fff_fff0).unwrap_or(1).max(1);
        let state = PersistedDesSaltState::new(epoch)
            .and_then(|epoch| DesSaltState::restart(epoch, |_| Ok::<(), io::Error>(())))
            .map_err(|error| problem(error.to_string()))?;
        salts.insert(user.clone(), state.clone());
        Ok(Some(state))
    }
}

fn derive(user: &User) -> Result<MasterKeys, String> {
    let Some((protocol, password)) = &user.auth else {
        return Err("there is no authentication".into());
    };
    let keys =
        MasterKeys::new(*protocol, password.as_bytes()).map_err(|error| error.to_string())?;
    match &user.privacy {
        None => Ok(keys),
        Some((protocol, password)) => keys
            .with_privacy(*protocol, password.as_bytes())
            .map_err(|error| error.to_string()),
    }
}

fn sweep(sessions: &mut HashMap<(SocketAddr, Credential), Arc<Session>>, now: Clock) {
    let idle = |session: &Session| now.saturating_duration_since(session.memory.lock().used);
    sessions.retain(|_, session| idle(session) < IDLE);
    if sessions.len() >= SESSIONS_MAX {
        let mut ages: Vec<Duration> = sessions.values().map(|session| idle(session)).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        let median = *median;
        sessions.retain(|_, session| idle(session) < median);
    }
}
