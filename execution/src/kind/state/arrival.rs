//! From the queue to the lanes, and back to the queue if others are to have it.

use utakata_interconnect::Delivery;
use utakata_model::{Class, Cure, OutcomeStatus, Problem, Task};

use super::{Moment, State};
use crate::{kind::lanes::Waiting, kind::outcome};

/// The number of tasks that are fetched before any worker has said hello, if none is kept.
const ROOM_TO_WAKE: usize = 16;
/// The least number of tasks that wait, ready, beyond what the workers can take at once, so that a
/// worker with room finds the next one.
pub(super) const MIN_AHEAD: usize = 64;
/// The number of tasks fetched at once.
const MAX_FETCH: usize = 2048;
/// The size of the largest parameters, in bytes: larger ones would not fit into a message with
/// anything else.
const MAX_PARAMETERS: usize = 8 * 1024 * 1024;

impl State {
    /// Returns the number of tasks that may be fetched now: as many as the workers can take, and a
    /// few more in advance. Tasks that wait for their targets do not count, up to the limit of the
    /// backlog.
    pub(in crate::kind) fn room(&self) -> usize {
        if self.takes_nothing() {
            return 0;
        }
        let room = self.workers.room(self.rollout.candidate());
        let max = match room.capacity {
            0 if self.workers.can_wake() => ROOM_TO_WAKE,
            0 => 0,
            capacity => {
                room.free.saturating_sub(self.permits.len()) + (capacity / 2).max(MIN_AHEAD)
            }
        };
        max.saturating_sub(self.ready())
            .min(self.lanes.room())
            .min(MAX_FETCH)
    }

    /// Returns the number of lanes that wait only for a worker.
    fn ready(&self) -> usize {
        if !self.lifecycle.awaits_any() && !self.workers.is_any_stopped() {
            return self.lanes.ready();
        }
        let pins = self.lanes.pins();
        let pins = pins.iter().map(|pin| Some(pin.as_str())).chain([None]);
        pins.filter(|pin| !self.is_held_up(*pin))
            .map(|pin| self.lanes.ready_for(pin))
            .sum()
    }

    /// Returns true if tasks for this version wait regardless of room: its release is stopped, or
    /// still to come.
    fn is_held_up(&self, pin: Option<&str>) -> bool {
        match self.workers.pool_for(pin) {
            Some(pool) => self.workers.is_stopped(pool),
            None => pin.is_some_and(|pin| self.lifecycle.awaits(pin)),
        }
    }

    /// Takes delivered tasks. Observe tasks are acknowledged at once, control when it begins or is
    /// void. Returns true if the tasks need the first worker of all, which is not left to the
    /// timer.
    pub(in crate::kind) fn on_deliveries(&mut self, deliveries: Vec<Delivery>, at: Moment) -> bool {
        for delivery in deliveries {
            self.on_delivery(delivery, at);
        }
        self.workers.is_empty() && self.lanes.waiting() > 0 && self.workers.can_wake()
    }

    /// Takes a delivered task whose credential cannot be had: it does not begin.
    pub(in crate::kind) fn on_withheld(
        &mut self,
        delivery: Delivery,
        problem: Problem,
        at: Moment,
    ) {
        if let Some(waiting) = self.arrive(delivery, at) {
            let (status, problem) = match waiting.expires < at.now {
                true => (OutcomeStatus::Expired, outcome::expired()),
                false => (OutcomeStatus::Failed, problem),
            };
            self.end_waiting(waiting, status, problem, at);
        }
    }

    fn on_delivery(&mut self, delivery: Delivery, at: Moment) {
        let Some(waiting) = self.arrive(delivery, at) else {
            return;
        };
        if let Some((status, problem)) = self.unfit(&waiting, at) {
            self.end_waiting(waiting, status, problem, at);
        } else if let Some(older) = self.lanes.push(waiting) {
            self.end_waiting(older, OutcomeStatus::Expired, outcome::superseded(), at);
        }
    }

