//! Numbers: ours are never negative, and those of databases have a sign.

use utakata_invariant as invariant;

/// A number as a database has it.
pub(super) fn to_column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or_else(|_| {
        invariant::broken("a number that no database has", &value);
        i64::MAX
    })
}

/// A number that a database counts, which is never negative.
pub(super) fn from_column(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_else(|_| {
        invariant::broken("a number of a database that is negative", &value);
        0
    })
}
