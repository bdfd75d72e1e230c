//! The cases to explore.

use utakata_model::manifest::Proves;

use super::{
    case::Case,
    mutant::Mutant,
    promises::{
        ACTS_LATE, BEGINS_LATE, Broken, HELD_TWICE, MAY_BE_DONE, NEVER_ENDS, NOT_PASSED,
        SHOWS_LATE, TOGETHER, TWICE, UNPROVEN, WAS_DONE,
    },
};

const EFFECT: Option<Proves> = Some(Proves::Effect);
const BOTH: Option<Proves> = Some(Proves::Both);
const NOTHING: Option<Proves> = Some(Proves::Nothing);

/// Actions that may be done only once. Cases of the same name differ in their faults.
pub fn once() -> Vec<Case> {
    let punctual = |name, proves| Case::once(name, proves).punctual();
    vec![
        Case::once("once", None).one_environment(),
        Case::once("once, crashes", None)
            .one_environment()
            .crashes(1, 1),
        punctual("once, on time", None).one_environment(),
        punctual("once, on time, asking again", None)
            .one_environment()
            .asking_again(),
        punctual("once, two environments", None),
        punctual("once, two environments, crashes", None).crashes(1, 1),
        Case::once("once, many crashes", None).crashes(2, 2),
        punctual("once, both", BOTH).one_environment(),
        punctual("once, both, later attempts", BOTH)
            .one_environment()
            .until(8, 10),
        punctual("once, both, later attempts, crashes", BOTH)
            .crashes(1, 1)
            .until(8, 10),
        punctual("once, both, slow device", BOTH)
            .one_environment()
            .settling(3)
            .until(9, 12),
        punctual("once, both, lying device", BOTH)
            .crashes(0, 1)
            .lying(),
        punctual("once, both, second thoughts", BOTH)
            .one_environment()
            .second_thoughts(),
        punctual("once, both, gone or not", BOTH).seeming_gone(),
        punctual("once, both, choosy", BOTH).choosy().until(8, 10),
        punctual("once, effect", EFFECT).crashes(1, 1),
        punctual("once, nothing", NOTHING).crashes(1, 1),
        punctual("once, through", NOTHING)
            .one_environment()
            .passing_through()
            .until(5, 9),
        punctual("once, through, crashes", NOTHING)
            .passing_through()
            .crashes(1, 1)
            .until(5, 9),
        punctual("once, both, settled late", BOTH)
            .one_environment()
            .crashes(1, 1)
            .people(1)
            .until(3, 12),
        punctual("once, effect, settled late", EFFECT)
            .one_environment()
            .people(1)
            .until(3, 12),
        punctual("once, permits that outlast the task", None)
            .window(3)
            .until(3, 9),
        punctual("once, until recorded", None)
            .crashes(1, 1)
            .recorded(),
    ]
}

/// Actions that may be done only once, on hosts that stand still.
pub fn stalled() -> Vec<Case> {
    let punctual = |name, proves| Case::once(name, proves).punctual();
    vec![
        punctual("once, both, stalled workers", BOTH)
            .one_environment()
            .stalling(2)
            .until(9, 12),
        punctual("once, both, stalled workers, crashes", BOTH)
            .crashes(1, 1)
            .stalling(1)
            .until(9, 12),
        punctual("once, both, clocks that stop", BOTH)
            .one_environment()
            .stopping(3)
            .until(9, 12),
        punctual("once, both, stalled workers and clocks that stop", BOTH)
            .crashes(0, 1)
            .stalling(1)
            .stopping(2)
            .until(9, 12),
        punctual("once, both, stalled workers, settled late", BOTH)
            .one_environment()
            .crashes(0, 1)
            .stalling(1)
            .until(3, 12),
        punctual("once, effect, stalled workers", EFFECT)
            .crashes(0, 1)
            .stalling(1),
    ]
}

