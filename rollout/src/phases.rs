//! The phases of a rollout, and the step from one to the next.

use utakata_model::{
    Cure, Problem, ReleaseId, RolloutPhase, RolloutPlan,
    rollout::{Go, GoOrder},
};

use super::judge;

/// The state of an environment that matters to a rollout.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// True if the candidate is installed here.
    pub is_here: bool,
    /// True if the candidate or its kind is stopped by an order.
    pub is_stopped: bool,
    /// True if it is the stable release already.
    pub is_stable: bool,
    /// The number of its workers that take tasks.
    pub ready: u32,
    /// The number of such workers required before it takes over.
    pub enough: u32,
    /// The number of its workers that have ever died or hung.
    pub lost: u64,
    /// True if they die as soon as they are started.
    pub is_looping: bool,
    /// The latest problem of one of them.
    pub last_problem: Option<Problem>,
    /// The problem of the environment that keeps it from starting more of them.
    pub trouble: Option<Problem>,
    /// The peak memory of one of them, and of one of the stable release, in bytes.
    pub memory: (Option<u64>, Option<u64>),
    /// True if either release has no action that reads, so that a shadow would wait for ever.
    pub is_unread: bool,
    /// The time that targets take to show the effect of control.
    pub settle: std::time::Duration,
}

/// The judgement of the evidence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// The problem that speaks against the candidate now.
    pub(crate) objection: Option<Problem>,
    /// The problem that would speak against it if the phase ended now.
    pub(crate) at_last: Option<Problem>,
    /// True if the phase or share has seen everything that it needs.
    pub(crate) has_seen_all: bool,
}

/// The position of a rollout on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) phase: RolloutPhase,
    /// The index of its share in the plan.
    pub(crate) share: usize,
    /// True if the candidate gets all tasks.
    pub(crate) has_taken_over: bool,
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Stay, with the reason if it is unusual.
    Stay(Option<Problem>),
    To(RolloutPhase),
    Share(usize),
    /// The candidate gets all tasks.
    TakeOver,
    /// The stable release serves again.
    Back(Problem),
}

/// Returns the next step. A rollout that waits for an order, or is paused, still goes back when
/// something speaks against the candidate: that needs nobody.
pub(crate) fn next(
    at: Position,
    candidate: &ReleaseId,
    plan: &RolloutPlan,
    go: Option<Go>,
    facts: &Facts,
    verdict: &Verdict,
) -> Step {
    let order = go.map(|go| go.order);
    match at.phase {
        RolloutPhase::Back => return Step::Stay(None),
        _ if order == Some(GoOrder::Back) => return Step::Back(ordered()),
        RolloutPhase::Done if facts.is_here => return Step::Stay(None),
        _ if !facts.is_here => return Step::Stay(Some(missing(candidate))),
        RolloutPhase::Waiting => {}
        _ => {
            if let Some(problem) = &verdict.objection {
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
        RolloutPhase::Starting if facts.ready > 0 => {
            Step::To(phase_after(at.phase, plan, promoted))
        }
        RolloutPhase::Shadow if is_promoted || facts.is_unread => {
            Step::To(phase_after(at.phase, plan, promoted))
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
            if verdict.has_seen_all =>
        {
            match &verdict.at_last {
                Some(problem) => Step::Back(problem.clone()),
                None => step_onwards(at, plan, promoted),
            }
        }
        _ => Step::Stay(facts.trouble.clone()),
    }
}

fn step_onwards(at: Position, plan: &RolloutPlan, promoted: Option<RolloutPhase>) -> Step {
    let next = at.share + 1;
    if at.phase == RolloutPhase::Canary && next < plan.canary_shares.len() {
        return Step::Share(next);
    }
    Step::To(phase_after(at.phase, plan, promoted))
}

/// Returns the next phase in which there is something to observe.
pub(crate) fn phase_after(
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
    let message = "it was ordered to roll back: see the rollout itself, and the other environments";
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

/// Returns the problem that turns back a candidate whose workers do not start: it was refused, or
/// has failed more than once.
pub(crate) fn no_start(lost: u64, last: Option<&Problem>) -> Option<Problem> {
    /// Codes of refusals that would be the same the next time.
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
