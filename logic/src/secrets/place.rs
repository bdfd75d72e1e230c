//! The place of the keys, and who writes them there.

use std::path::{Path, PathBuf};

use utakata_model::CredentialName;
use utakata_seal::KeyId;

use super::Error;
use crate::config;

/// The name of the file in the data directory.
const FILE: &str = "site.key";
/// The name of the credential of systemd.
const CREDENTIAL: &str = "utakata-site-key";

/// The file with the keys of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    path: PathBuf,
    /// True if it is in the data directory: then the logic environment makes it.
    is_own: bool,
    /// True if other logic environments need the same keys.
    is_shared: bool,
}

impl KeyPlace {
    /// Returns the configured file; else the credential of that name that systemd has passed in its
    /// folder, if there is one; else a file in the data directory.
    pub fn of(config: &config::Config, data: &Path, of_systemd: Option<&Path>) -> Self {
        let passed = of_systemd
            .map(|folder| folder.join(CREDENTIAL))
            .filter(|path| path.exists());
        let given = config.secrets.key_file.clone().or(passed);
        Self {
            is_own: given.is_none(),
            path: given.unwrap_or_else(|| data.join(FILE)),
            is_shared: config.store.url.is_some(),
        }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if keys may be made here: the file lasts as long as the store, and nobody else
    /// would lack them.
    pub(super) fn is_ours_alone(&self) -> bool {
        self.is_own && !self.is_shared
    }

    pub(super) fn missing(&self) -> Error {
        Error::Missing {
            path: self.path.clone(),
        }
    }

    pub(super) fn gone(&self, key: &KeyId) -> Error {
        Error::Gone {
            path: self.path.clone(),
            key: key.clone(),
        }
    }

    pub(super) fn unwrapped(&self, key: &KeyId) -> Error {
        Error::Unwrapped {
            path: self.path.clone(),
            key: key.clone(),
        }
    }

    pub(super) fn other(&self, key: &KeyId, found: &KeyId) -> Error {
        Error::Other {
            path: self.path.clone(),
            key: key.clone(),
            found: found.clone(),
        }
    }

    pub(super) fn no_newer(&self, key: &KeyId) -> Error {
        Error::NoNewer {
            path: self.path.clone(),
            key: key.clone(),
            is_shared: self.is_shared,
        }
    }

    pub(super) fn credential(&self, name: &CredentialName, source: utakata_seal::Error) -> Error {
        Error::Credential {
            name: name.clone(),
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_configured_file_comes_before_that_of_systemd_and_that_before_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new("/var/lib/utakata");
        let mut config = config::Config::default();
        let of = |config: &config::Config| KeyPlace::of(config, data, Some(folder.path()));
        let own = of(&config);
        assert_eq!(own.path(), data.join(FILE));
        assert!(own.is_ours_alone());

        config.store.url = Some("postgres://localhost/utakata".parse().unwrap());
        let shared = of(&config);
        assert!(!shared.is_ours_alone());

        fs::write(folder.path().join(CREDENTIAL), "").unwrap();
        let passed = of(&config);
        assert_eq!(passed.path(), folder.path().join(CREDENTIAL));
        assert!(!passed.is_ours_alone());

        config.secrets.key_file = Some("/etc/utakata/site.key".into());
        assert_eq!(of(&config).path(), Path::new("/etc/utakata/site.key"));
    }
}
