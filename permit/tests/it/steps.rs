//! Every possible next event, and its effect.

use utakata_model::manifest::Proves;
use utakata_permit::{
    Evidence,
    life::{Event, Life, Settlement, Stage},
};

use super::{
    case::Case,
    environment, ledger, mutant,
    world::{
        Attempt, Effect, Environment, Job, JobStage, MAX_ATTEMPTS, Message, Passage, Report, STEP,
        Sender, World, at,
    },
};

/// A single event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    TimePasses,
    Released(usize),
    Recalled(usize),
    Cancelled(usize),
    /// The ledger looks at the clock.
    Ticks(usize),
    SeemsGone(Sender),
    LedgerDies,
    EnvironmentDies(usize),
    /// The queue delivers an attempt.
    Delivered(usize, Attempt),
    Refuses(usize, Attempt),
    GivesUpAsking(usize, Attempt),
    AsksAgain(usize),
    Comes(Message),
    SaysLate(Sender, Attempt, u64),
    /// A worker is given an attempt and reports that it is ready.
    HandsOver(usize),
    GivesGo(usize),
    /// A worker begins, if its go is young enough.
    Begins(usize),
    /// A worker stalls immediately before it sends anything to the device.
    Stalls(usize),
    /// The clocks of an environment's host stand still while time passes.
    TimePassesWithout(usize),
    /// An environment sees that nothing of its earlier incarnations is left.
    SeesOver(usize),
    Ends(usize, Report),
    /// The device carries out the command.
    Takes(usize),
    /// The device is in the state that it passes through, or has passed it.
    Passes(usize),
    /// A person settles a task, truthfully as far as it can be seen.
    Settled(usize),
    /// The target is asked, and shows the effect or something else.
    ReadsBack(usize, Evidence),
}

/// Returns every event that is possible now.
pub fn steps(world: &World, case: &Case) -> Vec<Step> {
    let mut steps = Vec::new();
    if world.is_over() {
        return steps;
    }
    if case.is_punctual {
        due(world, case, &mut steps);
        if !steps.is_empty() {
            return steps;
        }
    }
    let is_due = |effect: &Effect| effect.is_sure && effect.until <= world.clock_of(effect);
    let must_first = world.pending.iter().any(is_due);
    if world.now < at(case.horizon) && !must_first {
        steps.push(Step::TimePasses);
        if world.faults.stops > 0 {
            let hosts = 0..world.environments.len();
            steps.extend(hosts.map(Step::TimePassesWithout));
        }
    }
    of_the_ledger(world, case, &mut steps);
    of_environments(world, case, &mut steps);
    of_jobs(world, case, &mut steps);
    steps.extend(world.sent.iter().map(|message| Step::Comes(*message)));
    steps.extend((0..world.pending.len()).map(Step::Takes));
    steps
}

/// Adds the events that a punctual ledger puts before all others.
fn due(world: &World, case: &Case, steps: &mut Vec<Step>) {
    for (task, life) in world.lives.iter().enumerate() {
        if life.deadline().is_some_and(|at| at <= world.now) {
            steps.push(Step::Ticks(task));
        } else if ledger::may_release(world, case, task) {
            steps.push(Step::Released(task));
        }
    }
}

fn of_the_ledger(world: &World, case: &Case, steps: &mut Vec<Step>) {
    let faults = world.faults;
    if faults.ledger_crashes > 0 {
        steps.push(Step::LedgerDies);
    }
    for (task, life) in world.lives.iter().enumerate() {
        if ledger::may_release(world, case, task) {
            steps.push(Step::Released(task));
        }
        if faults.recalls > 0 && matches!(life.stage, Stage::Queued { .. }) {
            steps.push(Step::Recalled(task));
        }
        if faults.cancels > 0 && !life.has_ended() {
            steps.push(Step::Cancelled(task));
        }
        if faults.people > 0 && life.may_settle().is_ok() {
            steps.push(Step::Settled(task));
        }
        if life.deadline().is_some_and(|at| at <= world.now) {
            steps.push(Step::Ticks(task));
        }
        if world.reads[task] {
            let shown = shown(world, case, task);
            steps.extend(shown.map(|evidence| Step::ReadsBack(task, evidence)));
        }
        let is_within = world.effects(task) > 0 && world.passage[task] != Passage::After;
        if case.is_through() && is_within {
            steps.push(Step::Passes(task));
        }
    }
}

