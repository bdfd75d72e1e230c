//! Credentials lent to one environment: sealed to its key, for its zone.
//!
//! A key pair is drawn for each loan; what both sides agree on (X25519, HKDF-SHA256) seals it
//! (AES-256-GCM). That is HPKE's base mode (RFC 9180) with parts that are here already.

use aws_lc_rs::{
    agreement::{self, PrivateKey, UnparsedPublicKey, X25519},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
};
use utakata_model::{
    Credential, CredentialName, CredentialVersion, EnvironmentId, EnvironmentKey, Zone,
    target::Secret,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    EnvironmentKeys, Error, Uses,
    aead::{KEY_LEN, KeyBytes, Sealed},
    credential::{empty_bytes, fill_bytes},
    environment::sealing_half,
    place::place,
};

/// The first byte of a loan: the version of its form.
const FORM: u8 = 1;
/// The length of a public key in bytes.
const PUBLIC_LEN: usize = 32;

/// A credential together with its uses, as an environment gets it.
#[derive(Debug, Clone)]
pub struct Loan {
    pub credential: Credential,
    pub uses: Uses,
}

/// The place of a loan: it opens for no other.
#[derive(Debug, Clone, Copy)]
pub struct LoanPlace<'p> {
    pub name: &'p CredentialName,
    pub version: &'p CredentialVersion,
    pub zone: &'p Zone,
    pub environment: &'p EnvironmentId,
}

impl LoanPlace<'_> {
    fn bytes(&self) -> Vec<u8> {
        place([
            "utakata loan",
            self.name.as_str(),
            &self.version.0,
            self.zone.as_str(),
            self.environment.as_str(),
        ])
    }
}

impl Loan {
    /// Seals it to the key of an environment.
    ///
    /// # Errors
    /// The key is none, or the system has no random numbers.
    pub fn seal(&self, to: &EnvironmentKey, place: &LoanPlace<'_>) -> Result<Vec<u8>, Error> {
        self.try_seal(to, place).map_err(|_| Error::NotLent)
    }

    fn try_seal(&self, to: &EnvironmentKey, place: &LoanPlace<'_>) -> Result<Vec<u8>, Unspecified> {
        let to = sealing_half(to).ok_or(Unspecified)?;
        let own = PrivateKey::generate(&X25519)?;
        let public = own.compute_public_key()?;
        let key = agree(&own, &to, public.as_ref(), &to)?;
        let filled = fill_bytes(&self.write());
        let sealed = Sealed::seal(&key, &place.bytes(), &filled)?;
        Ok([&[FORM], public.as_ref(), sealed.as_bytes()].concat())
    }

    /// Returns values and uses as one text of parts, each behind its length.
    fn write(&self) -> Zeroizing<Vec<u8>> {
        let values = self.credential.values.iter();
        let values =
            values.flat_map(|(field, secret)| [field.as_bytes(), secret.reveal().as_bytes()]);
        let length = values.clone().map(|part| part.len() + 8).sum::<usize>() + KEY_LEN + 8;
        // Within its first allocation: growing it would leave a clear copy.
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        for part in [self.uses.bytes.as_slice()].into_iter().chain(values) {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        text
    }

    fn read(name: &CredentialName, mut text: &[u8]) -> Option<Self> {
        let mut parts = Vec::new();
        while !text.is_empty() {
            let (length, rest) = text.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
            let (part, rest) = rest.split_at_checked(length)?;
            parts.push(part);
            text = rest;
        }
        let (uses, values) = parts.split_first()?;
        let mut bytes = KeyBytes::new([0; KEY_LEN]);
        if uses.len() != KEY_LEN || values.len() % 2 != 0 {
            return None;
        }
        bytes.copy_from_slice(uses);
        let value = |pair: &[&[u8]]| {
            let field = std::str::from_utf8(pair[0]).ok()?.to_owned();
            let mut text = std::str::from_utf8(pair[1]).ok()?.to_owned();
            let secret = Secret::new(text.as_str());
            text.zeroize();
            Some((field, secret))
        };
        Some(Self {
            credential: Credential {
                name: name.clone(),
                values: values.chunks_exact(2).map(value).collect::<Option<_>>()?,
            },
            uses: Uses::new(bytes),
        })
    }
}

impl EnvironmentKeys {
    /// Opens what was lent to this environment.
    ///
    /// # Errors
    /// It was sealed to another key, for another place, or altered.
    pub fn open(&self, lent: &[u8], place: &LoanPlace<'_>) -> Result<Loan, Error> {
        self.try_open(lent, place).map_err(|_| Error::NotOurs)
    }

