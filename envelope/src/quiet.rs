//! Quiet times, in the wall clock of a place: people read them there.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use utakata_model::envelope::{Quiet, WeekTime};

const DAY: u32 = 24 * 60;

/// Returns the time zone of a quiet time.
///
/// # Errors
/// There is no such zone.
pub(crate) fn zone(quiet: &Quiet) -> Result<TimeZone, jiff::Error> {
    match &quiet.zone {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name),
    }
}

/// Returns the time until a quiet time is over, if it is one now. A zone that is not known here is
/// taken for UTC: documents with one are refused.
pub(crate) fn left(quiet: &Quiet, at: Timestamp) -> Option<Duration> {
    let there = at.to_zoned(zone(quiet).unwrap_or(TimeZone::UTC));
    let clock = there.time();
    let number = |value: i8| u32::try_from(value).unwrap_or(0);
    let minute = number(clock.hour()) * 60 + number(clock.minute());
    let day = number(there.weekday().to_monday_zero_offset());
    let seconds = u64::from(number(clock.second()));
    let left = minutes_left(quiet.when, day * DAY + minute)?;
    Some(Duration::from_secs(
        (u64::from(left) * 60).saturating_sub(seconds).max(1),
    ))
}

/// Returns the minutes until the end, at a minute of the week within it.
fn minutes_left(when: WeekTime, minute: u32) -> Option<u32> {
    let (cycle, minute) = match when.is_weekly {
        true => (7 * DAY, minute),
        false => (DAY, minute % DAY),
    };
    let since = (minute + cycle - when.from % cycle) % cycle;
    let lasts = (when.to + cycle - when.from % cycle) % cycle;
    (since < lasts).then(|| lasts - since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_time_may_pass_midnight_and_the_end_of_the_week() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (when, zone, time, left_minutes) in [
            // 2026-11-27 is a Friday.
            ("Fri 16:00 .. Mon 08:00", None, "2026-11-27T15:59:00Z", None),
            (
                "Fri 16:00 .. Mon 08:00",
                None,
                "2026-11-27T16:00:00Z",
                Some(64 * 60),
            ),
            (
                "Fri 16:00 .. Mon 08:00",
                None,
                "2026-11-30T07:59:00Z",
                Some(1),
            ),
            ("Fri 16:00 .. Mon 08:00", None, "2026-11-30T08:00:00Z", None),
            ("22:00 .. 06:00", None, "2026-11-27T23:00:00Z", Some(7 * 60)),
            ("22:00 .. 06:00", None, "2026-11-27T05:00:00Z", Some(60)),
            ("22:00 .. 06:00", None, "2026-11-27T06:00:00Z", None),
            (
                "22:00 .. 06:00",
                Some("Etc/GMT-2"),
                "2026-11-27T20:30:00Z",
                Some(450),
            ),
        ] {
            let quiet = Quiet {
                when: when.parse().unwrap(),
                zone: zone.map(str::to_owned),
                risk: None,
            };
            let found = left(&quiet, at(time)).map(|left| left.as_secs() / 60);
            assert_eq!(found, left_minutes, "{when} {zone:?} {time}");
        }
    }
}