/// Returns the states that a target may show. It never shows the contrary of what an action proves,
/// and it may show its effects late or never.
fn shown(world: &World, case: &Case, task: usize) -> impl Iterator<Item = Evidence> {
    use Evidence::{Effect, Other, Passing};
    let is_done = world.effects(task) > 0;
    let shown: &[Evidence] = match case.proves() {
        _ if case.is_through() => match world.passage[task] {
            Passage::Within => &[Passing],
            Passage::Before | Passage::After => &[Effect],
        },
        Some(Proves::Both) if is_done => &[Effect],
        Some(Proves::Both) => &[Other],
        // The device shows one state, whoever has caused it.
        Some(Proves::Effect) if is_done && world.shown == Some(task) => &[Effect, Other],
        Some(Proves::Effect) if case.is_alike && world.is_overtaken(task) => &[Effect, Other],
        Some(Proves::Effect) => &[Other],
        _ => &[Effect, Other],
    };
    shown.iter().copied()
}

fn of_environments(world: &World, case: &Case, steps: &mut Vec<Step>) {
    let new = Environment::new(0, case);
    for (place, one) in world.environments.iter().enumerate() {
        let me = world.sender(place);
        if world.faults.environment_crashes > 0 && *one != new {
            steps.push(Step::EnvironmentDies(place));
        }
        let has_said = |world: &World| {
            let life = me.life - 1;
            let of = Sender { life, ..me };
            world.sent.contains(&Message::Over { of })
        };
        if me.life > 0 && !has_said(world) && holds_any(world, me) {
            steps.push(Step::SeesOver(place));
        }
        if case.may_seem_gone {
            let lives = (0..=me.life).map(|life| Sender { life, ..me });
            steps.extend(lives.map(Step::SeemsGone));
        }
        let mut asks = one.asks.clone();
        if !asks.due(world.local(place)).is_empty() {
            steps.push(Step::AsksAgain(place));
        }
        // Environments are interchangeable: the first is served first.
        if place > 0 && world.environments[place - 1] == new {
            continue;
        }
        for attempt in world.published.iter().copied() {
            let is_asked = one.asks.has(attempt.key());
            if case.is_choosy && is_asked {
                steps.push(Step::GivesUpAsking(place, attempt));
            }
            let is_here = is_asked || one.refused.contains(&attempt);
            if world.faults.deliveries > 0 && !is_here {
                steps.push(Step::Delivered(place, attempt));
                let is_its = |job: &Job| job.from == me && job.attempt == attempt;
                if case.is_choosy && !world.jobs.iter().any(is_its) {
                    steps.push(Step::Refuses(place, attempt));
                }
            }
        }
    }
    if case.is_choosy {
        for message in &world.sent {
            if let Message::Permit {
                to,
                attempt,
                ask,
                window: Some(_),
            } = *message
                && environment::may_say_late(world, case, to, attempt, ask)
            {
                steps.push(Step::SaysLate(to, attempt, ask));
            }
        }
    }
}

fn of_jobs(world: &World, case: &Case, steps: &mut Vec<Step>) {
    for (place, job) in world.jobs.iter().enumerate() {
        match job.stage {
            JobStage::Waiting { .. } => {
                steps.push(Step::HandsOver(place));
                if case.is_choosy {
                    steps.push(Step::Ends(place, Report::Expired));
                }
            }
            JobStage::Ready { .. } => {
                if mutant::begins_anyway(case, job.stage) {
                    steps.push(Step::Begins(place));
                } else {
                    steps.push(Step::GivesGo(place));
                }
            }
            JobStage::Going { .. } => steps.push(Step::Begins(place)),
            JobStage::Acting { .. } | JobStage::Stalled { .. } if world.is_alive(job.from) => {
                if may_stall(world, job) {
                    steps.push(Step::Stalls(place));
                }
                steps.push(Step::Ends(place, Report::Succeeded));
                steps.push(Step::Ends(place, Report::Unknown));
                let mut pending = world.pending.iter();
                if pending.any(|one| one.attempt == job.attempt && one.from == job.from) {
                    steps.push(Step::Ends(place, Report::Failed));
                }
            }
            JobStage::Acting { .. } if may_stall(world, job) => steps.push(Step::Stalls(place)),
            JobStage::Acting { .. } | JobStage::Stalled { .. } | JobStage::Reported(_) => {}
        }
    }
}

/// Returns true if a worker is about to send something to the device.
fn may_stall(world: &World, job: &Job) -> bool {
    let is_acting = matches!(job.stage, JobStage::Acting { .. });
    world.faults.stalls > 0 && is_acting && world.pending.iter().any(|one| one.is_of(job))
}

