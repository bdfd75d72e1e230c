//! The key by which the messages of a site are known, and the certificates that give it to
//! environments.
//!
//! The key follows from the site key: whatever has that signs in the name of the site. When the site
//! key is rotated, the earlier one signs that the new one follows.

use aws_lc_rs::error::Unspecified;
use utakata_model::{EnvironmentId, EnvironmentKey, Signer, SiteCertificate, Succession, Zone};

use crate::{
    Error, JoinSecret, KeyId, Keyring, SiteKey,
    place::place,
    signed::{SigningKey, verify},
};

/// The key of a site that signs its messages, with those that it has followed.
#[derive(Debug)]
pub struct SiteSigner {
    key: SigningKey,
    succession: Vec<Succession>,
}

impl SiteKey {
    /// Returns the key that signs messages.
    pub fn signing_key(&self) -> Option<SigningKey> {
        SigningKey::derive(&self.bytes, b"site message")
    }
}

impl Keyring {
    /// Returns the key that signs messages, which follows from the key of that name.
    ///
    /// # Errors
    /// It is not here.
    pub fn site_signer(&self, id: &KeyId) -> Result<SiteSigner, Error> {
        self.find(id)?;
        self.signer_of(id).map_err(|_| Error::Chance)
    }

    fn signer_of(&self, id: &KeyId) -> Result<SiteSigner, Unspecified> {
        let mut succession = Vec::new();
        let mut before: Option<SigningKey> = None;
        for site in self.keys() {
            let key = site.signing_key().ok_or(Unspecified)?;
            if let Some(before) = before {
                let (from, to) = (before.signer().clone(), key.signer().clone());
                let signature = before.sign_bytes(&follows(&from, &to));
                succession.push(Succession {
                    from,
                    to,
                    signature,
                });
            }
            if site.id() == id {
                return Ok(SiteSigner { key, succession });
            }
            before = Some(key);
        }
        Err(Unspecified)
    }

    /// Returns the name of the key before the one of that name, if there is one.
    pub fn before(&self, id: &KeyId) -> Option<&KeyId> {
        let keys: Vec<&KeyId> = self.keys().map(SiteKey::id).collect();
        let at = keys.iter().position(|key| *key == id)?;
        keys.get(at.checked_sub(1)?).copied()
    }
}

impl SiteSigner {
    /// Returns the key itself.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Returns true if messages of this signer are the site's: its own, or of an earlier key.
    pub fn knows(&self, signer: &str) -> bool {
        let mut earlier = self.succession.iter().map(|one| &one.from);
        self.key.signer().0 == signer || earlier.any(|one| one.0 == signer)
    }

    /// States that the site accepts the key of an environment.
    pub fn certify(
        &self,
        id: &EnvironmentId,
        zone: &Zone,
        key: &EnvironmentKey,
        secret: Option<&JoinSecret>,
    ) -> SiteCertificate {
        let signer = self.key.signer();
        SiteCertificate {
            signer: signer.clone(),
            signature: self.key.sign_bytes(&accepts(id, zone, key)),
            proof: secret.map(|secret| secret.site_proof(id, zone, key, signer)),
            succession: self.succession.clone(),
        }
    }
}

/// Returns true if the signer that a certificate names has made it for this environment.
pub fn is_certified(
    certificate: &SiteCertificate,
    id: &EnvironmentId,
    zone: &Zone,
    key: &EnvironmentKey,
) -> bool {
    let SiteCertificate {
        signer, signature, ..
    } = certificate;
    verify(&signer.0, &accepts(id, zone, key), signature)
}

/// Returns true if the signer of a certificate is this one, or has followed it.
pub fn is_successor(certificate: &SiteCertificate, of: &Signer) -> bool {
    let mut known = of;
    for one in &certificate.succession {
        if one.from == *known && verify(&one.from.0, &follows(&one.from, &one.to), &one.signature) {
            known = &one.to;
        }
    }
    *known == certificate.signer
}

fn accepts(id: &EnvironmentId, zone: &Zone, key: &EnvironmentKey) -> Vec<u8> {
    place(["utakata site accepts", id.as_str(), zone.as_str(), &key.0])
}

