//! Files of this machine: their hashes, and telling "there is none" from "nobody can say".

use std::{
    fs,
    io::{self, ErrorKind, Read},
    path::Path,
};

use sha2::{Digest, Sha256};
use utakata_model::{Cure, Problem};

const UNREADABLE: &str = "release-unreadable";

/// The SHA-256 of what is in a file.
pub(crate) fn hash_file(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Returns whether an error says that there is nothing, and not that nobody can say.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Returns the problem of something that could not be looked at, which does not say what is there.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot look at {}: {error}", path.display());
    Problem::new(UNREADABLE, Cure::Operator, message)
}

pub(crate) fn is_unreadable(problem: &Problem) -> bool {
    &*problem.code == UNREADABLE
}
