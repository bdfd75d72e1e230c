//! The clock of the server, as far as its answers tell: what it says of times is by its own clock,
//! and how long ago something was is reckoned by that one, not by ours.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, HeaderMap};

/// By how many seconds the server that answered last is ahead; negative: behind.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// An answer says its time in whole seconds, and was on the way: less is no difference.
const SAME: i64 = 2;

/// Returns the time at the server that answered last; here, before any did.
pub fn server_now() -> Timestamp {
    let now = Timestamp::now();
    let ahead = SignedDuration::from_secs(AHEAD.load(Ordering::Relaxed));
    now.checked_add(ahead).unwrap_or(now)
}

/// A server has answered.
pub(super) fn note(headers: &HeaderMap) {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    if let Some(date) = date {
        AHEAD.store(ahead(date, Timestamp::now()), Ordering::Relaxed);
    }
}

/// By how many seconds a date of HTTP is ahead.
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
