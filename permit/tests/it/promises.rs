//! The promises: they hold in every world, and after every step.

use utakata_model::manifest::{Proves, Repeat};
use utakata_permit::life::{By, End, How, Life, Stage};

use super::{
    case::Case,
    world::{Job, JobStage, Passage, World, needs_a_person},
};

/// The name of a broken promise.
pub type Broken = &'static str;

pub const TWICE: Broken = "done twice";
pub const TOGETHER: Broken = "two attempts may act on one target";
pub const WAS_DONE: Broken = "said not to have been done, and was";
pub const MAY_BE_DONE: Broken = "said not to have been done, and may still be";
pub const BEGINS_LATE: Broken = "an attempt begins after its task has expired";
pub const ACTS_LATE: Broken = "an attempt acts after a later one was made";
pub const SHOWS_LATE: Broken = "the device may still do what a later attempt is for";
pub const NOT_PASSED: Broken = "said to be over before it has passed through";
pub const UNPROVEN: Broken = "another attempt without a proof";
pub const HELD_TWICE: Broken = "two tasks hold one target";
/// A task that cannot be read back is left to a person, and must not return from there by itself.
pub const NEVER_ENDS: Broken = "a task that never ends";

/// Checks the promises that hold in every state of a world.
pub fn check(world: &World, case: &Case) -> Result<(), Broken> {
    if world.acting().count() > 1 {
        return Err(TOGETHER);
    }
    if world.lives.iter().filter(|life| life.holds()).count() > 1 {
        return Err(HELD_TWICE);
    }
    for (task, life) in world.lives.iter().enumerate() {
        earlier_attempts_are_over(world, case, task, life)?;
        if case.rule.repeat == Repeat::Once && world.effects(task) > 1 {
            return Err(TWICE);
        }
        if let Stage::Ended(end) = life.stage {
            no_lie(world, case, task, end)?;
        }
        if life.deadline().is_some() == needs_a_person(life) {
            return Err("a task without a deadline");
        }
    }
    Ok(())
}

/// An attempt before the current one never acts, and none follows one that may have done it.
fn earlier_attempts_are_over(
    world: &World,
    case: &Case,
    task: usize,
    life: &Life,
) -> Result<(), Broken> {
    let is_earlier = |job: &&Job| job.attempt.task == task && job.attempt.number < life.attempt;
    if world.acting().any(|job| is_earlier(&job)) {
        return Err(ACTS_LATE);
    }
    let mut pending = world.pending.iter();
    if pending.any(|one| one.attempt.task == task && one.attempt.number < life.attempt) {
        return Err(SHOWS_LATE);
    }
    if case.rule.repeat == Repeat::Repeatable {
        return Ok(());
    }
    let earlier = life.attempt as usize - 1;
    if world.done[task][..earlier].iter().any(|times| *times > 0) {
        return Err("another attempt at what was done");
    }
    let was_begun = world.begun[task][..earlier].iter().any(|begun| *begun);
    if was_begun && case.proves() != Some(Proves::Both) {
        return Err(UNPROVEN);
    }
    Ok(())
}

/// A task reported as done was done; one reported as not done never will be.
fn no_lie(world: &World, case: &Case, task: usize, end: End) -> Result<(), Broken> {
    // A person is believed.
    if end.by == By::Person {
        return Ok(());
    }
    let mut pending = world.pending.iter().filter(|one| one.attempt.task == task);
    if end.how == How::Succeeded {
        let proves = matches!(case.proves(), Some(Proves::Effect | Proves::Both));
        let is_known = case.is_truthful || (end.by == By::ReadBack && proves);
        if case.is_through() && end.by == By::ReadBack && world.passage[task] != Passage::After {
            return Err(NOT_PASSED);
        }
        let is_done = world.effects(task) > 0 || pending.any(|one| one.is_sure);
        return if is_done || !is_known {
            Ok(())
        } else {
            Err("said to have succeeded, and nothing was done")
        };
    }
    if world.effects(task) > 0 {
        return Err(WAS_DONE);
    }
    if pending.next().is_some() || world.acting().any(|job| job.attempt.task == task) {
        return Err(MAY_BE_DONE);
    }
    Ok(())
}

/// Checks one world against any later one.
pub fn only_forward(before: &World, after: &World) -> Result<(), Broken> {
    for (before, after) in before.lives.iter().zip(&after.lives) {
        if before.has_ended() && before != after {
            return Err("what has ended has changed");
        }
        if after.attempt < before.attempt {
            return Err("an attempt was taken back");
        }
    }
    Ok(())
}

/// Checks one world against the next.
pub fn check_step(before: &World, after: &World) -> Result<(), Broken> {
    only_forward(before, after)?;
    if has_begun_late(before, after) {
        return Err(BEGINS_LATE);
    }
    for (before, after) in before.lives.iter().zip(&after.lives) {
        let has_new_permit =
            matches!(after.stage, Stage::Permitted { .. }) && after.holder() != before.holder();
        if has_new_permit && !matches!(before.stage, Stage::Queued { .. }) {
            return Err("permitted twice");
        }
    }
    let is_reported = |job: &&Job| matches!(job.stage, JobStage::Reported(_));
    for report in before.jobs.iter().filter(is_reported) {
        let was_dropped = after.is_alive(report.from) && !after.jobs.contains(report);
        if was_dropped && report.ask.is_some_and(|ask| waits_for(after, report, ask)) {
            return Err("an outcome was forgotten before it was written down");
        }
    }
    Ok(())
}

/// Returns true if something was begun after its task had expired. A host whose clock stands still
/// cannot know.
fn has_begun_late(before: &World, after: &World) -> bool {
    let may_know = after.lags.iter().all(|lag| *lag == 0);
    let lives = after
        .lives
        .iter()
        .zip(before.begun.iter().zip(&after.begun));
    may_know
        && lives
            .filter(|(life, _)| after.now > life.expires)
            .any(|(_, (before, after))| before != after)
}

/// Returns true if the ledger still waits for this outcome.
fn waits_for(world: &World, report: &Job, ask: u64) -> bool {
    let life = &world.lives[report.attempt.task];
    let is_current = life.attempt == report.attempt.number;
    let holder = report.from.holder(ask);
    is_current && matches!(life.stage, Stage::Permitted { .. }) && life.holder() == Some(&holder)
}
