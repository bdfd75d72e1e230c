//! Points in time as the API writes them.

use jiff::Timestamp;

/// The present second.
pub fn now() -> String {
    at(Timestamp::now())
}

/// The second so many seconds from now.
pub fn in_seconds(seconds: i64) -> String {
    at(Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap_or_default())
}

/// A second since 1970.
pub fn at_second(second: i64) -> String {
    at(Timestamp::from_second(second).unwrap_or_default())
}

fn at(when: Timestamp) -> String {
    when.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
