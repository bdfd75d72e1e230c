//! What SQLite says, sorted by its result codes, <https://sqlite.org/rescode.html>.

use crate::store::{Error, Place};

pub(super) fn sort(place: &Place, source: sqlx::Error) -> Error {
    let place = place.clone();
    let sqlx::Error::Database(error) = &source else {
        return Error::Failed { place, source };
    };
    let code: i32 = error
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let reason = error.message().to_owned();
    match code & 0xff {
        5 | 6 => Error::Busy { place },
        8 | 14 => Error::Unwritable { place, reason },
        10 | 11 | 26 => Error::Damaged { place, reason },
        13 => Error::Full { place },
        _ => Error::Failed { place, source },
    }
}
