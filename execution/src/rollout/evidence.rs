//! What is seen of a candidate, and of the stable release beside it.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use utakata_model::{
    OutcomeStatus, RolloutId, TaskKey,
    rollout::{Difference, Sample},
    statistics::quantile,
};

use super::compare::{Differs, Seen};

/// Run times that are remembered of a release: the last ones.
const TIMES_MOST: usize = 512;
/// Outcomes that are remembered of what serves while there is no rollout.
const RECENT_MOST: usize = 256;
/// Kinds of differences that are told.
const DIFFERENCES_MOST: usize = 20;

/// What a release did.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) tasks: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    /// Of those that failed or are unknown, those that ended with their worker.
    pub(super) dropped: u64,
    /// The last run times, in seconds, in no order.
    times: Vec<f64>,
}

/// What served lately: to judge by when nothing serves beside a candidate.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<(OutcomeStatus, Duration)>);

/// Repeated reads that are under way, by the attempts that were made up for them.
pub(crate) type Asking = HashMap<TaskKey, Asked, foldhash::fast::RandomState>;

/// What came of the reads that a candidate repeats.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shadow {
    pub(super) compared: u64,
    pub(super) differing: u64,
    pub(super) differences: Vec<Difference>,
}

/// A repeated read that is under way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// For which rollout.
    pub(crate) rollout: RolloutId,
    /// What the stable release had said.
    pub(crate) before: Seen,
    /// What the candidate said, when the stable release is asked again.
    pub(crate) candidate: Option<Seen>,
}

impl Tally {
    /// An attempt has ended. One that was taken back, or did not begin, says nothing.
    pub(super) fn add(&mut self, status: OutcomeStatus, ran: Duration) {
        match status {
            OutcomeStatus::Succeeded => {}
            OutcomeStatus::Failed => self.failed += 1,
            OutcomeStatus::Unknown => self.unknown += 1,
            OutcomeStatus::Expired | OutcomeStatus::Cancelled => return,
        }
        let place = self.tasks % TIMES_MOST as u64;
        self.tasks += 1;
        let seconds = ran.as_secs_f64();
        match self.times.get_mut(usize::try_from(place).unwrap_or(0)) {
            Some(time) => *time = seconds,
            None => self.times.push(seconds),
        }
    }

    /// An attempt has ended with its worker.
    pub(super) fn drop_one(&mut self) {
        self.dropped += 1;
    }

    /// Those that failed, or of which nobody knows.
    pub(super) fn bad(&self) -> u64 {
        self.failed + self.unknown
    }

    pub(super) fn times(&self) -> &[f64] {
        &self.times
    }

    pub(super) fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// As it is told.
    pub(super) fn sample(&self) -> Sample {
        let sorted = self.sorted();
        Sample {
            tasks: self.tasks,
            failed: self.failed,
            unknown: self.unknown,
            p50: quantile(&sorted, 0.5),
            p99: quantile(&sorted, 0.99),
        }
    }
}

impl Recent {
    /// An attempt has ended.
    pub(crate) fn add(&mut self, status: OutcomeStatus, ran: Duration) {
        if self.0.len() >= RECENT_MOST {
            self.0.pop_front();
        }
        self.0.push_back((status, ran));
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (status, ran) in &self.0 {
            tally.add(*status, *ran);
        }
        tally
    }
}

impl Shadow {
    /// An answer was compared, and differs in this.
    pub(crate) fn count(&mut self, differs: Vec<Differs>) {
        self.compared += 1;
        self.differing += u64::from(!differs.is_empty());
        for one in differs {
            if let Some(known) = self.differences.iter_mut().find(|d| d.what == one.what) {
                known.times += 1;
            } else if self.differences.len() < DIFFERENCES_MOST {
                self.differences.push(Difference {
                    what: one.what,
                    stable: one.stable,
                    candidate: one.candidate,
                    times: 1,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_all_and_remembers_the_last_times() {
        let mut tally = Tally::default();
        for n in 0..1000 {
            let status = match n % 10 {
                0 => OutcomeStatus::Failed,
                1 => OutcomeStatus::Unknown,
                2 => OutcomeStatus::Cancelled,
                _ => OutcomeStatus::Succeeded,
            };
            tally.add(status, Duration::from_millis(n));
        }
        let sample = tally.sample();
        assert_eq!(
            (sample.tasks, sample.failed, sample.unknown),
            (900, 100, 100)
        );
        assert_eq!(tally.times().len(), TIMES_MOST);
        assert!(sample.p50 > 0.6 && sample.p99 > 0.98, "{sample:?}");
    }

    #[test]
    fn differences_are_counted_by_what_they_are_and_so_many_are_kept() {
        let mut shadow = Shadow::default();
        let differs = |n: usize| Differs {
            what: format!("metric.{n}"),
            stable: "1 W".into(),
            candidate: "1 kW".into(),
        };
        shadow.count(Vec::new());
        for n in 0..30 {
            shadow.count(vec![differs(n), differs(0)]);
        }
        assert_eq!((shadow.compared, shadow.differing), (31, 30));
        assert_eq!(shadow.differences.len(), DIFFERENCES_MOST);
        assert_eq!(shadow.differences[0].times, 31);
    }
}
