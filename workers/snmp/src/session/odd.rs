//! The oddity of a message that arrived in place of an answer. Pure.

use std::fmt;

use super::message::{self, Envelope};

const RESPONSE: u8 = 0xa2;

/// The fields that an answer must have.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its version, as on the wire.
    pub version: i32,
    /// Its community, for v1 and v2c.
    pub community: Option<&'a [u8]>,
}

/// The way in which a message is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Odd {
    NoSnmp,
    /// It has another version.
    Version(i32),
    NoResponse(u8),
    /// It has another community.
    Community,
    /// It answers something that was never requested.
    Id,
    /// It breaks off before its content.
    Cut,
    /// Nothing proves that it comes from the device.
    Unproven,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSnmp => f.write_str("answers with something that is not SNMP: check the port"),
            Self::Version(version) => write!(
                f,
                "answers, but in SNMP{}: set this version in the credential",
                match version {
                    0 => "v1",
                    1 => "v2c",
                    _ => "v3",
                }
            ),
            Self::NoResponse(pdu) => {
                write!(f, "answers with a message that is no response ({pdu:#04x})")
            }
            Self::Community => f.write_str("answers with another community than it was asked with"),
            Self::Id => f.write_str(
                "answers with another request id than it was asked with, so that nobody knows \
                 what is answered",
            ),
            Self::Cut => f.write_str("answers with a message that breaks off before its content"),
            Self::Unproven => f.write_str(
                "answers, but not with the keys of this credential: check its user, its passwords \
                 and its protocols",
            ),
        }
    }
}

/// Returns how a message is odd. `None` if it is only late. `is_known`: its id belongs to a recent
/// request.
pub fn of(bytes: &[u8], expected: &Expected<'_>, is_known: bool) -> Option<Odd> {
    let Some(Envelope {
        version,
        community,
        pdu,
        ..
    }) = message::envelope(bytes)
    else {
        return Some(match bytes {
            [0x30, ..] => Odd::Cut,
            _ => Odd::NoSnmp,
        });
    };
    let is_of_community = version != 3;
    if version != expected.version {
        return Some(Odd::Version(version));
    }
    if is_of_community && pdu != RESPONSE {
        return Some(Odd::NoResponse(pdu));
    }
    if !is_known {
        return Some(Odd::Id);
    }
    if is_of_community && expected.community.is_some_and(|own| own != community) {
        return Some(Odd::Community);
    }
    (is_of_community && message::parse(bytes.to_vec().into()).is_none()).then_some(Odd::Cut)
}

#[cfg(test)]
mod tests {
    use async_snmp::{CommunityVersion, Oid};

    use super::*;
    use crate::session::message::{Names, PduKind, request};

    fn response(version: CommunityVersion, community: &[u8], id: i32) -> Vec<u8> {
        let names = Names::of([&Oid::parse("1.3.6.1").unwrap()]).unwrap();
        let mut bytes = request(id, version, community, &PduKind::Get, &names).unwrap();
        let at = bytes.iter().position(|byte| *byte == 0xa0).unwrap();
        bytes[at] = RESPONSE;
        bytes
    }

    #[test]
    fn what_is_odd_about_an_answer_is_reported() {
        let expected = Expected {
            version: 1,
            community: Some(b"public"),
        };
        let good = response(CommunityVersion::V2c, b"public", 7);
        let mut request = good.clone();
        request[13] = 0xa0;
        for (bytes, is_known, odd) in [
            (good.clone(), true, None),
            (good.clone(), false, Some(Odd::Id)),
            (good[..9].to_vec(), false, Some(Odd::Cut)),
            (b"HTTP/1.1 400".to_vec(), false, Some(Odd::NoSnmp)),
            (
                response(CommunityVersion::V1, b"public", 7),
                true,
                Some(Odd::Version(0)),
            ),
            (
                response(CommunityVersion::V2c, b"", 7),
                true,
                Some(Odd::Community),
            ),
            (request, true, Some(Odd::NoResponse(0xa0))),
        ] {
            assert_eq!(of(&bytes, &expected, is_known), odd, "{bytes:02x?}");
        }
    }
}
