//! A kind as a machine: it passes each event on to the machines that it is made of, and collects
//! their effects. No IO, no clock, no randomness: times and identifiers are arguments.

mod answer;
mod arrival;
mod begin;
mod go;
mod handover;
mod loss;
mod permit;
mod shadow;
mod upkeep;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::{Event, Tag};
use utakata_model::{
    BreakerStatus, Class, EnvironmentId, Kind, Outcome, OutcomeStatus, PoolStatus, Problem,
    StopState, Task, TaskId,
};
use utakata_permit::{asks, message::Ask};
use utakata_rollout::Decision;

use super::{
    Order,
    lifecycle::{Lifecycle, UnderWay},
    outcome,
    permits::Permits,
    rollout::Rollout,
    shadows::Shadows,
    silence::{Sign, Silences, left_alone},
    unproven::Unproven,
    unrecorded::Unrecorded,
    workers::{self, Workers},
};
use crate::{
    Config,
    kind::{
        attempts::Attempts,
        lanes::{Lanes, Rule, Waiting},
    },
    worker::Number,
};

/// The largest number of targets that are reported as left alone.
const MAX_BREAKERS: usize = 1000;

/// A moment on the monotonic clock and on the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) clock: Timestamp,
}

/// Everything to do in the world because something has changed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// The deliveries to acknowledge.
    pub(super) acknowledge: Vec<Tag>,
    /// The deliveries to return for others.
    pub(super) give_back: Vec<Tag>,
    /// Reads to publish for others, whose deliveries are acknowledged.
    pub(super) publish_again: Vec<Task>,
    /// The permits to ask for.
    pub(super) asks: Vec<Ask>,
    /// The readings, published before the outcomes.
    pub(super) readings: Vec<Event>,
    /// The outcomes of attempts.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) workers: workers::WorkerEffects,
}

/// One kind: its waiting tasks, its running attempts, its workers.
#[derive(Debug)]
pub(super) struct State {
    kind: Kind,
    lifecycle: Lifecycle,
    workers: Workers,
    rollout: Rollout,
    shadows: Shadows,
    lanes: Lanes,
    silences: Silences,
    permits: Permits,
    attempts: Attempts,
    unrecorded: Unrecorded,
    unproven: Unproven,
    /// The number of attempts that were given up when their workers had to end.
    given_up: usize,
    /// True if control begins without a permit: for a test that must detect tasks done twice.
    without_permits: bool,
    effects: Effects,
}

/// The facts with which a kind begins.
#[derive(Debug)]
pub(super) struct InitialState {
    pub(super) kind: Kind,
    pub(super) environment: EnvironmentId,
    /// The remains of a rollout from an earlier life of the environment.
    pub(super) rollout: Option<Decision>,
    /// An identifier that is used nowhere else.
    pub(super) seed: TaskId,
    /// Numbers of asks below this were used in this life of the environment.
    pub(super) next_ask: u64,
    pub(super) now: Instant,
}

impl State {
    pub(super) fn new(initial: InitialState, config: &Config) -> Self {
        let InitialState {
            kind,
            environment,
            rollout,
            seed,
            next_ask,
            now,
        } = initial;
        let rule = Rule {
            failures: config.breaker.failures,
            first: config.breaker.first,
            max: config.breaker.max,
        };
        let times = asks::Times {
            repeat_after: config.permits.again_after,
            void_after: config.permits.void_after,
        };
        Self {
            workers: Workers::new(kind.clone(), environment, config),
            kind,
            lifecycle: Lifecycle::default(),
            rollout: Rollout::resume(rollout),
            shadows: Shadows::new(seed),
            lanes: Lanes::new(config.lanes, rule, now),
            silences: Silences::new(config.breaker.codes.clone()),
            permits: Permits::new(times, next_ask),
            attempts: Attempts::new(config.grace),
            unrecorded: Unrecorded::new(config.unrecorded as usize),
            unproven: Unproven::default(),
            given_up: 0,
            without_permits: config.is_without_permits(),
            effects: Effects::default(),
        }
    }

    /// Takes all effects since the last call.
    pub(super) fn take_effects(&mut self) -> Effects {
        Effects {
            workers: self.workers.take_effects(),
            ..std::mem::take(&mut self.effects)
        }
    }

    /// Applies a new order.
    pub(super) fn on_order(&mut self, order: &Order, at: Moment) {
        self.workers.on_order(&order.releases, &order.stops);
        self.rollout.on_order(order.rollout.as_ref(), at.clock);
        self.assign();
        self.lifecycle.on_order(order);
        if self.lifecycle.is_closing() {
            self.refuse_waiting(at);
        } else if self.is_stopped() {
            self.hand_over(at);
        }
        if let Some(give_up_at) = order.give_up_at {
            let within = give_up_at.saturating_duration_since(at.now);
            self.workers.drain_within(within);
        }
    }

    /// Sets the number of messages for which the streams of workers have room.
    pub(super) fn on_room(&mut self, room: impl Fn(Number) -> Option<usize>) {
        self.workers.on_room(room);
    }

    /// Takes the record of a decision about a rollout, once, to be written.
    pub(super) fn take_record(&mut self) -> Option<Decision> {
        self.rollout.take_record()
    }

