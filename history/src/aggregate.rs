//! Aggregation over steps of time, and over the series of a group. Pure.

use std::collections::BTreeMap;

use crate::{
    rate::{Turn, rate},
    tier::Hour,
    time::{HOUR, Millis},
};

/// The figure that a step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Average,
    Least,
    Greatest,
    Sum,
    Last,
    /// The growth per second of a counter.
    Rate,
    /// The value below which this percentage of all values lies.
    Percentile(u8),
}

impl Aggregate {
    /// Returns true if the tier of hours has it.
    pub fn is_tiered(self) -> bool {
        !matches!(self, Self::Percentile(_))
    }
}

/// What all trusted numbers of a range were together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overall {
    pub least: f64,
    pub greatest: f64,
    pub mean: f64,
    pub last: f64,
    /// The time of the last number.
    pub last_seen: Millis,
}

impl Overall {
    /// Adds up hours and numbers, but for those that are not a number. Returns nothing if there is
    /// none, or no mean.
    pub fn of(hours: &[Hour], numbers: impl Iterator<Item = (Millis, f64)>) -> Option<Self> {
        let mut all = Bucket::empty();
        hours.iter().for_each(|hour| all.hour(hour));
        let numbers = numbers.filter(|(_, number)| !number.is_nan());
        numbers.for_each(|(seen, number)| all.number(seen, number));
        Some(Self {
            least: all.figure(Aggregate::Least)?,
            greatest: all.figure(Aggregate::Greatest)?,
            mean: all
                .figure(Aggregate::Average)
                .filter(|mean| mean.is_finite())?,
            last: all.figure(Aggregate::Last)?,
            last_seen: all.last_seen,
        })
    }
}

/// Steps of a range, with what was seen in each.
#[derive(Debug, Clone)]
pub struct Steps {
    step: Millis,
    aggregate: Aggregate,
    /// With their beginnings, ascending.
    buckets: Vec<(Millis, Bucket)>,
    before: Option<(Millis, f64)>,
    /// The resets and wraps of a counter.
    pub turns: u64,
}

#[derive(Debug, Clone)]
struct Bucket {
    least: f64,
    greatest: f64,
    sum: f64,
    count: i64,
    last: f64,
    last_seen: Millis,
    increase: f64,
    span: Millis,
    all: Vec<f64>,
}

impl Steps {
    /// Begins with no values. A step is at least a millisecond.
    pub fn new(step: Millis, aggregate: Aggregate) -> Self {
        Self {
            step: step.max(1),
            aggregate,
            buckets: Vec::new(),
            before: None,
            turns: 0,
        }
    }

    /// Returns true if hours can be added without splitting them.
    pub fn is_coarse(step: Millis, aggregate: Aggregate) -> bool {
        step > 0 && step % HOUR == 0 && aggregate.is_tiered()
    }

    fn bucket(&mut self, seen: Millis) -> &mut Bucket {
        let start = seen.div_euclid(self.step).saturating_mul(self.step);
        // Almost always that of before, or a later one.
        let at = match self.buckets.last() {
            Some((last, _)) if *last == start => self.buckets.len() - 1,
            Some((last, _)) if *last > start => {
                match self
                    .buckets
                    .binary_search_by_key(&start, |(start, _)| *start)
                {
                    Ok(at) => at,
                    Err(at) => {
                        self.buckets.insert(at, (start, Bucket::empty()));
                        at
                    }
                }
            }
            _ => {
                self.buckets.push((start, Bucket::empty()));
                self.buckets.len() - 1
            }
        };
        &mut self.buckets[at].1
    }

    fn is_percentile(&self) -> bool {
        matches!(self.aggregate, Aggregate::Percentile(_))
    }

    /// Adds a number; numbers in the order of their times.
    pub fn number(&mut self, seen: Millis, number: f64) {
        if number.is_nan() {
            return;
        }
        let is_percentile = self.is_percentile();
        let before = self.before.replace((seen, number));
        let step = before.map(|(then, value)| (seen.saturating_sub(then), rate(value, number)));
        if step.is_some_and(|(_, step)| step.turn != Turn::Grew) {
            self.turns += 1;
        }
        let bucket = self.bucket(seen);
        bucket.number(seen, number);
        if let Some((span, step)) = step {
            bucket.increase += step.increase;
            bucket.span += span;
        }
        if is_percentile {
            bucket.all.push(number);
        }
    }

