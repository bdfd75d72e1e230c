//! The age at which a reading is stale. Pure.

use std::time::Duration;

use jiff::Timestamp;
use utakata_model::{ActionName, Quality, Schedule, Target};

use crate::kinds::Served;

/// The schedule that reads a target by an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covers {
    pub interval: Duration,
    /// The time that one read may take.
    pub timeout: Duration,
}

impl Covers {
    /// Finds the schedule that reads a target by an action most often, if there is one. A kind that
    /// nothing serves now is covered by schedules that name the action, and by those that name
    /// none, which are assumed to mean it.
    pub fn find<'a>(
        target: &Target,
        action: &ActionName,
        served: Option<&Served>,
        schedules: impl IntoIterator<Item = &'a Schedule>,
    ) -> Option<Self> {
        let means = |schedule: &&Schedule| {
            let named = schedule.action.as_ref();
            let default = || served.and_then(|s| s.manifest.default_observe());
            let is_action = match named {
                Some(named) => named == action,
                None => default().is_none_or(|default| default.name == *action),
            };
            is_action && schedule.selector.matches(target)
        };
        let most_often = schedules
            .into_iter()
            .filter(means)
            .map(|schedule| schedule.interval)
            .min()?;
        let declared = served.and_then(|served| served.action(action));
        Some(Self {
            interval: most_often,
            timeout: declared.map_or(Duration::ZERO, |found| found.action.timeout),
        })
    }

    /// Returns the greatest age of a reading that is not stale: two and a half intervals, plus the
    /// timeout of a read.
    pub fn allows(self) -> Duration {
        self.interval.saturating_mul(5) / 2 + self.timeout
    }

    /// Returns the time after which a target that was to answer so many times is silent.
    pub fn silence(self, intervals: u32) -> Duration {
        self.interval.saturating_mul(intervals) + self.timeout
    }

    /// Returns true if what was last seen at a time is stale: the only place that decides it, for
    /// readings, for the health of targets, and for whoever believes either. A clock that is ahead
    /// makes nothing old.
    pub fn is_stale(self, seen: Timestamp, now: Timestamp) -> bool {
        let age = Duration::try_from(now.duration_since(seen)).unwrap_or_default();
        age > self.allows()
    }
}

/// Returns the present quality of a reading. Without a schedule a reading never becomes stale.
pub fn quality(seen: Quality, time: Timestamp, now: Timestamp, covers: Option<Covers>) -> Quality {
    match covers {
        Some(covers) if covers.is_stale(time, now) => Quality::Stale,
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_goes_stale_after_two_and_a_half_intervals_and_the_timeout() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let covers = Covers {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        };
        for (seen, age, covers, expect) in [
            (Quality::Good, 30, Some(covers), Quality::Good),
            (Quality::Good, 31, Some(covers), Quality::Stale),
            (Quality::Suspect, 30, Some(covers), Quality::Suspect),
            (Quality::Suspect, 31, Some(covers), Quality::Stale),
            (Quality::Good, 3_000_000, None, Quality::Good),
            // A clock that is ahead does not make a reading old.
            (Quality::Good, -60, Some(covers), Quality::Good),
        ] {
            let time = now - jiff::SignedDuration::from_secs(age);
            assert_eq!(quality(seen, time, now, covers), expect, "{seen:?} {age}");
        }
    }
}
