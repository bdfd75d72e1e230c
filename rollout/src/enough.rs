//! The sample that a canary gives at each of its shares: its sufficient size, and the time until it
//! is reached. Judged by the number of tasks or, where these are few, by time.
//!
//! ```text
//! as many tasks as required ─────────────────────────────────────────► sample complete
//! time is over, and the candidate is no worse than the stable release:
//!   it was given a task, and a larger share follows ────────────────► next share
//!   it is at the largest share, and has done a few tasks ───────────► small sample, said so
//! otherwise ─────────────────────────────────────────────────────────► not yet
//! ```
//!
//! A share never exceeds the plan. At a quiet site most of the sample comes from the larger shares.

use std::time::Duration;

use utakata_model::RolloutPlan;

use super::evidence::Tally;

/// The number of tasks that suffices when time is over. Of three hundred candidates that fail a
/// quarter of their tasks, one is lucky enough to show no failure in so few.
pub(crate) const FEW: u64 = 20;

/// The sample at one share of a canary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample<'t> {
    /// The number of tasks that the candidate ended at this share.
    pub(crate) ended: u64,
    /// The number of tasks that both releases ended at this share.
    pub(crate) both: u64,
    /// The time since the share began.
    pub(crate) elapsed: Duration,
    pub(crate) share: f64,
    /// True if no larger share follows.
    pub(crate) is_last: bool,
    /// The results of the candidate at all of its shares.
    pub(crate) candidate: &'t Tally,
    /// The results of the stable release meanwhile, or earlier.
    pub(crate) stable: &'t Tally,
}

/// The sufficiency of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enough {
    NotYet,
    /// It has every task that the plan requires.
    All,
    /// Time is over, and a few tasks have to suffice.
    Few,
}

/// Judges the size of a sample.
pub(crate) fn enough(sample: &Sample<'_>, plan: &RolloutPlan) -> Enough {
    if sample.ended >= u64::from(plan.canary_tasks) {
        return Enough::All;
    }
    if sample.elapsed < plan.canary_time || !is_no_worse(sample.candidate, sample.stable) {
        return Enough::NotYet;
    }
    match sample.candidate.tasks >= min_tasks(sample, plan) {
        true => Enough::Few,
        false => Enough::NotYet,
    }
}

/// Returns the number of tasks required over all shares when time is over.
fn min_tasks(sample: &Sample<'_>, plan: &RolloutPlan) -> u64 {
    match sample.is_last {
        true => FEW.min(u64::from(plan.canary_tasks)),
        false => 1,
    }
}

/// Returns true if the candidate fails no larger a share of its tasks than the stable release.
fn is_no_worse(candidate: &Tally, stable: &Tally) -> bool {
    let (candidate_tasks, stable_tasks) = (candidate.tasks, stable.tasks);
    candidate.bad() == 0 || candidate.bad() * stable_tasks <= stable.bad() * candidate_tasks
}

/// Returns the time until the sample is large enough at its present pace. `None` if nothing has
/// arrived to judge the pace by.
pub(crate) fn left(sample: &Sample<'_>, plan: &RolloutPlan) -> Option<Duration> {
    let seconds = sample.elapsed.as_secs_f64();
    if sample.both == 0 || seconds <= 0.0 || sample.share <= 0.0 {
        return None;
    }
    let pace = float(sample.both) / seconds * sample.share;
    let until = |tasks: u64| Duration::try_from_secs_f64(float(tasks) / pace).ok();
    let all = until(u64::from(plan.canary_tasks).saturating_sub(sample.ended))?;
    if !is_no_worse(sample.candidate, sample.stable) {
        return Some(all);
    }
    let lacking = min_tasks(sample, plan).saturating_sub(sample.candidate.tasks);
    let few = until(lacking)?.max(plan.canary_time.saturating_sub(sample.elapsed));
    Some(all.min(few))
}

/// Exact, since counts here are far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
