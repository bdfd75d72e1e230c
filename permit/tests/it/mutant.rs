//! Faults built in on purpose, around the real decisions: each must be found.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{
    TaskState,
    manifest::{Proves, Repeat},
};
use utakata_permit::{
    Evidence,
    asks::{Decision, OpenAsks},
    life::{Holder, Life, Rule, Saved, Stage},
    message::{Answer, Ask, Verdict},
};

use super::{
    case::Case,
    world::{Attempt, JobStage, Report, STEP, Sender},
};

/// A built-in fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The ledger permits an attempt that is already permitted, to whoever asks.
    PermitTwice,
    /// The ledger ignores the number of an ask.
    OneAsk,
    /// The ledger ignores the incarnation of an environment.
    OneIncarnation,
    /// The ledger accepts the outcome of anybody as that of the holder.
    AnyTeller,
    /// The ledger lets go as soon as an environment is gone.
    NoFence,
    /// The ledger forgets that a worker needs time.
    ShortFence,
    /// The ledger forgets that devices act late.
    NoSettling,
    /// The ledger treats every action as repeatable.
    RepeatOnce,
    /// The ledger acts before it has recorded that an attempt is permitted.
    PermitNotWritten,
    /// The ledger counts the time before a restart as time that has passed.
    FenceShortened,
    /// The ledger forgets that an earlier attempt may have taken effect.
    DoubtForgotten,
    /// The ledger believes an observation made at any time.
    OldEvidence,
    /// The ledger takes "not yet" for "not done".
    EarlyEvidence,
    /// The ledger takes an effect that is not visible for one that is absent.
    AbsenceProves,
    /// The ledger takes an observation from before for one from after.
    SeenBefore,
    /// The ledger takes an answer to be as old as its question.
    AskedIsAnswered,
    /// The ledger verifies although it has released the target.
    VerifyLate,
    /// The ledger permits two tasks of a target at once.
    SharedTarget,
    /// The ledger permits in the last moment of a task as at any other.
    WholeWindow,
    /// The environment begins however late a permit arrives.
    NoWindow,
    /// The environment takes the permit of one ask for that of another.
    AnyAsk,
    /// The environment accepts permits of an earlier incarnation.
    AnyIncarnation,
    /// The environment reports a permit as too late although it began under it.
    LateThoughBegun,
    /// A worker begins without a go, as soon as it reads its task.
    NoGo,
    /// A worker begins however old its go is.
    OldGo,
    /// The ledger takes an end that is only presumed for a proven one.
    PresumedIsProven,
    /// An environment reports that its earlier incarnations are over without having seen it.
    OverUnseen,
    /// The ledger takes what was left to a person for over.
    LateIsOver,
}

impl Mutant {
    /// Returns true if the mutant acts on messages that are void.
    pub fn minds_the_past(self) -> bool {
        matches!(
            self,
            Self::OldEvidence | Self::AnyIncarnation | Self::AnyTeller | Self::LateThoughBegun
        )
    }
}

pub fn rule(case: &Case) -> Rule {
    let mut rule = case.rule;
    if let Some(read_back) = &mut rule.read_back {
        if case.is(Mutant::AbsenceProves) {
            read_back.proves = Proves::Both;
        }
        read_back.is_through &= !case.is(Mutant::SeenBefore);
    }
    match case.mutant {
        Some(Mutant::ShortFence) => Rule {
            acts_for: rule.window,
            ..rule
        },
        Some(Mutant::NoSettling) => Rule {
            settling: Duration::ZERO,
            ..rule
        },
        Some(Mutant::RepeatOnce) => Rule {
            repeat: Repeat::Repeatable,
            ..rule
        },
        _ => rule,
    }
}

pub fn holder(case: &Case, from: Sender, ask: u64) -> Holder {
    match case.mutant {
        Some(Mutant::OneAsk) => from.holder(0),
        Some(Mutant::OneIncarnation) => Sender { life: 0, ..from }.holder(ask),
        _ => from.holder(ask),
    }
}

