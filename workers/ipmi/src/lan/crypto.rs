//! The secrets of a session: RAKP (IPMI 2.0, 13.20 to 13.24, 13.31, 13.32).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The text from which the keys of a session are made.
const CONSTANT: usize = 20;

/// A cipher suite: how a session proves who is there, and hides what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// 3: HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Sha1,
    /// 17: HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
}

/// The words that both sides of a session have exchanged while it was opened.
#[derive(Debug, Clone)]
pub struct Rakp {
    pub suite: Suite,
    /// The identifiers of the session: ours, and the BMC's.
    pub console: u32,
    pub bmc: u32,
    /// The random numbers: ours, and the BMC's.
    pub console_random: [u8; 16],
    pub bmc_random: [u8; 16],
    pub guid: [u8; 16],
    /// The rights asked for, and how the user is looked up.
    pub role: u8,
    pub user: Vec<u8>,
}

/// The keys of a session.
#[derive(Clone)]
pub struct Keys {
    pub suite: Suite,
    /// The key of the session, by which the BMC proves itself last.
    session: Vec<u8>,
    /// The key by which packets are signed.
    integrity: Vec<u8>,
    /// The key by which they are hidden.
    confidentiality: [u8; 16],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Suite {
    /// Its number (IPMI 2.0, table 22-20).
    pub fn number(self) -> u8 {
        match self {
            Self::Sha1 => 3,
            Self::Sha256 => 17,
        }
    }

    /// The numbers of its algorithms: authentication, integrity, confidentiality.
    pub fn algorithms(self) -> (u8, u8, u8) {
        match self {
            Self::Sha1 => (1, 1, 1),
            Self::Sha256 => (3, 4, 1),
        }
    }

    /// The length of a proof in a packet, in bytes.
    pub fn signature_length(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha256 => 16,
        }
    }

    /// The HMAC of some parts.
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
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
    fn user_length(&self) -> u8 {
        u8::try_from(self.user.len()).unwrap_or(u8::MAX)
    }

    /// The proof of the BMC that it knows the password (RAKP message 2).
    pub fn proof_of_bmc(&self, password: &[u8]) -> Vec<u8> {
        let parts: [&[u8]; 7] = [
            &self.console.to_le_bytes(),
            &self.bmc.to_le_bytes(),
            &self.console_random,
            &self.bmc_random,
            &self.guid,
            &[self.role, self.user_length()],
            &self.user,
        ];
        self.suite.hmac(password, &parts)
    }

    /// Our proof that we know it (RAKP message 3).
    pub fn own_proof(&self, password: &[u8]) -> Vec<u8> {
        let parts: [&[u8]; 4] = [
            &self.bmc_random,
            &self.console.to_le_bytes(),
            &[self.role, self.user_length()],
            &self.user,
        ];
        self.suite.hmac(password, &parts)
    }

    /// The keys of the session. `key` is that of the BMC, or the password where it has none.
    pub fn keys(&self, key: &[u8]) -> Keys {
        let parts: [&[u8]; 4] = [
            &self.console_random,
            &self.bmc_random,
            &[self.role, self.user_length()],
            &self.user,
        ];
        let session = self.suite.hmac(key, &parts);
        let of = |number: u8| self.suite.hmac(&session, &[&[number; CONSTANT]]);
        let mut confidentiality = [0; 16];
        for (into, from) in confidentiality.iter_mut().zip(of(2)) {
            *into = from;
        }
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
        proof.truncate(self.suite.signature_length());
        proof
    }
}

impl Keys {
    /// The proof that a packet is one of the session.
    pub fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let mut proof = self.suite.hmac(&self.integrity, &[signed]);
        proof.truncate(self.suite.signature_length());
        proof
    }

    /// The key by which payloads are hidden.
    pub fn confidentiality(&self) -> &[u8; 16] {
        &self.confidentiality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hmac_is_that_of_the_standards() {
        // RFC 2202 and RFC 4231, test case 2.
        let hex =
            |bytes: Vec<u8>| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let data: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let sha1 = hex(Suite::Sha1.hmac(b"Jefe", &data));
        assert_eq!(sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let sha256 = hex(Suite::Sha256.hmac(b"Jefe", &data));
        assert!(sha256.starts_with("5bdcc146bf60754e6a042426089575c7"));
    }
}
