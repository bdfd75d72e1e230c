//! The queue of one zone and kind.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, futures::Notified};
use utakata_model::{Class, Task, TaskKey};

use super::{Config, Counts};
use crate::{Error, clock::Clock};

#[derive(Debug)]
pub(super) struct TaskQueue {
    observe_limit: usize,
    control_limit: usize,
    clock: Clock,
    state: Mutex<State>,
    /// One waiting consumer is woken at a time; if it leaves tasks behind, it wakes the next.
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    control: VecDeque<WaitingTask>,
    control_fetched: usize,
    observe: VecDeque<Task>,
    dropped: u64,
    expired: u64,
}

/// A waiting task, and whether it has been delivered before.
#[derive(Debug)]
pub(super) struct WaitingTask {
    pub(super) task: Task,
    pub(super) redelivered: bool,
}

impl TaskQueue {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            observe_limit: config.observe_limit,
            control_limit: config.control_limit,
            clock: config.clock.clone(),
            state: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Adds tasks; returns the keys of the control tasks for which there is no room.
    pub(super) fn push(&self, tasks: impl Iterator<Item = Task>) -> Result<Vec<TaskKey>, Error> {
        let mut refused = Vec::new();
        {
            let mut state = self.state.lock();
            if state.closed {
                return Err(Error::Closed);
            }
            for task in tasks {
                match task.class {
                    Class::Observe => state.observe.push_back(task),
                    Class::Control if state.control_kept() < self.control_limit => {
                        state.control.push_back(WaitingTask {
                            task,
                            redelivered: false,
                        });
                    }
                    Class::Control => refused.push(task.key()),
                }
            }
            self.bound(&mut state);
        }
        self.filled.notify_one();
        Ok(refused)
    }

    /// Takes up to `max` tasks out, control first. `None`: there are none now.
    pub(super) fn take(&self, max: usize) -> Result<Option<Vec<WaitingTask>>, Error> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let taken = state.take(max, &self.clock);
        if taken.is_empty() {
            return Ok(None);
        }
        if !(state.control.is_empty() && state.observe.is_empty()) {
            self.filled.notify_one();
        }
        Ok(Some(taken))
    }

    /// Puts fetched control tasks back at the front, in their order.
    pub(super) fn put_back(&self, tasks: impl DoubleEndedIterator<Item = Task>) {
        {
            let mut state = self.state.lock();
            for task in tasks.rev() {
                state.control_fetched = state.control_fetched.saturating_sub(1);
                state.control.push_front(WaitingTask {
                    task,
                    redelivered: true,
                });
            }
        }
        self.filled.notify_one();
    }

    /// Forgets control tasks that are acknowledged.
    pub(super) fn forget(&self, fetched: usize) {
        let mut state = self.state.lock();
        state.control_fetched = state.control_fetched.saturating_sub(fetched);
    }

    /// Returns when there may be something to take.
    pub(super) fn filled(&self) -> Notified<'_> {
        self.filled.notified()
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_waiters();
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state.lock();
        Counts {
            control_waiting: state.control.len(),
            control_fetched: state.control_fetched,
            observe_waiting: state.observe.len(),
            dropped: state.dropped,
            expired: state.expired,
        }
    }

    /// Drops the oldest observe tasks beyond the limit; those that have expired are counted as
    /// expired.
    fn bound(&self, state: &mut State) {
        let too_many = state.observe.len().saturating_sub(self.observe_limit);
        if too_many == 0 {
            return;
        }
        let now = self.clock.now();
        for task in state.observe.drain(..too_many) {
            if task.expires <= now {
                state.expired += 1;
            } else {
                state.dropped += 1;
            }
        }
    }
}

impl State {
    fn control_kept(&self) -> usize {
        self.control.len() + self.control_fetched
    }

    fn take(&mut self, max: usize, clock: &Clock) -> Vec<WaitingTask> {
        let mut taken = Vec::with_capacity(max.min(self.control.len() + self.observe.len()));
        let control = max.min(self.control.len());
        self.control_fetched += control;
        taken.extend(self.control.drain(..control));
        if taken.len() < max && !self.observe.is_empty() {
            self.take_observe(max, clock.now(), &mut taken);
        }
        taken
    }

    fn take_observe(&mut self, max: usize, now: Timestamp, taken: &mut Vec<WaitingTask>) {
        while taken.len() < max {
            let Some(task) = self.observe.pop_front() else {
                return;
            };
            if task.expires <= now {
                self.expired += 1;
            } else {
                taken.push(WaitingTask {
                    task,
                    redelivered: false,
                });
            }
        }
    }
}