    /// Carries out the recorded decision about the rollout.
    pub(super) fn on_written(&mut self) {
        self.rollout.on_written(self.workers.stable_live());
    }

    /// Returns true if no new tasks are taken now: the kind ends, is stopped, or goes over.
    pub(super) fn takes_nothing(&self) -> bool {
        let lifecycle = &self.lifecycle;
        lifecycle.is_closing() || lifecycle.is_going_over() || self.is_stopped()
    }

    /// Returns true if the kind, or each release that could do anything, is stopped by an order.
    fn is_stopped(&self) -> bool {
        self.lifecycle.stop().is_some() || self.workers.are_all_stopped()
    }

    /// Returns true if deliveries are for others for a while.
    pub(super) fn is_away(&self) -> bool {
        self.is_stopped() || self.lifecycle.is_going_over()
    }

    /// Returns true if something needs a look soon.
    pub(super) fn is_busy(&self) -> bool {
        self.is_under_way() || self.rollout.is_under_way()
    }

    /// Returns true if tasks wait or run, or outcomes of control are not recorded.
    fn is_under_way(&self) -> bool {
        let waits = self.lanes.waiting() > 0 || !self.permits.is_empty();
        waits || !self.attempts.is_empty() || !self.unrecorded.is_empty()
    }

    /// Returns the next moment at which something proceeds by time alone.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let wakes_at = self.lanes.wakes_at();
        wakes_at.into_iter().chain(self.workers.wakes_at()).min()
    }

    /// Returns true if everything has ended, and the outcomes of control are recorded, unless that
    /// is given up.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let has_ended = self.lifecycle.is_closing() && self.workers.is_empty();
        let is_settled = self.permits.is_empty() && self.unrecorded.is_empty();
        has_ended && (is_settled || self.lifecycle.is_given_up(now))
    }

    /// Returns the outcomes of control that nobody has recorded.
    pub(super) fn unrecorded(&self) -> &Unrecorded {
        &self.unrecorded
    }

    /// Returns the number of attempts that were given up at the end.
    pub(super) fn given_up(&self) -> usize {
        self.given_up
    }

    /// Returns the status of the pools.
    pub(super) fn status(&self) -> Vec<PoolStatus> {
        let waiting = self.lanes.waiting() + self.permits.len();
        self.workers.status(waiting)
    }

    /// Returns the targets that are left alone.
    pub(super) fn breakers(&self, now: Instant) -> Vec<BreakerStatus> {
        self.lanes.breakers(MAX_BREAKERS, now)
    }

    /// Returns the progress of the stop that is ordered. Unrecorded outcomes of control count as
    /// under way.
    pub(super) fn stopped(&self) -> Option<StopState> {
        self.lifecycle.stopped(UnderWay {
            tasks: self.is_under_way(),
            workers: !self.workers.is_empty(),
        })
    }

    pub(super) fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Assigns the releases that serve, according to the rollout.
    fn assign(&mut self) {
        let seats = self.rollout.candidate().and_then(|digest| {
            let trial = self.workers.trial(digest)?;
            Some((digest, self.rollout.seats(trial)?))
        });
        self.workers.assign(seats);
    }

    /// Ends a task that waited and was not begun. Its delivery is acknowledged.
    fn end_waiting(
        &mut self,
        waiting: Waiting,
        status: OutcomeStatus,
        problem: Problem,
        at: Moment,
    ) {
        let waited = at.now.saturating_duration_since(waiting.since);
        self.effects.acknowledge.extend(waiting.tag);
        let outcome = outcome::not_begun(waiting.task, status, problem, waited, at.clock);
        self.tell(outcome, at.now);
    }

    /// Reports an outcome; that of control repeatedly, until it is recorded.
    fn tell(&mut self, outcome: Outcome, now: Instant) {
        if outcome.class == Class::Control && !self.without_permits {
            self.unrecorded.keep(&outcome, now);
        }
        self.workers.on_outcome(&outcome);
        self.rollout.on_outcome(&outcome, now);
        let sign = self.silences.sign(&outcome);
        let (target, clock) = (outcome.target.clone(), outcome.timings.ended);
        let (is_read, took) = (outcome.class == Class::Observe, outcome.timings.ran);
        self.effects.outcomes.push(outcome);
        let silence = match &sign {
            Sign::Answer => None,
            Sign::Silence(problem) => Some(problem),
            Sign::Nothing => return,
        };
        if self.lanes.hear(&target, silence, now, clock) {
            tracing::debug!(%target, "target does not answer and is left alone");
            // Nobody waits for it.
            for waiting in self.lanes.take_reads(&target) {
                if let Some(problem) = self.left_alone(&waiting, now) {
                    let at = Moment { now, clock };
                    self.end_waiting(waiting, OutcomeStatus::Failed, problem, at);
                }
            }
        }
        if is_read && sign == Sign::Answer {
            self.lanes.took(&target, took, now);
        }
    }

    /// Returns the problem of a read whose target is left alone: it fails at once. Control waits.
    fn left_alone(&self, waiting: &Waiting, now: Instant) -> Option<Problem> {
        if waiting.task.class == Class::Control {
            return None;
        }
        let target = &waiting.task.target.name;
        Some(left_alone(target, &self.lanes.broken(target, now)?))
    }
}

#[cfg(test)]
mod tests;
