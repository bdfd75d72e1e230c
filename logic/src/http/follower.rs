//! Followers outside HTTP, such as clients of the embedded MQTT broker: they show a token, too.

use std::net::IpAddr;

use utakata_model::{Verb, target::Secret};

use super::auth::is_same;
use crate::{
    Handle, clock,
    people::{Identity, NoIdentity},
    rights::Object,
    token::TokenHash,
};

/// Decides by tokens who may follow everything. Cheap to clone.
#[derive(Clone)]
pub struct Followers {
    handle: Handle,
    /// The token of admin.
    token: Secret,
}

impl Followers {
    /// Creates it with the token of admin.
    pub fn new(handle: Handle, token: Secret) -> Self {
        Self { handle, token }
    }

    /// Returns true if whoever has a token may see everything. Many wrong tokens from one address
    /// are answered ever later.
    pub async fn admit(&self, token: &str, from: IpAddr) -> bool {
        let people = self.handle.people();
        match self.identity(token, || people.find(token, clock::now())) {
            Ok(identity) => sees_everything(&identity),
            Err(_) => {
                let consequence = people.wrong_tokens().note(Some(from), clock::now());
                if let Some(times) = consequence.log {
                    tracing::warn!(%from, times, "MQTT clients with a token that is not valid");
                }
                tokio::time::sleep(consequence.delay).await;
                false
            }
        }
    }

    /// Returns true as long as whoever has a token may see everything.
    pub fn keep(&self, token: &str) -> bool {
        let people = self.handle.people();
        let again = || people.find_again(&TokenHash::of(token), clock::now());
        self.identity(token, again)
            .is_ok_and(|identity| sees_everything(&identity))
    }

    fn identity(
        &self,
        token: &str,
        found: impl FnOnce() -> Result<Identity, NoIdentity>,
    ) -> Result<Identity, NoIdentity> {
        match is_same(token.as_bytes(), self.token.reveal().as_bytes()) {
            true => Ok(Identity::admin()),
            false => found(),
        }
    }
}

fn sees_everything(identity: &Identity) -> bool {
    let may = |verb| identity.rights.allow(verb, Object::Site);
    may(Verb::See) || may(Verb::Metrics)
}
