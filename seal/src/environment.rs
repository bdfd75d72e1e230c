//! The key of an environment, which never leaves its host, and the secret by which environments
//! join without a person.

use std::fmt;

use aws_lc_rs::{
    agreement::{PrivateKey, X25519},
    digest::{SHA256, digest},
    error::Unspecified,
    hmac::{HMAC_SHA256, Key, sign, verify},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use utakata_model::{EnvironmentId, EnvironmentKey, Zone};
use zeroize::Zeroizing;

use crate::{
    Error,
    aead::{self, KEY_LEN, KeyBytes},
    place::place,
};

/// The first word of the key's file, with the version of its form.
const WORD: &str = "utakata-environment-key-1";
/// The number of bytes of a fingerprint.
const FINGERPRINT_LEN: usize = 16;
/// The fewest characters of a join secret.
const MIN_SECRET: usize = 32;

/// The pair of keys of an environment (X25519). `Debug` shows its public half alone.
pub struct EnvironmentKeys {
    bytes: KeyBytes,
    pub(crate) private: PrivateKey,
    public: EnvironmentKey,
}

/// A text that is not the key of an environment, or no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("it does not have {WORD} and 32 bytes in base64")]
    Form,
    #[error("it has fewer than {MIN_SECRET} characters: `openssl rand -base64 32` makes one")]
    Short,
}

impl EnvironmentKeys {
    /// Draws new keys.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let drawn = aead::draw().and_then(Self::new);
        drawn.map_err(|_| Error::Chance)
    }

    fn new(bytes: KeyBytes) -> Result<Self, Unspecified> {
        let private = PrivateKey::from_private_key(&X25519, bytes.as_slice())?;
        let public = private.compute_public_key()?;
        Ok(Self {
            bytes,
            public: EnvironmentKey(URL_SAFE_NO_PAD.encode(public.as_ref())),
            private,
        })
    }

    /// Reads what [`EnvironmentKeys::to_text`] has written.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_whitespace();
        let (Some(WORD), Some(digits), None) = (words.next(), words.next(), words.next()) else {
            return Err(KeyError::Form);
        };
        let decoded = STANDARD.decode(digits).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| KeyError::Form)?;
        let bytes: [u8; KEY_LEN] = decoded.as_slice().try_into().map_err(|_| KeyError::Form)?;
        Self::new(Zeroizing::new(bytes)).map_err(|_| KeyError::Form)
    }

    /// Returns the keys as the text of a file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        Zeroizing::new(format!("{WORD} {}\n", *digits))
    }

    /// Returns the public half.
    pub fn public(&self) -> &EnvironmentKey {
        &self.public
    }
}

impl fmt::Debug for EnvironmentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvironmentKeys({})", fingerprint(&self.public))
    }
}

/// Returns the fingerprint of a key, by which people compare it: eight groups of four digits.
pub fn fingerprint(key: &EnvironmentKey) -> String {
    let named = [b"utakata environment key\0".as_slice(), key.0.as_bytes()].concat();
    let digest = digest(&SHA256, &named);
    let bytes = digest.as_ref()[..FINGERPRINT_LEN].chunks(2);
    let groups = bytes.map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect());
    groups.collect::<Vec<String>>().join("-")
}

/// The secret of a site by which environments join without a person.
#[derive(Clone)]
pub struct JoinSecret(Key);

impl JoinSecret {
    /// Draws a secret, as the text of a file.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn draw() -> Result<Zeroizing<String>, Error> {
        let bytes: KeyBytes = aead::draw().map_err(|_| Error::Chance)?;
        Ok(Zeroizing::new(STANDARD.encode(bytes.as_slice()) + "\n"))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is too short for a secret.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.len() < MIN_SECRET {
            return Err(KeyError::Short);
        }
        Ok(Self(Key::new(HMAC_SHA256, text.as_bytes())))
    }

    /// Returns the proof of an environment that it knows the secret, which is of no use to any
    /// other.
    pub fn proof(&self, id: &EnvironmentId, zone: &Zone, key: &EnvironmentKey) -> String {
        URL_SAFE_NO_PAD.encode(sign(&self.0, &joins(id, zone, key)))
    }

    /// Returns true if the proof is right.
    pub fn verify(
        &self,
        proof: &str,
        id: &EnvironmentId,
        zone: &Zone,
        key: &EnvironmentKey,
    ) -> bool {
        let proof = URL_SAFE_NO_PAD.decode(proof);
        proof.is_ok_and(|proof| verify(&self.0, &joins(id, zone, key), &proof).is_ok())
    }
}

fn joins(id: &EnvironmentId, zone: &Zone, key: &EnvironmentKey) -> Vec<u8> {
    let parts = ["utakata joins", id.as_str(), zone.as_str(), &key.0];
    place(parts)
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_file_and_are_shown_nowhere() {
        let keys = EnvironmentKeys::generate().unwrap();
        let text = keys.to_text();
        let read = EnvironmentKeys::parse(&text).unwrap();
        assert_eq!(read.public(), keys.public());
        let secret = text.split_whitespace().nth(1).unwrap();
        assert!(!format!("{keys:?}").contains(secret));
        for wrong in ["", secret, "utakata-environment-key-1 AAAA", "other AAAA"] {
            assert_eq!(EnvironmentKeys::parse(wrong).unwrap_err(), KeyError::Form);
        }
    }

    #[test]
    fn a_fingerprint_is_of_one_key_and_can_be_read_aloud() {
        let (one, other) = (
            EnvironmentKeys::generate().unwrap(),
            EnvironmentKeys::generate().unwrap(),
        );
        let print = fingerprint(one.public());
        assert_ne!(print, fingerprint(other.public()));
        assert_eq!(print.split('-').count(), 8, "{print}");
        assert!(print.split('-').all(|group| group.len() == 4), "{print}");
    }

    #[test]
    fn a_proof_joins_one_environment_with_one_key_to_one_zone() {
        let secret = JoinSecret::parse(&"s".repeat(MIN_SECRET)).unwrap();
        let other = JoinSecret::parse(&"t".repeat(MIN_SECRET)).unwrap();
        let keys = EnvironmentKeys::generate().unwrap();
        let key = keys.public();
        let id: EnvironmentId = "wee-1".parse().unwrap();
        let zone: Zone = "hall-1".parse().unwrap();
        let proof = secret.proof(&id, &zone, key);
        assert!(secret.verify(&proof, &id, &zone, key));
        assert!(!other.verify(&proof, &id, &zone, key));
        assert!(!secret.verify(&proof, &"wee-2".parse().unwrap(), &zone, key));
        assert!(!secret.verify(&proof, &id, &"hall-2".parse().unwrap(), key));
        let stranger = EnvironmentKeys::generate().unwrap();
        assert!(!secret.verify(&proof, &id, &zone, stranger.public()));
        assert!(!secret.verify("", &id, &zone, key));
        assert_eq!(JoinSecret::parse("short\n").unwrap_err(), KeyError::Short);
    }
}
