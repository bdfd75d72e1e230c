//! The secrets of a session: RAKP, and the keys that follow from it (IPMI 2.0, 13.20 to 13.32). Pure.

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The size of a block of AES.
pub const BLOCK: usize = 16;
/// The length of the text from which the keys of a session are made.
const CONSTANT: usize = 20;

/// A cipher suite (IPMI 2.0, table 22-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Sha1,
    /// 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
}

/// The words that both sides of a session have exchanged while it was opened.
#[derive(Debug, Clone)]
pub struct Rakp {
    pub suite: Suite,
    /// The identifiers of the session: the client's, and the own one.
    pub console: u32,
    pub bmc: u32,
    pub console_random: [u8; 16],
    pub bmc_random: [u8; 16],
    pub guid: [u8; 16],
    /// The rights that are asked for, and how the user is looked up.
    pub role: u8,
    pub user: Vec<u8>,
}

/// The keys of a session.
#[derive(Debug, Clone)]
pub struct Keys {
    suite: Suite,
    session: Vec<u8>,
    integrity: Vec<u8>,
    confidentiality: [u8; BLOCK],
}

impl Suite {
    pub const ALL: [Self; 2] = [Self::Sha1, Self::Sha256];

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Sha1 => 3,
            Self::Sha256 => 17,
        }
    }

    /// The numbers of its algorithms: authentication, integrity, confidentiality.
    pub fn algorithms(self) -> [u8; 3] {
        match self {
            Self::Sha1 => [1, 1, 1],
            Self::Sha256 => [3, 4, 1],
        }
    }

    /// The length of the proof of a packet, in bytes.
    pub fn proof_length(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha256 => 16,
        }
    }

    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        fn of<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
            // An HMAC takes keys of every length.
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
                return Vec::new();
            };
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => of::<Hmac<Sha1>>(key, parts),
            Self::Sha256 => of::<Hmac<Sha256>>(key, parts),
        }
    }
}

impl Rakp {
    fn role_and_length(&self) -> [u8; 2] {
        [self.role, self.user.len() as u8]
    }

    /// The proof of the BMC that it knows the password (RAKP message 2).
    pub fn own_proof(&self, password: &[u8]) -> Vec<u8> {
        let parts: [&[u8]; 7] = [
            &self.console.to_le_bytes(),
            &self.bmc.to_le_bytes(),
            &self.console_random,
            &self.bmc_random,
            &self.guid,
            &self.role_and_length(),
            &self.user,
        ];
        self.suite.hmac(password, &parts)
    }

    /// The proof that the client has to give (RAKP message 3).
    pub fn proof_of_client(&self, password: &[u8]) -> Vec<u8> {
        let parts: [&[u8]; 4] = [
            &self.bmc_random,
            &self.console.to_le_bytes(),
            &self.role_and_length(),
            &self.user,
        ];
        self.suite.hmac(password, &parts)
    }

    /// The keys of the session. The BMC has no key of its own, so that of the user counts.
    pub fn keys(&self, password: &[u8]) -> Keys {
        let parts: [&[u8]; 4] = [
            &self.console_random,
            &self.bmc_random,
            &self.role_and_length(),
            &self.user,
        ];
        let session = self.suite.hmac(password, &parts);
        let of = |number: u8| self.suite.hmac(&session, &[&[number; CONSTANT]]);
        let mut confidentiality = [0; BLOCK];
        confidentiality.copy_from_slice(&of(2)[..BLOCK]);
        Keys {
            suite: self.suite,
            integrity: of(1),
            confidentiality,
            session,
        }
    }

    /// The last proof of the BMC (RAKP message 4).
    pub fn last_proof(&self, keys: &Keys) -> Vec<u8> {
        let parts: [&[u8]; 3] = [&self.console_random, &self.bmc.to_le_bytes(), &self.guid];
        let mut proof = self.suite.hmac(&keys.session, &parts);
        proof.truncate(self.suite.proof_length());
        proof
    }
}

impl Keys {
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The proof of what is signed.
    pub fn proof(&self, signed: &[u8]) -> Vec<u8> {
        let mut proof = self.suite.hmac(&self.integrity, &[signed]);
        proof.truncate(self.suite.proof_length());
        proof
    }

    /// Hides data behind a vector that is used once.
    pub fn hide(&self, data: &[u8], vector: [u8; BLOCK]) -> Vec<u8> {
        let mut text = data.to_vec();
        let padding = (text.len() + 1).next_multiple_of(BLOCK) - (text.len() + 1);
        // The padding counts: 1, 2, 3, and then says how long it was.
        text.extend((1..=padding).map(|number| number as u8));
        text.push(padding as u8);
        let length = text.len();
        let cipher =
            cbc::Encryptor::<Aes128>::new((&self.confidentiality).into(), (&vector).into());
        let hidden = cipher.encrypt_padded::<NoPadding>(&mut text, length);
        let mut bytes = vector.to_vec();
        bytes.extend(hidden.unwrap_or_default());
        bytes
    }

    /// Shows hidden data. `None`: it is none of these keys.
    pub fn show(&self, data: &[u8]) -> Option<Vec<u8>> {
        let (vector, text) = data.split_first_chunk::<BLOCK>()?;
        let mut text = text.to_vec();
        let cipher = cbc::Decryptor::<Aes128>::new((&self.confidentiality).into(), vector.into());
        let shown = cipher.decrypt_padded::<NoPadding>(&mut text).ok()?;
        let (padding, shown) = shown.split_last()?;
        let length = shown.len().checked_sub(usize::from(*padding))?;
        Some(shown.get(..length)?.to_vec())
    }
}