fn follows(from: &Signer, to: &Signer) -> Vec<u8> {
    place(["utakata site key follows", &from.0, &to.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EnvironmentKeys;

    struct Met {
        id: EnvironmentId,
        zone: Zone,
        key: EnvironmentKey,
    }

    impl Met {
        fn new() -> Self {
            Self {
                id: "wee-1".parse().unwrap(),
                zone: "hall-1".parse().unwrap(),
                key: EnvironmentKeys::generate().unwrap().public().clone(),
            }
        }

        fn certificate(&self, ring: &Keyring, secret: Option<&JoinSecret>) -> SiteCertificate {
            let signer = ring.site_signer(ring.newest().id()).unwrap();
            signer.certify(&self.id, &self.zone, &self.key, secret)
        }

        fn is_certified(&self, certificate: &SiteCertificate) -> bool {
            is_certified(certificate, &self.id, &self.zone, &self.key)
        }
    }

    fn ring() -> Keyring {
        Keyring::of(SiteKey::generate().unwrap())
    }

    #[test]
    fn a_certificate_is_of_one_site_for_one_environment() {
        let (met, other) = (Met::new(), Met::new());
        let certificate = met.certificate(&ring(), None);
        assert!(met.is_certified(&certificate));
        assert!(!other.is_certified(&certificate));
        let elsewhere = Met {
            zone: "hall-2".parse().unwrap(),
            ..met
        };
        assert!(!elsewhere.is_certified(&certificate));
        let forged = SiteCertificate {
            signer: other.certificate(&ring(), None).signer,
            ..certificate
        };
        assert!(!elsewhere.is_certified(&forged));
    }

    #[test]
    fn who_knows_an_earlier_key_of_the_site_follows_it_to_the_present_one() {
        let (met, mut ring) = (Met::new(), ring());
        let first = met.certificate(&ring, None).signer;
        ring.add(SiteKey::generate().unwrap());
        let second = met.certificate(&ring, None).signer;
        ring.add(SiteKey::generate().unwrap());
        let third = met.certificate(&ring, None);
        for known in [&first, &second, &third.signer] {
            assert!(is_successor(&third, known), "{known}");
        }
        let signer = ring.site_signer(ring.newest().id()).unwrap();
        assert!(signer.knows(&first.0) && signer.knows(&third.signer.0));
        let strange = met.certificate(&self::ring(), None);
        assert!(!is_successor(&third, &strange.signer));
        assert!(!is_successor(&strange, &first));
        // Nobody but an earlier key names the one that follows.
        let mut forged = third.clone();
        forged.signer = strange.signer.clone();
        forged.succession.last_mut().unwrap().to = strange.signer;
        assert!(!is_successor(&forged, &first));
        let mut cut = third;
        cut.succession.remove(0);
        assert!(!is_successor(&cut, &first));
        assert!(is_successor(&cut, &second));
    }

    #[test]
    fn the_key_that_signs_is_the_one_that_seals_though_a_newer_one_is_there() {
        let mut ring = ring();
        let present = ring.newest().id().clone();
        ring.add(SiteKey::generate().unwrap());
        let signer = ring.site_signer(&present).unwrap();
        let (newest, before) = (ring.newest().id(), ring.newest().signing_key().unwrap());
        assert!(!signer.knows(&before.signer().0));
        assert_eq!(ring.before(newest), Some(&present));
        assert_eq!(ring.before(&present), None);
    }

    #[test]
    fn the_join_secret_proves_the_site_to_one_environment() {
        let (met, other) = (Met::new(), Met::new());
        let secret = JoinSecret::parse(&"s".repeat(40)).unwrap();
        let wrong = JoinSecret::parse(&"t".repeat(40)).unwrap();
        let certificate = met.certificate(&ring(), Some(&secret));
        let is_proved = |secret: &JoinSecret, met: &Met, certificate: &SiteCertificate| {
            secret.is_of_site(certificate, &met.id, &met.zone, &met.key)
        };
        assert!(is_proved(&secret, &met, &certificate));
        assert!(!is_proved(&wrong, &met, &certificate));
        assert!(!is_proved(&secret, &other, &certificate));
        let mut forged = met.certificate(&ring(), None);
        assert!(!is_proved(&secret, &met, &forged));
        forged.proof = certificate.proof;
        assert!(!is_proved(&secret, &met, &forged));
    }
}
