//! GETBULK by SNMPv2c straight on the socket that all clients share.
//!
//! Decoding by the library's client, and moving what it decoded, was a fifth of the processor time
//! of a poll. So the message that nearly all of a poll is made of goes past the client; its socket
//! still matches answers to requests, by request id, version and community.

use async_snmp::{
    Candidate, Community, CommunityResponsePolicy, CommunityVersion, RequestRegistration,
    Transport as _, UdpHandle, transport::alloc_request_id,
};
use tokio::time::Instant;

use super::message::{self, Answer, Names};

/// One target as one community sees it.
pub struct Direct {
    socket: UdpHandle,
    community: Community,
}

impl Direct {
    /// GETBULK to a target.
    pub fn new(socket: UdpHandle, community: &str) -> Self {
        Self {
            socket,
            community: community.into(),
        }
    }

    /// Asks once for the next of the first `singles` names, and the next `rows` of all others,
    /// and waits for the answer until then.
    pub async fn get_bulk(
        &self,
        until: Instant,
        names: &Names,
        singles: usize,
        rows: usize,
    ) -> async_snmp::Result<Answer> {
        let id = alloc_request_id();
        let request = message::get_bulk(id, self.community.as_bytes(), names, singles, rows);
        let registration = RequestRegistration::community(
            id,
            until,
            CommunityVersion::V2c,
            &self.community,
            CommunityResponsePolicy::Exact,
        );
        let accept =
            |bytes, _| Ok(message::parse(bytes, id).map_or(Candidate::Reject, Candidate::Accept));
        self.socket
            .request_with(&request, registration, accept)
            .await
    }
}
