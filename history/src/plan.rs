//! The files that answer a query, and those to be merged or deleted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::{DAY, Millis, Range, month_of};

/// The raw files of single hours are merged when a day has so many.
const HOURS_TO_MERGE: usize = 6;
/// The tier of hours is merged when a month has so many files of a day.
const DAYS_TO_MERGE: usize = 7;

/// A file as far as plans need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub sort: Sort,
    /// The first day and the number of days.
    pub day: i64,
    pub days: i64,
    /// The least and greatest time seen in it.
    pub first: Millis,
    pub last: Millis,
    pub bytes: u64,
    /// The number of files that it was made of.
    pub parts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Raw blocks of an hour.
    RawHour,
    /// Raw blocks of a day, which the tier of hours has, too.
    RawDay,
    /// The tier of hours.
    Hours,
}

/// The files that answer a query, by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    pub raw: Vec<usize>,
    /// Files of the tier of hours; if given, only hours of these days count.
    pub hours: Vec<(usize, Option<BTreeSet<i64>>)>,
}

/// Plans a query. Each value is in exactly one of the chosen files: a coarse query takes each day
/// from the tier of hours if it is there; others take days from it that are there no longer raw.
pub fn plan(range: Range, is_coarse: bool, stored: &[Stored]) -> Plan {
    let mut plan = Plan::default();
    let tiered: BTreeSet<i64> = days(stored, |sort| sort == Sort::Hours).collect();
    let raw: BTreeSet<i64> = days(stored, |sort| sort != Sort::Hours).collect();
    for (at, file) in stored.iter().enumerate() {
        if !range.meets(file.first, file.last) {
            continue;
        }
        match file.sort {
            Sort::RawHour => plan.raw.push(at),
            Sort::RawDay if is_coarse && tiered.contains(&file.day) => {}
            Sort::RawDay => plan.raw.push(at),
            Sort::Hours if is_coarse => plan.hours.push((at, None)),
            Sort::Hours => {
                let mine = file.day..file.day + file.days;
                let only: BTreeSet<i64> = mine.filter(|day| !raw.contains(day)).collect();
                if !only.is_empty() {
                    plan.hours.push((at, Some(only)));
                }
            }
        }
    }
    plan
}

fn days(stored: &[Stored], is_meant: impl Fn(Sort) -> bool) -> impl Iterator<Item = i64> {
    let meant = stored.iter().filter(move |file| is_meant(file.sort));
    meant.flat_map(|file| file.day..file.day + file.days)
}

/// The retention of the two sorts of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The number of days that raw blocks are kept.
    pub raw_days: usize,
    /// The number of days that the tier of hours is kept.
    pub hour_days: usize,
}

/// Returns the files to delete because there are more days than are kept. Days count that have
/// files, so that a clock which is far ahead for a while deletes nothing.
pub fn expired(stored: &[Stored], bound: Bound) -> Vec<usize> {
    let mut expired = Vec::new();
    for (is_raw, keep) in [(true, bound.raw_days), (false, bound.hour_days)] {
        let all: BTreeSet<i64> = days(stored, |sort| (sort != Sort::Hours) == is_raw).collect();
        let Some(first_kept) = all
            .iter()
            .nth_back(keep.clamp(1, all.len().max(1)) - 1)
            .copied()
        else {
            continue;
        };
        let is_old = |file: &Stored| {
            (file.sort != Sort::Hours) == is_raw && file.day + file.days <= first_kept
        };
        expired.extend((0..stored.len()).filter(|at| is_old(&stored[*at])));
    }
    expired
}

/// Returns the next file to delete so that others have room: the oldest raw one, and after all of
/// those the oldest of the tier.
pub fn yields(stored: &[Stored]) -> Option<usize> {
    let order = |at: &usize| {
        let file = &stored[*at];
        (file.sort == Sort::Hours, file.day, file.first)
    };
    (0..stored.len()).min_by_key(order)
}

/// Returns the files to merge next: all raw ones of a day that is over, if it has files of hours.
pub fn day_to_merge(stored: &[Stored], today: i64) -> Option<(i64, Vec<usize>)> {
    let of_hours = stored.iter().filter(|file| file.sort == Sort::RawHour);
    let day = of_hours
        .map(|file| file.day)
        .filter(|day| *day != today)
        .min()?;
    let is_raw = |at: &usize| stored[*at].sort != Sort::Hours && stored[*at].day == day;
    Some((day, (0..stored.len()).filter(is_raw).collect()))
}

/// Returns the files of single hours to merge next, so that a question about today need not look
/// into many.
pub fn hours_to_merge(stored: &[Stored], today: i64) -> Option<Vec<usize>> {
    let is_single = |at: &usize| {
        let file = &stored[*at];
        file.sort == Sort::RawHour && file.day == today && file.parts == 1
    };
    let single: Vec<usize> = (0..stored.len()).filter(is_single).collect();
    (single.len() >= HOURS_TO_MERGE).then_some(single)
}

/// Returns the files of the tier to merge next: those of single days, when a month has several or
/// is over.
pub fn tiers_to_merge(stored: &[Stored], today: i64) -> Option<Vec<usize>> {
    let mut months: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, file) in stored.iter().enumerate() {
        if file.sort == Sort::Hours {
            months.entry(month_of(file.day)).or_default().push(at);
        }
    }
    let this_month = month_of(today);
    months.into_iter().find_map(|(month, mut files)| {
        if month != this_month && files.len() > 1 {
            return Some(files);
        }
        files.retain(|at| stored[*at].days == 1);
        (files.len() >= DAYS_TO_MERGE).then_some(files)
    })
}

