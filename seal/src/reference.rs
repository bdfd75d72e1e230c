//! References to credentials: what a task carries instead of the values.
//!
//! ```text
//! site key ── a key of references
//!               ├─ version of a credential     tells that its values are others, and nothing of them
//!               └─ key of a version's uses     lent to environments together with the values
//!                    └─ proof of one use       for the kind and address of one target, in its zone
//! ```
//!
//! Whoever alters a task in a queue cannot make a proof, so that an environment sends a credential
//! to no address that the logic environment has not named.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use utakata_model::{Credential, CredentialName, CredentialRef, CredentialVersion, Target, Zone};
use zeroize::Zeroizing;

use crate::{
    SiteKey,
    aead::{KEY_LEN, KeyBytes},
    place::place,
};

/// The length of a version in bytes: two of the same credential differ.
const VERSION_LEN: usize = 8;
/// The length of a proof in bytes.
const PROOF_LEN: usize = 16;

/// The key from which versions and proofs follow.
#[derive(Clone)]
pub struct ReferenceKey(Key);

/// The uses of one version of a credential: whoever has this can prove and verify them.
#[derive(Clone)]
pub struct Uses {
    pub(crate) bytes: KeyBytes,
    key: Key,
}

impl SiteKey {
    /// Returns the key from which references to credentials follow.
    pub fn reference_key(&self) -> ReferenceKey {
        let key = Key::new(HMAC_SHA256, self.bytes.as_slice());
        let derived = sign(&key, b"utakata references to credentials");
        ReferenceKey(Key::new(HMAC_SHA256, derived.as_ref()))
    }
}

impl ReferenceKey {
    /// Returns the version of a credential.
    pub fn version(&self, credential: &Credential) -> CredentialVersion {
        let name = ["version", credential.name.as_str()];
        let values = credential.values.iter();
        let values = values.flat_map(|(field, secret)| [field.as_str(), secret.reveal()]);
        let parts = name.into_iter().chain(values);
        let tag = sign(&self.0, &Zeroizing::new(place(parts.map(str::as_bytes))));
        CredentialVersion(URL_SAFE_NO_PAD.encode(&tag.as_ref()[..VERSION_LEN]).into())
    }

    /// Returns the uses of a version of a credential.
    pub fn uses(&self, name: &CredentialName, version: &CredentialVersion) -> Uses {
        let parts = ["uses", name.as_str(), &version.0].map(str::as_bytes);
        let tag = sign(&self.0, &place(parts));
        let mut bytes = KeyBytes::new([0; KEY_LEN]);
        bytes.copy_from_slice(&tag.as_ref()[..KEY_LEN]);
        Uses::new(bytes)
    }
}

impl Uses {
    pub(crate) fn new(bytes: KeyBytes) -> Self {
        let key = Key::new(HMAC_SHA256, bytes.as_slice());
        Self { bytes, key }
    }

    /// Returns a reference for a target.
    pub fn reference(
        &self,
        name: &CredentialName,
        version: &CredentialVersion,
        target: &Target,
    ) -> CredentialRef {
        CredentialRef {
            name: name.clone(),
            version: version.clone(),
            proof: URL_SAFE_NO_PAD
                .encode(self.proof(&target.zone, target))
                .into(),
        }
    }

    /// Returns true if the reference is for this target, in this zone.
    pub fn allow(&self, reference: &CredentialRef, zone: &Zone, target: &Target) -> bool {
        let proof = URL_SAFE_NO_PAD.decode(reference.proof.as_bytes());
        let expected = self.proof(zone, target);
        proof.is_ok_and(|proof| {
            aws_lc_rs::constant_time::verify_slices_are_equal(&proof, &expected).is_ok()
        })
    }

    fn proof(&self, zone: &Zone, target: &Target) -> [u8; PROOF_LEN] {
        let parts = [zone.as_str(), target.kind.as_str(), target.address.as_str()];
        let tag = sign(&self.key, &place(parts.map(str::as_bytes)));
        let mut proof = [0; PROOF_LEN];
        proof.copy_from_slice(&tag.as_ref()[..PROOF_LEN]);
        proof
    }
}

impl fmt::Debug for ReferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceKey(***)")
    }
}

impl fmt::Debug for Uses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uses(***)")
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::target::Secret;

    use super::*;

    fn credential(name: &str, password: &str) -> Credential {
        Credential {
            name: name.parse().unwrap(),
            values: [("password".to_owned(), Secret::new(password))].into(),
        }
    }

    fn target(zone: &str, kind: &str, address: &str) -> Target {
        Target {
            zone: zone.parse().unwrap(),
            ..Target::new("a".parse().unwrap(), kind.parse().unwrap(), address.into())
        }
    }

    #[test]
    fn other_values_and_other_names_have_other_versions_under_each_key() {
        let key = SiteKey::generate().unwrap().reference_key();
        let version = key.version(&credential("pdus", "one"));
        assert_eq!(version, key.version(&credential("pdus", "one")));
        assert_ne!(version, key.version(&credential("pdus", "two")));
        assert_ne!(version, key.version(&credential("upss", "one")));
        let other = SiteKey::generate().unwrap().reference_key();
        assert_ne!(version, other.version(&credential("pdus", "one")));
        assert!(!format!("{version}").contains('.'));
    }

    #[test]
    fn a_proof_is_for_one_kind_address_and_zone() {
        let key = SiteKey::generate().unwrap().reference_key();
        let name = "pdus".parse().unwrap();
        let version = key.version(&credential("pdus", "one"));
        let uses = key.uses(&name, &version);
        let meant = target("hall-1", "pdu", "10.0.0.1");
        let reference = uses.reference(&name, &version, &meant);
        assert!(uses.allow(&reference, &meant.zone, &meant));
        for other in [
            target("hall-2", "pdu", "10.0.0.1"),
            target("hall-1", "ups", "10.0.0.1"),
            target("hall-1", "pdu", "10.0.0.66"),
            target("hall-1", "pdu1", "0.0.0.1"),
        ] {
            assert!(!uses.allow(&reference, &other.zone, &other), "{other:?}");
        }
        let later = key.uses(&name, &key.version(&credential("pdus", "two")));
        assert!(!later.allow(&reference, &meant.zone, &meant));
        let made_up = CredentialRef {
            proof: "".into(),
            ..reference
        };
        assert!(!uses.allow(&made_up, &meant.zone, &meant));
    }
}
