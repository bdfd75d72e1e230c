//! Messages that are signed: JSON whose last field has the signature of all that is before it.
//!
//! ```text
//! {"version":1,...,"signed":{"by":"KEY","signature":"..."}}
//! └─── signed, together with its place ──┘
//! ```
//!
//! So a signed message is still JSON, and who does not verify it ignores a field. Its place, such
//! as a topic, is signed along: it counts nowhere else.

use std::{fmt, str};

use aws_lc_rs::{
    digest,
    hkdf::{HKDF_SHA256, Salt},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use utakata_model::Signer;
use zeroize::Zeroizing;

use crate::aead::{KEY_LEN, KeyBytes};

const OPENING: &[u8] = br#","signed":{"by":""#;
const SIGNATURE: &[u8] = br#"","signature":""#;
const CLOSING: &[u8] = br#""}}"#;
/// The length of a signature in base64url.
const SIGNATURE_LEN: usize = 86;
/// The length of a signer in base64url.
const SIGNER_LEN: usize = 43;
/// The purpose of the signature, so that it counts for no other.
const PURPOSE: &[u8] = b"utakata message 1\0";

/// A key that signs messages (Ed25519). `Debug` shows its public half alone.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    signer: Signer,
}

/// A message with a signature, which is not verified yet.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'p> {
    /// The signer that it names.
    pub signer: &'p str,
    message: &'p [u8],
    signed: &'p [u8],
    signature: &'p [u8],
}

impl SigningKey {
    /// Derives the key from another secret, for this purpose.
    pub(crate) fn derive(secret: &KeyBytes, purpose: &[u8]) -> Option<Self> {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        let key = Salt::new(HKDF_SHA256, b"utakata").extract(secret.as_slice());
        let info = [purpose];
        key.expand(&info, HKDF_SHA256)
            .and_then(|key| key.fill(seed.as_mut_slice()))
            .ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
        let signer = Signer(URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()));
        Some(Self { pair, signer })
    }

    /// Returns the public half.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    pub(crate) fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs a message for its place. A message is a JSON object with a field.
    pub fn sign(&self, place: &str, mut message: Vec<u8>) -> Vec<u8> {
        debug_assert_eq!(message.last(), Some(&b'}'), "it is no object");
        message.pop();
        message.extend_from_slice(OPENING);
        message.extend_from_slice(self.signer.0.as_bytes());
        let signature = self.sign_bytes(&digest_of(place, &message));
        message.extend_from_slice(SIGNATURE);
        message.extend_from_slice(signature.as_bytes());
        message.extend_from_slice(CLOSING);
        message
    }

    /// Signs bytes that begin with their purpose.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.signer)
    }
}

impl<'p> Signed<'p> {
    /// Finds the signature of a message; `None` if it has none.
    pub fn find(payload: &'p [u8]) -> Option<Self> {
        let rest = payload.strip_suffix(CLOSING)?;
        let (rest, signature) = rest.split_at_checked(rest.len().checked_sub(SIGNATURE_LEN)?)?;
        let signed = rest.strip_suffix(SIGNATURE)?;
        let (rest, signer) = signed.split_at_checked(signed.len().checked_sub(SIGNER_LEN)?)?;
        Some(Self {
            signer: str::from_utf8(signer).ok()?,
            message: rest.strip_suffix(OPENING)?,
            signed,
            signature,
        })
    }

    /// Returns true if its signer has signed it for this place.
    pub fn is_right(&self, place: &str) -> bool {
        verify(self.signer, &digest_of(place, self.signed), self.signature)
    }

    /// Returns the message without its signature.
    pub fn message(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.message.len() + 1);
        message.extend_from_slice(self.message);
        message.push(b'}');
        message
    }

    /// Returns the signer that it names.
    pub fn by(&self) -> Signer {
        Signer(self.signer.to_owned())
    }
}

/// Returns true if this signer has signed these bytes.
pub(crate) fn verify(signer: &str, bytes: &[u8], signature: impl AsRef<[u8]>) -> bool {
    let (key, signature) = (
        URL_SAFE_NO_PAD.decode(signer),
        URL_SAFE_NO_PAD.decode(signature),
    );
    let (Ok(key), Ok(signature)) = (key, signature) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(bytes, &signature).is_ok()
}

/// The bytes that are signed. Ed25519 reads what it signs twice, and not as fast as SHA-256.
fn digest_of(place: &str, signed: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&(place.len() as u64).to_be_bytes());
    context.update(place.as_bytes());
    context.update(signed);
    [PURPOSE, context.finish().as_ref()].concat()
}

#[cfg(test)]
mod tests;
