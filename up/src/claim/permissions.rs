//! The permissions of the data directory: this user alone, where that is possible.

use std::{
    fs::{self, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

/// Permissions of the group and of others.
const OTHERS: u32 = 0o077;
/// Everybody may create, rename and remove files in it.
const WORLD_WRITABLE: u32 = 0o002;
/// Only the owner of a file may rename or remove it.
const STICKY: u32 = 0o1000;

/// The facts that decide how a directory is treated.
#[derive(Debug, Clone, Copy)]
struct Facts {
    mode: u32,
    /// True if it belongs to this user, so that its mode can be changed.
    is_own: bool,
    /// True if it is a mount point: most likely a volume of a container.
    is_mount: bool,
}

/// The treatment of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// It is private.
    Leave,
    /// It is made private.
    Tighten,
    /// It is used, and the log says that its permissions are too wide: its files are private, and
    /// nobody can replace them, or only users of the same volume.
    Warn,
    /// Refused: any user of this machine could replace our files with their own.
    Refuse,
}

fn treatment(facts: Facts) -> Treatment {
    if facts.mode & OTHERS == 0 {
        return Treatment::Leave;
    }
    if facts.is_own {
        return Treatment::Tighten;
    }
    let is_open = facts.mode & WORLD_WRITABLE != 0 && facts.mode & STICKY == 0;
    if is_open && !facts.is_mount {
        return Treatment::Refuse;
    }
    Treatment::Warn
}

/// Creates the directory if necessary, and closes it to others. One that belongs to somebody else,
/// like a Kubernetes volume (`fsGroup`), stays as it is.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    let metadata = fs::metadata(path)?;
    let facts = Facts {
        mode: metadata.permissions().mode(),
        is_own: metadata.uid() == rustix::process::geteuid().as_raw(),
        is_mount: is_mount(path, &metadata),
    };
    let mode = facts.mode & 0o7777;
    match treatment(facts) {
        Treatment::Leave => Ok(()),
        Treatment::Tighten => {
            let tightened = fs::set_permissions(path, Permissions::from_mode(0o700));
            tightened.or_else(|error| {
                // Some file systems have one mode for everything in them, for example CIFS.
                if !facts.is_mount {
                    return Err(error);
                }
                warn(path, mode);
                Ok(())
            })
        }
        Treatment::Warn => {
            warn(path, mode);
            Ok(())
        }
        Treatment::Refuse => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it belongs to another user, and everybody can write it (mode {mode:o})"),
        )),
    }
}

fn warn(path: &Path, mode: u32) {
    tracing::warn!(
        path = %path.display(),
        mode = format!("{mode:o}"),
        "the data directory belongs to somebody else and is open to others: who shares it can see \
         the names of its files, and the token is private"
    );
}

/// Returns true if the path is a mount point.
fn is_mount(path: &Path, metadata: &Metadata) -> bool {
    let above = path.canonicalize().ok();
    let above = above.as_deref().and_then(Path::parent);
    let above = above.and_then(|above| fs::metadata(above).ok());
    above.is_some_and(|above| above.dev() != metadata.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_closed_where_it_can_be_and_used_where_that_is_safe() {
        use Treatment::*;
        // (mode, own, mount): volumes with fsGroup belong to root, 2775 or 2777.
        for (mode, is_own, is_mount, expect) in [
            (0o700, true, false, Leave),
            (0o700, false, true, Leave),
            (0o755, true, false, Tighten),
            (0o777, true, true, Tighten),
            (0o2775, false, true, Warn),
            (0o2777, false, true, Warn),
            (0o777, false, true, Warn),
            (0o775, false, false, Warn),
            (0o1777, false, false, Warn),
            (0o777, false, false, Refuse),
        ] {
            let facts = Facts {
                mode,
                is_own,
                is_mount,
            };
            assert_eq!(treatment(facts), expect, "{facts:?} {mode:o}");
        }
    }

    #[test]
    fn a_directory_of_this_user_is_made_private() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        make_private(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_file_system_that_begins_somewhere_is_noticed() {
        let looked = |path: &str| is_mount(Path::new(path), &fs::metadata(path).unwrap());
        assert!(looked("/proc"));
        assert!(!looked("/proc/self/fd/.."));
        assert!(!looked("/"), "there is nothing above it");
    }
}
