//! The sample of a candidate at a share of its canary: whether it is large enough, and how long it
//! takes until it is. By the number of tasks, and by time where these are few.
//!
//! ```text
//! as many tasks as were asked for ───────────────────────────────────► all was seen
//! the time is over, and it is no worse than the stable release:
//!     it was given a task, and there is a larger share ──────────────► on to that
//!     it is the largest share, and it has done a few tasks ──────────► less was seen: it is said
//! otherwise ─────────────────────────────────────────────────────────► not yet
//! ```
//!
//! A share is never larger than was asked for; where a site is quiet it is the larger ones in
//! which a candidate is sample.

use std::time::Duration;

use utakata_model::RolloutPlan;

use super::evidence::Tally;

/// Tasks that are enough when the time is over: a candidate of which a quarter fails is among
/// three hundred once so lucky that it has none that failed.
pub(crate) const FEW: u64 = 20;

/// The sample at a share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample<'t> {
    /// Tasks that the candidate ended at this share.
    pub(crate) ended: u64,
    /// Tasks that both have ended at this share.
    pub(crate) both: u64,
    /// The time since the share began.
    pub(crate) elapsed: Duration,
    /// The share.
    pub(crate) share: f64,
    /// Whether it is the largest one.
    pub(crate) is_last: bool,
    /// What the candidate did at all of its shares.
    pub(crate) candidate: &'t Tally,
    /// What the stable release did meanwhile, or before.
    pub(crate) stable: &'t Tally,
}

/// The size of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enough {
    /// It is too small.
    NotYet,
    /// All that was asked for was sample.
    All,
    /// Time is over, and what was seen of a few tasks has to do.
    Few,
}

/// Returns whether a sample is large enough.
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

/// Returns how many tasks it must have done, at all shares together, when the time is over.
fn min_tasks(sample: &Sample<'_>, plan: &RolloutPlan) -> u64 {
    match sample.is_last {
        true => FEW.min(u64::from(plan.canary_tasks)),
        false => 1,
    }
}

/// Returns whether no larger share of its tasks has failed than of those of the stable release.
fn is_no_worse(candidate: &Tally, stable: &Tally) -> bool {
    let (candidate_tasks, stable_tasks) = (candidate.tasks, stable.tasks);
    candidate.bad() == 0 || candidate.bad() * stable_tasks <= stable.bad() * candidate_tasks
}

/// Returns how long it takes until a sample is large enough at its present pace; absent where
/// nothing came by which that could be said.
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

/// Counts here are far below 2^53, up to which this is exact.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
