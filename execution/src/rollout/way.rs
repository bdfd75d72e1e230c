//! One rollout in this environment: how far it is, and what was seen on the way.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    Class, Outcome, Problem, ReleaseId, RolloutId, RolloutPhase, RolloutStatus,
    rollout::{Evidence, Go, GoOrder, Progress},
};

use super::{
    Order,
    book::Kept,
    compare::Differs,
    enough::{self, Enough},
    evidence::{Recent, Shadow, Tally},
    judge::{self, Health, Look},
    machine::{self, At, Facts, Judged, Step},
    share::{By, Turns},
};

/// Tasks of the stable release from which on they are enough to compare with.
const STABLE_LEAST: u64 = 30;
/// The code of what ended with its worker.
const WORKER_LOST: &str = "worker-lost";
/// How long a shadow may take beyond a few times what the stable release took.
const SHADOW_MORE: Duration = Duration::from_secs(1);
const SHADOW_TIMES: u32 = 4;

/// One rollout.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    order: Order,
    phase: RolloutPhase,
    since: Timestamp,
    problem: Option<Problem>,
    share: usize,
    turns: Turns,
    /// When the candidate got everything.
    taken_over: Option<Instant>,
    shadow: Shadow,
    candidate: Tally,
    stable: Tally,
    /// Tasks that the candidate ended at this share, and that both have.
    ended: u64,
    both: u64,
    /// When this share, or the shadow, began: as far as is known.
    began: Option<Instant>,
    /// When it was looked at last.
    looked: Option<Instant>,
    /// By how many tasks the canary was judged, where time was over.
    judged_by: Option<u64>,
    last_control: Option<Instant>,
    /// When control that was among them has shown its effect.
    settled_at: Option<Instant>,
    /// Workers that the candidate had lost before.
    lost_before: Option<u64>,
    lost: u64,
    memory: Option<u64>,
    /// What is told when nothing more is seen.
    told: Option<Evidence>,
}

/// What is told of a rollout at once when it changes: which, how far, whether it is paused,
/// and its problem.
pub(crate) type Short<'r> = (RolloutId, RolloutPhase, bool, Option<&'r Problem>);

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Phase,
    Share,
    TookOver,
}

/// A step that changes something.
#[derive(Debug)]
enum Move {
    To(RolloutPhase, Option<Problem>),
    Share(usize),
    TakeOver,
}

impl Way {
    /// As it was left, if it is the one that is kept.
    pub(crate) fn new(order: Order, kept: Option<Kept>, clock: Timestamp) -> Self {
        let kept = kept.filter(|kept| kept.is_of(&order));
        let mut way = Self {
            order,
            phase: RolloutPhase::Waiting,
            since: clock,
            problem: None,
            share: 0,
            turns: Turns::default(),
            taken_over: None,
            shadow: Shadow::default(),
            candidate: Tally::default(),
            stable: Tally::default(),
            ended: 0,
            both: 0,
            began: None,
            looked: None,
            judged_by: None,
            last_control: None,
            settled_at: None,
            lost_before: None,
            lost: 0,
            memory: None,
            told: None,
        };
        if let Some(kept) = kept {
            way.phase = kept.phase;
            way.since = kept.since;
            way.problem = kept.problem;
            if way.phase >= RolloutPhase::Canary {
                way.begin_share(kept.share);
            }
            way.told = way.is_over().then_some(kept.evidence);
        }
        way
    }

    /// How one is where nothing of its kind is.
    pub(crate) fn absent(order: Order, clock: Timestamp) -> RolloutStatus {
        let mut way = Self::new(order, None, clock);
        way.step(&Facts::default(), &Recent::default(), Instant::now(), clock);
        way.status()
    }

    /// What is asked has changed. Whether it is the same rollout still.
    pub(crate) fn order(&mut self, order: &Order) -> bool {
        let is_same = self.order.id == order.id && self.order.candidate == order.candidate;
        if is_same && self.order != *order {
            self.order = order.clone();
        }
        is_same
    }

    /// What is asked.
    pub(crate) fn ordered(&self) -> &Order {
        &self.order
    }

    pub(crate) fn candidate(&self) -> &ReleaseId {
        &self.order.candidate
    }

    pub(crate) fn phase(&self) -> RolloutPhase {
        self.phase
    }

