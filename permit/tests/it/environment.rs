//! The execution environments: the real asks, and the minimum around them.

use std::time::Duration;

use utakata_permit::{
    asks::Decision,
    message::{Answer, Ask, Refused, Verdict},
};

use super::{
    case::Case,
    mutant::{self, Mutant},
    world::{Attempt, Effect, Environment, Job, JobStage, Message, Report, STEP, Sender, World},
};

/// Delivers an attempt from the queue.
pub fn delivered(world: &mut World, environment: usize, attempt: Attempt) {
    let now = world.local(environment);
    let at = &mut world.environments[environment];
    if let Some(ask) = at.asks.ask(attempt.key(), now) {
        send(world, environment, ask);
    }
}

/// Repeats an ask that has had no answer for a while.
pub fn asks_again(world: &mut World, environment: usize) {
    let now = world.local(environment);
    for ask in world.environments[environment].asks.due(now) {
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

/// Refuses a delivery that cannot be done here, without asking for a permit.
pub fn refuses(world: &mut World, case: &Case, environment: usize, attempt: Attempt) {
    let from = world.sender(environment);
    world.environments[environment].refused.push(attempt);
    tell(world, case, from, attempt, None, Report::Failed);
}

/// Applies an answer of the ledger.
pub fn answered(
    world: &mut World,
    case: &Case,
    to: Sender,
    attempt: Attempt,
    ask: u64,
    window: Option<Duration>,
) {
    if !world.is_alive(to) && !case.is(Mutant::AnyIncarnation) {
        return;
    }
    let verdict = window.map_or(Verdict::Refused(Refused::Taken), |window| {
        Verdict::Permitted(mutant::window(case, window))
    });
    let key = attempt.key();
    let answer = Answer {
        ask: Ask { key, ask },
        verdict,
    };
    let now = world.local(to.environment);
    let asks = &mut world.environments[to.environment].asks;
    match mutant::on_answer(case, asks, answer, now) {
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

/// Returns true if a permit was too late for its ask and may be reported so: nothing was begun
/// under it, and nothing will be.
pub fn may_say_late(world: &World, case: &Case, to: Sender, attempt: Attempt, ask: u64) -> bool {
    let environment = &world.environments[to.environment];
    let is_reported = world
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
        let mut asks = environment.asks.clone();
        asks.on_answer(answer, world.local(to.environment)) == Decision::Ignore
    };
    let has_begun = environment.begun.contains(&ask) && !case.is(Mutant::LateThoughBegun);
    world.is_alive(to) && is_void && !is_reported && !has_begun
}

/// Hands an attempt to a worker, which reads it at any time and reports that it is ready.
pub fn hands_over(world: &mut World, place: usize) {
    let said = world.local(world.jobs[place].from.environment);
    if let JobStage::Waiting { until } = world.jobs[place].stage {
        world.jobs[place].stage = JobStage::Ready { until, said };
    }
}

/// Sends the worker its go, if the permit still stands; it is read at any time.
pub fn gives_go(world: &mut World, case: &Case, place: usize) {
    let now = world.local(world.jobs[place].from.environment);
    let JobStage::Ready { until, said } = world.jobs[place].stage else {
        return;
    };
    if now > until {
        return ends(world, case, place, Report::Expired);
    }
    let within = until - now;
    world.jobs[place].stage = JobStage::Going { said, within };
}

/// Lets the worker read its go, and begin if the go is young enough.
pub fn begins(world: &mut World, case: &Case, place: usize) {
    let job = world.jobs[place];
    let now = world.local(job.from.environment);
    let said = match job.stage {
        JobStage::Going { said, within } if now <= said + within => said,
        _ if mutant::begins_anyway(case, job.stage) => now,
        _ => return refuses_go(world, case, place),
    };
    let until = said + STEP * case.timeout;
    world.jobs[place].stage = JobStage::Acting { until };
    let effect = Effect::new(&job, until + case.rule.settling - STEP);
    world.begun[job.attempt.task][job.attempt.place()] = true;
    world.pending.push(effect);
}

fn refuses_go(world: &mut World, case: &Case, place: usize) {
    if world.is_alive(world.jobs[place].from) {
        ends(world, case, place, Report::Expired);
    } else {
        world.jobs.remove(place);
    }
}

/// Stalls a worker after its last look at the clock; it may resume at any time.
pub fn stalls(world: &mut World, place: usize) {
    let job = world.jobs[place];
    if let JobStage::Acting { until } = job.stage {
        let is_reported = false;
        world.jobs[place].stage = JobStage::Stalled { until, is_reported };
        let mut pending = world.pending.iter_mut();
        pending
            .find(|one| one.is_of(&job))
            .into_iter()
            .for_each(Effect::stall);
    }
}

/// Ends an attempt, whose outcome is then reported repeatedly.
pub fn ends(world: &mut World, case: &Case, place: usize, report: Report) {
    let job = world.jobs.remove(place);
    let until = world.now + case.rule.settling - STEP;
    if report == Report::Failed || (report == Report::Succeeded && !case.is_truthful) {
        world.pending.retain(|one| !one.is_of(&job));
    }
    for effect in world.pending.iter_mut().filter(|one| one.is_of(&job)) {
        effect.send(until);
        effect.is_sure = report == Report::Succeeded;
    }
    tell(world, case, job.from, job.attempt, job.ask, report);
}

/// Kills the remains of earlier incarnations, sees them gone, and reports it.
pub fn sees_over(world: &mut World, case: &Case, environment: usize) {
    let me = world.sender(environment);
    let is_earlier = |from: Sender| from.environment == environment && from.life < me.life;
    if !case.is(Mutant::OverUnseen) {
        world.jobs.retain(|job| !is_earlier(job.from));
        let until = world.now + case.rule.settling - STEP;
        let left = world.pending.iter_mut();
        left.filter(|effect| is_earlier(effect.from))
            .for_each(|effect| effect.send(until));
    }
    for life in 0..me.life {
        world.send(Message::Over {
            of: Sender { life, ..me },
        });
    }
}

/// Reports an outcome, until it is recorded.
pub fn tell(
    world: &mut World,
    case: &Case,
    from: Sender,
    attempt: Attempt,
    ask: Option<u64>,
    report: Report,
) {
    if case.is_recorded {
        world.jobs.push(Job {
            from,
            attempt,
            ask,
            stage: JobStage::Reported(report),
        });
    }
    world.send(Message::Outcome {
        from,
        attempt,
        ask,
        report,
    });
}

/// Applies the confirmation that an outcome is recorded.
pub fn recorded(world: &mut World, to: Sender, attempt: Attempt, ask: Option<u64>) {
    let is_recorded = |job: &Job| {
        let is_reported = matches!(job.stage, JobStage::Reported(_));
        is_reported && job.from == to && job.attempt == attempt && job.ask == ask
    };
    world.jobs.retain(|job| !is_recorded(job));
}

/// Kills an environment: it forgets everything, but its workers may outlive it. A worker without a
/// go never receives one.
pub fn dies(world: &mut World, case: &Case, environment: usize) {
    let dead = world.sender(environment);
    world.environments[environment] = Environment::new(dead.life + 1, case);
    let is_left = |job: &Job| {
        let may_act = match job.stage {
            JobStage::Going { .. } | JobStage::Acting { .. } | JobStage::Stalled { .. } => true,
            stage => mutant::begins_anyway(case, stage),
        };
        job.from != dead || may_act
    };
    world.jobs.retain(is_left);
}

/// Lets time pass, so that windows and deadlines end. That is reported at once, and may arrive at
/// any time, as if its sender had stood still.
pub fn time_passes(world: &mut World, case: &Case) {
    let is_over = |world: &World, job: &Job| {
        let now = world.local(job.from.environment);
        match job.stage {
            stage if mutant::begins_anyway(case, stage) => false,
            JobStage::Waiting { until } | JobStage::Ready { until, .. } => until < now,
            JobStage::Going { said, within } => said + within < now,
            JobStage::Acting { until } => until < now,
            JobStage::Stalled { until, is_reported } => until < now && !is_reported,
            JobStage::Reported(_) => false,
        }
    };
    while let Some(place) = world.jobs.iter().position(|job| is_over(world, job)) {
        let job = world.jobs[place];
        let is_alive = world.is_alive(job.from);
        if matches!(job.stage, JobStage::Acting { .. }) {
            // It sends nothing more; what it has sent is on its way.
            let until = world.now + case.rule.settling - STEP;
            let its = world.pending.iter_mut().filter(|one| one.is_of(&job));
            its.for_each(|effect| effect.send(until));
        }
        match job.stage {
            JobStage::Stalled { until, .. } => {
                let is_reported = true;
                world.jobs[place].stage = JobStage::Stalled { until, is_reported };
                if is_alive {
                    tell(world, case, job.from, job.attempt, job.ask, Report::Overdue);
                }
            }
            _ if !is_alive => {
                world.jobs.remove(place);
            }
            JobStage::Acting { .. } => {
                world.jobs.remove(place);
                tell(world, case, job.from, job.attempt, job.ask, Report::Unknown);
            }
            _ => ends(world, case, place, Report::Expired),
        }
    }
    let mut pending = std::mem::take(&mut world.pending);
    pending.retain(|effect| effect.until >= world.clock_of(effect));
    world.pending = pending;
}
