//! The logins of this user: a file for each server, with the token that is sent to it and to no other.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{PersonName, target::Secret};

use crate::authority::{authority, is_same};

/// The logins of this user.
#[derive(Debug, Clone)]
pub struct Logins {
    folder: PathBuf,
}

/// A login at a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Login {
    /// The server, to which alone the token is sent.
    pub url: String,
    pub name: PersonName,
    pub token: Secret,
    pub ends: Timestamp,
}

impl Login {
    /// Returns true if it is of no use any more.
    pub fn has_ended(&self) -> bool {
        self.ends <= Timestamp::now()
    }
}

impl Logins {
    /// Returns those in `$XDG_STATE_HOME/utakata/logins`, or `~/.local/state/utakata/logins`.
    pub fn of_user() -> Option<Self> {
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let states = absolute("XDG_STATE_HOME");
        let states = states.or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
        Some(Self {
            folder: states.join("utakata/logins"),
        })
    }

    /// Returns the login at a server, which may have ended.
    pub fn find(&self, url: &str) -> Option<Login> {
        let text = fs::read_to_string(self.file(url)?).ok()?;
        let login: Login = serde_json::from_str(&text).ok()?;
        // Names of files are shorter than URLs: two of them could have one.
        is_same(&login.url, url).then_some(login)
    }

    /// Keeps a login, which only this user can read.
    pub fn keep(&self, login: &Login) -> Result<()> {
        let file = self.file(&login.url).context("the URL has no host")?;
        let text = serde_json::to_string(login)?;
        let failed = || format!("the login cannot be kept in {}", file.display());
        self.write(&file, &text).with_context(failed)
    }

    fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o700).create(&self.folder)?;
        let part = file.with_extension(format!("{}.part", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&part)?.write_all(text.as_bytes())?;
        fs::rename(part, file)
    }

    /// Forgets the login at a server.
    pub fn forget(&self, url: &str) -> Result<()> {
        let file = self.file(url).context("the URL has no host")?;
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let failed = || format!("the login in {} cannot be removed", file.display());
                Err(error).with_context(failed)
            }
            _ => Ok(()),
        }
    }

    fn file(&self, url: &str) -> Option<PathBuf> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let name = authority(url)?;
        let name = name.replace(|c| !is_plain(c), "_");
        Some(self.folder.join(format!("{name}.json")))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_login_is_for_its_server_and_its_user_alone() {
        let place = tempfile::tempdir().unwrap();
        let logins = Logins {
            folder: place.path().join("a/b"),
        };
        let login = Login {
            url: "https://le-1.example:7700".into(),
            name: "ana".parse().unwrap(),
            token: Secret::new("s3cret"),
            ends: Timestamp::MAX,
        };
        logins.keep(&login).unwrap();
        logins.keep(&login).unwrap();
        let found = logins.find("https://LE-1.example:7700/").unwrap();
        assert_eq!(found.token.reveal(), "s3cret");
        assert!(!found.has_ended());
        for other in [
            "http://le-1.example:7700",
            "https://le-1.example:7701",
            "https://le-1.example",
            "https://le-1_example:7700",
            "https://le-1.example_7700",
        ] {
            assert!(logins.find(other).is_none(), "{other}");
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&logins.folder), 0o700);
        assert_eq!(mode(&logins.file(&login.url).unwrap()), 0o600);
        assert_eq!(fs::read_dir(&logins.folder).unwrap().count(), 1);
        logins.forget(&login.url).unwrap();
        logins.forget(&login.url).unwrap();
        assert!(logins.find(&login.url).is_none());
    }
}
