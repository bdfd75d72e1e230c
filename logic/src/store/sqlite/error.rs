//! The errors of SQLite, sorted by its result codes, <https://sqlite.org/rescode.html>.

use crate::store::{Error, Place};

pub(super) fn sort(place: &Place, source: sqlx::Error) -> Error {
    let place = place.clone();
    let sqlx::Error::Database(error) = &source else {
        return Error::Failed { place, source };
    };
    let reason = error.message().to_owned();
    match primary(&source) {
        5 | 6 => Error::Busy { place },
        8 | 14 => Error::Unwritable { place, reason },
        10 => Error::Disk { place, reason },
        11 | 26 => Error::Damaged { place, reason },
        13 => Error::Full { place },
        _ => Error::Failed { place, source },
    }
}

/// Returns true if a commit with this error may have succeeded nevertheless, now or after a crash:
/// the log may be complete although the disk reported an error. Excluded are a lack of space, a
/// file locked by another process, and a refusal.
pub(super) fn may_be_committed(error: &sqlx::Error) -> bool {
    !matches!(primary(error), 5 | 6 | 8 | 13 | 19)
}

/// Returns true if the database works and refused it, for example because a key is taken.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    primary(error) == 19
}

/// The primary result code; 0 if the error is not from SQLite.
fn primary(error: &sqlx::Error) -> i32 {
    let code = error.as_database_error().and_then(|error| error.code());
    let code: Option<i32> = code.and_then(|code| code.parse().ok());
    code.map_or(0, |code| code & 0xff)
}
