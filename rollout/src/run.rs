//! One rollout: its progress, its evidence, and the step that follows from both.

mod report;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    Class, Outcome, Problem, ReleaseId, RolloutId, RolloutPhase, RolloutStatus, rollout::Evidence,
};

use super::{
    Decision, Order,
    compare::Mismatch,
    enough::{self, Enough},
    evidence::{Recent, Shadow, Tally},
    judge::{self, Health, Look},
    phases::{self, Facts, Position, Step, Verdict},
    share::{By, Turns},
};
pub use report::Summary;

/// The number of tasks of the stable release that is sufficient for a comparison.
const MIN_STABLE: u64 = 30;
/// The code of a task that ended with its worker.
const WORKER_LOST: &str = "worker-lost";
/// The time that a repeated read may take beyond a multiple of the stable release's.
const SHADOW_MARGIN: Duration = Duration::from_secs(1);
const SHADOW_TIMES: u32 = 4;

/// One rollout in one environment.
///
/// It proceeds by [`decide`](Self::decide), which returns the rollout after the next step. That
/// replaces this one once its [`decision`](Self::decision) is written down.
#[derive(Debug, Clone)]
pub struct RolloutRun {
    order: Order,
    phase: RolloutPhase,
    since: Timestamp,
    problem: Option<Problem>,
    share: Share,
    /// The moment at which the candidate got all tasks.
    taken_over: Option<Instant>,
    shadow: Shadow,
    candidate: Tally,
    stable: Tally,
    /// The beginning of this share, or of the shadow, as far as it is known.
    began: Option<Instant>,
    /// The time of the last look.
    looked: Option<Instant>,
    /// The number of tasks by which the canary was judged, if time was over.
    judged_by: Option<u64>,
    /// The number of workers that the candidate had lost before.
    lost_before: Option<u64>,
    lost: u64,
    memory: Option<u64>,
    /// The evidence of a rollout that is over.
    closing: Option<Evidence>,
}

/// The share of the tasks that goes to a candidate.
#[derive(Debug, Clone, Default)]
struct Share {
    /// Its index in the plan.
    at: usize,
    turns: Turns,
    /// The number of tasks that the candidate ended at this share.
    ended: u64,
    /// The number of tasks that both releases ended at this share.
    both: u64,
    last_control: Option<Instant>,
    /// The time by which control among them has shown its effect.
    settled_at: Option<Instant>,
}

/// The change that a step makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Phase,
    Share,
    /// The candidate gets all tasks.
    TookOver,
}

/// A step that changes something.
#[derive(Debug)]
enum Move {
    To(RolloutPhase, Option<Problem>),
    Share(usize),
    TakeOver,
}

impl RolloutRun {
    /// Begins a rollout, or resumes it if the decision is about it.
    pub fn new(order: Order, decision: Option<Decision>, clock: Timestamp) -> Self {
        let decision = decision.filter(|decision| decision.is_of(&order));
        let mut run = Self {
            order,
            phase: RolloutPhase::Waiting,
            since: clock,
            problem: None,
            share: Share::default(),
            taken_over: None,
            shadow: Shadow::default(),
            candidate: Tally::default(),
            stable: Tally::default(),
            began: None,
            looked: None,
            judged_by: None,
            lost_before: None,
            lost: 0,
            memory: None,
            closing: None,
        };
        if let Some(decision) = decision {
            run.phase = decision.phase;
            run.since = decision.since;
            run.problem = decision.problem;
            if run.phase >= RolloutPhase::Canary {
                run.enter_share(decision.share);
            }
            run.closing = run.is_over().then_some(decision.evidence);
        }
        run
    }

    /// Returns the status of a rollout in an environment that has nothing of its kind.
    pub fn status_of_absent(order: Order, now: Instant, clock: Timestamp) -> RolloutStatus {
        let mut run = Self::new(order, None, clock);
        run.step(&Facts::default(), &Recent::default(), now, clock);
        run.status()
    }

    /// Applies the current order. Returns true if it is still about the same rollout.
    pub fn update(&mut self, order: &Order) -> bool {
        let is_same = self.order.id == order.id && self.order.candidate == order.candidate;
        if is_same && self.order != *order {
            self.order = order.clone();
        }
        is_same
    }

    /// Returns the current order.
    pub fn order(&self) -> &Order {
        &self.order
    }

    pub fn id(&self) -> RolloutId {
        self.order.id
    }

    pub fn candidate(&self) -> &ReleaseId {
        &self.order.candidate
    }

    /// Returns the current phase.
    pub fn phase(&self) -> RolloutPhase {
        self.phase
    }

