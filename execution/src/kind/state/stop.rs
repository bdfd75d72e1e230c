//! A kind that is stopped by an order: it takes nothing, ends what it has begun, and goes on
//! when it is told to.
//!
//! ```text
//!              order                  nothing is under way
//!  (serves) ──────────► pausing ─────────────────────────────► paused
//!      ▲                                                          │
//!      │       order                  ... and no worker is left   │
//!      ├──────────────► draining ────────────────────────────► drained
//!      └──────────────────────── no order ────────────────────────┘
//! ```

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, OutcomeStatus, Stop, StopState, Task};

use super::State;
use crate::{kind::pool::Pool, pool::lanes::Waiting};

impl State {
    /// Whether nothing new is taken now: it ends, or is stopped.
    pub(super) fn takes_nothing(&self) -> bool {
        self.is_closing || self.is_held() || self.is_going_over()
    }

    /// Whether it, or each release of it that could do anything, is stopped by an order.
    pub(in crate::kind) fn is_held(&self) -> bool {
        let takes = |pool: &&Pool| pool.is_serving() || (pool.desired.is_some() && pool.is_kept);
        let mut taking = self.pools.iter().filter(takes).peekable();
        let is_any = taking.peek().is_some();
        self.stop.is_some() || (is_any && taking.all(|pool| pool.stop.is_some()))
    }

    /// Whether what is for this version waits here, whatever has room: its release is stopped,
    /// or still to come.
    fn waits(&self, pin: Option<&str>) -> bool {
        match self.pool_for(pin) {
            Some(at) => self.pools[at].stop.is_some(),
            None => pin.is_some_and(|pin| self.coming.contains(pin)),
        }
    }

    /// How many lanes wait for nothing but a worker.
    pub(super) fn ready(&self) -> usize {
        let is_plain = self.coming.is_empty() && self.pools.iter().all(|pool| pool.stop.is_none());
        if is_plain {
            return self.lanes.ready();
        }
        let pins = self.lanes.pins();
        let pins = pins.iter().map(|pin| Some(pin.as_str())).chain([None]);
        pins.filter(|pin| !self.waits(*pin))
            .map(|pin| self.lanes.ready_for(pin))
            .sum()
    }

    /// How far each release is stopped that is by itself.
    pub(in crate::kind) fn stopped_releases(&self) -> BTreeMap<Arc<str>, StopState> {
        let stopped = self.pools.iter().filter_map(|pool| {
            let is_idle = pool.workers.iter().all(|worker| worker.running == 0);
            let state = match pool.stop? {
                Stop::Pause if is_idle => StopState::Paused,
                Stop::Pause => StopState::Pausing,
                Stop::Drain if pool.workers.is_empty() => StopState::Drained,
                Stop::Drain => StopState::Draining,
            };
            Some((pool.release.id.version.clone(), state))
        });
        stopped.collect()
    }

    /// How far it is stopped; nothing is under way when what control came to is written down,
    /// too.
    pub(in crate::kind) fn stopped(&self) -> Option<StopState> {
        let is_idle = self.lanes.waiting() == 0 && self.permits.is_empty();
        let is_done = is_idle && self.attempts.is_empty() && self.unrecorded.is_empty();
        let has_workers = self.pools.iter().any(|pool| !pool.workers.is_empty());
        Some(match self.stop? {
            Stop::Pause if is_done => StopState::Paused,
            Stop::Pause => StopState::Pausing,
            Stop::Drain if is_done && !has_workers => StopState::Drained,
            Stop::Drain => StopState::Draining,
        })
    }

    /// What was not begun goes to others. What is permitted is certain not to begin here, and
    /// that is told; what is asked for may still be permitted, which is then of no use.
    pub(super) fn hand_over(&mut self, now: Instant, clock: Timestamp) {
        self.give_back_waiting(now, clock);
        for asked in self.permits.give_up_all(now, clock) {
            self.effects.give_back.extend(asked.waiting.tag);
            self.let_go(&asked.waiting.task.target.name, asked.has_lane);
        }
        self.end_permitted(now, clock);
    }

    /// What was not begun goes to others.
    pub(super) fn give_back_waiting(&mut self, now: Instant, clock: Timestamp) {
        for waiting in self.lanes.take_if(|_| true) {
            match (waiting.tag, waiting.task.class) {
                (Some(tag), _) => self.effects.give_back.push(tag),
                (None, Class::Observe) => self.effects.publish_again.push(waiting.task),
                (None, Class::Control) => self.end_stopped(waiting, now, clock),
            }
        }
    }

    /// These could not be put back into their queue.
    pub(in crate::kind) fn not_handed_over(
        &mut self,
        tasks: Vec<Task>,
        now: Instant,
        clock: Timestamp,
    ) {
        for task in tasks {
            let waiting = Waiting::new(task, None, now, clock);
            self.end_stopped(waiting, now, clock);
        }
    }

    fn end_stopped(&mut self, waiting: Waiting, now: Instant, clock: Timestamp) {
        let problem = self.common.stopped.clone();
        self.end_waiting(waiting, OutcomeStatus::Expired, problem, now, clock);
    }
}
