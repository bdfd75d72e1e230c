//! The key of an environment, which never leaves its host, and the secret by which it joins a site.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use utakata_execution::{
    Config, Identity,
    signatures::{EnvironmentSignatures, Own, Pin},
};
use utakata_seal::{EnvironmentKeys, JoinSecret};
use zeroize::Zeroizing;

/// The keys of an environment, and the secret of its site.
#[derive(Debug)]
pub struct Enrolment {
    pub keys: EnvironmentKeys,
    secret: Option<JoinSecret>,
}

/// Returns the path of the key in a data directory.
pub fn key_file(folder: &Path) -> PathBuf {
    folder.join("environment.key")
}

/// Reads the keys of the environment of a data directory; `None` if it has none yet.
///
/// # Errors
/// The file cannot be read, or is not a key.
pub fn read(folder: &Path) -> Result<Option<EnvironmentKeys>> {
    let path = key_file(folder);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => Zeroizing::new(read.with_context(|| format!("cannot read {}", path.display()))?),
    };
    let keys = EnvironmentKeys::parse(&text).with_context(|| {
        format!(
            "{} is not the key of an environment: remove it, and another one is made, which the \
             site has to accept",
            path.display()
        )
    })?;
    Ok(Some(keys))
}

impl Enrolment {
    /// Reads the keys of a data directory, or makes them, and the secret, if there is a file of it.
    ///
    /// # Errors
    /// A file cannot be read or written, or has something else in it.
    pub fn load(folder: &Path, config: &Config) -> Result<Self> {
        let keys = match read(folder)? {
            Some(keys) => keys,
            None => make(&key_file(folder))?,
        };
        let secret = config
            .join_file
            .as_deref()
            .map(secret)
            .transpose()?
            .flatten();
        Ok(Self { keys, secret })
    }

    /// Returns the signatures of messages over brokers. The site has to prove the secret only where
    /// it was given one: that of a user is on one machine, and the site may be elsewhere.
    ///
    /// # Errors
    /// The key of the site cannot be read.
    pub fn signatures(
        &self,
        config: &Config,
        folder: &Path,
        is_given: bool,
    ) -> Result<EnvironmentSignatures> {
        let pin = Pin::load(folder, config.site_key.as_deref())?;
        let own = Own {
            id: config.environment_id()?,
            zone: config.zone.clone(),
            key: self.keys.public().clone(),
            secret: self.secret.clone().filter(|_| is_given),
        };
        Ok(EnvironmentSignatures::new(
            self.keys.signing_key(),
            own,
            pin,
        ))
    }

    /// Adds to an identity what it says of its key.
    pub fn enrol(&self, identity: Identity) -> Identity {
        identity.with_key(&self.keys, self.secret.as_ref())
    }
}

fn make(path: &Path) -> Result<EnvironmentKeys> {
    let keys = EnvironmentKeys::generate()?;
    let written = write(path, keys.to_text().as_bytes());
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(keys)
}

/// Writes a file that only its owner reads, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("key.{}.unfinished", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // What is left of it is no use to anybody.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Reads the secret. Without its file the environment waits for a person.
fn secret(path: &Path) -> Result<Option<JoinSecret>> {
    let what = || format!("execution.join_file: {}", path.display());
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = path.display();
            tracing::warn!(%path, "there is no join secret: a person has to accept this environment");
            return Ok(None);
        }
        read => Zeroizing::new(read.with_context(what)?),
    };
    JoinSecret::parse(&text).map(Some).with_context(what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        assert!(read(folder.path()).unwrap().is_none());
        let first = Enrolment::load(folder.path(), &config).unwrap();
        let again = Enrolment::load(folder.path(), &config).unwrap();
        assert_eq!(first.keys.public(), again.keys.public());
        let path = key_file(folder.path());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(&path, "something else").unwrap();
        let error = Enrolment::load(folder.path(), &config).unwrap_err();
        assert!(format!("{error:#}").contains("remove it"), "{error:#}");
    }

    #[test]
    fn a_join_secret_that_is_no_secret_is_refused_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("join");
        let config = Config {
            join_file: Some(path.clone()),
            ..Config::default()
        };
        assert!(
            Enrolment::load(folder.path(), &config)
                .unwrap()
                .secret
                .is_none()
        );
        fs::write(&path, "short").unwrap();
        let error = Enrolment::load(folder.path(), &config).unwrap_err();
        assert!(
            format!("{error:#}").contains("execution.join_file"),
            "{error:#}"
        );
        assert!(format!("{error:#}").contains("openssl rand"), "{error:#}");
    }
}
