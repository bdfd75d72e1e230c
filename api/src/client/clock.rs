//! The clock of the server, as inferred from its answers. Times in an answer are by that clock, so
//! ages are calculated by it and not by ours.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, HeaderMap};

/// The number of seconds by which the server that answered last is ahead; negative if it is behind.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// The difference that does not count: an answer gives its time in whole seconds and takes a moment
/// to arrive.
const SAME: i64 = 2;

/// Returns the time at the server that answered last, or the local time before any answer.
pub fn server_now() -> Timestamp {
    let now = Timestamp::now();
    let ahead = SignedDuration::from_secs(AHEAD.load(Ordering::Relaxed));
    now.checked_add(ahead).unwrap_or(now)
}

/// Takes note of the time that an answer gives.
pub(super) fn note(headers: &HeaderMap) {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    if let Some(date) = date {
        AHEAD.store(ahead(date, Timestamp::now()), Ordering::Relaxed);
    }
}

/// Returns the number of seconds by which an HTTP date is ahead.
fn ahead(date: &str, now: Timestamp) -> i64 {
    let Ok(date) = rfc2822::parse(date) else {
        return 0;
    };
    let ahead = date.timestamp().duration_since(now).as_secs();
    if ahead.abs() <= SAME { 0 } else { ahead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_says_how_the_clocks_differ() {
        let now: Timestamp = "2026-11-29T15:28:59.7Z".parse().unwrap();
        for (date, expect) in [
            ("Sun, 29 Nov 2026 15:28:59 GMT", 0),
            ("Sun, 29 Nov 2026 15:29:01 GMT", 0),
            ("Sun, 29 Nov 2026 17:29:00 GMT", 7200),
            ("Sun, 29 Nov 2026 13:28:59 GMT", -7200),
            ("yesterday", 0),
        ] {
            assert_eq!(ahead(date, now), expect, "{date}");
        }
    }
}
