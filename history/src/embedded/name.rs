//! The names of files. Pure.

use crate::{
    plan::Sort,
    time::{day_name, day_of_hour, hour_name, parse_day, parse_hour},
};

/// The parts of the name of a file of blocks: `2026-11-29T13.0.db`, `2026-11-29.0.db`, and
/// `2026-11-29+7.0.db` in the tier of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    pub sort: Sort,
    pub day: i64,
    pub days: i64,
    pub number: u32,
}

/// Returns the name of the blocks of an hour, without its ending.
pub fn of_hour(hour: i64, number: u32) -> String {
    format!("{}.{number}", hour_name(hour))
}

pub fn of_day(day: i64, number: u32) -> String {
    format!("{}.{number}.db", day_name(day))
}

pub fn of_hours(day: i64, days: i64, number: u32) -> String {
    format!("{}+{days}.{number}.db", day_name(day))
}

/// Parses the name of a file of blocks.
pub fn parse(name: &str) -> Option<Name> {
    let (stem, number) = name.strip_suffix(".db")?.rsplit_once('.')?;
    let number = number.parse().ok()?;
    let name = |sort, day, days| Name {
        sort,
        day,
        days,
        number,
    };
    if let Some((day, days)) = stem.split_once('+') {
        let days = days.parse().ok().filter(|days| (1..=366).contains(days))?;
        return Some(name(Sort::Hours, parse_day(day)?, days));
    }
    if let Some(hour) = parse_hour(stem) {
        return Some(name(Sort::RawHour, day_of_hour(hour), 1));
    }
    Some(name(Sort::RawDay, parse_day(stem)?, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        let hour = format!("{}.db", of_hour(498_877, 3));
        assert_eq!(hour, "2026-11-29T13.3.db");
        for (text, sort, days, number) in [
            (hour, Sort::RawHour, 1, 3),
            (of_day(20_786, 0), Sort::RawDay, 1, 0),
            (of_hours(20_786, 7, 1), Sort::Hours, 7, 1),
        ] {
            let expect = Name {
                sort,
                day: 20_786,
                days,
                number,
            };
            assert_eq!(parse(&text), Some(expect), "{text}");
        }
        for other in [
            "",
            "dictionary.db",
            "2026-11-29.db",
            "2026-11-29.0.tmp",
            "x.0.db",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
