//! Followers outside HTTP, such as clients of the embedded MQTT broker: they show a token, too.

use std::net::IpAddr;

use utakata_model::{Verb, target::Secret};

use crate::{
    Handle, clock,
    people::{Identity, NoIdentity},
    rights::Object,
    token::TokenHash,
    token::is_same,
};

/// What somebody may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Everything,
    /// What whoever may read metrics sees of the site by the API, too.
    Readings,
}

/// Decides by tokens who may follow what. Cheap to clone.
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

    /// Returns what whoever has a token may follow. Many wrong tokens from one address are answered
    /// ever later.
    pub async fn admit(&self, token: &str, from: IpAddr) -> Option<Seen> {
        let people = self.handle.people();
        match self.identity(token, || people.find(token, clock::now())) {
            Ok(identity) => seen(&identity),
            Err(_) => {
                let consequence = people.wrong_tokens().note(Some(from), clock::now());
                if let Some(times) = consequence.log {
                    tracing::warn!(%from, times, "MQTT clients with a token that is not valid");
                }
                tokio::time::sleep(consequence.delay).await;
                None
            }
        }
    }

    /// Returns what whoever has a token may follow now.
    pub fn keep(&self, token: &str) -> Option<Seen> {
        let people = self.handle.people();
        let again = || people.find_again(&TokenHash::of(token), clock::now());
        seen(&self.identity(token, again).ok()?)
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

fn seen(identity: &Identity) -> Option<Seen> {
    let may = |verb| identity.rights.allow(verb, Object::Site);
    match (may(Verb::See), may(Verb::Metrics)) {
        (true, _) => Some(Seen::Everything),
        (false, true) => Some(Seen::Readings),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;
    use utakata_model::PersonName;

    use super::*;
    use crate::rights::Rights;

    #[test]
    fn whoever_may_only_read_metrics_follows_readings_alone() {
        for (role, selector, expect) in [
            ("viewer", "", Some(Seen::Everything)),
            ("metrics", "", Some(Seen::Readings)),
            ("viewer", "rack=A1", None),
            ("metrics", "rack=A1", None),
        ] {
            let binding = json!({
                "name": "b", "who": "ana", "role": role, "selector": selector, "by": "sec",
                "made": Timestamp::UNIX_EPOCH,
            });
            let binding = serde_json::from_value(binding).unwrap();
            let identity = Identity {
                name: PersonName::new("ana").unwrap(),
                rights: Arc::new(Rights::of(vec![Arc::new(binding)])),
                token: None,
            };
            assert_eq!(seen(&identity), expect, "{role} {selector}");
        }
    }
}