    /// Acknowledges a delivery, unless it is control; `None` if it is for others, or here already.
    fn arrive(&mut self, delivery: Delivery, at: Moment) -> Option<Waiting> {
        let Delivery {
            tag,
            task,
            redelivered,
        } = delivery;
        if self.takes_nothing() {
            // It was under way when fetching ended.
            self.effects.give_back.push(tag);
            return None;
        }
        let is_control = task.class == Class::Control;
        let may_be_here = redelivered || !self.without_permits;
        if may_be_here && self.is_here(&task) {
            // The present one is acknowledged by its own delivery.
            self.effects.acknowledge.push(tag);
            return None;
        }
        if !is_control {
            self.effects.acknowledge.push(tag);
        }
        let tag = is_control.then_some(tag);
        Some(Waiting::new(task, tag, at.now, at.clock))
    }

    /// Returns true if the attempt waits, runs, or has ended here with its outcome still to be
    /// reported.
    fn is_here(&self, task: &Task) -> bool {
        let key = task.key();
        let has_begun = self.attempts.has(key) || self.lanes.has(&task.target.name, key);
        has_begun || self.permits.has(key) || self.unrecorded.has(key)
    }

    /// Returns the end of a task that cannot begin at all.
    fn unfit(&self, waiting: &Waiting, at: Moment) -> Option<(OutcomeStatus, Problem)> {
        if waiting.expires < at.now {
            return Some((OutcomeStatus::Expired, outcome::expired()));
        }
        if let Some(problem) = self.left_alone(waiting, at.now) {
            return Some((OutcomeStatus::Failed, problem));
        }
        let bytes = waiting.task.parameters.as_str().len();
        (bytes > MAX_PARAMETERS).then(|| {
            let message = format!(
                "the parameters have {bytes} bytes; a worker takes {MAX_PARAMETERS} at the most"
            );
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            (OutcomeStatus::Failed, problem)
        })
    }

    /// Forgets the deliveries of a lost connection: others get them.
    pub(in crate::kind) fn on_lost_connection(&mut self) {
        self.lanes.take_if(|waiting| waiting.tag.is_some());
        self.permits.forget_tags();
    }

    /// Refuses all waiting tasks: control goes to others, observation ends.
    pub(super) fn refuse_waiting(&mut self, at: Moment) {
        for waiting in self.lanes.take_if(|_| true) {
            match waiting.tag {
                Some(tag) => self.effects.give_back.push(tag),
                None => self.end_stopped(waiting, at),
            }
        }
        self.end_permitted(at);
    }

    /// Gives everything that was not begun to others. Permitted tasks certainly do not begin here,
    /// which is reported; those asked for may still be permitted, in vain.
    pub(super) fn hand_over(&mut self, at: Moment) {
        self.give_back_waiting(at);
        self.give_back_requests(at);
        self.end_permitted(at);
    }

    /// Gives all waiting tasks to others.
    pub(super) fn give_back_waiting(&mut self, at: Moment) {
        for waiting in self.lanes.take_if(|_| true) {
            match (waiting.tag, waiting.task.class) {
                (Some(tag), _) => self.effects.give_back.push(tag),
                (None, Class::Observe) => self.effects.publish_again.push(waiting.task),
                (None, Class::Control) => self.end_stopped(waiting, at),
            }
        }
    }

    /// Ends reads that could not be published again.
    pub(in crate::kind) fn on_not_published(&mut self, tasks: Vec<Task>, at: Moment) {
        for task in tasks {
            let waiting = Waiting::new(task, None, at.now, at.clock);
            self.end_stopped(waiting, at);
        }
    }

    fn end_stopped(&mut self, waiting: Waiting, at: Moment) {
        self.end_waiting(waiting, OutcomeStatus::Expired, outcome::stopped(), at);
    }
}