    /// Returns true if it needs frequent looks.
    pub fn is_under_way(&self) -> bool {
        self.phase > RolloutPhase::Waiting && !self.is_over()
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, RolloutPhase::Done | RolloutPhase::Back)
    }

    /// Returns true if the candidate gets all tasks.
    pub fn has_taken_over(&self) -> bool {
        self.phase == RolloutPhase::Done
            || (self.phase == RolloutPhase::Rolling && self.taken_over.is_some())
    }

    /// Returns the least number of workers that the candidate keeps, where `enough` are needed to
    /// take over.
    pub fn min_workers(&self, enough: u32) -> u32 {
        let next = phases::phase_after(self.phase, &self.order.plan, self.promoted());
        match self.phase {
            RolloutPhase::Waiting | RolloutPhase::Done | RolloutPhase::Back => 0,
            // They will be needed at once: waiting for one start is better than for two.
            RolloutPhase::Starting if next == RolloutPhase::Rolling => enough.max(1),
            RolloutPhase::Starting | RolloutPhase::Shadow | RolloutPhase::Canary => 1,
            RolloutPhase::Rolling if self.taken_over.is_some() => 0,
            RolloutPhase::Rolling => enough.max(1),
        }
    }

    fn promoted(&self) -> Option<RolloutPhase> {
        self.order.go.and_then(|go| go.promoted)
    }

    /// Returns true if the candidate should repeat reads of the stable release.
    pub fn wants_repeated_reads(&self) -> bool {
        let answers = self.order.plan.shadow_answers;
        self.phase == RolloutPhase::Shadow && !judge::has_passed(&self.shadow, answers)
    }

    /// Returns the permitted difference of a number in a repeated read, as a fraction of it.
    pub fn tolerance(&self) -> f64 {
        self.order.plan.tolerance
    }

    /// Returns the timeout of a repeated read, given the time that the stable release took.
    pub fn repeat_timeout(ran: Duration, timeout: Duration) -> Duration {
        timeout.min(ran.saturating_mul(SHADOW_TIMES) + SHADOW_MARGIN)
    }

    /// Counts a compared read and its differences.
    pub fn on_compared(&mut self, mismatches: Vec<Mismatch>) {
        if self.phase == RolloutPhase::Shadow {
            self.shadow.count(mismatches);
        }
    }

    /// Returns true if the next task goes to the candidate.
    pub fn is_candidates_turn(&self) -> bool {
        self.has_share() && self.share.turns.is_next()
    }

    /// Counts a task that was begun.
    pub fn on_begin(&mut self, is_candidate: impl FnOnce() -> bool) {
        if self.has_share() {
            let by = if is_candidate() {
                By::Candidate
            } else {
                By::Stable
            };
            self.share.turns.on_begin(by);
        }
    }

    fn has_share(&self) -> bool {
        let is_tried = matches!(self.phase, RolloutPhase::Canary | RolloutPhase::Rolling);
        is_tried && !self.has_taken_over()
    }

    /// Counts an attempt that has ended. Returns true if it was the candidate's.
    pub fn on_outcome(&mut self, outcome: &Outcome, now: Instant) -> bool {
        let Some(ran_by) = &outcome.ran_by else {
            // No worker had it.
            return false;
        };
        let is_candidate = ran_by.release.digest == self.order.candidate.digest;
        if !matches!(self.phase, RolloutPhase::Canary | RolloutPhase::Rolling) {
            return is_candidate;
        }
        self.share.both += 1;
        if !is_candidate {
            self.stable.add(outcome.status, outcome.timings.ran);
            return false;
        }
        self.candidate.add(outcome.status, outcome.timings.ran);
        let code = outcome.problem.as_ref().map(|problem| &*problem.code);
        if code == Some(WORKER_LOST) {
            self.candidate.drop_one();
        }
        self.share.ended += 1;
        if outcome.class == Class::Control {
            self.share.last_control = Some(now);
        }
        true
    }

    /// Decides the next step. Returns the rollout after it and the change that it makes. Nothing
    /// takes effect until that is written down and replaces this one.
    pub fn decide(
        &mut self,
        facts: &Facts,
        recent: &Recent,
        now: Instant,
        clock: Timestamp,
    ) -> Option<(Self, Change)> {
        let step = self.next_step(facts, recent, now)?;
        let mut next = self.clone();
        let change = next.apply(step, now, clock);
        Some((next, change))
    }

    /// Takes the next step immediately.
    fn step(
        &mut self,
        facts: &Facts,
        recent: &Recent,
        now: Instant,
        clock: Timestamp,
    ) -> Option<Change> {
        let step = self.next_step(facts, recent, now)?;
        Some(self.apply(step, now, clock))
    }

    fn next_step(&mut self, facts: &Facts, recent: &Recent, now: Instant) -> Option<Move> {
        self.look(facts, recent, now);
        let verdict = self.verdict(facts, recent, now);
        let at = Position {
            phase: self.phase,
            share: self.share.at,
            has_taken_over: self.has_taken_over(),
        };
        let Order {
            candidate,
            plan,
            go,
            ..
        } = &self.order;
        match phases::next(at, candidate, plan, *go, facts, &verdict) {
            Step::Stay(problem) => {
                if self.phase != RolloutPhase::Back {
                    self.problem = problem;
                }
                None
            }
            Step::To(phase) => Some(Move::To(phase, None)),
            Step::Back(problem) => Some(Move::To(RolloutPhase::Back, Some(problem))),
            Step::Share(share) => Some(Move::Share(share)),
            Step::TakeOver => Some(Move::TakeOver),
        }
    }

    fn apply(&mut self, step: Move, now: Instant, clock: Timestamp) -> Change {
        match step {
            Move::To(phase, problem) => {
                self.enter_phase(phase, clock);
                self.began = Some(now);
                self.problem = problem;
                Change::Phase
            }
            Move::Share(share) => {
                self.enter_share(share);
                self.began = Some(now);
                Change::Share
            }
            Move::TakeOver => {
                self.taken_over = Some(now);
                Change::TookOver
            }
        }
    }

    /// Takes note of the state of the environment.
    fn look(&mut self, facts: &Facts, recent: &Recent, now: Instant) {
        self.began.get_or_insert(now);
        self.looked = Some(now);
        if self.is_under_way() {
            let before = *self.lost_before.get_or_insert(facts.lost);
            self.lost = facts.lost.saturating_sub(before);
            self.memory = self.memory.max(facts.memory.0);
        }
        if self.phase != RolloutPhase::Canary || self.share.settled_at.is_some() {
            return;
        }
        let earlier = self.earlier(recent);
        let stable = earlier.as_ref().unwrap_or(&self.stable);
        let enough = enough::enough(&self.sample(stable, now), &self.order.plan);
        if enough != Enough::NotYet {
            let settled = self.share.last_control.map(|at| at + facts.settle);
            self.share.settled_at = Some(settled.unwrap_or(now));
            self.judged_by = (enough == Enough::Few).then(|| self.candidate.sample().tasks);
        }
    }

    fn enter_phase(&mut self, phase: RolloutPhase, clock: Timestamp) {
        self.phase = phase;
        self.since = clock;
        self.problem = None;
        match phase {
            RolloutPhase::Canary => self.enter_share(0),
            RolloutPhase::Rolling => self.taken_over = None,
            RolloutPhase::Done | RolloutPhase::Back => self.closing = Some(self.evidence()),
            RolloutPhase::Waiting | RolloutPhase::Starting | RolloutPhase::Shadow => {}
        }
    }

    fn enter_share(&mut self, at: usize) {
        let shares = &self.order.plan.canary_shares;
        // The plan may have become shorter since.
        let at = at.min(shares.len().saturating_sub(1));
        self.share = Share {
            at,
            // Without a canary the candidate gets no task before it takes over.
            turns: Turns::of(shares.get(at).copied().unwrap_or(0.0)),
            ..Share::default()
        };
    }

    /// Returns the sample at this share so far, beside these results of the stable release.
    fn sample<'t>(&'t self, stable: &'t Tally, now: Instant) -> enough::Sample<'t> {
        enough::Sample {
            ended: self.share.ended,
            both: self.share.both,
            elapsed: self
                .began
                .map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
            share: self.share.turns.share(),
            is_last: self.share.at + 1 >= self.order.plan.canary_shares.len(),
            candidate: &self.candidate,
            stable,
        }
    }

    /// Returns the earlier results, if too little served beside the candidate for a comparison.
    fn earlier(&self, recent: &Recent) -> Option<Tally> {
        let recent = (self.stable.tasks < MIN_STABLE).then(|| recent.tally());
        recent.filter(|recent| recent.tasks > self.stable.tasks)
    }

    fn verdict(&self, facts: &Facts, recent: &Recent, now: Instant) -> Verdict {
        let health = Health {
            lost: self.lost,
            is_looping: facts.is_looping && self.lost > 0,
            last: facts.last_problem.clone(),
            memory: (self.memory, facts.memory.1),
        };
        let health = || judge::health(&health);
        match self.phase {
            RolloutPhase::Waiting | RolloutPhase::Done | RolloutPhase::Back => Verdict::default(),
            RolloutPhase::Starting => Verdict {
                objection: phases::no_start(self.lost, facts.last_problem.as_ref()),
                ..Verdict::default()
            },
            RolloutPhase::Shadow => Verdict {
                objection: health().or_else(|| judge::shadow(&self.shadow)),
                at_last: None,
                has_seen_all: judge::has_passed(&self.shadow, self.order.plan.shadow_answers),
            },
            RolloutPhase::Canary | RolloutPhase::Rolling => {
                let earlier = self.earlier(recent);
                let stable = earlier.as_ref().unwrap_or(&self.stable);
                let plan = &self.order.plan;
                let tasks = |look| judge::tasks(&self.candidate, stable, plan, look);
                let has_seen_all = self.has_seen_all(now);
                Verdict {
                    objection: health().or_else(|| tasks(Look::Before)),
                    at_last: has_seen_all.then(|| tasks(Look::Last)).flatten(),
                    has_seen_all,
                }
            }
        }
    }

    fn has_seen_all(&self, now: Instant) -> bool {
        if self.phase == RolloutPhase::Canary {
            return self.share.settled_at.is_some_and(|at| now >= at);
        }
        let watched = |since: Instant| now.saturating_duration_since(since);
        self.taken_over
            .is_some_and(|since| watched(since) >= self.order.plan.watch)
    }
}

#[cfg(test)]
mod tests;