/// Actions that may be repeated.
pub fn repeatable() -> Vec<Case> {
    let punctual = |name, proves| Case::repeatable(name, proves).punctual().until(6, 11);
    vec![
        Case::repeatable("repeatable", None)
            .one_environment()
            .until(6, 11),
        punctual("repeatable, on time", None).one_environment(),
        punctual("repeatable, two environments", None),
        punctual("repeatable, crashes", None).crashes(1, 1),
        punctual("repeatable, many crashes", None)
            .crashes(2, 2)
            .deliveries(3),
        punctual("repeatable, both", BOTH).crashes(1, 1),
        punctual("repeatable, effect", EFFECT).crashes(1, 1),
        punctual("repeatable, slow device", None)
            .one_environment()
            .settling(3)
            .until(9, 14),
        punctual("repeatable, second thoughts", None)
            .one_environment()
            .second_thoughts(),
        punctual("repeatable, gone or not", None).seeming_gone(),
        punctual("repeatable, choosy", None).choosy(),
    ]
}

/// Two tasks of the same target.
pub fn two_tasks() -> Vec<Case> {
    let punctual = |name, proves| Case::once(name, proves).punctual().tasks(2);
    vec![
        punctual("two tasks", None).one_environment(),
        punctual("two tasks, two environments", None),
        punctual("two tasks, crashes", None).crashes(1, 1),
        punctual("two tasks, later", None)
            .one_environment()
            .until(8, 10),
        punctual("two tasks that overwrite each other", EFFECT)
            .crashes(0, 1)
            .until(8, 10),
        punctual("two tasks that ask for the same, settled late", EFFECT)
            .one_environment()
            .alike()
            .until(10, 14),
        Case::repeatable("two repeatable tasks", EFFECT)
            .punctual()
            .crashes(1, 1)
            .tasks(2)
            .until(6, 11),
    ]
}

/// Faults that are built in, each with the case in which it shows and the promise that it breaks.
pub fn mutants() -> Vec<(Mutant, Case, Broken)> {
    let once = Case::once("broken", None).punctual();
    let later = Case::once("broken", BOTH)
        .punctual()
        .one_environment()
        .until(8, 11);
    let again = Case::repeatable("broken", None)
        .punctual()
        .one_environment()
        .until(8, 11);
    let mut effect = Case::once("broken", EFFECT).punctual().one_environment();
    effect.rule.max_attempts = 1;
    let through = Case::once("broken", NOTHING)
        .punctual()
        .one_environment()
        .passing_through()
        .until(5, 9);
    let two = once.tasks(2).one_environment();
    let left = later.stalling(1).until(3, 7);
    vec![
        (Mutant::PermitTwice, once, TWICE),
        (Mutant::OneAsk, once, TOGETHER),
        (Mutant::OneIncarnation, once.crashes(0, 1), TOGETHER),
        (Mutant::AnyTeller, once.choosy(), WAS_DONE),
        (Mutant::NoFence, again.seeming_gone(), ACTS_LATE),
        (Mutant::ShortFence, again, ACTS_LATE),
        (Mutant::NoSettling, again.settling(3), SHOWS_LATE),
        (Mutant::RepeatOnce, once.until(8, 11), UNPROVEN),
        (Mutant::PermitNotWritten, once.crashes(1, 0), TWICE),
        (Mutant::FenceShortened, again.crashes(1, 0), ACTS_LATE),
        (Mutant::DoubtForgotten, again, WAS_DONE),
        (Mutant::OldEvidence, later, WAS_DONE),
        (Mutant::EarlyEvidence, later, MAY_BE_DONE),
        (Mutant::AbsenceProves, effect, WAS_DONE),
        (Mutant::SeenBefore, through, NOT_PASSED),
        (Mutant::AskedIsAnswered, through, NOT_PASSED),
        (Mutant::VerifyLate, two.until(6, 7), NEVER_ENDS),
        (Mutant::SharedTarget, two, HELD_TWICE),
        (Mutant::WholeWindow, once.window(3).until(3, 7), BEGINS_LATE),
        (Mutant::NoWindow, again, ACTS_LATE),
        (Mutant::AnyAsk, again, TOGETHER),
        (Mutant::AnyIncarnation, again.crashes(0, 1), TOGETHER),
        (Mutant::LateThoughBegun, later.choosy(), SHOWS_LATE),
        (Mutant::NoGo, again, ACTS_LATE),
        (Mutant::OldGo, again, ACTS_LATE),
        (Mutant::PresumedIsProven, later.stalling(1), SHOWS_LATE),
        (Mutant::OverUnseen, later.crashes(0, 1), ACTS_LATE),
        (Mutant::LateIsOver, left, MAY_BE_DONE),
    ]
}
