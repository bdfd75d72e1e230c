//! Claiming the data directory: its lock, its token, its endpoint file.

mod permissions;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::folder::{Endpoint, Folder};

/// The length of a token: 256 bits, in hexadecimal digits.
const TOKEN_LENGTH: usize = 64;

/// An error of claiming a data directory.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process has the data directory.
    #[error(
        "another `utakata` (process {pid}) has the data directory {}: stop that one, or take \
         another directory with --data",
        path.display()
    )]
    Taken { path: PathBuf, pid: String },
    /// It cannot be created or written.
    #[error(
        "the data directory {} cannot be used ({step}): it must be a directory that this user \
         can write, or take another with --data",
        path.display()
    )]
    Unusable {
        path: PathBuf,
        step: &'static str,
        source: io::Error,
    },
    /// The token file cannot be read.
    #[error(
        "the file {} (logic.http.token_file), which has the token of admin, cannot be read",
        path.display()
    )]
    TokenFile { path: PathBuf, source: io::Error },
    /// The file does not contain a valid token.
    #[error(
        "the token in {} is damaged: remove that file, and the next start makes a new one",
        path.display()
    )]
    Token { path: PathBuf },
}

/// A claimed data directory: no other process can have it until this is dropped.
#[derive(Debug)]
pub struct Claim {
    folder: Folder,
    token: String,
    /// Locked as long as it is open.
    _lock: File,
}

impl Claim {
    /// Creates the directory if necessary, and claims it.
    pub fn take(folder: Folder) -> Result<Self, Error> {
        let unusable = |step| {
            let path = folder.path().to_owned();
            move |source| Error::Unusable { path, step, source }
        };
        permissions::make_private(folder.path()).map_err(unusable("making it"))?;
        let lock = lock(&folder)?;
        let token = token(&folder)?;
        Ok(Self {
            folder,
            token,
            _lock: lock,
        })
    }

    /// Uses the token in this file instead of the directory's own.
    pub fn adopt_token(&mut self, file: &Path) -> Result<(), Error> {
        let unusable = |step, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Unusable { path, step, source }
        };
        let text = fs::read_to_string(file).map_err(|source| Error::TokenFile {
            path: file.to_owned(),
            source,
        })?;
        let token = text.trim();
        if !is_token(token) {
            return Err(Error::Token {
                path: file.to_owned(),
            });
        }
        let own = self.folder.token_file();
        write_whole(&own, format!("{token}\n").as_bytes())
            .map_err(unusable("writing the token", self.folder.path()))?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Writes the endpoint file, so that other commands can reach us.
    pub fn announce(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let unusable = |source| Error::Unusable {
            path: self.folder.path().to_owned(),
            step: "writing endpoint.json",
            source,
        };
        let text = serde_json::to_string_pretty(endpoint)
            .map_err(io::Error::from)
            .map_err(unusable)?;
        write_whole(&self.folder.endpoint_file(), text.as_bytes()).map_err(unusable)
    }

    /// Removes the endpoint file: we can no longer be reached.
    pub fn withdraw(&self) {
        // A reader that finds it nevertheless sees that the process is gone.
        let _ = fs::remove_file(self.folder.endpoint_file());
    }
}

/// Locks a directory for as long as the file is open, if it is a data directory.
pub fn keep_out(folder: &Folder) -> Result<Option<File>, Error> {
    let path = folder.path().join("lock");
    let is_there = path.try_exists().map_err(|source| Error::Unusable {
        path: folder.path().to_owned(),
        step: "looking for its lock",
        source,
    })?;
    is_there.then(|| lock(folder)).transpose()
}

/// Writes a file atomically: a reader sees the old content or the new, never a part.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = private().truncate(true).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn lock(folder: &Folder) -> Result<File, Error> {
    let unusable = |source| Error::Unusable {
        path: folder.path().to_owned(),
        step: "locking it",
        source,
    };
    let path = folder.path().join("lock");
    let mut file = private().read(true).open(path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            return Err(Error::Taken {
                path: folder.path().to_owned(),
                pid: pid.trim().to_owned(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    file.set_len(0).map_err(unusable)?;
    writeln!(file, "{}", std::process::id()).map_err(unusable)?;
    Ok(file)
}

/// Returns the token, created at the first start.
fn token(folder: &Folder) -> Result<String, Error> {
    let path = folder.token_file();
    match folder.token() {
        Ok(token) if is_token(&token) => Ok(token),
        Ok(_) => Err(Error::Token { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_token(&path).map_err(|source| Error::Unusable {
                path: folder.path().to_owned(),
                step: "making a token",
                source,
            })
        }
        Err(source) => Err(Error::Unusable {
            path: folder.path().to_owned(),
            step: "reading the token",
            source,
        }),
    }
}

fn is_token(text: &str) -> bool {
    text.len() >= TOKEN_LENGTH / 2 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns a text that nobody can guess, in hexadecimal digits.
pub fn random_digits() -> io::Result<String> {
    let mut bytes = [0; TOKEN_LENGTH / 2];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn make_token(path: &Path) -> io::Result<String> {
    let token = random_digits()?;
    write_whole(path, format!("{token}\n").as_bytes())?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_taken_from_a_file_that_others_have_too() {
        let place = tempfile::tempdir().unwrap();
        let mut claim = Claim::take(Folder::new(place.path().join("le"))).unwrap();
        let file = place.path().join("shared");
        assert!(claim.adopt_token(&file).is_err(), "there is none");
        fs::write(&file, "short\n").unwrap();
        assert!(claim.adopt_token(&file).is_err(), "it is none");
        fs::write(&file, format!("{}\n", "0a".repeat(32))).unwrap();
        claim.adopt_token(&file).unwrap();
        assert_eq!(claim.token(), "0a".repeat(32));
        assert_eq!(claim.folder().token().unwrap(), claim.token());
    }

    #[test]
    fn a_data_directory_has_one_owner_and_keeps_its_token() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("new/place"));
        let first = Claim::take(folder.clone()).unwrap();
        assert_eq!(first.token().len(), TOKEN_LENGTH);
        let told = Claim::take(folder.clone()).unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(told.contains(&format!("process {pid}")), "{told}");
        let token = first.token().to_owned();
        drop(first);
        assert_eq!(Claim::take(folder.clone()).unwrap().token(), token);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.token_file()), 0o600);
    }

    #[test]
    fn a_damaged_token_and_a_file_in_place_of_the_directory_are_refused_with_a_cure() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("token"), "").unwrap();
        let told = Claim::take(Folder::new(place.path())).unwrap_err();
        assert!(matches!(told, Error::Token { .. }), "{told}");
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        let told = Claim::take(Folder::new(&file)).unwrap_err();
        assert!(matches!(told, Error::Unusable { .. }), "{told}");
    }
}
