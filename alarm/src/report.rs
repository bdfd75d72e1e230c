//! The quality of a site's alarms, by the figures of ISA-18.2 and EEMUA 191.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use utakata_model::{AlarmName, TargetName};

/// The number of alarms in a window from which it is a flood.
const FLOOD: usize = 10;
const FLOOD_WINDOW: Duration = Duration::from_secs(600);
/// The number of times within a window from which an alarm chatters.
const CHATTER: usize = 3;
const CHATTER_WINDOW: Duration = Duration::from_secs(60);
/// The age from which an active alarm is stale: nobody acts on it.
const STALE: Duration = Duration::from_secs(86_400);
/// The number of rules that are listed.
const WORST: usize = 10;

/// An alarm that people were told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The rule that raised it.
    pub rule: AlarmName,
    /// The target that it is about.
    pub target: TargetName,
    /// The time at which it was raised.
    pub raised: Timestamp,
    /// The time at which it was over; absent if it still is so.
    pub over: Option<Timestamp>,
}

/// The quality of a site's alarms in a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The number of alarms.
    pub alarms: u64,
    /// The number of alarms a day; good is 150 or fewer for each operator.
    pub per_day: f64,
    /// The largest number in ten minutes; more than ten is a flood.
    pub most_in_ten_minutes: u64,
    /// The share of ten-minute windows with a flood; good is less than 1 %.
    pub flood_share: f64,
    /// The number of alarms, by rule and target, that were raised three times within a minute.
    pub chattering: Vec<(AlarmName, TargetName)>,
    /// The number of alarms that have been active for more than a day.
    pub stale: u64,
    /// The most frequent rules, with the number of their alarms.
    pub rules: Vec<(AlarmName, u64)>,
}

/// Calculates the figures for a time.
#[allow(clippy::cast_precision_loss, reason = "no figure is that exact")]
pub fn report(occurrences: &[Occurrence], from: Timestamp, to: Timestamp) -> Report {
    let is_in = |one: &&Occurrence| one.raised >= from && one.raised < to;
    let mut found: Vec<&Occurrence> = occurrences.iter().filter(is_in).collect();
    found.sort_by_key(|one| one.raised);
    let span = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let days = (span.as_secs_f64() / 86_400.0).max(1.0 / 86_400.0);
    let windows = windows(&found, from);
    let count = (span.as_secs_f64() / FLOOD_WINDOW.as_secs_f64())
        .ceil()
        .max(1.0);
    let floods = windows.values().filter(|alarms| **alarms > FLOOD).count();
    let is_stale = |one: &&Occurrence| one.over.is_none() && age(to, one.raised) > STALE;
    Report {
        alarms: found.len() as u64,
        per_day: found.len() as f64 / days,
        most_in_ten_minutes: windows.values().max().copied().unwrap_or_default() as u64,
        flood_share: floods as f64 / count,
        chattering: chattering(&found),
        stale: occurrences.iter().filter(is_stale).count() as u64,
        rules: worst(&found),
    }
}

fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// Returns the number of alarms in each window of ten minutes that has any.
fn windows(found: &[&Occurrence], from: Timestamp) -> BTreeMap<u64, usize> {
    let mut windows = BTreeMap::new();
    for one in found {
        let window = age(one.raised, from).as_secs() / FLOOD_WINDOW.as_secs();
        *windows.entry(window).or_default() += 1;
    }
    windows
}

fn chattering(found: &[&Occurrence]) -> Vec<(AlarmName, TargetName)> {
    let mut by_series: BTreeMap<(&AlarmName, &TargetName), Vec<Timestamp>> = BTreeMap::new();
    for one in found {
        by_series
            .entry((&one.rule, &one.target))
            .or_default()
            .push(one.raised);
    }
    let is_chatter = |times: &[Timestamp]| {
        times
            .windows(CHATTER)
            .any(|some| age(some[CHATTER - 1], some[0]) <= CHATTER_WINDOW)
    };
    let chatters = by_series.into_iter().filter(|(_, times)| is_chatter(times));
    chatters
        .map(|((rule, target), _)| (rule.clone(), target.clone()))
        .collect()
}

fn worst(found: &[&Occurrence]) -> Vec<(AlarmName, u64)> {
    let mut rules: BTreeMap<&AlarmName, u64> = BTreeMap::new();
    for one in found {
        *rules.entry(&one.rule).or_default() += 1;
    }
    let mut rules: Vec<(AlarmName, u64)> = rules
        .into_iter()
        .map(|(rule, count)| (rule.clone(), count))
        .collect();
    rules.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rules.truncate(WORST);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floods_chatter_and_stale_alarms_are_counted() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let one = |rule: &str, raised: i64, over: Option<i64>| Occurrence {
            rule: rule.parse().unwrap(),
            target: "pdu-1".parse().unwrap(),
            raised: at(raised),
            over: over.map(at),
        };
        let mut found: Vec<Occurrence> = (0..12)
            .map(|n| one("a", n * 20, Some(n * 20 + 5)))
            .collect();
        found.push(one("b", 100_000, None));
        found.push(one("b", 172_000, Some(172_100)));
        let report = report(&found, at(0), at(2 * 86_400 + 20_000));
        assert_eq!(report.alarms, 14);
        assert_eq!(report.most_in_ten_minutes, 12);
        assert!(report.flood_share > 0.0 && report.flood_share < 0.01);
        assert_eq!(report.chattering.len(), 1);
        assert_eq!(report.stale, 1);
        assert_eq!(report.rules[0].1, 12);
        assert!(report.per_day < 7.0);
    }
}
