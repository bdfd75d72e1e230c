//! The judgement of a candidate beside the stable release, by tests of how likely a difference
//! arises by chance.
//!
//! The evidence is judged repeatedly as it arrives, and frequent looks find a difference sooner or
//! later. Before the end of a phase a difference must therefore be ten times less likely (Haybittle
//! and Peto, 1971 and 1976).

use utakata_model::{Cure, Problem, RolloutPlan};

use super::{
    evidence::{Shadow, Tally},
    statistics::{fisher, quantile, rank_sum, wilson_lower},
};

/// The share of a shadow's answers that may differ.
const MAX_DIFFERING: f64 = 0.01;
/// The one-sided confidence that more than this share differs: 99 %.
const Z: f64 = 2.326;
/// The number of compared answers below which a shadow is not judged.
const MIN_COMPARED: u64 = 3;
/// The number of differences or failures that is more than an accident.
const MIN_BAD: u64 = 2;
/// The probability that a difference arises by chance, below which it counts against a candidate:
/// at the end of a phase, and before.
const CHANCE: f64 = 0.01;
const CHANCE_BEFORE: f64 = 0.001;
/// The excess over the stable release's share of failures that counts: one percentage point.
const FAILURE_MARGIN: f64 = 0.01;
/// The number of run times below which durations are not judged.
const MIN_TIMES: usize = 8;
/// The excess over the stable release's run time that counts, in seconds.
const MIN_SLOWER_SECONDS: f64 = 0.002;
/// The number of workers that may die or hang.
const MAX_LOST: u64 = 1;
/// The memory that a candidate may use beyond twice that of the stable release, in bytes.
const MEMORY_MARGIN: u64 = 64 * 1024 * 1024;

/// The point in a phase at which it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The phase goes on.
    Before,
    /// The phase is about to end.
    Last,
}

/// The health of a candidate's workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// The number that died or hung.
    pub(crate) lost: u64,
    /// True if they die as soon as they are started.
    pub(crate) is_looping: bool,
    /// The problem of the latest one.
    pub(crate) last: Option<Problem>,
    /// The peak memory of a candidate's worker and of a stable release's worker, in bytes.
    pub(crate) memory: (Option<u64>, Option<u64>),
}

/// Builds a problem that turns a rollout back.
pub(crate) fn problem(code: &str, message: String) -> Problem {
    Problem::new(code, Cure::Bug, message)
}

/// Returns the evidence of its workers against a candidate.
pub(crate) fn health(health: &Health) -> Option<Problem> {
    if health.lost > MAX_LOST || health.is_looping {
        let mut message = format!("{} workers of the candidate died or hung", health.lost);
        if let Some(last) = &health.last {
            message = format!("{message}, the last one: {}", last.message);
        }
        return Some(problem("rollout-dies", message));
    }
    let (Some(candidate), Some(stable)) = health.memory else {
        return None;
    };
    (candidate > stable.saturating_mul(2).saturating_add(MEMORY_MARGIN)).then(|| {
        let message = format!(
            "a worker of the candidate has {} MiB of memory, one of the stable release {} MiB",
            candidate >> 20,
            stable >> 20
        );
        problem("rollout-leaks", message)
    })
}

/// Returns the evidence of its shadow against a candidate.
pub(crate) fn shadow(shadow: &Shadow) -> Option<Problem> {
    let is_seen = shadow.compared >= MIN_COMPARED && shadow.differing >= MIN_BAD;
    if !is_seen || !is_doubtful(shadow) {
        return None;
    }
    let mut message = format!(
        "{} of {} answers of the candidate differ from those of the stable release",
        shadow.differing, shadow.compared
    );
    if let Some(first) = shadow.differences.iter().max_by_key(|d| d.times) {
        message = format!(
            "{message}; {} is {} to the one and {} to the other",
            first.what, first.candidate, first.stable
        );
    }
    Some(problem("rollout-differs", message))
}

/// Returns true if the required number of answers was compared, without objection.
pub(crate) fn has_passed(shadow: &Shadow, answers: u32) -> bool {
    shadow.compared >= u64::from(answers) && (shadow.differing == 0 || !is_doubtful(shadow))
}

fn is_doubtful(shadow: &Shadow) -> bool {
    let lower = wilson_lower(shadow.differing, shadow.compared, Z);
    shadow.compared < MIN_COMPARED || lower > MAX_DIFFERING
}

/// Returns the evidence of its own tasks against a candidate.
pub(crate) fn tasks(
    candidate: &Tally,
    stable: &Tally,
    plan: &RolloutPlan,
    look: Look,
) -> Option<Problem> {
    let chance = match look {
        Look::Before => CHANCE_BEFORE,
        Look::Last => CHANCE,
    };
    fails(candidate, stable, chance).or_else(|| is_slow(candidate, stable, plan.slower, chance))
}

fn fails(candidate: &Tally, stable: &Tally, chance: f64) -> Option<Problem> {
    let is_more = share(candidate) >= share(stable) + FAILURE_MARGIN;
    if candidate.bad() < MIN_BAD || !is_more {
        return None;
    }
    let of = |tally: &Tally| (tally.bad(), tally.tasks);
    (fisher(of(candidate), of(stable)) < chance).then(|| {
        let message = format!(
            "{} of {} tasks of the candidate failed or have an unknown outcome; of the \
             stable release {} of {}",
            candidate.bad(),
            candidate.tasks,
            stable.bad(),
            stable.tasks
        );
        // Tasks that ended with their worker show that it dies before a second worker does.
        let is_by_death = 2 * candidate.dropped > candidate.bad();
        let code = if is_by_death {
            "rollout-dies"
        } else {
            "rollout-fails"
        };
        problem(code, message)
    })
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn share(tally: &Tally) -> f64 {
    tally.bad() as f64 / tally.tasks.max(1) as f64
}

fn is_slow(candidate: &Tally, stable: &Tally, slower: f64, chance: f64) -> Option<Problem> {
    let (one, other) = (candidate.times(), stable.times());
    if one.len().min(other.len()) < MIN_TIMES {
        return None;
    }
    let middle = |tally: &Tally| quantile(&tally.sorted(), 0.5);
    let (half, stable_half) = (middle(candidate), middle(stable));
    let is_longer = half > slower * stable_half && half > stable_half + MIN_SLOWER_SECONDS;
    (is_longer && rank_sum(one, other) < chance).then(|| {
        let message = format!(
            "half of the tasks take the candidate {:.1} ms or more, and the stable release \
             {:.1} ms; {slower} times as long was allowed",
            half * 1000.0,
            stable_half * 1000.0
        );
        problem("rollout-slow", message)
    })
}

#[cfg(test)]
mod tests;
