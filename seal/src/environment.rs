//! The key of an environment, which never leaves its host, and the secret by which environments
//! join without a person.

use std::{fmt, sync::Arc};

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
use utakata_model::{EnvironmentId, EnvironmentKey, Signer, SiteCertificate, Zone};
use zeroize::Zeroizing;

use crate::{
    Error,
    aead::{self, KEY_LEN, KeyBytes},
    place::place,
    signed::SigningKey,
};

/// The first word of the key's file, with the version of its form.
const WORD: &str = "utakata-environment-key-1";
/// The length of each half of a public key in bytes.
const PUBLIC_LEN: usize = 32;
/// The number of bytes of a fingerprint.
const FINGERPRINT_LEN: usize = 16;
/// The fewest characters of a join secret.
const MIN_SECRET: usize = 32;

/// The keys of an environment: one to which is sealed (X25519), and one that signs, which follows
/// from it. `Debug` shows their public halves alone.
pub struct EnvironmentKeys {
    bytes: KeyBytes,
    pub(crate) private: PrivateKey,
    public: EnvironmentKey,
    signing: Arc<SigningKey>,
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
        let signing = SigningKey::derive(&bytes, b"environment message").ok_or(Unspecified)?;
        let both = [public.as_ref(), signing.public_bytes()].concat();
        Ok(Self {
            bytes,
            public: EnvironmentKey(URL_SAFE_NO_PAD.encode(both)),
            private,
            signing: Arc::new(signing),
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

    /// Returns the key that signs messages.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.signing)
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

/// Returns the half of a key to which is sealed.
pub(crate) fn sealing_half(key: &EnvironmentKey) -> Option<[u8; PUBLIC_LEN]> {
    halves(key).map(|(sealing, _)| sealing)
}

/// Returns the half of a key by which messages are known; `None` for a key from before messages
/// were signed.
pub fn signer_of(key: &EnvironmentKey) -> Option<Signer> {
    let (_, signing) = halves(key)?;
    signing.map(|bytes| Signer(URL_SAFE_NO_PAD.encode(bytes)))
}

/// Returns true if a key is an earlier one, from before messages were signed, with the half that it
/// lacked.
pub fn completes(key: &EnvironmentKey, earlier: &EnvironmentKey) -> bool {
    match (halves(key), halves(earlier)) {
        (Some((one, Some(_))), Some((other, None))) => one == other,
        _ => false,
    }
}

type Half = [u8; PUBLIC_LEN];

fn halves(key: &EnvironmentKey) -> Option<(Half, Option<Half>)> {
    let bytes = URL_SAFE_NO_PAD.decode(&key.0).ok()?;
    let (sealing, rest) = bytes.split_first_chunk()?;
    match rest.len() {
        0 => Some((*sealing, None)),
        _ => Some((*sealing, Some(rest.try_into().ok()?))),
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

impl JoinSecret {
    /// Returns the proof of the site that it knows the secret, for one environment.
    pub(crate) fn site_proof(
        &self,
        id: &EnvironmentId,
        zone: &Zone,
        key: &EnvironmentKey,
        signer: &Signer,
    ) -> String {
        URL_SAFE_NO_PAD.encode(sign(&self.0, &is_site(id, zone, key, signer)))
    }

    /// Returns true if a certificate is of a site that knows the secret.
    pub fn is_of_site(
        &self,
        certificate: &SiteCertificate,
        id: &EnvironmentId,
        zone: &Zone,
        key: &EnvironmentKey,
    ) -> bool {
        let proof = certificate.proof.as_ref();
        let Some(Ok(proof)) = proof.map(|proof| URL_SAFE_NO_PAD.decode(proof)) else {
            return false;
        };
        let is_site = is_site(id, zone, key, &certificate.signer);
        verify(&self.0, &is_site, &proof).is_ok()
    }
}

fn is_site(id: &EnvironmentId, zone: &Zone, key: &EnvironmentKey, signer: &Signer) -> Vec<u8> {
    let parts = [
        "utakata site",
        id.as_str(),
        zone.as_str(),
        &key.0,
        &signer.0,
    ];
    place(parts)
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
    fn a_key_from_before_messages_were_signed_is_completed_by_its_own_alone() {
        let keys = EnvironmentKeys::generate().unwrap();
        let other = EnvironmentKeys::generate().unwrap();
        let key = keys.public();
        let half = sealing_half(key).unwrap();
        let earlier = EnvironmentKey(URL_SAFE_NO_PAD.encode(half));
        assert_eq!(sealing_half(&earlier), Some(half));
        assert_eq!(signer_of(&earlier), None);
        assert_eq!(signer_of(key), Some(keys.signing_key().signer().clone()));
        assert!(completes(key, &earlier));
        assert!(!completes(other.public(), &earlier));
        assert!(!completes(&earlier, &earlier) && !completes(key, key));
        assert!(!completes(&earlier, key));
        let cut = EnvironmentKey(key.0[..60].to_owned());
        assert_eq!((signer_of(&cut), sealing_half(&cut)), (None, None));
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
