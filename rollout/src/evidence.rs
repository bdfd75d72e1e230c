//! The evidence about a candidate and the stable release beside it.

use std::{collections::VecDeque, time::Duration};

use utakata_model::{
    OutcomeStatus,
    rollout::{Difference, Sample},
};

use super::{compare::Mismatch, statistics::quantile};

/// The number of latest run times remembered per release.
const MAX_TIMES: usize = 512;
/// The number of outcomes of the serving release that are remembered between rollouts.
const MAX_RECENT: usize = 256;
/// The number of kinds of differences that are reported.
const MAX_DIFFERENCES: usize = 20;

/// The results of a release, counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) tasks: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    /// Of those that failed or are unknown, the number that ended together with their worker.
    pub(crate) dropped: u64,
    /// The latest run times, in seconds, in no particular order.
    times: Vec<f64>,
    /// The index at which the next run time is stored.
    next: usize,
}

/// The latest outcomes of the serving release, to judge a candidate by when nothing serves beside
/// it.
#[derive(Debug, Default)]
pub struct Recent(VecDeque<(OutcomeStatus, Duration)>);

/// The results of the reads that a candidate repeats.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shadow {
    pub(crate) compared: u64,
    pub(crate) differing: u64,
    pub(crate) differences: Vec<Difference>,
}

impl Tally {
    /// Counts an attempt that has ended. One that was cancelled or never begun does not count.
    pub(crate) fn add(&mut self, status: OutcomeStatus, ran: Duration) {
        match status {
            OutcomeStatus::Succeeded => {}
            OutcomeStatus::Failed => self.failed += 1,
            OutcomeStatus::Unknown => self.unknown += 1,
            OutcomeStatus::Expired | OutcomeStatus::Cancelled => return,
        }
        let place = self.next;
        self.next = (place + 1) % MAX_TIMES;
        self.tasks += 1;
        let seconds = ran.as_secs_f64();
        match self.times.get_mut(place) {
            Some(time) => *time = seconds,
            None => self.times.push(seconds),
        }
    }

    /// Counts an attempt that ended together with its worker.
    pub(crate) fn drop_one(&mut self) {
        self.dropped += 1;
    }

    /// Returns the number of attempts that failed or are unknown.
    pub(crate) fn bad(&self) -> u64 {
        self.failed + self.unknown
    }

    pub(crate) fn times(&self) -> &[f64] {
        &self.times
    }

    pub(crate) fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    pub(crate) fn sample(&self) -> Sample {
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
    /// Counts an attempt that has ended.
    pub fn add(&mut self, status: OutcomeStatus, ran: Duration) {
        if self.0.len() >= MAX_RECENT {
            self.0.pop_front();
        }
        self.0.push_back((status, ran));
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (status, ran) in &self.0 {
            tally.add(*status, *ran);
        }
        tally
    }
}

impl Shadow {
    /// Counts a compared answer and its differences.
    pub(crate) fn count(&mut self, mismatches: Vec<Mismatch>) {
        self.compared += 1;
        self.differing += u64::from(!mismatches.is_empty());
        for one in mismatches {
            if let Some(known) = self.differences.iter_mut().find(|d| d.what == one.what) {
                known.times += 1;
            } else if self.differences.len() < MAX_DIFFERENCES {
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
        assert_eq!(tally.times().len(), MAX_TIMES);
        assert!(sample.p50 > 0.6 && sample.p99 > 0.98, "{sample:?}");
    }

    #[test]
    fn differences_are_counted_by_what_they_are_and_so_many_are_kept() {
        let mut shadow = Shadow::default();
        let differs = |n: usize| Mismatch {
            what: format!("metric.{n}"),
            stable: "1 W".into(),
            candidate: "1 kW".into(),
        };
        shadow.count(Vec::new());
        for n in 0..30 {
            shadow.count(vec![differs(n), differs(0)]);
        }
        assert_eq!((shadow.compared, shadow.differing), (31, 30));
        assert_eq!(shadow.differences.len(), MAX_DIFFERENCES);
        assert_eq!(shadow.differences[0].times, 31);
    }
}
