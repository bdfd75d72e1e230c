//! Bytes sealed with a key: nonce, ciphertext and tag.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
    rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

/// The length of a key in bytes.
pub const KEY_LEN: usize = 32;

/// The bytes of a key, which are overwritten when it is dropped.
pub type KeyBytes = Zeroizing<[u8; KEY_LEN]>;

/// Bytes that only a key opens. Base64 in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Draws the bytes of a new key.
pub fn draw() -> Result<KeyBytes, Unspecified> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    rand::fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

impl Sealed {
    /// Seals bytes for one place, which `place` names.
    pub fn seal(key: &KeyBytes, place: &[u8], clear: &[u8]) -> Result<Self, Unspecified> {
        // Encrypted in place within its first allocation: growing it would leave a clear copy.
        let mut bytes = Vec::with_capacity(NONCE_LEN + clear.len() + MAX_TAG_LEN);
        bytes.resize(NONCE_LEN, 0);
        bytes.extend_from_slice(clear);
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice())?;
        let aad = Aad::from(place);
        let (nonce, tag) = key.seal_in_place_separate_tag(aad, &mut bytes[NONCE_LEN..])?;
        bytes[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        bytes.extend_from_slice(tag.as_ref());
        Ok(Self(bytes))
    }

    /// Returns the sealed bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes bytes that were sealed.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Opens what was sealed for the same place.
    pub fn open(&self, key: &KeyBytes, place: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (nonce, sealed) = self.0.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice())?;
        let length = key
            .open_in_place(nonce, Aad::from(place), bytes.as_mut_slice())?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sealed bytes", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_with_its_key_and_nowhere_else(
            clear in prop::collection::vec(any::<u8>(), 0..200),
            place in prop::collection::vec(any::<u8>(), 0..40),
            flipped in any::<prop::sample::Index>(),
        ) {
            let (key, other) = (draw().unwrap(), draw().unwrap());
            let sealed = Sealed::seal(&key, &place, &clear).unwrap();
            prop_assert_eq!(&*sealed.open(&key, &place).unwrap(), &clear);
            prop_assert!(sealed.open(&other, &place).is_err());
            let elsewhere = [place.as_slice(), b"!"].concat();
            prop_assert!(sealed.open(&key, &elsewhere).is_err());
            let mut altered = sealed.clone();
            let at = flipped.index(altered.0.len());
            altered.0[at] ^= 1;
            prop_assert!(altered.open(&key, &place).is_err());
            let mut cut = sealed;
            cut.0.truncate(at);
            prop_assert!(cut.open(&key, &place).is_err());
        }
    }

    #[test]
    fn the_same_bytes_are_never_sealed_the_same_way_twice() {
        let key = draw().unwrap();
        let seal = || Sealed::seal(&key, b"here", b"public").unwrap();
        assert_ne!(seal(), seal());
    }
}
