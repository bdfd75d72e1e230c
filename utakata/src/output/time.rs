//! Times in the local time of the reader, with the name of the time zone.
//!
//! The server has no local time: it sends times as data, or as RFC 3339 in UTC within sentences,
//! and only here they become local.

use std::{borrow::Cow, sync::OnceLock};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The length of the shortest time in RFC 3339: `2026-11-29T09:46:43Z`.
const SHORTEST: usize = 20;

/// Returns the reader's time zone. If it is unknown, this is reported once, and UTC is used.
pub fn here() -> &'static TimeZone {
    static HERE: OnceLock<TimeZone> = OnceLock::new();
    HERE.get_or_init(|| {
        zone().unwrap_or_else(|problem| {
            tell!("{problem}: times are in UTC");
            TimeZone::UTC
        })
    })
}

/// Returns the time zone of this machine, or of TZ.
///
/// # Errors
/// TZ names a zone that is not known here.
pub fn zone() -> Result<TimeZone, String> {
    let found = TimeZone::try_system();
    match std::env::var("TZ") {
        // A machine without a time zone keeps its clock in UTC.
        Err(_) => Ok(found.unwrap_or(TimeZone::UTC)),
        Ok(name) => found.map_err(|_| {
            format!("TZ is \"{name}\", which is no time zone that is known on this machine")
        }),
    }
}

/// Returns the present local time.
pub fn now() -> Zoned {
    Timestamp::now().to_zoned(here().clone())
}

/// Formats a time to the second: `18:00:00 EST`, with its date unless that is today.
pub fn clock(time: Timestamp) -> String {
    clock_at(time, &now())
}

/// Formats a time to the millisecond, with its date.
pub fn moment(time: Timestamp) -> String {
    let local = time.to_zoned(here().clone());
    local.strftime("%F %H:%M:%S%.3f %Z").to_string()
}

/// Formats a time for lines that programs may read, too: RFC 3339 with the offset from UTC.
pub fn stamp(time: Timestamp) -> String {
    let local = time.to_zoned(here().clone());
    local.strftime("%FT%H:%M:%S%.3f%:z").to_string()
}

/// Makes the times of RFC 3339 in a sentence local.
pub fn localised(text: &str) -> Cow<'_, str> {
    // Without a time in the text the zone is not needed, so a missing one is not reported.
    if next_time(text).is_none() {
        return Cow::Borrowed(text);
    }
    localised_at(text, &now())
}

fn clock_at(time: Timestamp, now: &Zoned) -> String {
    let local = time.to_zoned(now.time_zone().clone());
    let format = if local.date() == now.date() {
        "%H:%M:%S %Z"
    } else {
        "%F %H:%M:%S %Z"
    };
    local.strftime(format).to_string()
}

fn localised_at<'t>(text: &'t str, now: &Zoned) -> Cow<'t, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, time, after)) = next_time(rest) {
        shown.push_str(before);
        shown.push_str(&clock_at(time, now));
        rest = after;
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Finds the first time in a text, and the text before and after it.
fn next_time(text: &str) -> Option<(&str, Timestamp, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find('Z') {
        let end = from + found + 1;
        let is_of_time = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | 'T' | 'Z');
        let start = text[..end].rfind(|c| !is_of_time(c));
        let start = start.map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
        let word = &text[start..end];
        let is_whole = !text[end..].starts_with(|c: char| c.is_alphanumeric());
        if is_whole
            && word.len() >= SHORTEST
            && let Ok(time) = word.parse::<Timestamp>()
        {
            return Some((&text[..start], time, &text[end..]));
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: &str) -> Zoned {
        now.parse().unwrap()
    }

    #[test]
    fn a_clock_is_local_and_says_of_which_zone_it_is() {
        let york = at("2026-11-29T04:53:39-05:00[America/New_York]");
        let tokyo = at("2026-11-29T18:53:39+09:00[Asia/Tokyo]");
        let summer = at("2026-10-31T12:00:00-04:00[America/New_York]");
        for (time, now, expect) in [
            ("2026-11-29T23:00:00Z", &york, "18:00:00 EST"),
            ("2026-11-29T21:00:00Z", &tokyo, "2026-11-30 06:00:00 JST"),
            // Across the end of summer time: the same day, another offset.
            ("2026-11-01T05:30:00Z", &summer, "2026-11-01 01:30:00 EDT"),
            ("2026-11-01T06:30:00Z", &summer, "2026-11-01 01:30:00 EST"),
            ("2026-10-31T16:00:00.9Z", &summer, "12:00:00 EDT"),
        ] {
            assert_eq!(clock_at(time.parse().unwrap(), now), expect, "{time}");
        }
        let utc = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        assert_eq!(clock_at(Timestamp::UNIX_EPOCH, &utc), "00:00:00 UTC");
    }

    #[test]
    fn times_within_a_sentence_of_the_server_are_as_here() {
        let york = at("2026-11-29T04:53:39-05:00[America/New_York]");
        for (text, expect) in [
            (
                "since 2026-11-29T09:46:43Z; left alone until 2026-11-29T09:46:44.25Z. Zone Z",
                "since 04:46:43 EST; left alone until 04:46:44 EST. Zone Z",
            ),
            ("(2026-11-30T09:46:43Z)", "(2026-11-30 04:46:43 EST)"),
            ("…2026-11-29T09:46:43Z…", "…04:46:43 EST…"),
            ("pdu-2026-11-29T09:46:43Zx", "pdu-2026-11-29T09:46:43Zx"),
            ("no time, 2026-11-29 and Z", "no time, 2026-11-29 and Z"),
            ("Ze-Z", "Ze-Z"),
        ] {
            assert_eq!(localised_at(text, &york), expect);
        }
    }
}
