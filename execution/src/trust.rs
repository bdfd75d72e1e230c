//! The admission of releases: their signatures, and the keys that count.
//!
//! The signed text is the identity of the release: `utakata release <digest>` and a line feed. The
//! signatures are in `signatures.toml` beside the manifest, which is not part of the digest:
//!
//! ```toml
//! [[signature]]
//! key = "5f0c2f7a9b1e4d36"    # SHA-256 of the public key (SPKI), 16 digits of it
//! ed25519 = "<base64>"
//! ```

mod key;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use utakata_model::{Cure, Problem, ReleaseDigest, content::SIGNATURES_FILE};

use crate::{config, files::unreadable};
pub use key::{KeyError, PublicKey, SecretKey, key_id};

/// The signatures of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    /// One signature per key, or two: if the program is shipped with utakata, the pushed release
    /// has another digest.
    #[serde(default, rename = "signature")]
    pub signatures: Vec<Signature>,
}

/// A signature of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The key that made it: [`key_id`].
    pub key: String,
    /// The signature, as base64.
    pub ed25519: String,
}

/// The reason why a release is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has signed it.
    #[error("it has no signature, and execution.trust.keys says that it needs one")]
    Unsigned,
    /// It is signed, but by no key that counts.
    #[error("it is signed by {keys} only, and none of these keys is in execution.trust.keys")]
    Stranger { keys: String },
    /// The signature is of something else.
    #[error(
        "the signature by {key} does not match this release: its content was changed after signing"
    )]
    Wrong { key: String },
    /// The text is not a file of signatures.
    #[error("{SIGNATURES_FILE} cannot be read: {problem}")]
    Form { problem: String },
}

/// The reason why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the key {} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The file is not a key.
    #[error("the key {} cannot be used", path.display())]
    Key {
        path: PathBuf,
        #[source]
        source: KeyError,
    },
}

/// The keys whose releases are admitted: all releases, as long as there are no keys.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    /// The folders below which no signature is needed.
    exempt: Vec<PathBuf>,
    /// The folders shipped with utakata, which are complete before anybody looks.
    shipped: Vec<PathBuf>,
}

impl Signatures {
    /// Parses a `signatures.toml`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        toml::from_str(text).map_err(|error| Refusal::Form {
            problem: error.to_string(),
        })
    }

    /// Adds a signature, replacing earlier ones by the same key.
    pub fn add(&mut self, signature: Signature) {
        self.add_all(vec![signature]);
    }

    /// Adds those of a release in its folder and as pushed, replacing earlier ones by the same
    /// keys.
    pub fn add_all(&mut self, signatures: Vec<Signature>) {
        let is_new = |key: &str| signatures.iter().any(|new| new.key == key);
        self.signatures.retain(|other| !is_new(&other.key));
        self.signatures.extend(signatures);
    }
}

pub fn sign(key: &SecretKey, release: &ReleaseDigest) -> Signature {
    Signature {
        key: key.public().id().into(),
        ed25519: BASE64_STANDARD.encode(key.sign(text(release).as_bytes())),
    }
}

/// Checks that one of these keys has signed the release.
pub fn verify(
    keys: &[PublicKey],
    release: &ReleaseDigest,
    signatures: &Signatures,
) -> Result<(), Refusal> {
    let text = text(release);
    let mut wrong = None;
    for signature in &signatures.signatures {
        let bytes = BASE64_STANDARD.decode(&signature.ed25519);
        let bytes = bytes.unwrap_or_default();
        for key in keys.iter().filter(|key| key.id() == signature.key) {
            if key.has_signed(text.as_bytes(), &bytes) {
                return Ok(());
            }
            let key = signature.key.clone();
            wrong = Some(Refusal::Wrong { key });
        }
    }
    Err(wrong.unwrap_or_else(|| unknown(signatures)))
}

fn unknown(signatures: &Signatures) -> Refusal {
    if signatures.signatures.is_empty() {
        return Refusal::Unsigned;
    }
    let keys: Vec<&str> = signatures
        .signatures
        .iter()
        .map(|signature| signature.key.get(..16).unwrap_or(&signature.key))
        .collect();
    Refusal::Stranger {
        keys: keys.join(", "),
    }
}

/// Returns the text that is signed.
fn text(release: &ReleaseDigest) -> String {
    format!("utakata release {}\n", release.0)
}

impl Trust {
    /// Loads the keys in the settings; `bundled` are the folders shipped with utakata.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn load(config: &config::Trust, bundled: &[PathBuf]) -> Result<Self, Error> {
        let keys = config.keys.iter().map(|path| public_key(path));
        let exempt = if config.bundled { bundled } else { &[] };
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
            exempt: exempt.to_vec(),
            shipped: bundled.to_vec(),
        })
    }

    /// Returns true if a folder of a release is shipped with utakata.
    pub(crate) fn is_shipped(&self, folder: &Path) -> bool {
        self.shipped
            .iter()
            .any(|shipped| folder.starts_with(shipped))
    }

    /// Refuses a release whose `signatures.toml` is not valid.
    pub(crate) fn check(
        &self,
        release: &ReleaseDigest,
        signatures: Option<&[u8]>,
    ) -> Result<(), Problem> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let text = signatures.map(String::from_utf8_lossy).unwrap_or_default();
        let verified = Signatures::parse(&text);
        let verified = verified.and_then(|found| verify(&self.keys, release, &found));
        verified.map_err(|refusal| refusal.problem())
    }

    /// Refuses a release in a folder whose `signatures.toml` is not valid.
    pub(crate) fn check_folder(
        &self,
        folder: &Path,
        release: &ReleaseDigest,
    ) -> Result<(), Problem> {
        if self.keys.is_empty() || self.exempt.iter().any(|exempt| folder.starts_with(exempt)) {
            return Ok(());
        }
        let file = folder.join(SIGNATURES_FILE);
        let signatures = match fs::read(&file) {
            Ok(signatures) => Some(signatures),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // It may have signatures, for all that is known.
            Err(error) => return Err(unreadable(&file, &error)),
        };
        self.check(release, signatures.as_deref())
    }
}

impl Refusal {
    fn problem(&self) -> Problem {
        let code = match self {
            Self::Unsigned => "release-unsigned",
            Self::Stranger { .. } | Self::Wrong { .. } | Self::Form { .. } => "release-signature",
        };
        let message = format!("{self}: sign it (utakata worker sign), or do not use it");
        Problem::new(code, Cure::Operator, message)
    }
}

/// Reads the public key in a file.
fn public_key(path: &Path) -> Result<PublicKey, Error> {
    PublicKey::parse(&read(path)?).map_err(|source| Error::Key {
        path: path.into(),
        source,
    })
}

/// Reads the secret key in a file.
///
/// # Errors
/// It cannot be read, or is something else.
pub fn secret_key(path: &Path) -> Result<SecretKey, Error> {
    SecretKey::parse(&read(path)?).map_err(|source| Error::Key {
        path: path.into(),
        source,
    })
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests;
