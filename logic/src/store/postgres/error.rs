//! What PostgreSQL says, sorted by its codes,
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use std::io::ErrorKind;

use crate::store::{Error, Place};

pub(super) fn sort(place: &Place, source: sqlx::Error) -> Error {
    let place = place.clone();
    let reason = match &source {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection came about in time".into(),
        source => crate::store::error::whole(source),
    };
    match cause(&source) {
        Cause::Away => Error::Away { place, reason },
        Cause::Refused => Error::Refused { place, reason },
        Cause::ReadOnly => Error::Unwritable { place, reason },
        Cause::Full => Error::Full { place },
        Cause::Damaged => Error::Damaged { place, reason },
        Cause::Other => Error::Failed { place, source },
    }
}

/// Whether a commit that met this may have been done nevertheless.
pub(super) fn may_be_committed(error: &sqlx::Error) -> bool {
    error.as_database_error().is_none() || matches!(cause(error), Cause::Away)
}

/// Whether the database works and did not want it: a key that is taken, for example.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("23"))
}

enum Cause {
    Away,
    Refused,
    ReadOnly,
    Full,
    Damaged,
    Other,
}

fn cause(error: &sqlx::Error) -> Cause {
    use sqlx::Error as E;
    match error {
        E::Database(error) => of_code(&error.code().unwrap_or_default()),
        // A certificate that is not trusted.
        E::Tls(_) => Cause::Refused,
        E::Io(error) if error.kind() == ErrorKind::InvalidData => Cause::Refused,
        E::Io(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed => Cause::Away,
        _ => Cause::Other,
    }
}

fn of_code(code: &str) -> Cause {
    match code {
        // Too many clients or too little memory; took too long, or waited too long for another;
        // told to end, crashed, starting.
        "53200" | "53300" | "57014" | "55P03" | "25P03" => Cause::Away,
        "57P01" | "57P02" | "57P03" | "57P05" => Cause::Away,
        "53100" => Cause::Full,
        // No such database; no rights.
        "3D000" | "42501" => Cause::Refused,
        "25006" => Cause::ReadOnly,
        "XX001" | "XX002" => Cause::Damaged,
        // Of connections; of passwords.
        code if code.starts_with("08") => Cause::Away,
        code if code.starts_with("28") => Cause::Refused,
        _ => Cause::Other,
    }
}