/// Returns the day that is not over: today, or the day before while its last hour is still written.
/// `open` is the time of the last row in the file that is written.
pub fn present_day(now: Millis, open: Option<Millis>) -> i64 {
    let today = day_of(now);
    open.map_or(today, |open| today.min(day_of(open)))
}

/// Returns the day of a time.
pub fn day_of(time: Millis) -> i64 {
    time.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(sort: Sort, day: i64, days: i64) -> Stored {
        Stored {
            sort,
            day,
            days,
            first: day * DAY,
            last: (day + days) * DAY - 1,
            bytes: 1,
            parts: 1,
        }
    }

    fn stored() -> Vec<Stored> {
        vec![
            file(Sort::Hours, 1, 7),
            file(Sort::Hours, 8, 1),
            file(Sort::RawDay, 7, 1),
            file(Sort::RawDay, 8, 1),
            file(Sort::RawHour, 9, 1),
        ]
    }

    #[test]
    fn a_query_takes_each_day_from_one_tier() {
        let range = Range {
            from: 6 * DAY,
            to: 10 * DAY,
        };
        let coarse = plan(range, true, &stored());
        assert_eq!(coarse.raw, [4]);
        assert_eq!(coarse.hours, [(0, None), (1, None)]);
        let fine = plan(range, false, &stored());
        assert_eq!(fine.raw, [2, 3, 4]);
        // Days that are only in the tier are better than nothing.
        assert_eq!(fine.hours, [(0, Some((1..7).collect()))]);
        let none = Range {
            from: 20 * DAY,
            to: 21 * DAY,
        };
        assert_eq!(plan(none, true, &stored()), Plan::default());
    }

    #[test]
    fn old_days_expire_by_their_number_and_not_by_the_clock() {
        let keep = |raw_days, hour_days| {
            expired(
                &stored(),
                Bound {
                    raw_days,
                    hour_days,
                },
            )
        };
        assert_eq!(keep(30, 30), [0usize; 0]);
        assert_eq!(keep(2, 30), [2]);
        assert_eq!(keep(1, 1), [2, 3, 0]);
        // A file from a clock that was far ahead takes the place of one day only.
        let mut ahead = stored();
        ahead.push(file(Sort::RawHour, 4000, 1));
        assert_eq!(
            expired(
                &ahead,
                Bound {
                    raw_days: 3,
                    hour_days: 30
                }
            ),
            [2]
        );
    }

    #[test]
    fn raw_files_yield_first() {
        let mut left = stored();
        let mut order = Vec::new();
        while let Some(at) = yields(&left) {
            let gone = left.remove(at);
            order.push((gone.sort, gone.day));
        }
        let expect = [
            (Sort::RawDay, 7),
            (Sort::RawDay, 8),
            (Sort::RawHour, 9),
            (Sort::Hours, 1),
            (Sort::Hours, 8),
        ];
        assert_eq!(order, expect);
    }

    #[test]
    fn a_day_that_is_over_is_merged() {
        assert_eq!(day_to_merge(&stored(), 9), None);
        assert_eq!(day_to_merge(&stored(), 10), Some((9, vec![4])));
        let mut late = stored();
        late.push(file(Sort::RawHour, 8, 1));
        assert_eq!(day_to_merge(&late, 9), Some((8, vec![3, 5])));
    }

    #[test]
    fn tiers_are_merged_by_the_week_and_the_month() {
        let days = |from: i64, to: i64| (from..to).map(|day| file(Sort::Hours, day, 1));
        // 1970-01-01 is day 0.
        let six: Vec<Stored> = days(0, 6).collect();
        assert_eq!(tiers_to_merge(&six, 6), None);
        let seven: Vec<Stored> = days(0, 7).collect();
        assert_eq!(tiers_to_merge(&seven, 7), Some((0..7).collect()));
        assert_eq!(tiers_to_merge(&six, 31), Some((0..6).collect()));
        assert_eq!(tiers_to_merge(&[file(Sort::Hours, 0, 31)], 31), None);
    }

    proptest! {
        #[test]
        fn no_day_is_read_twice(
            files in proptest::collection::vec((0u8..3, 0i64..20), 0..20),
            is_coarse in any::<bool>(),
        ) {
            let files: Vec<Stored> = files.into_iter().map(|(sort, day)| {
                file([Sort::RawHour, Sort::RawDay, Sort::Hours][usize::from(sort)], day, 1)
            }).collect();
            let plan = plan(Range::ALL, is_coarse, &files);
            for at in plan.raw {
                let file = files[at];
                let is_twice = plan.hours.iter().any(|(hours, only)| {
                    files[*hours].day == file.day
                        && only.as_ref().is_none_or(|only| only.contains(&file.day))
                });
                prop_assert!(!is_twice || file.sort == Sort::RawHour);
            }
        }
    }

    #[test]
    fn a_day_is_over_once_its_last_hour_is_no_longer_written() {
        for (now, open, expect) in [
            (DAY + 5, None, 1),
            (DAY + 5, Some(DAY - 5), 0),
            (DAY + 5, Some(DAY + 1), 1),
            // The clock was set back.
            (DAY - 5, Some(DAY + 5), 0),
        ] {
            assert_eq!(present_day(now, open), expect, "{now} {open:?}");
        }
    }
}
