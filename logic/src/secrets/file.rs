//! The file with the keys of the site.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use utakata_seal::{KeyId, Keyring, SiteKey};
use zeroize::Zeroizing;

use super::Error;

/// Reads the keys; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Keyring>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => Zeroizing::new(read.map_err(failed)?),
    };
    let ring = Keyring::parse(&text).map_err(|source| Error::Form {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(ring))
}

/// Says so if every user of the machine may read the file. In a container that can be right.
pub(super) fn warn_if_exposed(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.mode());
    if mode & 0o004 != 0 {
        let path = path.display();
        tracing::warn!(%path, "every user of this machine may read the key that seals secrets");
    }
}

/// Writes the keys: the file has the old ones or the new ones, never a part, and is on the disk when
/// this returns.
pub(super) fn write(path: &Path, ring: &Keyring) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    try_write(path, ring.to_text().as_bytes()).map_err(failed)
}

fn try_write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.unfinished", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // What is left of it is no use to anybody.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Adds a new key to a file, which is made where needed. Returns the name of the key.
///
/// # Errors
/// It is there and has no keys, or cannot be written.
pub fn add_key(path: &Path) -> Result<KeyId, Error> {
    let key = SiteKey::generate().map_err(Error::Generate)?;
    let id = key.id().clone();
    let ring = match read(path)? {
        Some(mut ring) => {
            ring.add(key);
            ring
        }
        None => Keyring::of(key),
    };
    write(path, &ring)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_added_to_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        assert_eq!(read(&path).unwrap(), None);
        let first = add_key(&path).unwrap();
        let second = add_key(&path).unwrap();
        let ring = read(&path).unwrap().unwrap();
        assert_eq!(*ring.newest().id(), second);
        assert!(ring.find(&first).is_ok());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_has_no_keys_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        fs::write(&path, "not a key\n").unwrap();
        let error = add_key(&path).unwrap_err();
        assert!(matches!(error, Error::Form { .. }), "{error}");
        assert!(error.cure().contains("put the file back"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key\n");
    }
}