    fn try_open(&self, lent: &[u8], place: &LoanPlace<'_>) -> Result<Loan, Unspecified> {
        let (form, rest) = lent.split_first().ok_or(Unspecified)?;
        let (public, sealed) = rest.split_at_checked(PUBLIC_LEN).ok_or(Unspecified)?;
        if *form != FORM {
            return Err(Unspecified);
        }
        let own = sealing_half(self.public()).ok_or(Unspecified)?;
        let key = agree(&self.private, public, public, &own)?;
        let filled = Sealed::from_bytes(sealed).open(&key, &place.bytes())?;
        let text = empty_bytes(&filled).ok_or(Unspecified)?;
        Loan::read(place.name, text).ok_or(Unspecified)
    }
}

/// Returns the key that both sides agree on, bound to the public keys of both.
fn agree(
    own: &PrivateKey,
    peer: &[u8],
    lender: &[u8],
    borrower: &[u8],
) -> Result<KeyBytes, Unspecified> {
    let peer = UnparsedPublicKey::new(&X25519, peer);
    agreement::agree(own, peer, Unspecified, |shared| {
        let mut key = KeyBytes::new([0; KEY_LEN]);
        let extracted = Salt::new(HKDF_SHA256, b"utakata loan 1").extract(shared);
        let info = [lender, borrower];
        extracted
            .expand(&info, HKDF_SHA256)?
            .fill(key.as_mut_slice())?;
        Ok(key)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SiteKey;

    fn loan(values: impl IntoIterator<Item = (String, String)>) -> Loan {
        let key = SiteKey::generate().unwrap().reference_key();
        let values = values.into_iter();
        let credential = Credential {
            name: "pdus".parse().unwrap(),
            values: values
                .map(|(field, text)| (field, Secret::new(text)))
                .collect(),
        };
        let version = key.version(&credential);
        let uses = key.uses(&credential.name, &version);
        Loan { credential, uses }
    }

    struct Names {
        name: CredentialName,
        version: CredentialVersion,
        zone: Zone,
        environment: EnvironmentId,
    }

    fn names() -> Names {
        Names {
            name: "pdus".parse().unwrap(),
            version: CredentialVersion("v1".into()),
            zone: "hall-1".parse().unwrap(),
            environment: "wee-1".parse().unwrap(),
        }
    }

    impl Names {
        fn place(&self) -> LoanPlace<'_> {
            LoanPlace {
                name: &self.name,
                version: &self.version,
                zone: &self.zone,
                environment: &self.environment,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_lent_arrives_and_its_text_is_nowhere(
            values in prop::collection::btree_map("[a-z_]{0,12}", ".{0,300}", 0..5),
        ) {
            let keys = EnvironmentKeys::generate().unwrap();
            let (loan, names) = (loan(values.clone()), names());
            let lent = loan.seal(keys.public(), &names.place()).unwrap();
            for value in values.values().filter(|value| value.len() > 6) {
                let mut parts = lent.windows(value.len());
                prop_assert!(!parts.any(|part| part == value.as_bytes()));
            }
            let opened = keys.open(&lent, &names.place()).unwrap();
            prop_assert_eq!(opened.credential, loan.credential);
            prop_assert_eq!(opened.uses.bytes, loan.uses.bytes);
        }

        #[test]
        fn nothing_opens_that_was_altered(at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let keys = EnvironmentKeys::generate().unwrap();
            let names = names();
            let mut lent = loan([]).seal(keys.public(), &names.place()).unwrap();
            let at = at.index(lent.len());
            match cut {
                true => lent.truncate(at),
                // The highest bit of a public key means nothing.
                false => lent[at] ^= 1,
            }
            prop_assert_eq!(keys.open(&lent, &names.place()).unwrap_err(), Error::NotOurs);
        }
    }

    #[test]
    fn it_opens_with_its_key_for_its_name_version_zone_and_environment_alone() {
        let keys = EnvironmentKeys::generate().unwrap();
        let lent = loan([("p".into(), "x".into())]);
        let sealed = lent.seal(keys.public(), &names().place()).unwrap();
        assert!(keys.open(&sealed, &names().place()).is_ok());
        let another = EnvironmentKeys::generate().unwrap();
        assert_eq!(
            another.open(&sealed, &names().place()).unwrap_err(),
            Error::NotOurs
        );
        let refuse = |change: &dyn Fn(&mut Names)| {
            let mut changed = names();
            change(&mut changed);
            let opened = keys.open(&sealed, &changed.place());
            assert_eq!(opened.unwrap_err(), Error::NotOurs);
        };
        refuse(&|names| names.name = "upss".parse().unwrap());
        refuse(&|names| names.version = CredentialVersion("v2".into()));
        refuse(&|names| names.zone = "hall-2".parse().unwrap());
        refuse(&|names| names.environment = "wee-2".parse().unwrap());
    }

    #[test]
    fn a_loan_does_not_tell_the_length_of_a_password() {
        let keys = EnvironmentKeys::generate().unwrap();
        let length = |value: &str| {
            let lent = loan([("p".to_owned(), value.to_owned())]);
            lent.seal(keys.public(), &names().place()).unwrap().len()
        };
        assert_eq!(length("x"), length("xxxxx"));
    }

    #[test]
    fn what_is_no_key_gets_nothing() {
        for key in ["", "AAAA", "!", &"A".repeat(43)] {
            let lent = loan([]).seal(&EnvironmentKey(key.into()), &names().place());
            assert_eq!(lent.unwrap_err(), Error::NotLent, "{key}");
        }
    }
}
