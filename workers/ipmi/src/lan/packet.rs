//! Packets of RMCP+: payloads, bare while a session is opened, signed and hidden within it.

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};

use super::crypto::Keys;

/// The head of RMCP: version 6, no acknowledgement, class IPMI.
const RMCP: [u8; 4] = [6, 0, 0xff, 7];
/// The format of RMCP+ in the place of an authentication type.
const FORMAT: u8 = 6;
const HIDDEN: u8 = 0x80;
const SIGNED: u8 = 0x40;
/// The byte after a payload that says that a proof follows.
const NEXT: u8 = 7;
/// The size of a block of AES.
const BLOCK: usize = 16;

/// The content of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Message = 0x00,
    OpenRequest = 0x10,
    OpenAnswer = 0x11,
    Rakp1 = 0x12,
    Rakp2 = 0x13,
    Rakp3 = 0x14,
    Rakp4 = 0x15,
}

/// A packet of RMCP+, without its proof and its padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub payload: Payload,
    /// The identifier of the session at the other side, and the number of the packet within it.
    pub session: u32,
    pub number: u32,
    pub data: Vec<u8>,
}

/// The secrets that hide a packet: the keys of its session, and an initial vector that is used once.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'a> {
    pub keys: &'a Keys,
    pub vector: [u8; BLOCK],
}

/// The error for bytes that are no packet of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is no packet of RMCP+")]
    Form,
    #[error("its proof is wrong")]
    Proof,
}

impl Payload {
    fn of(number: u8) -> Option<Self> {
        let all = [
            Self::Message,
            Self::OpenRequest,
            Self::OpenAnswer,
            Self::Rakp1,
            Self::Rakp2,
            Self::Rakp3,
            Self::Rakp4,
        ];
        all.into_iter().find(|one| *one as u8 == number)
    }
}

impl Packet {
    /// The bytes of the packet. `None` for what hides it: as it is while a session is opened.
    pub fn encode(&self, secrets: Option<&Secrets<'_>>) -> Vec<u8> {
        let (flags, data) = match secrets {
            None => (0, self.data.clone()),
            Some(secrets) => (HIDDEN | SIGNED, hide(&self.data, secrets)),
        };
        let mut bytes = RMCP.to_vec();
        let start = bytes.len();
        bytes.extend([FORMAT, self.payload as u8 | flags]);
        bytes.extend(self.session.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_le_bytes());
        bytes.extend(data);
        if let Some(secrets) = secrets {
            // What is signed is a multiple of 4 bytes, with the two after the padding.
            let signed = bytes.len() - start + 2;
            let padding = signed.next_multiple_of(4) - signed;
            bytes.extend(std::iter::repeat_n(0xff, padding));
            bytes.extend([u8::try_from(padding).unwrap_or(0), NEXT]);
            let proof = secrets
                .keys
                .signature(bytes.get(start..).unwrap_or_default());
            bytes.extend(proof);
        }
        bytes
    }

    /// Reads a packet. `keys` are those of its session, if there is one already.
    ///
    /// # Errors
    /// It is none, or none of the session.
    pub fn decode(bytes: &[u8], keys: Option<&Keys>) -> Result<Self, Malformed> {
        let rest = bytes.strip_prefix(&RMCP).ok_or(Malformed::Form)?;
        let (head, after) = rest.split_first_chunk::<12>().ok_or(Malformed::Form)?;
        let [format, kind, s0, s1, s2, s3, n0, n1, n2, n3, l0, l1] = *head;
        if format != FORMAT {
            return Err(Malformed::Form);
        }
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let (data, trailer) = after.split_at_checked(length).ok_or(Malformed::Form)?;
        let payload = Payload::of(kind & 0x3f).ok_or(Malformed::Form)?;
        let data = match keys {
            None if kind & (HIDDEN | SIGNED) != 0 => return Err(Malformed::Proof),
            None => data.to_vec(),
            // Within a session nothing is believed that has no proof.
            Some(_) if kind & SIGNED == 0 => return Err(Malformed::Proof),
            Some(keys) => {
                let end = rest.len() - trailer.len();
                let length = keys.suite.signature_length();
                let signed = trailer.len().checked_sub(length).ok_or(Malformed::Proof)?;
                let (signed, proof) = rest
                    .split_at_checked(end + signed)
                    .ok_or(Malformed::Proof)?;
                if !is_same(&keys.signature(signed), proof) {
                    return Err(Malformed::Proof);
                }
                match kind & HIDDEN {
                    0 => data.to_vec(),
                    _ => show(data, keys).ok_or(Malformed::Form)?,
                }
            }
        };
        Ok(Self {
            payload,
            session: u32::from_le_bytes([s0, s1, s2, s3]),
            number: u32::from_le_bytes([n0, n1, n2, n3]),
            data,
        })
    }
}

