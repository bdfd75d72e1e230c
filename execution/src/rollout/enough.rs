//! Whether a candidate was seen enough at a share of its canary, and how long it takes until it
//! is: by the number of tasks, and by time where these are few. Pure.
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
//! which a candidate is seen.

use std::time::Duration;

use utakata_model::RolloutPlan;

use super::evidence::Tally;

/// Tasks that are enough when the time is over: a candidate of which a quarter fails is among
/// three hundred once so lucky that it has none that failed.
pub(super) const FEW: u64 = 20;

/// What was seen at a share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'t> {
    /// Tasks that the candidate ended at this share.
    pub(super) ended: u64,
    /// Tasks that both have ended at this share.
    pub(super) both: u64,
    /// For how long it has had it.
    pub(super) elapsed: Duration,
    /// How large it is.
    pub(super) share: f64,
    /// Whether it is the largest.
    pub(super) is_last: bool,
    /// What the candidate did at all of its shares.
    pub(super) candidate: &'t Tally,
    /// What the stable release did meanwhile, or before.
    pub(super) stable: &'t Tally,
}

/// Whether that is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enough {
    /// It is not.
    NotYet,
    /// All that was asked for was seen.
    All,
    /// Time is over, and what was seen of a few tasks has to do.
    Few,
}

/// Whether it was seen enough.
pub(super) fn enough(seen: &Seen<'_>, plan: &RolloutPlan) -> Enough {
    if seen.ended >= u64::from(plan.canary_tasks) {
        return Enough::All;
    }
    if seen.elapsed < plan.canary_time || !is_no_worse(seen.candidate, seen.stable) {
        return Enough::NotYet;
    }
    match seen.candidate.tasks >= least(seen, plan) {
        true => Enough::Few,
        false => Enough::NotYet,
    }
}

/// How many tasks it must have done, at all shares together, when the time is over.
fn least(seen: &Seen<'_>, plan: &RolloutPlan) -> u64 {
    match seen.is_last {
        true => FEW.min(u64::from(plan.canary_tasks)),
        false => 1,
    }
}

/// Whether no larger share of its tasks has failed than of those of the stable release.
fn is_no_worse(candidate: &Tally, stable: &Tally) -> bool {
    let (candidate_tasks, stable_tasks) = (candidate.tasks, stable.tasks);
    candidate.bad() == 0 || candidate.bad() * stable_tasks <= stable.bad() * candidate_tasks
}

/// How long it takes until enough was seen, at the pace of until now; absent where nothing came
/// by which that could be said.
pub(super) fn left(seen: &Seen<'_>, plan: &RolloutPlan) -> Option<Duration> {
    let seconds = seen.elapsed.as_secs_f64();
    if seen.both == 0 || seconds <= 0.0 || seen.share <= 0.0 {
        return None;
    }
    let pace = float(seen.both) / seconds * seen.share;
    let until = |tasks: u64| Duration::try_from_secs_f64(float(tasks) / pace).ok();
    let all = until(u64::from(plan.canary_tasks).saturating_sub(seen.ended))?;
    if !is_no_worse(seen.candidate, seen.stable) {
        return Some(all);
    }
    let lacking = least(seen, plan).saturating_sub(seen.candidate.tasks);
    let few = until(lacking)?.max(plan.canary_time.saturating_sub(seen.elapsed));
    Some(all.min(few))
}

/// Counts here are far below 2^53, up to which this is exact.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
