//! The servers that a worker asks, each as one user sees it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as Gate, OwnedMutexGuard},
    time::{Instant, timeout_at},
};
use utakata_worker_sdk::gates::{Conversation, Gates};

use super::{Credential, Device};
use crate::{connection::Endpoint, place::Place};

/// The number of servers whose connections are kept: one takes some 40 kB.
const KEPT: usize = 4_000;
/// The time after which a server that nobody asks is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

/// The servers that a worker asks. One conversation with each, whoever the user is.
#[derive(Debug, Default)]
pub struct Devices {
    known: Mutex<HashMap<Key, Arc<Gate<Device>>>>,
    gates: Gates,
}

/// A server as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    server: String,
    is_tls: bool,
    credential: Credential,
}

/// The turn of a conversation with a server, which ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    pub device: OwnedMutexGuard<Device>,
    is_kept: bool,
    _turn: Conversation,
}

/// The reason why there is no turn.
#[derive(Debug, PartialEq, Eq)]
pub enum NoTurn {
    /// A sentence about the rule of the credential.
    Credential(String),
    /// Others talked to the server all the time.
    Busy,
}

impl Devices {
    /// Waits for the turn of a conversation.
    ///
    /// # Errors
    /// The rule of the credential cannot be followed, or the server was busy until the deadline.
    pub async fn enter(
        &self,
        place: &Place,
        credential: Credential,
        deadline: Instant,
    ) -> Result<Turn, NoTurn> {
        let device = self.device(place, credential).map_err(NoTurn::Credential)?;
        let server = place.server.to_string();
        let waiting = async {
            let turn = self.gates.enter(&server).await;
            (turn, device.lock_owned().await)
        };
        let waited = timeout_at(deadline, waiting).await;
        let (turn, mut device) = waited.map_err(|_| NoTurn::Busy)?;
        device.begin(deadline);
        Ok(Turn {
            device,
            is_kept: self.known.lock().len() <= KEPT,
            _turn: turn,
        })
    }

    fn device(&self, place: &Place, credential: Credential) -> Result<Arc<Gate<Device>>, String> {
        let key = Key {
            server: place.server.to_string(),
            is_tls: place.is_tls,
            credential,
        };
        let mut known = self.known.lock();
        if let Some(device) = known.get(&key) {
            return Ok(Arc::clone(device));
        }
        if known.len().is_power_of_two() {
            known.retain(|_, device| {
                let idle = device.try_lock().map(|device| device.used.elapsed());
                idle.map_or(true, |idle| idle < FORGOTTEN)
            });
        }
        let trust = match place.is_tls {
            true => Some(key.credential.rule.trust()?),
            false => None,
        };
        let endpoint = Endpoint {
            address: place.server.clone(),
            trust,
        };
        let device = Device::new(endpoint, key.credential.clone());
        let device = Arc::new(Gate::new(device));
        known.insert(key, Arc::clone(&device));
        Ok(device)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_kept {
            self.device.connection = None;
        }
    }
}
