//! The calm after all faults: every task must end, or be left to a person.

use utakata_permit::{
    Evidence,
    life::{Event, Stage},
};

use super::{
    case::Case,
    environment, ledger,
    promises::{self, Broken},
    steps,
    world::{Attempt, Environment, Job, JobStage, Message, Passage, Report, STEP, World},
};

/// The most steps of time that it may take: the fences of all attempts after a restart, and the
/// waiting in between.
const MAX_STEPS: u32 = 60;

/// Lets everything run without further faults, and returns the world in which all is over.
pub fn ends(world: &World, case: &Case) -> Result<World, Broken> {
    let mut world = world.clone();
    for _ in 0..MAX_STEPS {
        if world.is_settled() {
            return Ok(world);
        }
        let before = world.clone();
        round(&mut world, case);
        promises::only_forward(&before, &world)?;
        promises::check(&world, case)?;
    }
    Err(promises::NEVER_ENDS)
}

fn is_ready_for_go(stage: &JobStage) -> bool {
    matches!(stage, JobStage::Ready { .. })
}

fn is_going(stage: &JobStage) -> bool {
    matches!(stage, JobStage::Going { .. })
}

/// Does all that can be done at this moment, then lets time pass.
fn round(world: &mut World, case: &Case) {
    for task in 0..world.lives.len() {
        ledger::happens(world, case, task, &Event::Tick);
        if ledger::may_release(world, case, task) {
            ledger::happens(world, case, task, &Event::Release);
        }
        if let Stage::Queued { .. } = world.lives[task].stage {
            let number = world.lives[task].attempt;
            deliver(world, Attempt { task, number });
        }
    }
    for place in 0..world.environments.len() {
        environment::asks_again(world, place);
    }
    exchange(world, case);
    work(world, case);
    exchange(world, case);
    for task in 0..world.lives.len() {
        if world.reads[task] {
            let evidence = shows(world, case, task);
            ledger::seen(world, case, task, world.now, evidence);
        }
    }
    world.now += STEP;
    environment::time_passes(world, case);
}

/// Returns what the device shows; it passes through other states at once.
fn shows(world: &mut World, case: &Case, task: usize) -> Evidence {
    let is_done = world.effects(task) > 0;
    if is_done && case.is_through() {
        steps::passes(world, task);
        if world.passage[task] == Passage::Within {
            return Evidence::Passing;
        }
    }
    if is_done || case.is_through() {
        Evidence::Effect
    } else {
        Evidence::Other
    }
}

fn deliver(world: &mut World, attempt: Attempt) {
    let takes = |one: &Environment| !one.refused.contains(&attempt);
    let place = world.environments.iter().position(takes).unwrap_or(0);
    environment::delivered(world, place, attempt);
}

/// Delivers once whatever a living party repeats.
fn exchange(world: &mut World, case: &Case) {
    for message in world.sent.clone() {
        if let Message::Start { from, attempt, ask } = message
            && world.is_alive(from)
        {
            ledger::requested(world, case, from, attempt, ask);
        }
    }
    for message in world.sent.clone() {
        if let Message::Over { of } = message {
            ledger::over(world, case, of);
        }
    }
    for message in world.sent.clone() {
        if let Message::Permit {
            to,
            attempt,
            ask,
            window,
        } = message
        {
            environment::answered(world, case, to, attempt, ask, window);
        }
    }
    for message in world.sent.clone() {
        if let Message::Outcome {
            from,
            attempt,
            ask,
            report,
        } = message
            && world.is_alive(from)
        {
            ledger::reported(world, case, from, attempt, ask, report);
            environment::recorded(world, from, attempt, ask);
        }
    }
}

/// Lets workers and devices do what they were given.
fn work(world: &mut World, case: &Case) {
    for place in 0..world.environments.len() {
        environment::sees_over(world, case, place);
    }
    for place in 0..world.jobs.len() {
        environment::hands_over(world, place);
    }
    for stage in [is_ready_for_go, is_going] {
        while let Some(place) = world.jobs.iter().position(|job| stage(&job.stage)) {
            environment::gives_go(world, case, place);
            if world
                .jobs
                .get(place)
                .is_some_and(|job| is_going(&job.stage))
            {
                environment::begins(world, case, place);
            }
        }
    }
    while !world.pending.is_empty() {
        steps::takes(world, 0);
    }
    let is_done = |job: &Job| {
        matches!(
            job.stage,
            JobStage::Acting { .. } | JobStage::Stalled { .. }
        )
    };
    let is_ready = |world: &World| {
        let mut jobs = world.jobs.iter();
        jobs.position(|job| is_done(job) && world.is_alive(job.from))
    };
    while let Some(place) = is_ready(world) {
        environment::ends(world, case, place, Report::Succeeded);
    }
}
