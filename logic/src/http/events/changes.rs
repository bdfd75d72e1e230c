//! Readings for a follower who wants only what changed. Pure.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use utakata_model::{
    Quality, Reading, ReadingValue, Readings, quantity::is_change, reading::identity,
};

/// The number of series that are remembered; of others, every reading is passed on.
const MAX_SERIES: usize = 2_000_000;

/// The values that were passed on to a follower.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By a hash of the series: two that had the same one would only hide a change of one within
    /// the band of the other.
    sent: HashMap<u64, (ReadingValue, Quality)>,
    hasher: RandomState,
}

impl Changes {
    /// Returns the readings that changed since they were last passed on; `None` if none did.
    pub(super) fn of(&mut self, readings: &Readings) -> Option<Readings> {
        let mut changed = Vec::new();
        for reading in &readings.readings {
            let series = self.series(readings, reading);
            let is_changed = self
                .sent
                .get(&series)
                .is_none_or(|before| is_change(before, reading));
            if !is_changed {
                continue;
            }
            changed.push(reading.clone());
            if self.sent.len() < MAX_SERIES || self.sent.contains_key(&series) {
                let value = (reading.value.clone(), reading.quality);
                self.sent.insert(series, value);
            }
        }
        (!changed.is_empty()).then(|| Readings {
            readings: changed,
            target: readings.target.clone(),
            action: readings.action.clone(),
            ..*readings
        })
    }

    fn series(&self, readings: &Readings, reading: &Reading) -> u64 {
        let attributes: Vec<_> = identity(&reading.attributes).collect();
        self.hasher.hash_one((
            &readings.target,
            &readings.action,
            &reading.metric,
            attributes,
        ))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use utakata_model::{ActionName, Measurand, MetricName, TargetName, TaskId, TaskKey};

    use super::*;

    fn readings(values: &[(&str, f64)]) -> Readings {
        let reading = |(metric, number): &(&str, f64)| Reading {
            of: Measurand {
                metric: MetricName::new(metric).unwrap(),
                attributes: Default::default(),
                unit: "Cel".into(),
            }
            .into(),
            value: ReadingValue::Number(*number),
            quality: Quality::Good,
        };
        Readings {
            target: TargetName::new("t").unwrap(),
            action: ActionName::new("read").unwrap(),
            seen_by: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            time: Timestamp::UNIX_EPOCH,
            readings: values.iter().map(reading).collect(),
        }
    }

    #[test]
    fn a_value_is_passed_on_when_it_has_left_the_band_around_what_was_passed_on() {
        let mut changes = Changes::default();
        let mut passed = Vec::new();
        // It drifts by a tenth each time: the band is that around what was passed on last.
        for step in 0..10 {
            let drift = 20.0 + f64::from(step) * 0.1;
            let found = changes.of(&readings(&[("a", drift), ("b", 5.0)]));
            passed.push(found.map_or(0, |found| found.readings.len()));
        }
        assert_eq!(passed[0], 2);
        let later: usize = passed[1..].iter().sum();
        assert!((2..=4).contains(&later), "{passed:?}");
    }
}
