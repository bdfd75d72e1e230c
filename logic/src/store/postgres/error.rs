//! The errors of PostgreSQL, sorted by its codes,
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use std::io::ErrorKind;

use sqlx::{
    error::DatabaseError,
    postgres::{PgDatabaseError, PgSeverity},
};

use crate::store::{Error, Place};

pub(super) fn sort(place: &Place, source: sqlx::Error) -> Error {
    let place = place.clone();
    let reason = match &source {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection came about in time".into(),
        source => utakata_model::chain(source),
    };
    match cause(&source) {
        Cause::Away => Error::Away { place, reason },
        Cause::Refused => Error::Refused { place, reason },
        Cause::ReadOnly => Error::Unwritable { place, reason },
        Cause::Full => Error::Full { place },
        Cause::Damaged => Error::Damaged { place, reason },
        Cause::Disk => Error::Disk { place, reason },
        Cause::Absent => Error::Replaced { place, reason },
        Cause::Other => Error::Failed { place, source },
    }
}

/// Returns true if a commit with this error may have succeeded nevertheless.
pub(super) fn may_be_committed(error: &sqlx::Error) -> bool {
    error.as_database_error().is_none() || matches!(cause(error), Cause::Away)
}

/// Returns true if the database works and refused it, for example because a key is taken.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("23"))
}

/// Returns true if the database lacks its tables entirely.
pub(super) fn is_absent(error: &dyn DatabaseError) -> bool {
    matches!(of_code(&error.code().unwrap_or_default()), Cause::Absent)
}

/// Returns true if the whole server crashed. It recovers from its log, and whatever that contained
/// of a commit then takes effect, whatever the cause was: a full disk, or a failing one.
fn is_panic(error: &dyn DatabaseError) -> bool {
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| error.severity() == PgSeverity::Panic)
}

enum Cause {
    Away,
    Refused,
    ReadOnly,
    Full,
    Damaged,
    Disk,
    Absent,
    Other,
}

fn cause(error: &sqlx::Error) -> Cause {
    use sqlx::Error as E;
    match error {
        // Whatever the cause: the whole server ends and restarts.
        E::Database(error) if is_panic(error.as_ref()) => Cause::Away,
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
        // Too many clients or too little memory; timeouts, or waiting too long for another;
        // shutting down, crashed, starting.
        "53200" | "53300" | "57014" | "55P03" | "25P03" => Cause::Away,
        "57P01" | "57P02" | "57P03" | "57P05" => Cause::Away,
        "53100" => Cause::Full,
        // No such database; no permission.
        "3D000" | "42501" => Cause::Refused,
        "25006" => Cause::ReadOnly,
        "XX001" | "XX002" => Cause::Damaged,
        // From the system, such as EIO.
        "58030" => Cause::Disk,
        // No such table, schema or column.
        "42P01" | "3F000" | "42703" => Cause::Absent,
        // Connections; passwords.
        code if code.starts_with("08") => Cause::Away,
        code if code.starts_with("28") => Cause::Refused,
        _ => Cause::Other,
    }
}
