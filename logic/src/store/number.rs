//! Numbers: ours are never negative, those of databases are signed.

use utakata_invariant as invariant;

/// Converts a number for the database.
pub(super) fn to_column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or_else(|_| {
        invariant::broken("a number that no database has", &value);
        i64::MAX
    })
}

/// Converts a number counted by the database, which is never negative.
pub(super) fn from_column(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_else(|_| {
        invariant::broken("a number of a database that is negative", &value);
        0
    })
}