    /// Adds an hour.
    pub fn hour(&mut self, hour: &Hour) {
        self.turns += hour.turns.unsigned_abs();
        let is_percentile = self.is_percentile();
        let bucket = self.bucket(hour.hour.saturating_mul(HOUR));
        bucket.hour(hour);
        bucket.increase += hour.increase;
        bucket.span += hour.span;
        if is_percentile {
            bucket.all.push(hour.sum / hour.count.max(1) as f64);
        }
    }

    /// Returns the figure of each step that has one, in order.
    pub fn figures(&self) -> Vec<(Millis, f64)> {
        let figure =
            |(start, bucket): &(Millis, Bucket)| Some((*start, bucket.figure(self.aggregate)?));
        self.buckets.iter().filter_map(figure).collect()
    }
}

impl Bucket {
    fn empty() -> Self {
        Self {
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            sum: 0.0,
            count: 0,
            last: f64::NAN,
            last_seen: Millis::MIN,
            increase: 0.0,
            span: 0,
            all: Vec::new(),
        }
    }

    fn number(&mut self, seen: Millis, number: f64) {
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.sum += number;
        self.count += 1;
        if seen >= self.last_seen {
            (self.last, self.last_seen) = (number, seen);
        }
    }

    fn hour(&mut self, hour: &Hour) {
        self.least = self.least.min(hour.least);
        self.greatest = self.greatest.max(hour.greatest);
        self.sum += hour.sum;
        self.count += hour.count;
        if hour.last_seen >= self.last_seen {
            (self.last, self.last_seen) = (hour.last, hour.last_seen);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts and times are small")]
    fn figure(&self, aggregate: Aggregate) -> Option<f64> {
        let figure = match aggregate {
            Aggregate::Average => self.sum / self.count as f64,
            Aggregate::Least => self.least,
            Aggregate::Greatest => self.greatest,
            Aggregate::Sum => self.sum,
            Aggregate::Last => self.last,
            Aggregate::Rate if self.span <= 0 => return None,
            Aggregate::Rate => self.increase * 1000.0 / self.span as f64,
            Aggregate::Percentile(percent) => percentile(&self.all, percent)?,
        };
        (self.count > 0 && !figure.is_nan()).then_some(figure)
    }
}

/// Returns the smallest value that at least this percentage of all do not exceed.
fn percentile(values: &[f64], percent: u8) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * usize::from(percent)).div_ceil(100);
    values.get(rank.max(1) - 1).copied()
}

