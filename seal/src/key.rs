//! A key of the site.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Error,
    aead::{self, KEY_LEN, KeyBytes},
};

/// The first word of a key's text, with the version of its form.
const WORD: &str = "utakata-site-key-1";

/// The name of a key: a digest of it, so that no two keys share one and nobody chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// A key of the site. `Debug` shows its name alone; its bytes are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteKey {
    id: KeyId,
    pub(crate) bytes: KeyBytes,
}

impl KeyId {
    fn of(bytes: &KeyBytes) -> Self {
        let named = [b"utakata site key\0".as_slice(), bytes.as_slice()].concat();
        let digest = digest(&SHA256, &Zeroizing::new(named));
        let digits = digest.as_ref().iter().take(8);
        Self(digits.map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SiteKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<Self, Error> {
        aead::draw().map(Self::new).map_err(|_| Error::Chance)
    }

    fn new(bytes: KeyBytes) -> Self {
        let id = KeyId::of(&bytes);
        Self { id, bytes }
    }

    /// Returns the name of the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the key as a line of a file.
    pub fn to_line(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{WORD} {} {}", self.id, *self.to_base64()))
    }

    /// Returns the key in base64, as whatever wraps it takes it.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes.as_slice()))
    }

    /// Reads a key in base64.
    ///
    /// # Errors
    /// It is no key. The reason has nothing of it.
    pub fn from_base64(digits: &str) -> Result<Self, &'static str> {
        let decoded = STANDARD.decode(digits).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| "the key is not base64")?;
        let bytes: [u8; KEY_LEN] = decoded
            .as_slice()
            .try_into()
            .map_err(|_| "the key does not have 32 bytes")?;
        Ok(Self::new(Zeroizing::new(bytes)))
    }

    /// Reads a line of a file: as [`SiteKey::to_line`] writes it, or 32 bytes in base64 alone, as
    /// other tools make them.
    pub(crate) fn from_line(line: &str) -> Result<Self, &'static str> {
        let mut words = line.split_whitespace();
        let (first, id, digits) = (words.next(), words.next(), words.next());
        let (id, digits) = match (first, id, digits, words.next()) {
            (Some(WORD), Some(id), Some(digits), None) => (Some(id), digits),
            (Some(WORD), ..) => {
                return Err("it must have a name and a key behind utakata-site-key-1");
            }
            (Some(digits), None, None, None) => (None, digits),
            _ => return Err("it does not begin with utakata-site-key-1"),
        };
        let key = Self::from_base64(digits)?;
        // A typing error in a key that was copied by hand is found before anything is sealed.
        match id.is_none_or(|id| key.id.0 == id) {
            true => Ok(key),
            false => Err("the key is not the one that its name says: a character differs"),
        }
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteKey({})", self.id)
    }
}
