//! Signatures of messages between hosts: added where one leaves, and taken away where it arrives.
//!
//! Brokers are not trusted: what commands counts if the logic environment has signed it, and what an
//! environment reports if that environment has. Whose keys these are is known to the two sides
//! ([`Signatures`]). Within one process, and over a hub, nothing is signed: nothing crosses a network.
//!
//! A message that comes twice counts twice: brokers deliver again, and what they carry is made for that
//! (permits, numbers, revisions).
//!
//! Readings are not signed, because each is a message of its own, nor are tasks that only read.

use std::{borrow::Cow, fmt};

use thiserror::Error;
use utakata_model::{EnvironmentId, Kind, Zone};

use crate::{events::Event, topic::Topic};

/// The signatures of a process.
pub trait Signatures: fmt::Debug + Send + Sync + 'static {
    /// Signs a message for a place.
    fn sign(&self, place: &str, message: Vec<u8>) -> Vec<u8>;

    /// Returns an event without its signature, with its sender.
    ///
    /// # Errors
    /// It does not count.
    fn admit_event<'p>(&self, topic: &Topic, payload: &'p [u8]) -> Result<Admitted<'p>, Distrust>;

    /// Checks that an event may come from its sender, whose topic was looked at before.
    ///
    /// # Errors
    /// It does not count.
    fn check_event(&self, sender: &Sender, event: &Event) -> Result<(), Distrust>;

    /// Returns tasks of control without their signature.
    ///
    /// # Errors
    /// They do not count.
    fn admit_tasks<'p>(&self, place: &str, payload: &'p [u8]) -> Result<Cow<'p, [u8]>, Distrust>;

    /// Hears of a message that did not count.
    fn distrust(&self, place: &str, reason: &Distrust);
}

/// A message that may count.
#[derive(Debug)]
pub struct Admitted<'p> {
    pub message: Cow<'p, [u8]>,
    pub sender: Sender,
}

/// The sender of a message, as far as its signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Nobody has signed it, and nobody has to.
    Anybody,
    /// The logic environment.
    Site,
    /// An accepted environment.
    Environment(EnvironmentId),
    /// Somebody whose signature is right, and whose key is not known. Only what says who that is
    /// may come from them: the status of a new environment, the certificate of the site.
    Stranger(String),
}

/// The reason why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Distrust {
    #[error("it is not signed")]
    Unsigned,
    #[error("its signature is wrong: it was altered, or is for another place")]
    Wrong,
    #[error("the key that signed it is not one that counts there")]
    Unknown,
    #[error("its signer speaks for another zone or environment")]
    Elsewhere,
    /// Nothing is known yet by which to tell. It is not reported: all that counts is repeated.
    #[error("it came before this process knew whom to trust")]
    Early,
}

/// Returns the place of tasks of control.
pub fn control(zone: &Zone, kind: &Kind) -> String {
    format!("tasks/{zone}/{kind}/control")
}
