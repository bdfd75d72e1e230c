//! Files that are on this machine already, in the folders of releases and of programs: a release
//! that differs from another only in its manifest is fetched without its program.

use std::{collections::VecDeque, fs, io, path::PathBuf};

use utakata_model::ContentFile;

use super::store::Store;
use crate::files::hash_file;

/// The size below which a file is not looked for, in bytes: fetching it is faster.
const MIN_SIZE: u64 = 64 * 1024;
/// The largest number of entries that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// The depth to which folders are nested.
const MAX_DEPTH: usize = 4;

/// Copies a file into the store if one of these folders has it. Returns true if so.
///
/// # Errors
/// It cannot be written.
pub(super) fn take(store: &Store, near: &[PathBuf], wanted: &ContentFile) -> io::Result<bool> {
    if wanted.size < MIN_SIZE {
        return Ok(false);
    }
    let found = find(near, wanted.size);
    for path in found {
        // A file that cannot be read, or is a different one, is fetched.
        let is_it = hash_file(&path).is_ok_and(|hash| hash == wanted.digest.hash());
        if is_it && store.copy(&path, wanted)? {
            tracing::debug!(file = %path.display(), "a file of a release is here already");
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the files of this size, those nearest to the folders first. Unreadable ones are skipped,
/// and links are not followed.
fn find(near: &[PathBuf], size: u64) -> Vec<PathBuf> {
    let mut folders: VecDeque<(PathBuf, usize)> = near.iter().map(|one| (one.clone(), 0)).collect();
    let mut left = MAX_ENTRIES;
    let mut found = Vec::new();
    while let Some((folder, depth)) = folders.pop_front() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.take(left) {
            left -= 1;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() && depth < MAX_DEPTH => {
                    folders.push_back((entry.path(), depth + 1));
                }
                Ok(metadata) if metadata.is_file() && metadata.len() == size => {
                    found.push(entry.path());
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use utakata_model::FileDigest;

    use super::*;

    #[test]
    fn a_file_that_lies_in_a_folder_of_a_release_or_of_programs_is_not_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("content"));
        store.open().unwrap();
        let near = [folder.path().join("releases"), folder.path().join("bin")];
        let release = near[0].join("pdu");
        fs::create_dir_all(&release).unwrap();
        fs::create_dir_all(&near[1]).unwrap();
        let bytes = |of: u8| vec![of; usize::try_from(MIN_SIZE).unwrap()];
        // The same size, but a different file.
        fs::write(release.join("other"), bytes(1)).unwrap();
        fs::write(release.join("worker"), bytes(2)).unwrap();
        fs::write(near[1].join("program"), bytes(3)).unwrap();
        let file = |content: &[u8]| ContentFile {
            path: "worker".into(),
            digest: FileDigest::of(content),
            size: content.len() as u64,
            executable: true,
        };
        for (of, is_here) in [(2, true), (3, true), (4, false)] {
            let wanted = file(&bytes(of));
            assert_eq!(take(&store, &near, &wanted).unwrap(), is_here, "{of}");
            assert_eq!(store.has(&wanted).unwrap(), is_here, "{of}");
        }
        let small = file(b"small");
        fs::write(release.join("small"), "small").unwrap();
        assert!(!take(&store, &near, &small).unwrap());
    }
}
