//! Notifications: traps (SNMPv1, v2c, v3) and informs (v2c, v3), opened, understood and answered.
//! Pure: no socket, no clock.
//!
//! Whoever answers informs of SNMPv3 is the authoritative engine (RFC 3414, section 1.5.1). Ours
//! has no state, so that any worker of any release answers alike: its id is made of the receiver's
//! name, it never boots again, and its time is that of the clock.

mod event;
mod names;
mod v3;

use async_snmp::{
    DesSaltState, Pdu, PduType, ResponsePdu, Version,
    message::{CommunityMessage, CommunityPdu},
};
use bytes::Bytes;

pub use event::Event;
pub use names::Names;
pub use v3::Engine;

use crate::session::Secrets;

/// A user whose messages can be opened.
#[derive(Clone)]
pub struct User {
    pub secrets: Secrets,
    /// The salt with which DES encrypts a reply.
    pub salts: Option<DesSaltState>,
}

/// A datagram, as far as it could be opened.
#[derive(Debug)]
pub enum Opened {
    /// A notification, and the reply if it is an inform.
    Event {
        event: Event,
        reply: Option<Vec<u8>>,
    },
    /// A question for our identity, with the reply.
    Question { reply: Vec<u8> },
    /// A message that only another user can open.
    Sealed { sender: Bytes, problem: String },
}

/// Opens a datagram. Errors: the reason why it is no notification.
pub fn open(
    bytes: &Bytes,
    user: Option<&User>,
    engine: &Engine,
    names: &Names,
) -> Result<Opened, String> {
    let decode = async_snmp::DecodeConfig::DEFAULT;
    match crate::session::message::version(bytes) {
        Some(0 | 1) => {
            let message = CommunityMessage::decode(bytes.clone(), decode);
            let message = message.map_err(|error| error.to_string())?.value;
            by_community(message, names)
        }
        Some(3) => v3::open(bytes, user, engine, names),
        _ => Err("it is not a message of SNMP".into()),
    }
}

fn by_community(message: CommunityMessage, names: &Names) -> Result<Opened, String> {
    let (version, community, pdu) = message.into_parts();
    let pdu = match pdu {
        CommunityPdu::TrapV1(trap) => {
            let event = Event::of_v1(&trap, names)?;
            return Ok(Opened::Event { event, reply: None });
        }
        CommunityPdu::Standard(pdu) => pdu,
    };
    let event = Event::of(&pdu, names)?;
    let reply = match pdu.pdu_type() {
        PduType::InformRequest => {
            // There is none in SNMPv1.
            let reply = response(version, pdu)
                .and_then(|reply| CommunityMessage::v2c(community, reply))
                .and_then(|reply| reply.encode());
            Some(reply.map_err(|error| error.to_string())?.to_vec())
        }
        _ => None,
    };
    Ok(Opened::Event { event, reply })
}

/// Returns the response to an inform: its request id and its bindings (RFC 3416, section 4.2.7).
fn response(version: Version, inform: Pdu) -> async_snmp::Result<Pdu> {
    let (id, _, bindings) = inform.into_raw_parts();
    ResponsePdu::success(version, id, bindings).map(ResponsePdu::into_raw)
}

#[cfg(test)]
mod tests;
