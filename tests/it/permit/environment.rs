//! The execution environments: the real asking, and the least that there is around it.

use utakata_execution::asking::Decision;
use utakata_interconnect::events::permit::{Answer, Ask, Refused, Verdict};

use super::case::Case;
use super::mutant::{self, Mutant};
use super::world::{
    Attempt, Effect, Environment, Job, JobStage, Message, STEP, Sender, Told, World,
};

/// The queue delivers an attempt.
pub fn delivered(world: &mut World, environment: usize, attempt: Attempt) {
    let now = world.now;
    let at = &mut world.environments[environment];
    if let Some(ask) = at.asking.ask(attempt.key(), now) {
        send(world, environment, ask);
    }
}

/// An ask had no answer for a while.
pub fn asks_again(world: &mut World, environment: usize) {
    let now = world.now;
    for ask in world.environments[environment].asking.due(now) {
        send(world, environment, ask);
    }
}

fn send(world: &mut World, environment: usize, ask: Ask) {
    let start = Message::Start {
        from: world.sender(environment),
        attempt: Attempt::of(ask.key),
        ask: ask.ask,
    };
    world.send(start);
}

/// What was delivered cannot be done here, and is not asked for.
pub fn refuses(world: &mut World, case: &Case, environment: usize, attempt: Attempt) {
    let from = world.sender(environment);
    world.environments[environment].refused.push(attempt);
    tell(world, case, from, attempt, None, Told::Failed);
}

/// The ledger has answered an ask.
pub fn answered(
    world: &mut World,
    case: &Case,
    to: Sender,
    attempt: Attempt,
    ask: u64,
    is_permitted: bool,
) {
    if !world.is_alive(to) && !case.is(Mutant::AnyIncarnation) {
        return;
    }
    let verdict = if is_permitted {
        Verdict::Permitted(mutant::window(case))
    } else {
        Verdict::Refused(Refused::Taken)
    };
    let key = attempt.key();
    let answer = Answer {
        ask: Ask { key, ask },
        verdict,
    };
    let now = world.now;
    let asking = &mut world.environments[to.environment].asking;
    match mutant::on_answer(case, asking, answer, now) {
        Decision::Begin { ask, until } => {
            world.environments[to.environment].begun.push(ask);
            let from = world.sender(to.environment);
            world.jobs.push(Job {
                from,
                attempt,
                ask: Some(ask),
                stage: JobStage::Waiting { until },
            });
        }
        Decision::Drop(_) | Decision::Ignore => {}
    }
}

/// A permit came too late for its ask, and that is told: nothing was begun under it, and
/// nothing will be.
pub fn may_say_late(world: &World, case: &Case, to: Sender, attempt: Attempt, ask: u64) -> bool {
    let environment = &world.environments[to.environment];
    let is_told = world
        .jobs
        .iter()
        .any(|job| job.from == to && job.ask == Some(ask));
    let is_void = {
        let answer = Answer {
            ask: Ask {
                key: attempt.key(),
                ask,
            },
            verdict: Verdict::Permitted(STEP),
        };
        let mut asking = environment.asking.clone();
        asking.on_answer(answer, world.now) == Decision::Ignore
    };
    let has_begun = environment.begun.contains(&ask) && !case.is(Mutant::LateThoughBegun);
    world.is_alive(to) && is_void && !is_told && !has_begun
}

/// A worker begins.
pub fn hands_over(world: &mut World, case: &Case, place: usize) {
    let job = &mut world.jobs[place];
    let JobStage::Waiting { until } = job.stage else {
        return;
    };
    let ends = until + STEP * case.timeout;
    job.stage = JobStage::Acting { until: ends };
    let effect = Effect {
        attempt: job.attempt,
        from: job.from,
        until: ends + case.rule.settling - STEP,
        is_sure: false,
    };
    world.begun[job.attempt.task][job.attempt.place()] = true;
    world.pending.push(effect);
}

/// An attempt ends, and its outcome is told again and again.
pub fn ends(world: &mut World, case: &Case, place: usize, told: Told) {
    let job = world.jobs.remove(place);
    let until = world.now + case.rule.settling - STEP;
    let is_its = |one: &Effect| one.attempt == job.attempt && one.from == job.from;
    if told == Told::Failed || (told == Told::Succeeded && !case.is_truthful) {
        world.pending.retain(|one| !is_its(one));
    }
    for effect in world.pending.iter_mut().filter(|one| is_its(one)) {
        effect.until = effect.until.min(until);
        effect.is_sure = told == Told::Succeeded;
    }
    tell(world, case, job.from, job.attempt, job.ask, told);
}

/// An outcome is told, until it is recorded.
pub fn tell(
    world: &mut World,
    case: &Case,
    from: Sender,
    attempt: Attempt,
    ask: Option<u64>,
    told: Told,
) {
    if case.is_recorded {
        world.jobs.push(Job {
            from,
            attempt,
            ask,
            stage: JobStage::Told(told),
        });
    }
    world.send(Message::Outcome {
        from,
        attempt,
        ask,
        told,
    });
}

/// The ledger has written an outcome down.
pub fn recorded(world: &mut World, to: Sender, attempt: Attempt, ask: Option<u64>) {
    let is_recorded = |job: &Job| {
        let is_told = matches!(job.stage, JobStage::Told(_));
        is_told && job.from == to && job.attempt == attempt && job.ask == ask
    };
    world.jobs.retain(|job| !is_recorded(job));
}

/// An environment dies: it forgets everything, and its workers may outlive it.
pub fn dies(world: &mut World, case: &Case, environment: usize) {
    let dead = world.sender(environment);
    world.environments[environment] = Environment::new(dead.life + 1, case);
    let is_left = |job: &Job| job.from != dead || matches!(job.stage, JobStage::Acting { .. });
    world.jobs.retain(is_left);
}

/// Time has passed: windows and deadlines are over.
pub fn time_passes(world: &mut World, case: &Case) {
    let now = world.now;
    let is_over = |until| until < now;
    while let Some(place) = world.jobs.iter().position(|job| match job.stage {
        JobStage::Waiting { until } | JobStage::Acting { until } => is_over(until),
        JobStage::Told(_) => false,
    }) {
        let job = world.jobs[place];
        match job.stage {
            JobStage::Acting { .. } if !world.is_alive(job.from) => {
                world.jobs.remove(place);
            }
            JobStage::Waiting { .. } => ends(world, case, place, Told::Expired),
            _ => {
                world.jobs.remove(place);
                tell(world, case, job.from, job.attempt, job.ask, Told::Unknown);
            }
        }
    }
    world.pending.retain(|effect| !is_over(effect.until));
}
