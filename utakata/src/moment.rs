//! Times as people type them, in the local time of the machine: what comes, and what was.

use jiff::{SignedDuration, Timestamp, Zoned, civil};
use utakata_model::duration;

use crate::output::time;

/// Parses a time to come: `18:00` is the next one.
///
/// # Errors
/// It is no time, or it has passed; in words for people.
pub fn future(text: &str) -> Result<Timestamp, String> {
    match text.parse() {
        Ok(moment) => Ok(moment),
        Err(_) => coming(text, &here(Timestamp::now())?),
    }
}

/// Parses a time of the past, or how long ago it is: `18:00` is the latest one.
///
/// # Errors
/// It is no time; in words for people.
pub fn past(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match ago(text, now) {
        Some(moment) => Ok(moment),
        None => gone(text, &here(now)?),
    }
}

/// Returns what the clock here shows. A local time is meaningless if nobody knows the time zone.
fn here(now: Timestamp) -> Result<Zoned, String> {
    let zone = time::zone().map_err(|problem| {
        format!("{problem}: write the time with its offset, as in 2026-11-24T18:00:00+01:00")
    })?;
    Ok(now.to_zoned(zone))
}

/// Returns a time for which no time zone is needed.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(ago) = duration::parse(text) {
        let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
        return Some(now.checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    text.parse().ok()
}

fn gone(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Some(moment) = ago(text, now.timestamp()) {
        return Ok(moment);
    }
    let wrong = || {
        format!(
            "\"{text}\" is neither a time (18:00, {}, {}) nor how long ago (6h, 30d)",
            now.strftime("%F"),
            now.strftime("%FT18:00")
        )
    };
    // Before the time of day, which would also be found in a date and time.
    if let Ok(there) = text.parse::<civil::DateTime>() {
        return latest(there, now).map_err(|_| wrong());
    }
    let time: civil::Time = text.parse().map_err(|_| wrong())?;
    let today = latest(now.date().to_datetime(time), now).map_err(|_| wrong())?;
    if today <= now.timestamp() {
        return Ok(today);
    }
    let yesterday = now.date().yesterday().map_err(|_| wrong())?;
    latest(yesterday.to_datetime(time), now).map_err(|_| wrong())
}

/// Returns the latest moment until now at which the local clock showed this time; the first one if
/// it comes only after now.
fn latest(time: civil::DateTime, now: &Zoned) -> Result<Timestamp, jiff::Error> {
    let shown = now.time_zone().to_ambiguous_zoned(time);
    let first = shown.clone().compatible()?;
    let last = shown.later()?;
    let was = [last, first.clone()]
        .into_iter()
        .find(|moment| moment <= now);
    Ok(was.unwrap_or(first).timestamp())
}

/// Parses a local time; a time of day is the next one.
fn coming(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong =
        |_| format!("\"{text}\" is not a time: write for example 18:00 or 2026-11-24T18:00");
    // Before the time of day, which would also be found in a date and time.
    if let Ok(there) = text.parse::<civil::DateTime>() {
        return next(there, now).map_err(wrong)?.ok_or_else(|| {
            let when = there.strftime("%F %H:%M");
            format!(
                "{when} has passed: it is {} now",
                now.strftime("%F %H:%M %Z")
            )
        });
    }
    let time: civil::Time = text.parse().map_err(wrong)?;
    let today = next(now.date().to_datetime(time), now).map_err(wrong)?;
    if let Some(today) = today {
        return Ok(today);
    }
    let tomorrow = now.date().tomorrow().map_err(wrong)?;
    let tomorrow = next(tomorrow.to_datetime(time), now).map_err(wrong)?;
    tomorrow.ok_or_else(|| format!("\"{text}\" is not a future time"))
}

