//! The join secret of a user on one machine: the environments of that user join the logic
//! environments of the same user by it, without a person and without a setting. Whoever can read
//! it can read their data directories as well.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use utakata_seal::JoinSecret;

/// Returns the file of the secret: the configured one, or that of the user, which is made if there
/// is none; `None` if it cannot be made, so that a person accepts environments.
pub fn file(configured: Option<PathBuf>) -> Option<PathBuf> {
    configured.or_else(|| {
        let path = states()?.join("utakata/join.secret");
        match made(&path) {
            Ok(()) => Some(path),
            Err(error) => {
                let path = path.display();
                tracing::debug!(%path, %error, "there is no join secret of this user");
                None
            }
        }
    })
}

fn states() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

/// Makes the secret, unless it is there. Of several processes that make it at once, one succeeds,
/// and all of them read the same.
fn made(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let secret = JoinSecret::draw().map_err(io::Error::other)?;
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let written = write(&unfinished, secret.as_bytes()).and_then(|()| {
        match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    // What is left of it is no use to anybody.
    let _ = fs::remove_file(&unfinished);
    written
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, thread};

    use super::*;

    #[test]
    fn many_that_make_it_at_once_read_the_same_secret_which_only_the_user_reads() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/utakata/join.secret");
        let makers = (0..8).map(|_| {
            let path = path.clone();
            thread::spawn(move || {
                made(&path).unwrap();
                fs::read_to_string(path).unwrap()
            })
        });
        let makers: Vec<_> = makers.collect();
        let mut read: Vec<String> = makers.into_iter().map(|one| one.join().unwrap()).collect();
        read.dedup();
        assert_eq!(read.len(), 1);
        JoinSecret::parse(&read[0]).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1);
    }

    #[test]
    fn a_configured_secret_is_used_in_its_place() {
        let path = PathBuf::from("/run/credentials/join");
        assert_eq!(file(Some(path.clone())), Some(path));
    }
}
