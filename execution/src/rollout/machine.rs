//! What is next in a rollout. Pure.

use utakata_model::{
    Cure, Problem, ReleaseId, RolloutPhase, RolloutPlan,
    rollout::{Go, GoOrder},
};

use super::judge;

/// How it is in this environment at a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Whether the candidate lies here.
    pub(crate) is_here: bool,
    /// Whether it, or its kind, is stopped by an order.
    pub(crate) is_stopped: bool,
    /// Whether it is the stable release already.
    pub(crate) is_stable: bool,
    /// Its workers that take tasks.
    pub(crate) ready: u32,
    /// How many of them there must be before it takes over.
    pub(crate) enough: u32,
    /// Its workers that died or hung, ever.
    pub(crate) lost: u64,
    /// Whether they die as soon as they are started.
    pub(crate) is_looping: bool,
    /// The last that went wrong with one of them.
    pub(crate) last: Option<Problem>,
    /// Why this environment cannot start more of them, which is not theirs.
    pub(crate) trouble: Option<Problem>,
    /// The most memory that one of them has, and one of the stable release, in bytes.
    pub(crate) memory: (Option<u64>, Option<u64>),
    /// Whether one of both has no action that reads: a shadow would wait for ever.
    pub(crate) is_unread: bool,
    /// How long targets take to show the effect of control.
    pub(crate) settle: std::time::Duration,
}

/// What was judged of what was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    /// What speaks against the candidate.
    pub(super) objection: Option<Problem>,
    /// What does when the phase would end now.
    pub(super) at_last: Option<Problem>,
    /// Whether the phase, or the share, has seen all that it is to see.
    pub(super) has_seen_all: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) phase: RolloutPhase,
    /// Which of the shares.
    pub(super) share: usize,
    /// Whether the candidate has everything.
    pub(super) has_taken_over: bool,
}

/// What is next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Nothing, and what it waits for if that is anything unusual.
    Stay(Option<Problem>),
    /// The next phase.
    To(RolloutPhase),
    /// The next share.
    Share(usize),
    /// The candidate gets everything.
    TakeOver,
    /// The stable release serves again.
    Back(Problem),
}

/// What is next. Who waits for an order, or pauses, goes back all the same when something
/// speaks against the candidate: that needs nobody.
pub(super) fn next(
    at: At,
    candidate: &ReleaseId,
    plan: &RolloutPlan,
    go: Option<Go>,
    facts: &Facts,
    judged: &Judged,
) -> Step {
    let order = go.map(|go| go.order);
    match at.phase {
        RolloutPhase::Back => return Step::Stay(None),
        _ if order == Some(GoOrder::Back) => return Step::Back(ordered()),
        RolloutPhase::Done if facts.is_here => return Step::Stay(None),
        _ if !facts.is_here => return Step::Stay(Some(missing(candidate))),
        RolloutPhase::Waiting => {}
        _ => {
            if let Some(problem) = &judged.objection {
                return Step::Back(problem.clone());
            }
        }
    }
    let Some(Go {
        order: GoOrder::Go,
        promoted,
    }) = go
    else {
        return Step::Stay(None);
    };
    if facts.is_stable {
        return Step::To(RolloutPhase::Done);
    }
    if facts.is_stopped {
        return Step::Stay(Some(stopped(candidate)));
    }
    let is_promoted = promoted >= Some(at.phase);
    match at.phase {
        RolloutPhase::Waiting => Step::To(RolloutPhase::Starting),
        RolloutPhase::Starting if facts.ready > 0 => Step::To(after(at.phase, plan, promoted)),
        RolloutPhase::Shadow if is_promoted || facts.is_unread => {
            Step::To(after(at.phase, plan, promoted))
        }
        RolloutPhase::Canary if is_promoted => Step::To(RolloutPhase::Rolling),
        RolloutPhase::Rolling if !at.has_taken_over => {
            if facts.ready >= facts.enough.max(1) {
                Step::TakeOver
            } else {
                Step::Stay(facts.trouble.clone())
            }
        }
        RolloutPhase::Rolling if is_promoted => Step::To(RolloutPhase::Done),
        RolloutPhase::Shadow | RolloutPhase::Canary | RolloutPhase::Rolling
            if judged.has_seen_all =>
        {
            match &judged.at_last {
                Some(problem) => Step::Back(problem.clone()),
                None => onwards(at, plan, promoted),
            }
        }
        _ => Step::Stay(facts.trouble.clone()),
    }
}

fn onwards(at: At, plan: &RolloutPlan, promoted: Option<RolloutPhase>) -> Step {
    let next = at.share + 1;
    if at.phase == RolloutPhase::Canary && next < plan.canary_shares.len() {
        return Step::Share(next);
    }
    Step::To(after(at.phase, plan, promoted))
}

/// The next phase in which something is to be seen.
pub(super) fn after(
    phase: RolloutPhase,
    plan: &RolloutPlan,
    promoted: Option<RolloutPhase>,
) -> RolloutPhase {
    let has_shadow = plan.shadow_answers > 0 && promoted < Some(RolloutPhase::Shadow);
    let has_canary = !plan.canary_shares.is_empty() && promoted < Some(RolloutPhase::Canary);
    match phase {
        RolloutPhase::Waiting => RolloutPhase::Starting,
        RolloutPhase::Starting if has_shadow => RolloutPhase::Shadow,
        RolloutPhase::Starting | RolloutPhase::Shadow if has_canary => RolloutPhase::Canary,
        RolloutPhase::Starting | RolloutPhase::Shadow | RolloutPhase::Canary => {
            RolloutPhase::Rolling
        }
        RolloutPhase::Rolling | RolloutPhase::Done => RolloutPhase::Done,
        RolloutPhase::Back => RolloutPhase::Back,
    }
}

fn ordered() -> Problem {
    let message = "it was ordered to go back: see the rollout itself, and the other environments";
    Problem::new("rollout-ordered-back", Cure::Operator, message)
}

fn stopped(candidate: &ReleaseId) -> Problem {
    let message = format!("the candidate {candidate}, or its kind, is stopped by an order");
    Problem::new("rollout-stopped", Cure::Operator, message)
}

fn missing(candidate: &ReleaseId) -> Problem {
    let message = format!("the candidate {candidate} is not in this environment yet");
    Problem::new("rollout-no-release", Cure::Retry, message)
}

/// Why a candidate whose workers do not start is turned back: it was refused, or has failed
/// more than once.
pub(super) fn no_start(lost: u64, last: Option<&Problem>) -> Option<Problem> {
    /// What is no different the next time.
    const REFUSED: [&str; 3] = ["manifest", "protocol", "capacity"];
    let last = last.filter(|_| lost > 0)?;
    let is_refused = REFUSED.contains(&&*last.code);
    (is_refused || lost > 1).then(|| {
        let message = format!("no worker of the candidate takes tasks: {}", last.message);
        judge::problem("rollout-no-start", message)
    })
}

#[cfg(test)]
mod tests;
