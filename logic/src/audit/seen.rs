//! The heads of the trail that this logic environment has seen, in a file of its data directory: what
//! is in the store does not vouch for itself.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use utakata_seal::SignedHead;

/// The name of the file in the data directory: a head in each line, oldest first.
pub const FILE: &str = "audit-heads";
/// The largest number of heads that are kept. Of the older half, every second one goes then: the
/// first and the last stay, and what is older is further apart.
const MAX: usize = 1024;

/// The heads of the trail that this logic environment has seen.
#[derive(Debug)]
pub struct SeenHeads {
    /// Absent where nothing is written.
    path: Option<PathBuf>,
    heads: Mutex<Vec<SignedHead>>,
}

impl SeenHeads {
    /// Reads what was seen before. A line that is no head, or was not signed by a site, is no head.
    pub fn open(folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join(FILE));
        let heads = path.as_deref().map(read).unwrap_or_default();
        Self {
            path,
            heads: Mutex::new(heads),
        }
    }

    /// Returns all of them, oldest first.
    pub fn all(&self) -> Vec<SignedHead> {
        self.heads.lock().clone()
    }

    /// Keeps a head.
    ///
    /// # Errors
    /// It cannot be written; it is known until this process ends.
    pub fn add(&self, head: SignedHead) -> io::Result<()> {
        let mut heads = self.heads.lock();
        if heads.last() == Some(&head) {
            return Ok(());
        }
        heads.push(head);
        if heads.len() > MAX {
            thin(&mut heads);
            return self
                .path
                .as_deref()
                .map_or(Ok(()), |path| write(path, &heads));
        }
        let (Some(path), Some(head)) = (&self.path, heads.last()) else {
            return Ok(());
        };
        let mut file = open(OpenOptions::new().append(true).create(true), path)?;
        // In one call: a line is there, or is not.
        file.write_all(format!("{head}\n").as_bytes())
    }
}

/// Returns the heads in a file, oldest first; none if there is no file.
pub fn read(path: &Path) -> Vec<SignedHead> {
    let bytes = fs::read(path).unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(path = %path.display(), %error, "the heads of the audit trail that were \
                seen cannot be read: `utakata audit verify` compares with the later ones alone");
        }
        Vec::new()
    });
    let text = String::from_utf8_lossy(&bytes);
    SignedHead::find_in(&text)
        .filter_map(|(_, head)| head.ok())
        .collect()
}

/// Removes every second one of the older half.
fn thin(heads: &mut Vec<SignedHead>) {
    let older = heads.len() / 2;
    let mut at = 0;
    heads.retain(|_| {
        at += 1;
        at > older || at % 2 == 1
    });
}

/// Writes all of them: the file has the old ones or the new ones.
fn write(path: &Path, heads: &[SignedHead]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = open(
        OpenOptions::new().write(true).create(true).truncate(true),
        &unfinished,
    )?;
    let text: String = heads.iter().map(|head| format!("{head}\n")).collect();
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn open(options: &mut OpenOptions, path: &Path) -> io::Result<fs::File> {
    options.mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use utakata_seal::SiteKey;

    use super::*;

    #[test]
    fn what_was_seen_is_known_to_the_next_life_and_gets_sparser_with_age() {
        let folder = tempfile::tempdir().unwrap();
        let key = SiteKey::generate().unwrap().head_key().unwrap();
        let seen = SeenHeads::open(Some(folder.path()));
        for page in 1..=3000 {
            seen.add(key.sign(page, &"ab".repeat(32))).unwrap();
        }
        let file = folder.path().join(FILE);
        let mut text = fs::read_to_string(&file).unwrap();
        text.push_str("utakata-head-1:4:00:x:y\nnothing\n");
        fs::write(&file, text).unwrap();
        let next = SeenHeads::open(Some(folder.path())).all();
        assert_eq!(next, seen.all());
        let pages: Vec<u64> = next.iter().map(|head| head.page).collect();
        assert!(pages.len() <= MAX && pages.is_sorted(), "{pages:?}");
        assert_eq!((pages[0], pages[pages.len() - 1]), (1, 3000));
        assert_eq!(
            pages[pages.len() - 400..],
            (2601..=3000).collect::<Vec<_>>()
        );
    }
}
