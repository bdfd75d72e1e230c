//! The content of a release: its files, each identified by its digest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ReleaseDigest, manifest::Run};

/// The name of the file that makes a folder a release.
pub const MANIFEST_FILE: &str = "worker.toml";
/// The name of the file that refers to the image of a release, in place of a program.
pub const IMAGE_FILE: &str = "image.toml";
/// The name of the file with the signatures of a release. It is neither signed itself nor part of
/// any digest.
pub const SIGNATURES_FILE: &str = "signatures.toml";
/// Marks an executable file in the digest of its release.
const EXECUTABLE: u64 = 1 << 63;

/// The SHA-256 of a file's content, in hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct FileDigest(Arc<str>);

/// A text that is not a SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text:.80}\" is not a SHA-256 of 64 hexadecimal digits in lower case")]
pub struct NotADigest {
    text: String,
}

/// The files of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Content {
    /// The files, ordered by path, each once.
    pub files: Vec<ContentFile>,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContentFile {
    /// The path below the folder of the release: names separated by `/`.
    pub path: String,
    /// The digest of the file's content.
    pub digest: FileDigest,
    /// The size of the file, in bytes.
    pub size: u64,
    /// `true` if the file is executable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// A file as far as it is part of the digest of its release.
#[derive(Debug, Clone, Copy)]
pub struct DigestedFile<'f> {
    /// The path below the folder of the release.
    pub path: &'f [u8],
    /// The SHA-256 of the content.
    pub hash: [u8; 32],
    /// True if the file is executable.
    pub executable: bool,
}

/// The reason why files cannot be the content of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A path leads out of the folder.
    #[error("\"{path}\" is not a path inside a release: names, and / between them")]
    Path {
        /// The offending path.
        path: String,
    },
    /// A file occurs twice, or out of order.
    #[error("\"{path}\" is out of order: files are listed by path, each once")]
    Order {
        /// The offending path.
        path: String,
    },
    /// The manifest is missing.
    #[error("there is no {MANIFEST_FILE}")]
    NoManifest,
}

impl FileDigest {
    /// Returns the digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::digest(bytes).into())
    }

    /// Returns the digest with this SHA-256.
    pub fn from_hash(hash: [u8; 32]) -> Self {
        Self(hexadecimal(&hash).into())
    }

    /// Returns the 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the 32 bytes of the SHA-256.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        // The constructor refuses anything but 64 digits, `0` to `9` and `a` to `f`.
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        };
        for (byte, digits) in hash.iter_mut().zip(self.0.as_bytes().as_chunks().0) {
            let [high, low] = *digits;
            *byte = digit(high) << 4 | digit(low);
        }
        hash
    }
}

impl std::str::FromStr for FileDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.into()))
        } else {
            Err(NotADigest { text: text.into() })
        }
    }
}

text_form!(FileDigest);

impl std::fmt::Display for FileDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl Content {
    /// Returns the file at a path.
    pub fn file(&self, path: &str) -> Option<&ContentFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Returns the total size of all files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Checks that no path leads out of the folder, and that the files are in order and each occurs
    /// once.
    pub fn validate(&self) -> Result<(), ContentError> {
        for file in &self.files {
            let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
            if !file.path.split('/').all(is_name) {
                let path = file.path.clone();
                return Err(ContentError::Path { path });
            }
        }
        let unordered = self
            .files
            .windows(2)
            .find(|two| !in_order(&two[0], &two[1]));
        if let Some([_, file]) = unordered {
            let path = file.path.clone();
            return Err(ContentError::Order { path });
        }
        self.file(MANIFEST_FILE)
            .map(drop)
            .ok_or(ContentError::NoManifest)
    }

    /// Returns the digest of a release of these files whose manifest has this `run`.
    pub fn release_digest(&self, run: &Run) -> ReleaseDigest {
        let signed = self.files.iter();
        let signed = signed.filter(|file| file.path != SIGNATURES_FILE);
        let files = signed.map(|file| DigestedFile {
            path: file.path.as_bytes(),
            hash: file.digest.hash(),
            executable: file.executable,
        });
        let program = match self.file(IMAGE_FILE) {
            Some(_) => None,
            None => self.file(&run.program),
        };
        release_digest(files, program.map(|file| file.digest.hash()))
    }
}

/// Returns the digest of a release: SHA-256 over the path, mode and SHA-256 of every file, ordered
/// by path, and of the program that is run, unless that is an image.
pub fn release_digest<'f>(
    files: impl Iterator<Item = DigestedFile<'f>>,
    program: Option<[u8; 32]>,
) -> ReleaseDigest {
    let mut all = Sha256::new();
    let program = program.map(|hash| DigestedFile {
        path: b"",
        hash,
        executable: false,
    });
    for file in files.chain(program) {
        // No path is so long: the highest bit of its length is free.
        let mode = if file.executable { EXECUTABLE } else { 0 };
        all.update((file.path.len() as u64 | mode).to_be_bytes());
        all.update(file.path);
        all.update(file.hash);
    }
    ReleaseDigest(hexadecimal(&all.finalize()).into())
}

/// Compares files by path, name by name, so that a folder's files stay together.
fn in_order(one: &ContentFile, other: &ContentFile) -> bool {
    one.path.split('/').lt(other.path.split('/'))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(paths: &[&str]) -> Content {
        let file = |path: &&str| ContentFile {
            path: (*path).into(),
            digest: FileDigest::of(path.as_bytes()),
            size: path.len() as u64,
            executable: false,
        };
        Content {
            files: paths.iter().map(file).collect(),
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused() {
        for path in ["../a", "/a", "a/../b", "a//b", "", ".", "a/", "a\0b"] {
            let error = content(&[path]).validate().unwrap_err();
            assert!(
                matches!(error, ContentError::Path { .. }),
                "{path}: {error}"
            );
        }
        for (paths, is_right) in [
            (&["a/b", "a.b", "worker.toml"][..], true),
            (&["a.b", "a/b", "worker.toml"][..], false),
            (&["worker.toml", "worker.toml"][..], false),
            (&["a"][..], false),
        ] {
            let validated = content(paths).validate();
            assert_eq!(validated.is_ok(), is_right, "{paths:?} {validated:?}");
        }
    }

    #[test]
    fn signatures_are_no_part_of_a_digest_and_everything_else_is() {
        let run = Run::program("run.sh");
        let plain = content(&["run.sh", "worker.toml"]);
        let signed = content(&["run.sh", "signatures.toml", "worker.toml"]);
        let more = content(&["more", "run.sh", "worker.toml"]);
        let digest = plain.release_digest(&run);
        assert_eq!(digest, signed.release_digest(&run));
        assert_ne!(digest, more.release_digest(&run));
        assert_ne!(digest, plain.release_digest(&Run::program("other.sh")));
    }

    #[test]
    fn f18_the_mode_of_a_file_is_part_of_the_digest() {
        let run = Run::program("run.sh");
        let plain = content(&["lib.py", "run.sh", "worker.toml"]);
        let mut changed = plain.clone();
        changed.files[0].executable = true;
        assert_ne!(plain.release_digest(&run), changed.release_digest(&run));
    }

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        let digest = FileDigest::of(b"foam");
        let text = digest.to_string();
        assert_eq!(text.parse::<FileDigest>().unwrap(), digest);
        assert_eq!(FileDigest::from_hash(digest.hash()), digest);
        for wrong in [&text[1..], &text.to_uppercase(), "x"] {
            assert!(wrong.parse::<FileDigest>().is_err(), "{wrong}");
        }
    }
}
