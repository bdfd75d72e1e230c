//! Times as history keeps them: milliseconds, hours and days of UTC.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// A range of times: from inclusive, to exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: Millis,
    pub to: Millis,
}

impl Range {
    pub const ALL: Self = Self {
        from: i64::MIN,
        to: i64::MAX,
    };

    pub fn holds(&self, time: Millis) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// Returns true if it has times in common with a span whose ends are both included.
    pub fn meets(&self, first: Millis, last: Millis) -> bool {
        first < self.to && last >= self.from
    }
}

/// Returns the time as a timestamp; one beyond the range of clocks becomes its end.
pub fn timestamp(time: Millis) -> Timestamp {
    Timestamp::from_millisecond(time).unwrap_or(if time < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// Returns the hour that a time is in, as a number since 1970.
pub fn hour_of(time: Millis) -> i64 {
    time.div_euclid(HOUR)
}

pub fn day_of_hour(hour: i64) -> i64 {
    hour.div_euclid(24)
}

/// Returns the name of an hour: `2026-11-29T13`.
pub fn hour_name(hour: i64) -> String {
    format!("{}T{:02}", day_name(day_of_hour(hour)), hour.rem_euclid(24))
}

/// Returns the name of a day: `2026-11-29`.
pub fn day_name(day: i64) -> String {
    let date = timestamp(day.saturating_mul(DAY)).to_zoned(TimeZone::UTC);
    date.date().to_string()
}

/// Parses the name of an hour.
pub fn parse_hour(name: &str) -> Option<i64> {
    let (day, hour) = name.split_once('T')?;
    let hour: i64 = hour.parse().ok().filter(|hour| (0..24).contains(hour))?;
    Some(parse_day(day)? * 24 + hour)
}

/// Parses the name of a day.
pub fn parse_day(name: &str) -> Option<i64> {
    let date: Date = name.parse().ok()?;
    let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(midnight.as_millisecond().div_euclid(DAY))
}

/// Returns the number of the month that a day is in, counted from year 0.
pub fn month_of(day: i64) -> i64 {
    let date = timestamp(day.saturating_mul(DAY)).to_zoned(TimeZone::UTC);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_have_names_that_are_read_again() {
        for hour in [0, 1, 23, 24, 498_877, -1, -25] {
            assert_eq!(parse_hour(&hour_name(hour)), Some(hour), "{hour}");
            let day = day_of_hour(hour);
            assert_eq!(parse_day(&day_name(day)), Some(day));
        }
        assert_eq!(hour_name(498_877), "2026-11-29T13");
        assert_eq!(day_name(20_786), "2026-11-29");
        for wrong in ["", "2026-11-29", "2026-11-29T24", "2026-13-29T01", "xT1"] {
            assert_eq!(parse_hour(wrong), None, "{wrong}");
        }
        assert_eq!(month_of(20_786) + 1, month_of(20_788));
    }
}
