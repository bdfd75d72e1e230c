//! Packets: RMCP, IPMI 1.5 outside of sessions, and RMCP+ (IPMI 2.0, 13.1 to 13.6). Pure.

use super::secret::{BLOCK, Keys};

/// The head of RMCP: version 6, no acknowledgement; then the class.
const RMCP: [u8; 3] = [6, 0, 0xff];
const ASF: u8 = 6;
const IPMI: u8 = 7;
/// The enterprise number of ASF, and the types of its messages.
const ASF_NUMBER: [u8; 4] = [0, 0, 0x11, 0xbe];
const PING: u8 = 0x80;
const PONG: u8 = 0x40;
/// The format of RMCP+ in the place of an authentication type.
const PLUS: u8 = 6;
const HIDDEN: u8 = 0x80;
const SIGNED: u8 = 0x40;
/// The byte after the padding that says that a proof follows.
const NEXT: u8 = 7;

/// The types of payloads.
pub const MESSAGE: u8 = 0x00;
pub const OPEN: u8 = 0x10;
pub const RAKP_1: u8 = 0x12;
pub const RAKP_3: u8 = 0x14;

/// A packet that was received.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Somebody asks whether there is anything, with a tag.
    Ping(u8),
    /// A message outside of any session, in the format of IPMI 1.5.
    Bare(&'a [u8]),
    Plus(Plus<'a>),
}

/// A packet of RMCP+.
#[derive(Debug, PartialEq, Eq)]
pub struct Plus<'a> {
    pub payload: u8,
    is_hidden: bool,
    is_signed: bool,
    /// The identifier of the session, 0 outside of any.
    pub session: u32,
    pub number: u32,
    pub data: &'a [u8],
    /// The bytes that may be proven, with the proof.
    whole: &'a [u8],
}

/// Reads a packet. `None`: it is none.
pub fn decode(bytes: &[u8]) -> Option<Packet<'_>> {
    let [6, _, _, class, rest @ ..] = bytes else {
        return None;
    };
    match (*class, rest) {
        (ASF, [a, b, c, d, PING, tag, ..]) if [*a, *b, *c, *d] == ASF_NUMBER => {
            Some(Packet::Ping(*tag))
        }
        // No authentication, any number, no session.
        (IPMI, [0, _, _, _, _, 0, 0, 0, 0, length, message @ ..]) => {
            Some(Packet::Bare(message.get(..usize::from(*length))?))
        }
        (
            IPMI,
            [
                PLUS,
                kind,
                s0,
                s1,
                s2,
                s3,
                n0,
                n1,
                n2,
                n3,
                l0,
                l1,
                after @ ..,
            ],
        ) => {
            let length = usize::from(u16::from_le_bytes([*l0, *l1]));
            Some(Packet::Plus(Plus {
                payload: kind & 0x3f,
                is_hidden: kind & HIDDEN != 0,
                is_signed: kind & SIGNED != 0,
                session: u32::from_le_bytes([*s0, *s1, *s2, *s3]),
                number: u32::from_le_bytes([*n0, *n1, *n2, *n3]),
                data: after.get(..length)?,
                whole: rest,
            }))
        }
        _ => None,
    }
}

impl Plus<'_> {
    /// Returns what a packet of a session says. `None`: it has no proof, or a wrong one.
    pub fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let length = keys.suite().proof_length();
        let signed = self.whole.len().checked_sub(length)?;
        let (signed, proof) = self.whole.split_at_checked(signed)?;
        if !self.is_signed || keys.proof(signed) != proof {
            return None;
        }
        match self.is_hidden {
            true => keys.show(self.data),
            false => Some(self.data.to_vec()),
        }
    }
}

/// Answers a ping: there is something that speaks IPMI.
pub fn pong(tag: u8) -> Vec<u8> {
    let mut bytes = RMCP.to_vec();
    bytes.push(ASF);
    bytes.extend(ASF_NUMBER);
    bytes.extend([PONG, tag, 0, 16]);
    bytes.extend(ASF_NUMBER);
    bytes.extend([0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// Returns a packet of IPMI 1.5 outside of any session.
pub fn bare(message: &[u8]) -> Vec<u8> {
    let mut bytes = RMCP.to_vec();
    bytes.extend([IPMI, 0, 0, 0, 0, 0, 0, 0, 0, 0, message.len() as u8]);
    bytes.extend(message);
    bytes
}

/// Returns a packet of RMCP+ outside of any session.
pub fn opening(payload: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = RMCP.to_vec();
    bytes.push(IPMI);
    bytes.extend(head(payload, 0, 0, data.len()));
    bytes.extend(data);
    bytes
}

/// Returns a packet of a session, hidden and signed.
pub fn within(
    keys: &Keys,
    (session, number): (u32, u32),
    message: &[u8],
    vector: [u8; BLOCK],
) -> Vec<u8> {
    let hidden = keys.hide(message, vector);
    let mut signed = head(MESSAGE | HIDDEN | SIGNED, session, number, hidden.len());
    signed.extend(hidden);
    // What is signed is a multiple of 4 bytes, with the two after the padding.
    let padding = (signed.len() + 2).next_multiple_of(4) - (signed.len() + 2);
    signed.extend(std::iter::repeat_n(0xff, padding));
    signed.extend([padding as u8, NEXT]);
    let proof = keys.proof(&signed);
    let mut bytes = RMCP.to_vec();
    bytes.push(IPMI);
    bytes.extend(signed);
    bytes.extend(proof);
    bytes
}

fn head(kind: u8, session: u32, number: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![PLUS, kind];
    bytes.extend(session.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend((length as u16).to_le_bytes());
    bytes
}
