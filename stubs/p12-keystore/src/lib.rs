//! In place of the crate of that name, which lapin needs for certificates in PKCS#12 files.
//!
//! Our certificates are PEM files, and never those. The crate itself would have some forty others
//! compiled, with a second version of most of what is cryptography; this one refuses each file.

use std::{error::Error, fmt};

/// A key store, of which there is none.
pub enum KeyStore {}

/// The keys of a store, of which there is none.
pub enum PrivateKeyChain {}

/// A certificate of a store, of which there is none.
pub enum Certificate {}

/// Says that the file is refused.
#[derive(Debug)]
pub struct Refused;

impl KeyStore {
    /// Refuses the file.
    ///
    /// # Errors
    /// Always.
    pub fn from_pkcs12(_: &[u8], _: &str) -> Result<Self, Refused> {
        Err(Refused)
    }

    /// Never called: nothing here holds a key store.
    pub fn private_key_chain(&self) -> Option<(&str, &PrivateKeyChain)> {
        match *self {}
    }
}

impl PrivateKeyChain {
    /// Never called: nothing here holds a key store.
    pub fn chain(&self) -> &[Certificate] {
        match *self {}
    }

    /// Never called: nothing here holds a key store.
    pub fn key(&self) -> &[u8] {
        match *self {}
    }
}

impl Certificate {
    /// Never called: nothing here holds a key store.
    pub fn as_der(&self) -> &[u8] {
        match *self {}
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("certificates in PKCS#12 files are not read: give them as PEM")
    }
}

impl Error for Refused {}
