//! The file with the secret by which environments join without a person.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use utakata_seal::{JoinSecret, KeyError};
use zeroize::Zeroizing;

/// The reason why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", path.display())]
    Form { path: PathBuf, source: KeyError },
}

/// Reads the secret, if there is a file for it.
pub(super) fn secret(path: Option<&Path>) -> Result<Option<JoinSecret>, Error> {
    let Some(path) = path else {
        return Ok(None);
    };
    let text = match fs::read_to_string(path) {
        // Environments wait for a person then, which harms less than to have no logic environment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = path.display();
            tracing::warn!(%path, "there is no join secret: environments wait to be accepted");
            return Ok(None);
        }
        Err(source) => {
            let path = path.to_owned();
            return Err(Error::Read { path, source });
        }
        Ok(text) => text,
    };
    let secret = JoinSecret::parse(&Zeroizing::new(text)).map_err(|source| Error::Form {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(secret))
}
