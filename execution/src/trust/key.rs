//! Ed25519 keys as written by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// The bytes before the 32 of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];

/// A key by which signatures are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: String,
    key: [u8; 32],
}

/// A key that signs.
pub struct SecretKey(Ed25519KeyPair);

/// The reason why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a PEM of that name.
    #[error("it has no -----BEGIN {label}----- with base64 and an end")]
    Pem { label: &'static str },
    /// The key is of another kind.
    #[error("it is not an Ed25519 key: openssl genpkey -algorithm ed25519 makes one")]
    Kind,
}

/// Returns the name of a public key: 16 digits of the SHA-256 of its SubjectPublicKeyInfo.
pub fn key_id(spki: &[u8]) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(spki);
    hash.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl PublicKey {
    /// Parses a PEM with a SubjectPublicKeyInfo.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        let spki = decode(pem, "PUBLIC KEY")?;
        let key = spki.strip_prefix(&SPKI).and_then(|key| key.try_into().ok());
        key.map(Self::new).ok_or(KeyError::Kind)
    }

    fn new(key: [u8; 32]) -> Self {
        let id = key_id(&[&SPKI[..], &key].concat());
        Self { id, key }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns true if this is its signature of these bytes.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        key.verify(bytes, signature).is_ok()
    }
}

impl SecretKey {
    /// Parses a PEM with a PKCS #8.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        let der = decode(pem, "PRIVATE KEY")?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        pair.map(Self).map_err(|_| KeyError::Kind)
    }

    /// Returns the key that verifies the signatures of this one.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey::new(key)
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

/// Returns the bytes of a PEM (RFC 7468), which may have other text around it.
fn decode(pem: &str, label: &'static str) -> Result<Vec<u8>, KeyError> {
    let inside = || {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.split_whitespace().collect();
        BASE64_STANDARD.decode(body).ok()
    };
    inside().ok_or(KeyError::Pem { label })
}
