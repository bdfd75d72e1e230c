//! Whether a candidate is worse than the stable release, by tests that ask how likely such a
//! difference is by chance. Pure.
//!
//! Everything is judged again and again while it comes in, and who looks often enough sees
//! anything: so before the end of a phase a difference must be ten times as unlikely (Haybittle
//! and Peto, 1971 and 1976).

use utakata_model::{
    Cure, Problem, RolloutPlan,
    statistics::{fisher, quantile, rank_sum, wilson_lower},
};

use super::evidence::{Shadow, Tally};

/// The share of the answers of a shadow that may differ.
const DIFFERING_MOST: f64 = 0.01;
/// How sure it must be that more differ: one-sided, 99 of 100.
const Z: f64 = 2.326;
/// Answers below which nothing is said of a shadow.
const COMPARED_LEAST: u64 = 3;
/// One that differs, or fails, is an accident.
const BAD_LEAST: u64 = 2;
/// How likely a difference may be by chance, at the end and before.
const CHANCE: f64 = 0.01;
const CHANCE_BEFORE: f64 = 0.001;
/// By how much more must fail: a percentage point.
const FAILING_MORE: f64 = 0.01;
/// Times below which nothing is said of how long tasks take.
const TIMES_LEAST: usize = 8;
/// By how much longer tasks must take, in seconds.
const SLOWER_LEAST: f64 = 0.002;
/// Workers that may die or hang.
const LOST_MOST: u64 = 1;
/// What a candidate may need beyond twice the memory of the stable release.
const MEMORY_MORE: u64 = 64 * 1024 * 1024;

/// When it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// More comes in.
    Before,
    /// The phase would end.
    Last,
}

/// How the workers of a candidate are.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Those that died or hung.
    pub(super) lost: u64,
    /// Whether they die as soon as they are started.
    pub(super) is_looping: bool,
    /// What was said of the last one.
    pub(super) last: Option<Problem>,
    /// The most memory that one had, and one of the stable release, in bytes.
    pub(super) memory: (Option<u64>, Option<u64>),
}

/// A problem that turns a rollout back.
pub(super) fn problem(code: &str, message: String) -> Problem {
    Problem::new(code, Cure::Bug, message)
}

/// What its workers say against it.
pub(super) fn health(health: &Health) -> Option<Problem> {
    if health.lost > LOST_MOST || health.is_looping {
        let mut message = format!("{} workers of the candidate died or hung", health.lost);
        if let Some(last) = &health.last {
            message = format!("{message}, the last one: {}", last.message);
        }
        return Some(problem("rollout-dies", message));
    }
    let (Some(candidate), Some(stable)) = health.memory else {
        return None;
    };
    (candidate > stable.saturating_mul(2).saturating_add(MEMORY_MORE)).then(|| {
        let message = format!(
            "a worker of the candidate has {} MiB of memory, one of the stable release {} MiB",
            candidate >> 20,
            stable >> 20
        );
        problem("rollout-leaks", message)
    })
}

/// What the answers of its shadow say against it.
pub(super) fn shadow(shadow: &Shadow) -> Option<Problem> {
    let is_seen = shadow.compared >= COMPARED_LEAST && shadow.differing >= BAD_LEAST;
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

/// Whether as many answers were compared as were asked for, and all is well.
pub(super) fn has_passed(shadow: &Shadow, answers: u32) -> bool {
    shadow.compared >= u64::from(answers) && (shadow.differing == 0 || !is_doubtful(shadow))
}

fn is_doubtful(shadow: &Shadow) -> bool {
    let lower = wilson_lower(shadow.differing, shadow.compared, Z);
    shadow.compared < COMPARED_LEAST || lower > DIFFERING_MOST
}

/// What its own tasks say against it.
pub(super) fn tasks(
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
    let is_more = share(candidate) >= share(stable) + FAILING_MORE;
    if candidate.bad() < BAD_LEAST || !is_more {
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
    if one.len().min(other.len()) < TIMES_LEAST {
        return None;
    }
    let middle = |tally: &Tally| quantile(&tally.sorted(), 0.5);
    let (half, stable_half) = (middle(candidate), middle(stable));
    let is_longer = half > slower * stable_half && half > stable_half + SLOWER_LEAST;
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
