//! The judgement of a candidate beside the stable release, by tests that ask how likely such a
//! difference is by chance.
//!
//! Everything is judged again and again while it comes in, and who looks often enough sees
//! anything: so before the end of a phase a difference must be ten times as unlikely (Haybittle
//! and Peto, 1971 and 1976).

use utakata_model::{Cure, Problem, RolloutPlan};

use super::{
    evidence::{Shadow, Tally},
    statistics::{fisher, quantile, rank_sum, wilson_lower},
};

/// The share of the answers of a shadow that may differ.
const MAX_DIFFERING: f64 = 0.01;
/// The certainty with which more must differ: one-sided, 99 of 100.
const Z: f64 = 2.326;
/// Answers below which nothing is said of a shadow.
const MIN_COMPARED: u64 = 3;
/// One that differs, or fails, is an accident.
const MIN_BAD: u64 = 2;
/// The highest likelihood of a difference by chance that speaks against a candidate, at the end
/// and before.
const CHANCE: f64 = 0.01;
const CHANCE_BEFORE: f64 = 0.001;
/// The share that must fail beyond that of the stable release: a percentage point.
const FAILURE_MARGIN: f64 = 0.01;
/// Times below which nothing is said of the duration of tasks.
const MIN_TIMES: usize = 8;
/// The time that tasks must take beyond that of the stable release.
const MIN_SLOWER_SECONDS: f64 = 0.002;
/// Workers that may die or hang.
const MAX_LOST: u64 = 1;
/// The memory that a candidate may need beyond twice that of the stable release.
const MEMORY_MARGIN: u64 = 64 * 1024 * 1024;

/// The moment of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// More comes in.
    Before,
    /// The phase would end.
    Last,
}

/// The health of the workers of a candidate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// Those that died or hung.
    pub(crate) lost: u64,
    /// Whether they die as soon as they are started.
    pub(crate) is_looping: bool,
    /// The problem of the last one.
    pub(crate) last: Option<Problem>,
    /// The most memory that one had, and one of the stable release, in bytes.
    pub(crate) memory: (Option<u64>, Option<u64>),
}

/// Returns a problem that turns a rollout back.
pub(crate) fn problem(code: &str, message: String) -> Problem {
    Problem::new(code, Cure::Bug, message)
}

/// Returns what its workers say against a candidate.
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

/// Returns what the answers of its shadow say against a candidate.
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

/// Returns whether as many answers were compared as were asked for, and all is well.
pub(crate) fn has_passed(shadow: &Shadow, answers: u32) -> bool {
    shadow.compared >= u64::from(answers) && (shadow.differing == 0 || !is_doubtful(shadow))
}

fn is_doubtful(shadow: &Shadow) -> bool {
    let lower = wilson_lower(shadow.differing, shadow.compared, Z);
    shadow.compared < MIN_COMPARED || lower > MAX_DIFFERING
}

/// Returns what its own tasks say against a candidate.
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
            "{} of {} tasks of the candidate failed, or nobody knows what became of them; of the \
             stable release {} of {}",
            candidate.bad(),
            candidate.tasks,
            stable.bad(),
            stable.tasks
        );
        // Those that were lost with their worker show that it dies, before the second one has.
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