/// Returns the next moment at which the local clock shows this time, if there is one: at the end of
/// summer time it does so twice. A time skipped at the beginning of summer time is as much later as
/// the clock is put forward.
fn next(time: civil::DateTime, now: &Zoned) -> Result<Option<Timestamp>, jiff::Error> {
    let shown = now.time_zone().to_ambiguous_zoned(time);
    let first = shown.clone().compatible()?;
    let last = shown.later()?;
    let comes = [first, last].into_iter().find(|moment| moment > now);
    Ok(comes.map(|moment| moment.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_with(
        parse: impl Fn(&str, &Zoned) -> Result<Timestamp, String>,
        now: &str,
        cases: &[(&str, &str)],
    ) {
        let now: Zoned = now.parse().unwrap();
        for (text, expect) in cases {
            let expect: Timestamp = expect.parse().unwrap();
            assert_eq!(parse(text, &now), Ok(expect), "{text} at {now}");
        }
    }

    fn check(now: &str, cases: &[(&str, &str)]) {
        check_with(coming, now, cases);
    }

    #[test]
    fn a_time_alone_is_the_next_time_that_it_comes_here() {
        check(
            "2026-11-24T20:30+09:00[Asia/Tokyo]",
            &[
                ("21:00", "2026-11-24T12:00:00Z"),
                ("06:00", "2026-11-24T21:00:00Z"),
                ("20:30", "2026-11-25T11:30:00Z"),
                ("2026-12-01T09:00", "2026-12-01T00:00:00Z"),
                ("2026-12-01 09:00", "2026-12-01T00:00:00Z"),
            ],
        );
        check(
            "2026-11-29T04:53-05:00[America/New_York]",
            &[
                ("18:00", "2026-11-29T23:00:00Z"),
                ("04:00", "2026-11-30T09:00:00Z"),
            ],
        );
        let now: Zoned = "2026-11-24T20:30+09:00[Asia/Tokyo]".parse().unwrap();
        assert!(coming("soon", &now).is_err());
        let over = coming("2026-11-24T18:00", &now).unwrap_err();
        assert_eq!(
            over,
            "2026-11-24 18:00 has passed: it is 2026-11-24 20:30 JST now"
        );
    }

    #[test]
    fn a_time_that_comes_twice_or_not_at_all_is_the_next_that_there_is() {
        let york = "[America/New_York]";
        // At the end of summer time, 01:30 occurs at 05:30Z and again at 06:30Z.
        check(
            &format!("2026-11-01T00:10-04:00{york}"),
            &[
                ("01:30", "2026-11-01T05:30:00Z"),
                ("06:00", "2026-11-01T11:00:00Z"),
            ],
        );
        check(
            &format!("2026-11-01T01:10-05:00{york}"),
            &[
                ("01:30", "2026-11-01T06:30:00Z"),
                ("01:00", "2026-11-02T06:00:00Z"),
            ],
        );
        // At its beginning, 02:30 does not exist and becomes 03:30.
        check(
            &format!("2026-03-07T22:00-05:00{york}"),
            &[
                ("02:30", "2026-03-08T07:30:00Z"),
                ("06:00", "2026-03-08T10:00:00Z"),
            ],
        );
    }

    #[test]
    fn a_time_of_the_past_is_the_latest_that_was_here() {
        check_with(
            gone,
            "2026-11-24T20:30+09:00[Asia/Tokyo]",
            &[
                ("6h", "2026-11-24T05:30:00Z"),
                ("18:00", "2026-11-24T09:00:00Z"),
                ("20:30", "2026-11-24T11:30:00Z"),
                ("21:00", "2026-11-23T12:00:00Z"),
                ("2026-11-01T00:05", "2026-10-31T15:05:00Z"),
                ("2026-11-01 00:05", "2026-10-31T15:05:00Z"),
                ("2026-11-01", "2026-10-31T15:00:00Z"),
                ("2026-11-24T18", "2026-11-24T09:00:00Z"),
                ("2026-11-29T08:00:00+01:00", "2026-11-29T07:00:00Z"),
            ],
        );
        // At the end of summer time, 01:30 occurs at 05:30Z and again at 06:30Z.
        for (now, expect) in [
            (
                "2026-11-01T01:10-05:00[America/New_York]",
                "2026-11-01T05:30:00Z",
            ),
            (
                "2026-11-01T03:00-05:00[America/New_York]",
                "2026-11-01T06:30:00Z",
            ),
        ] {
            check_with(gone, now, &[("01:30", expect)]);
        }
    }

    #[test]
    fn what_is_no_time_is_told_in_our_own_words() {
        let now: Zoned = "2026-11-24T20:30+09:00[Asia/Tokyo]".parse().unwrap();
        for text in [
            "yesterday",
            "00:20x",
            "25:00",
            "2026-13-01",
            "2026-11-24T18:60",
            "6",
            "",
        ] {
            let wrong = gone(text, &now).unwrap_err();
            assert_eq!(
                wrong,
                format!(
                    "\"{text}\" is neither a time (18:00, 2026-11-24, 2026-11-24T18:00) nor how long \
                     ago (6h, 30d)"
                )
            );
        }
    }
}
