//! A rollout in all environments of a zone, judged by their reports: wave after wave, and back in
//! all of them when one goes back.
//!
//! ```text
//! running ⇄ paused ─► done
//!    └────────┴─► going back, aborting ─► failed, aborted
//! ```

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use utakata_api::rollout::{ReadBack, Rollout, RolloutProgress, RolloutState};
use utakata_model::{
    Cure, EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Problem, RolloutOrder,
    RolloutPhase, Selector,
    rollout::{Go, GoOrder},
};

use crate::statistics;

/// The number of control tasks without visible effect above which chance is ruled out.
const MIN_NOT_SHOWN: u64 = 2;
/// The probability below which a difference from the previous release is no chance.
const CHANCE: f64 = 0.01;
/// The code of an environment that disappeared in the middle of a rollout.
const GONE: &str = "rollout-gone";

/// Returns the default waves: one environment first, then all others.
pub fn waves(kind: &Kind, heard: &[Arc<EnvironmentStatus>]) -> Vec<Selector> {
    let mut serving: Vec<&EnvironmentId> = heard
        .iter()
        .filter(|one| is_there(one) && serves(one, kind))
        .map(|one| &one.id)
        .collect();
    serving.sort();
    match serving[..] {
        [first, _, ..] => format!("name={first}").parse().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Returns the rollout after these statuses have arrived.
pub fn advance(rollout: Rollout, heard: &[Arc<EnvironmentStatus>], now: Timestamp) -> Rollout {
    let mut rollout = with_reports(rollout, heard);
    if !rollout.state.is_back() {
        let problem = went_back(&rollout).or_else(|| lies(&rollout));
        if let Some(problem) = problem {
            rollout.problem = Some(problem);
            rollout.state = RolloutState::GoingBack;
        }
    }
    let there = || {
        let heard = heard.iter().filter(|one| is_there(one));
        heard.filter_map(|one| rollout.environments.get(&one.id))
    };
    match rollout.state {
        RolloutState::Running => {
            let behind = there()
                .filter(|one| one.phase != RolloutPhase::Done)
                .map(|one| one.wave)
                .min();
            let held = held(&rollout);
            match behind {
                Some(wave) => {
                    let next = held.map_or(wave, |held| held.min(wave));
                    rollout.wave = rollout.wave.max(next);
                }
                // No environment could have done it.
                None if there().next().is_none() => {}
                None => end(&mut rollout, RolloutState::Done, now),
            }
        }
        RolloutState::GoingBack if there().all(is_back) => {
            end(&mut rollout, RolloutState::Failed, now);
        }
        RolloutState::Aborting if there().all(is_back) => {
            end(&mut rollout, RolloutState::Aborted, now);
        }
        _ => {}
    }
    rollout
}

/// Returns the rollout with the reports of the environments.
pub fn with_reports(mut rollout: Rollout, heard: &[Arc<EnvironmentStatus>]) -> Rollout {
    if rollout.state.is_over() {
        return rollout;
    }
    for status in heard.iter().filter(|one| is_there(one)) {
        let report = status.rollouts.iter().find(|one| one.id == rollout.id);
        if report.is_none() && !serves(status, &rollout.kind) {
            continue;
        }
        let wave = wave_of(status, &rollout.waves);
        let standing = rollout.environments.entry(status.id.clone());
        let standing = standing.or_insert_with(|| RolloutProgress {
            wave,
            phase: RolloutPhase::Waiting,
            promoted: None,
            evidence: utakata_model::rollout::Evidence::default(),
            problem: None,
        });
        if let Some(report) = report {
            standing.phase = report.phase;
            standing.evidence = report.evidence.clone();
            standing.problem = report.problem.clone();
        } else if is_gone(standing) {
            standing.problem = None;
        }
    }
    for (id, standing) in &mut rollout.environments {
        let is_here = heard.iter().any(|one| one.id == *id && is_there(one));
        if !is_here && is_midway(standing) {
            standing.problem = Some(gone(id));
        }
    }
    rollout
}

/// Forgets environments that disappeared in the middle: one that returns resumes where it was.
pub fn without_gone(rollout: &mut Rollout) {
    rollout.environments.retain(|_, one| !is_gone(one));
}

/// Returns the first wave that is held up: an environment disappeared in the middle, perhaps
/// because of the release, and no other one has shown that the release is good.
fn held(rollout: &Rollout) -> Option<u32> {
    let all = || rollout.environments.values();
    let is_shown = |wave| {
        let mut of_wave = all().filter(|one| one.wave == wave);
        of_wave.any(|one| one.phase == RolloutPhase::Done)
    };
    let gone = all().filter(|one| is_gone(one)).map(|one| one.wave);
    gone.filter(|wave| !is_shown(*wave)).min()
}

fn gone(id: &EnvironmentId) -> Problem {
    let message = format!(
        "{id} disappeared during the rollout, and the next wave waits for it: `utakata rollout \
         promote` continues without it"
    );
    Problem::new(GONE, Cure::Operator, message)
}

fn is_gone(standing: &RolloutProgress) -> bool {
    let problem = standing.problem.as_ref();
    problem.is_some_and(|problem| &*problem.code == GONE)
}

/// Returns true if it has begun and not yet ended.
fn is_midway(standing: &RolloutProgress) -> bool {
    use RolloutPhase::{Canary, Rolling, Shadow, Starting};
    matches!(standing.phase, Starting | Shadow | Canary | Rolling)
}

fn end(rollout: &mut Rollout, state: RolloutState, now: Timestamp) {
    rollout.state = state;
    rollout.ended = Some(now);
}

/// Returns the problem of an environment that went back by itself.
fn went_back(rollout: &Rollout) -> Option<Problem> {
    let mut back = rollout.environments.iter();
    let (id, standing) = back.find(|(_, one)| one.phase == RolloutPhase::Back)?;
    let why = standing.problem.as_ref();
    let code = why.map_or("rollout-back", |problem| &problem.code);
    let why = why.map_or("it does not say why", |problem| &problem.message);
    Some(Problem::new(code, Cure::Bug, format!("in {id}: {why}")))
}

/// Returns a problem if devices do not do what the new release reports as done.
fn lies(rollout: &Rollout) -> Option<Problem> {
    let (now, before) = (rollout.read_back, rollout.read_back_before);
    let all = |read: ReadBack| read.shown + read.not_shown;
    let is_no_chance = if all(before) == 0 {
        // There is nothing to compare it with, so the majority must be wrong.
        now.not_shown > MIN_NOT_SHOWN && now.not_shown > now.shown
    } else {
        let chance = statistics::fisher((now.not_shown, all(now)), (before.not_shown, all(before)));
        now.not_shown >= MIN_NOT_SHOWN && chance < CHANCE
    };
    is_no_chance.then(|| {
        let message = format!(
            "of {} control tasks that {} said were done, {} do not show when the device is read \
             back; of {} of {} it were {}",
            all(now),
            rollout.to,
            now.not_shown,
            all(before),
            rollout.from,
            before.not_shown
        );
        Problem::new("rollout-lies", Cure::Bug, message)
    })
}

/// Returns the order to the environments.
pub fn order(rollout: &Rollout) -> RolloutOrder {
    let go = |standing: &RolloutProgress| Go {
        order: match rollout.state {
            state if state.is_back() => GoOrder::Back,
            RolloutState::Paused => GoOrder::Pause,
            _ => GoOrder::Go,
        },
        promoted: standing.promoted,
    };
    let environments = rollout.environments.iter();
    let may_go = environments.filter(|(_, one)| one.wave <= rollout.wave || is_under_way(one));
    let environments: BTreeMap<EnvironmentId, Go> = may_go
        .map(|(id, standing)| (id.clone(), go(standing)))
        .collect();
    RolloutOrder {
        id: rollout.id,
        candidate: rollout.to.clone(),
        plan: rollout.plan.clone(),
        environments,
    }
}

/// Returns the wave of an environment, from 0. Environments that no wave selects are in the last.
fn wave_of(status: &EnvironmentStatus, waves: &[Selector]) -> u32 {
    let value = |key: &str| match key {
        "name" => Some(status.id.as_str()),
        "zone" => Some(status.zone.as_str()),
        key => status.labels.get(key).map(String::as_str),
    };
    let wave = waves.iter().position(|wave| wave.matches_by(value));
    u32::try_from(wave.unwrap_or(waves.len())).unwrap_or(u32::MAX)
}

fn is_there(status: &EnvironmentStatus) -> bool {
    status.state != EnvironmentState::Gone
}

/// Returns true if it has workers of the kind, or is to have them.
fn serves(status: &EnvironmentStatus, kind: &Kind) -> bool {
    status.pools.iter().any(|pool| pool.release.kind == *kind)
}

/// Returns true if it has begun and has not gone back.
fn is_under_way(standing: &RolloutProgress) -> bool {
    !matches!(standing.phase, RolloutPhase::Waiting)
}

/// Returns true if the previous release serves there again.
fn is_back(standing: &RolloutProgress) -> bool {
    matches!(standing.phase, RolloutPhase::Waiting | RolloutPhase::Back)
}

#[cfg(test)]
mod tests;