/// Returns the window of the permit, if there is one.
pub fn permitted(
    case: &Case,
    life: &Life,
    attempt: Attempt,
    verdict: Option<Verdict>,
) -> Option<Duration> {
    let is_its = matches!(life.stage, Stage::Permitted { .. }) && life.attempt == attempt.number;
    match verdict {
        Some(Verdict::Permitted(_)) if case.is(Mutant::WholeWindow) => Some(case.rule.window),
        Some(Verdict::Permitted(window)) => Some(window),
        _ => (case.is(Mutant::PermitTwice) && is_its).then_some(case.rule.window),
    }
}

pub fn teller(case: &Case, life: &Life, holder: Option<Holder>) -> Option<Holder> {
    if case.is(Mutant::AnyTeller) {
        life.holder().cloned().or(holder)
    } else {
        holder
    }
}

pub fn remembered(case: &Case, mut life: Life) -> Life {
    life.is_in_doubt &= !case.is(Mutant::DoubtForgotten);
    life.is_over |= case.is(Mutant::PresumedIsProven) && life.holds();
    life.is_over |= case.is(Mutant::LateIsOver) && life.late().is_some();
    life
}

/// Returns true if a worker begins at this stage regardless of the time.
pub fn begins_anyway(case: &Case, stage: JobStage) -> bool {
    match case.mutant {
        Some(Mutant::NoGo) => matches!(stage, JobStage::Ready { .. } | JobStage::Going { .. }),
        Some(Mutant::OldGo) => matches!(stage, JobStage::Going { .. }),
        _ => false,
    }
}

pub fn written(case: &Case, mut saved: Saved) -> Saved {
    if case.is(Mutant::PermitNotWritten) && saved.state == TaskState::Permitted {
        saved.state = TaskState::Queued;
    }
    saved
}

pub fn restarted(case: &Case, now: Instant) -> Instant {
    if case.is(Mutant::FenceShortened) {
        now - case.rule.acts_for - case.rule.settling
    } else {
        now
    }
}

pub fn requested(case: &Case, life: &Life, requested: Instant, now: Instant) -> Instant {
    match (case.mutant, &life.stage) {
        (Some(Mutant::OldEvidence), _) => now,
        (Some(Mutant::EarlyEvidence), Stage::Verifying { shows_from, .. }) => {
            requested.max(*shows_from)
        }
        _ => requested,
    }
}

/// Returns the time of the answer to a question, which is later than the question.
pub fn answered(case: &Case, requested: Instant) -> Instant {
    if case.is(Mutant::AskedIsAnswered) {
        requested
    } else {
        requested + STEP / 2
    }
}

/// Returns true if the outcome was dealt with here.
pub fn verifies_late(case: &Case, life: &mut Life, from: Option<&Holder>, report: Report) -> bool {
    let is_late = matches!(life.stage, Stage::Unsettled { .. }) && report == Report::Succeeded;
    let Some(holder) = from.filter(|from| is_late && life.holder() == Some(*from)) else {
        return false;
    };
    if !case.is(Mutant::VerifyLate) {
        return false;
    }
    life.stage = Stage::Verifying {
        holder: holder.clone(),
        since: life.expires,
        shows_from: life.expires,
        until: life.expires + STEP,
        shown: Evidence::None,
        passed: None,
    };
    true
}

pub fn window(case: &Case, window: Duration) -> Duration {
    if case.is(Mutant::NoWindow) {
        STEP * 1000
    } else {
        window
    }
}

pub fn on_answer(case: &Case, asks: &mut OpenAsks, answer: Answer, now: Instant) -> Decision {
    if !matches!(case.mutant, Some(Mutant::AnyAsk | Mutant::AnyIncarnation)) {
        return asks.on_answer(answer, now);
    }
    let decisions = (1..10).map(|ask| {
        let mut asks = asks.clone();
        let ask = Ask { ask, ..answer.ask };
        let decision = asks.on_answer(Answer { ask, ..answer }, now);
        (asks, decision)
    });
    let mut decisions = decisions.filter(|(_, decision)| *decision != Decision::Ignore);
    let Some((after, decision)) = decisions.next() else {
        return Decision::Ignore;
    };
    *asks = after;
    decision
}
