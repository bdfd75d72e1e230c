//! The logic environment: the real lives, recorded before anything is done.

use tokio::time::Instant;
use utakata_permit::{
    Evidence,
    life::{Action, Event, Life, Observation, Stage},
    message::Verdict,
};

use super::{
    case::Case,
    mutant::{self, Mutant},
    world::{Attempt, Message, Report, Sender, World},
};

/// Applies an event to a task, records it, and then takes the actions. Whatever is sent may be
/// lost, so a crash in between needs no step of its own.
pub fn happens(world: &mut World, case: &Case, task: usize, event: &Event) -> Option<Verdict> {
    let life = world.lives[task].clone();
    let was_permitted = is_permitted(&life);
    let (life, actions) = life.on(event, &mutant::rule(case), world.now);
    world.lives[task] = mutant::remembered(case, life);
    let answer = act(world, task, &actions);
    if is_permitted(&world.lives[task]) && !was_permitted {
        overtakes(world, case, task);
    }
    answer
}

fn is_permitted(life: &Life) -> bool {
    matches!(life.stage, Stage::Permitted { .. })
}

/// Has the other tasks of the target know that another attempt at it was permitted.
fn overtakes(world: &mut World, case: &Case, task: usize) {
    world.permitted.retain(|one| *one != task);
    world.permitted.push(task);
    let others = (0..world.lives.len()).filter(|other| *other != task);
    for other in others {
        happens(world, case, other, &Event::Overtaken);
    }
}

fn act(world: &mut World, task: usize, actions: &[Action]) -> Option<Verdict> {
    let mut answer = None;
    for action in actions {
        match action {
            Action::Publish => {
                let number = world.lives[task].attempt;
                let attempt = Attempt { task, number };
                if let Err(place) = world.published.binary_search(&attempt) {
                    world.published.insert(place, attempt);
                }
            }
            Action::Answer(verdict) => answer = Some(*verdict),
            Action::ReadBack => world.reads[task] = true,
        }
    }
    if !is_read_back(&world.lives[task]) {
        world.reads[task] = false;
    }
    answer
}

fn is_read_back(life: &Life) -> bool {
    matches!(
        life.stage,
        Stage::Verifying { .. }
            | Stage::ReadingBack { .. }
            | Stage::Unsettled { late: Some(_), .. }
    )
}

/// Applies an ask of an environment.
pub fn requested(world: &mut World, case: &Case, from: Sender, attempt: Attempt, ask: u64) {
    let holder = mutant::holder(case, from, ask);
    let window = if is_held_by_another(world, case, attempt.task) {
        None
    } else {
        let event = Event::Ask {
            attempt: attempt.number,
            holder,
        };
        let verdict = happens(world, case, attempt.task, &event);
        mutant::permitted(case, &world.lives[attempt.task], attempt, verdict)
    };
    world.send(Message::Permit {
        to: from,
        attempt,
        ask,
        window,
    });
}

/// Applies an outcome that an environment reports.
pub fn reported(
    world: &mut World,
    case: &Case,
    from: Sender,
    attempt: Attempt,
    ask: Option<u64>,
    report: Report,
) {
    let life = &mut world.lives[attempt.task];
    let holder = ask.map(|ask| mutant::holder(case, from, ask));
    if mutant::verifies_late(case, life, holder.as_ref(), report) {
        return;
    }
    let event = Event::Outcome {
        attempt: attempt.number,
        holder: mutant::teller(case, life, holder),
        status: report.status(),
        is_over: report == Report::Unknown,
    };
    happens(world, case, attempt.task, &event);
    if case.is_recorded {
        world.send(Message::Recorded {
            to: from,
            attempt,
            ask,
        });
    }
}

/// Applies an answer of the target.
pub fn seen(world: &mut World, case: &Case, task: usize, requested: Instant, evidence: Evidence) {
    let requested = mutant::requested(case, &world.lives[task], requested, world.now);
    let observed = Event::Observed(Observation {
        requested,
        answered: mutant::answered(case, requested),
        evidence,
    });
    happens(world, case, task, &observed);
}

/// Applies the apparent end of an incarnation.
pub fn gone(world: &mut World, case: &Case, from: Sender) {
    let incarnation = from.incarnation();
    for task in 0..world.lives.len() {
        happens(world, case, task, &Event::Gone { incarnation });
        if case.is(Mutant::NoFence) && matches!(world.lives[task].stage, Stage::Fenced { .. }) {
            let (rule, life) = (case.rule, world.lives[task].clone());
            let later = world.now + rule.acts_for + rule.settling;
            let (life, actions) = life.on(&Event::Tick, &rule, later);
            world.lives[task] = life;
            act(world, task, &actions);
        }
    }
}

/// Applies the proof that nothing of an incarnation runs any more.
pub fn over(world: &mut World, case: &Case, of: Sender) {
    let incarnation = of.incarnation();
    for task in 0..world.lives.len() {
        happens(world, case, task, &Event::Over { incarnation });
    }
}

/// Kills the ledger and restarts it from its records.
pub fn restart(world: &mut World, case: &Case) {
    let rule = mutant::rule(case);
    for task in 0..world.lives.len() {
        let saved = mutant::written(case, world.lives[task].saved());
        let (life, actions) = Life::restore(saved, &rule, mutant::restarted(case, world.now));
        world.lives[task] = mutant::remembered(case, life);
        world.reads[task] = false;
        act(world, task, &actions);
    }
}

/// Returns true if the task may be published: one task of a target at a time, and none while
/// another holds it.
pub fn may_release(world: &World, case: &Case, task: usize) -> bool {
    let is_queued = |life: &Life| matches!(life.stage, Stage::Queued { .. });
    let mut others = others(world, task);
    world.lives[task].stage == Stage::Planned
        && world.now < world.lives[task].expires
        && (case.is(Mutant::SharedTarget) || !others.any(|life| life.holds() || is_queued(life)))
}

fn is_held_by_another(world: &World, case: &Case, task: usize) -> bool {
    !case.is(Mutant::SharedTarget) && others(world, task).any(Life::holds)
}

fn others(world: &World, task: usize) -> impl Iterator<Item = &Life> {
    let lives = world.lives.iter().enumerate();
    lives
        .filter(move |(other, _)| *other != task)
        .map(|(_, life)| life)
}