/// Returns true if the ledger still waits for an earlier incarnation of an environment.
fn holds_any(world: &World, me: Sender) -> bool {
    let earlier: Vec<_> = (0..me.life).map(|life| Sender { life, ..me }).collect();
    let holders = world.lives.iter().filter_map(Life::holder);
    let mut incarnations = holders.map(|holder| holder.incarnation);
    incarnations.any(|one| earlier.iter().any(|life| life.incarnation() == one))
}

/// Returns the world after a step.
pub fn take(world: &World, case: &Case, step: Step) -> World {
    let mut next = world.clone();
    apply(&mut next, case, step);
    next.normalise(case);
    next
}

fn apply(world: &mut World, case: &Case, step: Step) {
    match step {
        Step::TimePasses => {
            world.now += STEP;
            environment::time_passes(world, case);
        }
        Step::TimePassesWithout(place) => {
            world.faults.stops -= 1;
            world.now += STEP;
            world.lags[place] += 1;
            environment::time_passes(world, case);
        }
        Step::LedgerDies => {
            world.faults.ledger_crashes -= 1;
            ledger::restart(world, case);
        }
        Step::EnvironmentDies(place) => {
            world.faults.environment_crashes -= 1;
            environment::dies(world, case, place);
        }
        Step::Recalled(task) => {
            world.faults.recalls -= 1;
            ledger::happens(world, case, task, &Event::Recall);
        }
        Step::Cancelled(task) => {
            world.faults.cancels -= 1;
            ledger::happens(world, case, task, &Event::Cancel);
        }
        Step::Settled(task) => {
            world.faults.people -= 1;
            let settlement = match world.effects(task) {
                0 => Settlement::Failed,
                _ => Settlement::Succeeded,
            };
            ledger::happens(world, case, task, &Event::Settle(settlement));
        }
        Step::Delivered(place, attempt) => {
            world.faults.deliveries -= 1;
            environment::delivered(world, place, attempt);
        }
        Step::Refuses(place, attempt) => {
            world.faults.deliveries -= 1;
            environment::refuses(world, case, place, attempt);
        }
        Step::Released(task) => drop(ledger::happens(world, case, task, &Event::Release)),
        Step::Ticks(task) => drop(ledger::happens(world, case, task, &Event::Tick)),
        Step::SeemsGone(sender) => ledger::gone(world, case, sender),
        Step::GivesUpAsking(place, attempt) => {
            world.environments[place].asks.forget(attempt.key());
        }
        Step::AsksAgain(place) => environment::asks_again(world, place),
        Step::Comes(message) => comes(world, case, message),
        Step::SaysLate(to, attempt, ask) => {
            environment::tell(world, case, to, attempt, Some(ask), Report::Expired);
        }
        Step::HandsOver(place) => environment::hands_over(world, place),
        Step::GivesGo(place) => environment::gives_go(world, case, place),
        Step::Begins(place) => environment::begins(world, case, place),
        Step::Stalls(place) => {
            world.faults.stalls -= 1;
            environment::stalls(world, place);
        }
        Step::SeesOver(place) => environment::sees_over(world, case, place),
        Step::Ends(place, report) => environment::ends(world, case, place, report),
        Step::Takes(place) => takes(world, place),
        Step::Passes(task) => passes(world, task),
        Step::ReadsBack(task, evidence) => world.send(Message::Seen {
            task,
            requested: world.now,
            evidence,
        }),
    }
}

pub fn passes(world: &mut World, task: usize) {
    world.passage[task] = match world.passage[task] {
        Passage::Before => Passage::Within,
        Passage::Within | Passage::After => Passage::After,
    };
}

pub fn takes(world: &mut World, place: usize) {
    let attempt = world.pending.remove(place).attempt;
    debug_assert!(attempt.place() < MAX_ATTEMPTS);
    world.done[attempt.task][attempt.place()] += 1;
    world.shown = Some(attempt.task);
}

fn comes(world: &mut World, case: &Case, message: Message) {
    match message {
        Message::Start { from, attempt, ask } => ledger::requested(world, case, from, attempt, ask),
        Message::Outcome {
            from,
            attempt,
            ask,
            report,
        } => ledger::reported(world, case, from, attempt, ask, report),
        Message::Seen {
            task,
            requested,
            evidence,
        } => ledger::seen(world, case, task, requested, evidence),
        Message::Permit {
            to,
            attempt,
            ask,
            window,
        } => environment::answered(world, case, to, attempt, ask, window),
        Message::Over { of } => ledger::over(world, case, of),
        Message::Recorded { to, attempt, ask } => {
            environment::recorded(world, to, attempt, ask);
        }
    }
}
