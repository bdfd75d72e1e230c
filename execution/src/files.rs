//! Files of this machine: their hashes, and the difference between "there is none" and "cannot
//! tell".

use std::{
    fs,
    io::{self, ErrorKind, Read},
    path::Path,
};

use sha2::{Digest, Sha256};
use utakata_model::{Cure, Problem};

const UNREADABLE: &str = "release-unreadable";

/// Returns the SHA-256 of a file's content.
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

/// Returns true if an error means that there is nothing, rather than that it cannot be read.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Returns the problem of something that could not be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot access {}: {error}", path.display());
    Problem::new(UNREADABLE, Cure::Operator, message)
}

pub(crate) fn is_unreadable(problem: &Problem) -> bool {
    &*problem.code == UNREADABLE
}
