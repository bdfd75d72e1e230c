//! The decision whether a host key is the right one. Before it, nothing of the user is sent.

use std::sync::Arc;

use parking_lot::Mutex;
use russh::{
    client,
    keys::{HashAlg, PublicKeyOrCertificate},
};

/// The reason why there is no conversation.
#[derive(Debug)]
pub enum Refusal {
    OtherKey { found: String, expected: String },
    UnknownKey { found: String },
    Library(russh::Error),
}

/// Decides about the key of one host.
pub struct Handler {
    expected: Option<String>,
    /// True if any key is the right one.
    takes_any: bool,
    shown: Arc<Mutex<Option<String>>>,
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Library(error)
    }
}

impl Handler {
    /// Creates a handler, and the place where it leaves the fingerprint that it was shown.
    pub fn new(expected: Option<String>, takes_any: bool) -> (Self, Arc<Mutex<Option<String>>>) {
        let shown = Arc::default();
        let handler = Self {
            expected,
            takes_any,
            shown: Arc::clone(&shown),
        };
        (handler, shown)
    }
}

impl client::Handler for Handler {
    type Error = Refusal;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        // Certificates are not offered to the host, so it has no reason to show one.
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Ok(false);
        };
        let found = key.fingerprint(HashAlg::Sha256).to_string();
        *self.shown.lock() = Some(found.clone());
        match &self.expected {
            _ if self.takes_any => Ok(true),
            Some(expected) if *expected == found => Ok(true),
            Some(expected) => Err(Refusal::OtherKey {
                found,
                expected: expected.clone(),
            }),
            None => Err(Refusal::UnknownKey { found }),
        }
    }
}