    /// Whether something is to be looked at often.
    pub(crate) fn is_under_way(&self) -> bool {
        self.phase > RolloutPhase::Waiting && !self.is_over()
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, RolloutPhase::Done | RolloutPhase::Back)
    }

    /// Whether the candidate gets everything.
    pub(crate) fn has_taken_over(&self) -> bool {
        self.phase == RolloutPhase::Done
            || (self.phase == RolloutPhase::Rolling && self.taken_over.is_some())
    }

    /// How many workers the candidate needs at the least, when it would need so many to take
    /// over.
    pub(crate) fn least(&self, enough: u32) -> u32 {
        let after = machine::after(self.phase, &self.order.plan, self.promoted());
        match self.phase {
            RolloutPhase::Waiting | RolloutPhase::Done | RolloutPhase::Back => 0,
            // It will be needed at once: one start is waited for, and not two.
            RolloutPhase::Starting if after == RolloutPhase::Rolling => enough.max(1),
            RolloutPhase::Starting | RolloutPhase::Shadow | RolloutPhase::Canary => 1,
            RolloutPhase::Rolling if self.taken_over.is_some() => 0,
            RolloutPhase::Rolling => enough.max(1),
        }
    }

    fn promoted(&self) -> Option<RolloutPhase> {
        self.order.go.and_then(|go| go.promoted)
    }

    pub(crate) fn id(&self) -> RolloutId {
        self.order.id
    }

    /// Whether reads are to be repeated.
    pub(crate) fn wants_shadow(&self) -> bool {
        let answers = self.order.plan.shadow_answers;
        self.phase == RolloutPhase::Shadow && !judge::has_passed(&self.shadow, answers)
    }

    /// A repeated read was compared, and differs in this.
    pub(crate) fn compared(&mut self, differs: Vec<Differs>) {
        if self.phase == RolloutPhase::Shadow {
            self.shadow.count(differs);
        }
    }

    /// By how much a number may differ.
    pub(crate) fn tolerance(&self) -> f64 {
        self.order.plan.tolerance
    }

    /// How long a repeated read may take, when the stable release took so long.
    pub(crate) fn shadow_timeout(ran: Duration, timeout: Duration) -> Duration {
        timeout.min(ran.saturating_mul(SHADOW_TIMES) + SHADOW_MORE)
    }

    /// Whether the next task is for the candidate.
    pub(crate) fn is_next(&self) -> bool {
        self.has_share() && self.turns.is_next()
    }

    /// A task was begun, by the candidate or not.
    pub(crate) fn begin(&mut self, is_candidate: impl FnOnce() -> bool) {
        if self.has_share() {
            let by = if is_candidate() {
                By::Candidate
            } else {
                By::Stable
            };
            self.turns.begin(by);
        }
    }

    fn has_share(&self) -> bool {
        let is_tried = matches!(self.phase, RolloutPhase::Canary | RolloutPhase::Rolling);
        is_tried && !self.has_taken_over()
    }

    /// An attempt has ended that a worker had. Whether it was one of the candidate's.
    pub(crate) fn note(&mut self, outcome: &Outcome, now: Instant) -> bool {
        let Some(ran_by) = &outcome.ran_by else {
            return false;
        };
        let is_candidate = ran_by.release.digest == self.order.candidate.digest;
        if !matches!(self.phase, RolloutPhase::Canary | RolloutPhase::Rolling) {
            return is_candidate;
        }
        self.both += 1;
        if !is_candidate {
            self.stable.add(outcome.status, outcome.timings.ran);
            return false;
        }
        self.candidate.add(outcome.status, outcome.timings.ran);
        let code = outcome.problem.as_ref().map(|problem| &*problem.code);
        if code == Some(WORKER_LOST) {
            self.candidate.drop_one();
        }
        self.ended += 1;
        if outcome.class == Class::Control {
            self.last_control = Some(now);
        }
        true
    }

    /// Takes the next step, if there is one. Whether anything has changed.
    fn step(
        &mut self,
        facts: &Facts,
        recent: &Recent,
        now: Instant,
        clock: Timestamp,
    ) -> Option<Changed> {
        let step = self.decide(facts, recent, now)?;
        Some(self.take(step, now, clock))
    }

    /// As it is after the next step, if there is one: it is taken when it was written down.
    pub(crate) fn next(
        &mut self,
        facts: &Facts,
        recent: &Recent,
        now: Instant,
        clock: Timestamp,
    ) -> Option<(Self, Changed)> {
        let step = self.decide(facts, recent, now)?;
        let mut next = self.clone();
        let changed = next.take(step, now, clock);
        Some((next, changed))
    }

    fn decide(&mut self, facts: &Facts, recent: &Recent, now: Instant) -> Option<Move> {
        self.learn(facts, recent, now);
        let judged = self.judged(facts, recent, now);
        let at = At {
            phase: self.phase,
            share: self.share,
            has_taken_over: self.has_taken_over(),
        };
        let Order {
            candidate,
            plan,
            go,
            ..
        } = &self.order;
        match machine::next(at, candidate, plan, *go, facts, &judged) {
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

    fn take(&mut self, step: Move, now: Instant, clock: Timestamp) -> Changed {
        match step {
            Move::To(phase, problem) => {
                self.enter(phase, clock);
                self.began = Some(now);
                self.problem = problem;
                Changed::Phase
            }
            Move::Share(share) => {
                self.begin_share(share);
                self.began = Some(now);
                Changed::Share
            }
            Move::TakeOver => {
                self.taken_over = Some(now);
                Changed::TookOver
            }
        }
    }

    fn learn(&mut self, facts: &Facts, recent: &Recent, now: Instant) {
        self.began.get_or_insert(now);
        self.looked = Some(now);
        if self.is_under_way() {
            let before = *self.lost_before.get_or_insert(facts.lost);
            self.lost = facts.lost.saturating_sub(before);
            self.memory = self.memory.max(facts.memory.0);
        }
        if self.phase != RolloutPhase::Canary || self.settled_at.is_some() {
            return;
        }
        let before = self.before(recent);
        let stable = before.as_ref().unwrap_or(&self.stable);
        let enough = enough::enough(&self.seen(stable, now), &self.order.plan);
        if enough != Enough::NotYet {
            let settled = self.last_control.map(|at| at + facts.settle);
            self.settled_at = Some(settled.unwrap_or(now));
            self.judged_by = (enough == Enough::Few).then(|| self.candidate.sample().tasks);
        }
    }

    fn enter(&mut self, phase: RolloutPhase, clock: Timestamp) {
        self.phase = phase;
        self.since = clock;
        self.problem = None;
        match phase {
            RolloutPhase::Canary => self.begin_share(0),
            RolloutPhase::Rolling => self.taken_over = None,
            RolloutPhase::Done | RolloutPhase::Back => self.told = Some(self.evidence()),
            RolloutPhase::Waiting | RolloutPhase::Starting | RolloutPhase::Shadow => {}
        }
    }

    fn begin_share(&mut self, share: usize) {
        let shares = &self.order.plan.canary_shares;
        self.share = share.min(shares.len().saturating_sub(1));
        self.turns = Turns::of(shares.get(self.share).copied().unwrap_or(0.0));
        self.ended = 0;
        self.both = 0;
        self.last_control = None;
        self.settled_at = None;
    }

    /// What was seen at this share until now, beside a stable release that did this.
    fn seen<'t>(&'t self, stable: &'t Tally, now: Instant) -> enough::Seen<'t> {
        enough::Seen {
            ended: self.ended,
            both: self.both,
            elapsed: self
                .began
                .map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
            share: self.turns.share(),
            is_last: self.share + 1 >= self.order.plan.canary_shares.len(),
            candidate: &self.candidate,
            stable,
        }
    }

    /// What served before, where too little served beside the candidate to compare with.
    fn before(&self, recent: &Recent) -> Option<Tally> {
        let recent = (self.stable.tasks < STABLE_LEAST).then(|| recent.tally());
        recent.filter(|recent| recent.tasks > self.stable.tasks)
    }

    /// How far the phase is.
    fn progress(&self) -> Option<Progress> {
        let now = self.looked?;
        let elapsed = now.saturating_duration_since(self.began?).as_secs_f64();
        let pace = |count: u64| {
            #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
            (count > 0 && elapsed > 0.0).then(|| count as f64 / elapsed)
        };
        match self.phase {
            RolloutPhase::Shadow => {
                let seen = self.shadow.compared;
                let of = u64::from(self.order.plan.shadow_answers);
                let per_second = pace(seen);
                #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
                let left = per_second.map(|pace| of.saturating_sub(seen) as f64 / pace);
                Some(Progress {
                    seen,
                    of,
                    per_second,
                    left,
                })
            }
            RolloutPhase::Canary => {
                let left = enough::left(&self.seen(&self.stable, now), &self.order.plan);
                Some(Progress {
                    seen: self.ended,
                    of: self.order.plan.canary_tasks.into(),
                    per_second: pace(self.both).map(|pace| pace * self.turns.share()),
                    left: left.map(|left| left.as_secs_f64()),
                })
            }
            _ => None,
        }
    }

    fn judged(&self, facts: &Facts, recent: &Recent, now: Instant) -> Judged {
        let health = Health {
            lost: self.lost,
            is_looping: facts.is_looping && self.lost > 0,
            last: facts.last.clone(),
            memory: (self.memory, facts.memory.1),
        };
        let well = || judge::health(&health);
        match self.phase {
            RolloutPhase::Waiting | RolloutPhase::Done | RolloutPhase::Back => Judged::default(),
            RolloutPhase::Starting => Judged {
                objection: machine::no_start(self.lost, facts.last.as_ref()),
                ..Judged::default()
            },
            RolloutPhase::Shadow => Judged {
                objection: well().or_else(|| judge::shadow(&self.shadow)),
                at_last: None,
                has_seen_all: judge::has_passed(&self.shadow, self.order.plan.shadow_answers),
            },
            RolloutPhase::Canary | RolloutPhase::Rolling => {
                let before = self.before(recent);
                let stable = before.as_ref().unwrap_or(&self.stable);
                let plan = &self.order.plan;
                let tasks = |look| judge::tasks(&self.candidate, stable, plan, look);
                let has_seen_all = self.has_seen_all(now);
                Judged {
                    objection: well().or_else(|| tasks(Look::Before)),
                    at_last: has_seen_all.then(|| tasks(Look::Last)).flatten(),
                    has_seen_all,
                }
            }
        }
    }

    fn has_seen_all(&self, now: Instant) -> bool {
        if self.phase == RolloutPhase::Canary {
            return self.settled_at.is_some_and(|at| now >= at);
        }
        let watched = |since: Instant| now.saturating_duration_since(since);
        self.taken_over
            .is_some_and(|since| watched(since) >= self.order.plan.watch)
    }

    fn evidence(&self) -> Evidence {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let share = match self.phase {
            RolloutPhase::Rolling if self.taken_over.is_some() => 1.0,
            RolloutPhase::Canary | RolloutPhase::Rolling => self.turns.share(),
            _ => 0.0,
        };
        Evidence {
            compared: self.shadow.compared,
            differing: self.shadow.differing,
            differences: self.shadow.differences.clone(),
            share,
            candidate: self.candidate.sample(),
            stable: self.stable.sample(),
            progress: self.progress(),
            judged_by: self.judged_by,
            lost: self.lost,
            memory: self.memory,
        }
    }

    fn is_paused(&self) -> bool {
        let is_paused = |go: Go| go.order == GoOrder::Pause;
        self.order.go.is_some_and(is_paused) && !self.is_over()
    }

    /// In short.
    pub(crate) fn in_short(&self) -> Short<'_> {
        (
            self.order.id,
            self.phase,
            self.is_paused(),
            self.problem.as_ref(),
        )
    }

    /// As others see it.
    pub(crate) fn status(&self) -> RolloutStatus {
        RolloutStatus {
            id: self.order.id,
            kind: self.order.candidate.kind.clone(),
            candidate: self.order.candidate.clone(),
            phase: self.phase,
            since: self.since,
            paused: self.is_paused(),
            evidence: self.evidence(),
            problem: self.problem.clone(),
        }
    }

    /// What must hold after a restart, too.
    pub(crate) fn kept(&self) -> Kept {
        let status = self.status();
        Kept {
            id: status.id,
            candidate: status.candidate,
            phase: status.phase,
            since: status.since,
            share: self.share,
            problem: status.problem,
            evidence: status.evidence,
        }
    }
}

#[cfg(test)]
mod tests;