/// Compares two proofs in a time that does not depend on where they differ.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differing == 0
}

fn hide(data: &[u8], secrets: &Secrets<'_>) -> Vec<u8> {
    let mut text = data.to_vec();
    let padding = (text.len() + 1).next_multiple_of(BLOCK) - (text.len() + 1);
    // The padding counts: 1, 2, 3, and then says how long it was.
    text.extend((1..=padding).map(|number| u8::try_from(number).unwrap_or(0)));
    text.push(u8::try_from(padding).unwrap_or(0));
    let length = text.len();
    let key = secrets.keys.confidentiality();
    let cipher = cbc::Encryptor::<Aes128>::new(key.into(), (&secrets.vector).into());
    let hidden = cipher.encrypt_padded::<NoPadding>(&mut text, length);
    let mut bytes = secrets.vector.to_vec();
    bytes.extend(hidden.unwrap_or_default());
    bytes
}

fn show(data: &[u8], keys: &Keys) -> Option<Vec<u8>> {
    let (vector, text) = data.split_first_chunk::<BLOCK>()?;
    let mut text = text.to_vec();
    let cipher = cbc::Decryptor::<Aes128>::new(keys.confidentiality().into(), vector.into());
    let shown = cipher.decrypt_padded::<NoPadding>(&mut text).ok()?;
    let (padding, shown) = shown.split_last()?;
    let length = shown.len().checked_sub(usize::from(*padding))?;
    Some(shown.get(..length)?.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lan::{Rakp, Suite};

    fn keys(suite: Suite) -> Keys {
        let rakp = Rakp {
            suite,
            console: 1,
            bmc: 2,
            console_random: [3; 16],
            bmc_random: [4; 16],
            guid: [5; 16],
            role: 0x14,
            user: b"admin".to_vec(),
        };
        rakp.keys(b"secret")
    }

    proptest! {
        #[test]
        fn what_is_hidden_is_shown_again(
            data in proptest::collection::vec(any::<u8>(), 0..300),
            vector: [u8; 16],
            number: u32,
            is_newer: bool,
        ) {
            let keys = keys(if is_newer { Suite::Sha256 } else { Suite::Sha1 });
            let packet = Packet { payload: Payload::Message, session: 7, number, data };
            let bytes = packet.encode(Some(&Secrets { keys: &keys, vector }));
            prop_assert_eq!((bytes.len() - 4 - keys.suite.signature_length()) % 4, 0);
            prop_assert_eq!(Packet::decode(&bytes, Some(&keys)), Ok(packet));
        }

        #[test]
        fn a_changed_byte_is_seen(at in 0_usize..60, bit in 0_u32..8) {
            let keys = keys(Suite::Sha1);
            let packet =
                Packet { payload: Payload::Message, session: 7, number: 1, data: vec![9; 7] };
            let mut bytes = packet.encode(Some(&Secrets { keys: &keys, vector: [1; 16] }));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(Packet::decode(&bytes, Some(&keys)).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut packet = RMCP.to_vec();
            packet.extend(bytes);
            let _ = Packet::decode(&packet, None);
            let _ = Packet::decode(&packet, Some(&keys(Suite::Sha256)));
        }
    }

    #[test]
    fn nothing_without_a_proof_is_believed_within_a_session() {
        let packet = Packet {
            payload: Payload::Message,
            session: 7,
            number: 1,
            data: vec![1, 2, 3],
        };
        let bare = packet.encode(None);
        assert_eq!(Packet::decode(&bare, None), Ok(packet));
        let keys = keys(Suite::Sha256);
        assert_eq!(Packet::decode(&bare, Some(&keys)), Err(Malformed::Proof));
    }
}