/// Returns one figure for each time that a member of a group has.
pub fn group(members: &[Vec<(Millis, f64)>], aggregate: Aggregate) -> Vec<(Millis, f64)> {
    let mut steps: BTreeMap<Millis, Vec<f64>> = BTreeMap::new();
    for (time, figure) in members.iter().flatten() {
        steps.entry(*time).or_default().push(*figure);
    }
    let combine = |(time, figures): (Millis, Vec<f64>)| {
        let sum: f64 = figures.iter().sum();
        #[allow(clippy::cast_precision_loss, reason = "there are not so many")]
        let figure = match aggregate {
            Aggregate::Average => sum / figures.len() as f64,
            Aggregate::Least => figures.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregate::Greatest => figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Aggregate::Sum | Aggregate::Last | Aggregate::Rate => sum,
            Aggregate::Percentile(percent) => percentile(&figures, percent)?,
        };
        Some((time, figure))
    };
    steps.into_iter().filter_map(combine).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIERED: [Aggregate; 5] = [
        Aggregate::Average,
        Aggregate::Least,
        Aggregate::Greatest,
        Aggregate::Sum,
        Aggregate::Last,
    ];

    proptest! {
        #[test]
        fn steps_of_hours_are_steps_of_values(
            numbers in proptest::collection::vec((0i64..100 * HOUR, -1000i32..1000), 1..300),
            hours in 1i64..30,
        ) {
            let mut numbers: Vec<(Millis, f64)> =
                numbers.into_iter().map(|(seen, value)| (seen, f64::from(value))).collect();
            numbers.sort_by_key(|(seen, _)| *seen);
            numbers.dedup_by_key(|(seen, _)| *seen);
            for aggregate in TIERED {
                let mut raw = Steps::new(hours * HOUR, aggregate);
                numbers.iter().for_each(|(seen, number)| raw.number(*seen, *number));
                let mut tier = Steps::new(hours * HOUR, aggregate);
                Hour::of(numbers.iter().copied()).iter().for_each(|hour| tier.hour(hour));
                prop_assert_eq!(raw.figures(), tier.figures());
            }
        }
    }

    #[test]
    fn each_aggregate_has_its_figure() {
        let values = [(0, 4.0), (1000, 1.0), (2000, 10.0), (10_000, 30.0)];
        for (aggregate, expect) in [
            (Aggregate::Average, &[(0, 5.0), (10_000, 30.0)][..]),
            (Aggregate::Least, &[(0, 1.0), (10_000, 30.0)]),
            (Aggregate::Greatest, &[(0, 10.0), (10_000, 30.0)]),
            (Aggregate::Sum, &[(0, 15.0), (10_000, 30.0)]),
            (Aggregate::Last, &[(0, 10.0), (10_000, 30.0)]),
            // A reset counts from 0: (1 + 9) in 2 s, 20 in 8 s.
            (Aggregate::Rate, &[(0, 5.0), (10_000, 2.5)]),
            (Aggregate::Percentile(98), &[(0, 10.0), (10_000, 30.0)]),
            (Aggregate::Percentile(50), &[(0, 4.0), (10_000, 30.0)]),
        ] {
            let mut steps = Steps::new(10_000, aggregate);
            values
                .iter()
                .for_each(|(seen, value)| steps.number(*seen, *value));
            steps.number(11_000, f64::NAN);
            assert_eq!(steps.figures(), expect, "{aggregate:?}");
        }
    }

    #[test]
    fn all_of_a_range_is_of_its_values_and_not_of_its_steps() {
        let numbers = [(0, 327.0), (10, 371.0), (HOUR, 407.0), (HOUR + 5, 349.0)];
        let expect = Overall {
            least: 327.0,
            greatest: 407.0,
            mean: 363.5,
            last: 349.0,
            last_seen: HOUR + 5,
        };
        let hours = Hour::of(numbers.into_iter());
        assert_eq!(Overall::of(&[], numbers.into_iter()), Some(expect));
        assert_eq!(Overall::of(&hours, [].into_iter()), Some(expect));
        assert_eq!(
            Overall::of(&hours[..1], numbers[2..].iter().copied()),
            Some(expect)
        );
        assert_eq!(Overall::of(&[], [(0, f64::NAN)].into_iter()), None);
    }

    #[test]
    fn what_comes_late_is_in_its_step() {
        let mut steps = Steps::new(10, Aggregate::Sum);
        for (seen, number) in [(25, 1.0), (5, 2.0), (26, 4.0), (15, 8.0), (6, 16.0)] {
            steps.number(seen, number);
        }
        assert_eq!(steps.figures(), [(0, 18.0), (10, 8.0), (20, 5.0)]);
    }

    #[test]
    fn a_group_has_one_figure_for_each_time() {
        let members = [vec![(0, 1.0), (10, 2.0)], vec![(0, 3.0)]];
        for (aggregate, expect) in [
            (Aggregate::Average, [(0, 2.0), (10, 2.0)]),
            (Aggregate::Sum, [(0, 4.0), (10, 2.0)]),
            (Aggregate::Greatest, [(0, 3.0), (10, 2.0)]),
            (Aggregate::Rate, [(0, 4.0), (10, 2.0)]),
        ] {
            assert_eq!(group(&members, aggregate), expect);
        }
    }
}
