//! The addresses of logic environments, as they are in the store: each with a proof that one of the
//! site has written it. Tokens are sent there, and whoever may write to a database has no business
//! with them.

use std::sync::Arc;

use serde_json::json;

use crate::{
    clock,
    duties::Unfit,
    secrets::Secrets,
    store::{Held, Member},
};

/// The purpose of the proof, so that it counts for no other.
const PURPOSE: &str = "logic environment address";

/// What proves addresses, and checks them.
#[derive(Clone)]
pub struct Addresses {
    secrets: Arc<Secrets>,
    /// True if only addresses with TLS count.
    needs_tls: bool,
}

impl Addresses {
    /// Creates it with the keys of the site.
    pub fn new(secrets: Arc<Secrets>, needs_tls: bool) -> Self {
        Self { secrets, needs_tls }
    }

    /// Returns the proof that this one has that address; empty if the key is not here.
    pub(super) fn prove(&self, by: &Member, address: &str) -> String {
        let signed = self.secrets.state(PURPOSE, said(by, address), clock::now());
        let text = signed.and_then(|signed| String::from_utf8(signed).ok());
        text.unwrap_or_default()
    }

    /// Checks that tokens may be sent to the address of a holder.
    ///
    /// # Errors
    /// They may not.
    pub(super) fn check(&self, held: &Held) -> Result<(), Unfit> {
        let stated = self.secrets.stated(PURPOSE, held.proof.as_bytes());
        if stated.is_none_or(|stated| stated != said(&held.by, &held.address)) {
            return Err(Unfit::Unproven);
        }
        match self.needs_tls && !held.address.starts_with("https://") {
            true => Err(Unfit::Clear),
            false => Ok(()),
        }
    }
}

fn said(by: &Member, address: &str) -> Vec<u8> {
    let said = json!({
        "environment": by.environment, "incarnation": by.incarnation, "address": address,
    });
    said.to_string().into_bytes()
}
