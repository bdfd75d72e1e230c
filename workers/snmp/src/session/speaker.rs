//! The conversation with one target under one credential: one request, one answer.

use async_snmp::{Community, CommunityVersion};
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Error,
    handle::{Handle, Unexpected, Verdict},
    message::{self, Answer, Names, PduKind},
    odd::Expected,
    user::Speaker as User,
};

/// The protocol used with a target.
pub enum Speaker {
    /// SNMPv1 or v2c.
    Community(ByCommunity),
    /// SNMPv3.
    User(User),
}

/// SNMPv1 or v2c with a community.
pub struct ByCommunity {
    handle: Handle,
    version: CommunityVersion,
    community: Community,
}

impl Speaker {
    /// Creates a speaker with a community.
    pub fn of_community(handle: Handle, version: CommunityVersion, community: &str) -> Self {
        Self::Community(ByCommunity {
            handle,
            version,
            community: community.into(),
        })
    }

    /// Sends the request once, and waits for the answer until a deadline. `try_` counts the earlier
    /// tries.
    pub async fn ask(
        &self,
        until: Instant,
        try_: u32,
        operation: &PduKind,
        names: &Names,
    ) -> Result<Answer, Error> {
        match self {
            Self::Community(community) => community.ask(until, operation, names).await,
            // Most of the future is the library's, and large.
            Self::User(user) => Box::pin(user.ask(until, try_, operation, names)).await,
        }
    }

    /// Takes the last message since a time that the target sent and that was not an answer.
    pub fn take_unexpected(&self, since: Option<Instant>) -> Option<Unexpected> {
        match self {
            Self::Community(ByCommunity {
                handle,
                version,
                community,
            }) => {
                let expected = Expected {
                    version: message::number_of(*version),
                    community: Some(community.as_bytes()),
                };
                handle.take_unexpected(since, &expected)
            }
            Self::User(user) => user.handle().take_unexpected(
                since,
                &Expected {
                    version: 3,
                    community: None,
                },
            ),
        }
    }
}

impl ByCommunity {
    async fn ask(
        &self,
        until: Instant,
        operation: &PduKind,
        names: &Names,
    ) -> Result<Answer, Error> {
        let community = self.community.as_bytes();
        let version = message::number_of(self.version);
        let request = |id| message::request(id, self.version, community, operation, names);
        let judge = |bytes: Bytes, is_from_target: bool| {
            let Some(envelope) = message::envelope(&bytes) else {
                return Verdict::Other;
            };
            if envelope.version != version {
                return Verdict::Other;
            }
            // Some agents answer with an empty community, or with that of another view. A sender
            // that knows our id and the address of the target knows as much as one that repeats the
            // community, which travels in clear text.
            if envelope.community != community && !is_from_target {
                return Verdict::Other;
            }
            match message::parse(bytes) {
                Some(answer) => Verdict::Answer(answer),
                None => Verdict::Other,
            }
        };
        self.handle.exchange(until, request, judge).await
    }
}
