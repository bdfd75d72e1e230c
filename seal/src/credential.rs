//! A credential that only the site opens.

use std::collections::BTreeMap;

use aws_lc_rs::error::Unspecified;
use serde::{Deserialize, Serialize};
use utakata_model::{Credential, CredentialName, target::Secret};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    Error, KeyId, SiteKey,
    aead::{self, KEY_LEN, KeyBytes, Sealed},
    place::place,
};

/// Values are filled up to a multiple of this length, so that a sealed one does not tell how long a
/// password is.
const BLOCK: usize = 64;
/// The byte behind a value; zeros follow it.
const END: u8 = 0x80;

/// A credential as the store has it. Its name and the names of its fields are clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedCredential {
    /// The name of the credential, which is unique.
    pub name: CredentialName,
    /// The key of the site that opens the data key.
    pub key: KeyId,
    /// The key of the values, drawn anew each time that the credential is sealed.
    data_key: Sealed,
    /// The values by field.
    sealed: BTreeMap<String, Sealed>,
}

impl SealedCredential {
    /// Seals a credential with a key of the site.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn seal(credential: &Credential, key: &SiteKey) -> Result<Self, Error> {
        Self::try_seal(credential, key).map_err(|_| Error::Chance)
    }

    fn try_seal(credential: &Credential, key: &SiteKey) -> Result<Self, Unspecified> {
        let data_key = aead::draw()?;
        let mut sealed = BTreeMap::new();
        for (field, secret) in &credential.values {
            let filled = fill_bytes(secret.reveal().as_bytes());
            sealed.insert(
                field.clone(),
                Sealed::seal(&data_key, &place_of_value(field), &filled)?,
            );
        }
        let place = place_of_data_key(&credential.name, sealed.keys());
        Ok(Self {
            name: credential.name.clone(),
            key: key.id().clone(),
            data_key: Sealed::seal(&key.bytes, &place, data_key.as_slice())?,
            sealed,
        })
    }

    /// Opens it with its key.
    pub(crate) fn open(&self, key: &SiteKey) -> Result<Credential, Error> {
        let opened = self.try_open(key);
        opened.map_err(|_| Error::Altered(self.key.clone()))
    }

    fn try_open(&self, key: &SiteKey) -> Result<Credential, Unspecified> {
        let place = place_of_data_key(&self.name, self.sealed.keys());
        let opened = self.data_key.open(&key.bytes, &place)?;
        let mut data_key = KeyBytes::new([0; KEY_LEN]);
        if opened.len() != KEY_LEN {
            return Err(Unspecified);
        }
        data_key.copy_from_slice(&opened);
        let mut values = BTreeMap::new();
        for (field, sealed) in &self.sealed {
            let filled = sealed.open(&data_key, &place_of_value(field))?;
            values.insert(field.clone(), empty(&filled).ok_or(Unspecified)?);
        }
        Ok(Credential {
            name: self.name.clone(),
            values,
        })
    }
}

/// The place of a data key: without a field, or with another one, it does not open.
fn place_of_data_key<'f>(
    name: &'f CredentialName,
    fields: impl Iterator<Item = &'f String>,
) -> Vec<u8> {
    let parts = std::iter::once(name.as_str()).chain(fields.map(String::as_str));
    [b"utakata credential".to_vec(), place(parts)].concat()
}

fn place_of_value(field: &str) -> Vec<u8> {
    [b"utakata value ".as_slice(), field.as_bytes()].concat()
}

/// Fills bytes up to a multiple of [`BLOCK`].
pub(crate) fn fill_bytes(clear: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (clear.len() + 1).next_multiple_of(BLOCK);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.extend_from_slice(clear);
    bytes.push(END);
    bytes.resize(length, 0);
    bytes
}

/// Returns the bytes that were filled up.
pub(crate) fn empty_bytes(filled: &[u8]) -> Option<&[u8]> {
    let end = filled.iter().rposition(|byte| *byte != 0)?;
    (filled[end] == END).then(|| &filled[..end])
}

fn empty(filled: &[u8]) -> Option<Secret> {
    let mut text = std::str::from_utf8(empty_bytes(filled)?).ok()?.to_owned();
    let secret = Secret::new(text.as_str());
    text.zeroize();
    Some(secret)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use utakata_model::TargetName;

    use super::*;
    use crate::Keyring;

    fn credential(name: &str, values: &[(&str, &str)]) -> Credential {
        let values = values.iter();
        let values = values.map(|(field, value)| ((*field).to_owned(), Secret::new(*value)));
        Credential {
            name: TargetName::new(name).unwrap(),
            values: values.collect(),
        }
    }

    proptest! {
        #[test]
        fn every_credential_comes_back_and_its_text_is_nowhere(
            values in prop::collection::btree_map("[a-z_]{1,12}", ".{0,300}", 0..5),
        ) {
            let key = SiteKey::generate().unwrap();
            let secrets = values.iter().map(|(k, v)| (k.clone(), Secret::new(v.as_str())));
            let credential = Credential {
                name: TargetName::new("pdus").unwrap(),
                values: secrets.collect(),
            };
            let sealed = SealedCredential::seal(&credential, &key).unwrap();
            let text = serde_json::to_string(&sealed).unwrap();
            // Short ones are in any base64 by chance.
            for value in values.values().filter(|value| value.len() > 6) {
                prop_assert!(!text.contains(value.as_str()));
            }
            let read: SealedCredential = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Keyring::of(key).open(&read), Ok(credential));
        }
    }

    #[test]
    fn nothing_opens_in_another_place() {
        let key = SiteKey::generate().unwrap();
        let ring = Keyring::of(key.clone());
        let values = [("community", "public"), ("community_write", "hidden")];
        let one = SealedCredential::seal(&credential("a", &values), &key).unwrap();
        let other = SealedCredential::seal(&credential("b", &values), &key).unwrap();
        let altered = |change: &dyn Fn(&mut SealedCredential)| {
            let mut changed = one.clone();
            change(&mut changed);
            let opened = ring.open(&changed);
            assert_eq!(opened, Err(Error::Altered(key.id().clone())), "{changed:?}");
        };
        altered(&|changed| changed.name = other.name.clone());
        altered(&|changed| changed.data_key = other.data_key.clone());
        altered(&|changed| drop(changed.sealed.remove("community")));
        altered(&|changed| {
            let value = other.sealed["community"].clone();
            changed.sealed.insert("community".into(), value);
        });
        altered(&|changed| {
            let write = changed.sealed["community_write"].clone();
            changed.sealed.insert("community".into(), write);
        });
        assert!(ring.open(&one).is_ok());
    }

    #[test]
    fn another_key_opens_nothing_and_says_which_one_is_missing() {
        let key = SiteKey::generate().unwrap();
        let sealed = SealedCredential::seal(&credential("a", &[("p", "x")]), &key).unwrap();
        let other = Keyring::of(SiteKey::generate().unwrap());
        assert_eq!(other.open(&sealed), Err(Error::NoKey(key.id().clone())));
    }

    #[test]
    fn sealed_values_do_not_tell_their_length() {
        let key = SiteKey::generate().unwrap();
        let length = |value: &str| {
            let sealed = SealedCredential::seal(&credential("a", &[("p", value)]), &key).unwrap();
            serde_json::to_string(&sealed).unwrap().len()
        };
        assert_eq!(length(""), length(&"x".repeat(BLOCK - 1)));
        assert!(length("x") < length(&"x".repeat(BLOCK)));
    }
}
