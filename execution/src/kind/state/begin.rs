//! From the queue to a worker.

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Delivery;
use utakata_model::{Class, Cure, OutcomeStatus, Problem, TaskKey};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Send, State};
use crate::{
    kind::pool::Pool,
    pool::{attempts::Attempt, lanes::Waiting, select},
    worker::Number,
};

/// Parameters that would not fit into a message with anything else.
const PARAMETERS_MOST: usize = 8 * 1024 * 1024;

impl State {
    /// Tasks have come. Observe tasks are dealt with when they are here; a control task when
    /// it is begun.
    pub(in crate::kind) fn on_deliveries(
        &mut self,
        deliveries: Vec<Delivery>,
        now: Instant,
        clock: Timestamp,
    ) {
        for delivery in deliveries {
            self.on_delivery(delivery, now, clock);
        }
    }

    fn on_delivery(&mut self, delivery: Delivery, now: Instant, clock: Timestamp) {
        let Delivery {
            tag,
            task,
            redelivered,
        } = delivery;
        if self.is_closing {
            // It was on its way when fetching ended.
            self.effects.give_back.push(tag);
            return;
        }
        let is_control = task.class == Class::Control;
        let key = task.key();
        if redelivered && (self.attempts.has(key) || self.lanes.has(&task.target.name, key)) {
            // The one that is here is dealt with by its own delivery.
            self.effects.acknowledge.push(tag);
            return;
        }
        if !is_control {
            self.effects.acknowledge.push(tag);
        }
        let waiting = Waiting {
            task,
            tag: is_control.then_some(tag),
            since: now,
        };
        if let Some((status, problem)) = self.unfit(&waiting, clock) {
            self.end_waiting(waiting, status, problem, now, clock);
        } else if let Some(older) = self.lanes.push(waiting) {
            let problem = self.common.superseded.clone();
            self.end_waiting(older, OutcomeStatus::Expired, problem, now, clock);
        }
    }

    /// Why a task cannot be begun at all.
    fn unfit(&self, waiting: &Waiting, clock: Timestamp) -> Option<(OutcomeStatus, Problem)> {
        if waiting.task.expires < clock {
            return Some((OutcomeStatus::Expired, self.common.expired.clone()));
        }
        let bytes = waiting.task.parameters.as_str().len();
        (bytes > PARAMETERS_MOST).then(|| {
            let message = format!(
                "the parameters have {bytes} bytes; a worker takes {PARAMETERS_MOST} at the most"
            );
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            (OutcomeStatus::Failed, problem)
        })
    }

    /// Gives workers what waits, as far as they have room.
    pub(in crate::kind) fn begin(&mut self, now: Instant, clock: Timestamp) {
        if self.lanes.ready() == 0 {
            return;
        }
        self.begin_for(None, now, clock);
        for pin in self.lanes.pins() {
            self.begin_for(Some(&pin), now, clock);
        }
        self.send_batches();
    }

    fn begin_for(&mut self, pin: Option<&str>, now: Instant, clock: Timestamp) {
        let facts: Vec<_> = self.pools.iter().map(Pool::facts).collect();
        let Some(pool) = select::pool(&facts, pin) else {
            if let Some(pin) = pin {
                self.end_pinned(pin, now, clock);
            }
            return;
        };
        loop {
            let candidates = self.pools[pool]
                .workers
                .iter()
                .filter_map(|w| w.candidate());
            let Some(worker) = select::worker(candidates) else {
                return;
            };
            let Some(waiting) = self.lanes.pop(pin) else {
                return;
            };
            if waiting.task.expires < clock {
                let target = waiting.task.target.name.clone();
                let class = waiting.task.class;
                let problem = self.common.expired.clone();
                self.end_waiting(waiting, OutcomeStatus::Expired, problem, now, clock);
                self.lanes.release(&target, class);
                continue;
            }
            // The permit of a control task belongs here: before it is acknowledged and given
            // to a worker.
            self.begin_one(pool, worker, waiting, now);
        }
    }

    fn begin_one(&mut self, pool: usize, number: Number, waiting: Waiting, now: Instant) {
        let workers = &mut self.pools[pool].workers;
        let Some(worker) = workers.iter_mut().find(|w| w.number == number) else {
            self.lanes.put_back(waiting);
            return;
        };
        worker.running += 1;
        worker.be_busy(now);
        worker.batch.push(v1::Task::from(&waiting.task));
        self.effects.acknowledge.extend(waiting.tag);
        self.attempts.begin(Attempt {
            task: waiting.task,
            worker: number,
            waited: now.saturating_duration_since(waiting.since),
            begun: now,
            is_overdue: false,
        });
    }

    /// No release here has the version to which these targets are pinned.
    fn end_pinned(&mut self, pin: &str, now: Instant, clock: Timestamp) {
        while let Some(waiting) = self.lanes.pop(Some(pin)) {
            let target = waiting.task.target.name.clone();
            let class = waiting.task.class;
            let message = format!(
                "{target} is pinned to version {pin} of {}, and this environment has no such \
                 release: add it, or change the target's pin",
                self.kind
            );
            let problem = Problem::new("no-release", Cure::Operator, message);
            self.end_waiting(waiting, OutcomeStatus::Failed, problem, now, clock);
            self.lanes.release(&target, class);
        }
    }

    fn send_batches(&mut self) {
        for worker in self.pools.iter_mut().flat_map(|pool| &mut pool.workers) {
            let Some(line) = &worker.line else {
                continue;
            };
            for tasks in worker.batch.take() {
                self.effects.sends.push(Send {
                    worker: worker.number,
                    line: line.clone(),
                    message: Message::Tasks(v1::Tasks { tasks }),
                });
            }
        }
    }

    /// These were given to a worker and did not get as far: they wait again.
    pub(in crate::kind) fn not_sent(&mut self, tasks: &v1::Tasks, number: Number) {
        for attempt in self.take_back(tasks, number) {
            self.lanes.put_back(Waiting {
                since: attempt.begun,
                task: attempt.task,
                tag: None,
            });
        }
    }

    /// The deliveries of these could not be acknowledged: somebody else gets them.
    pub(in crate::kind) fn not_ours(&mut self, tasks: &v1::Tasks, number: Number) {
        for attempt in self.take_back(tasks, number) {
            let target = &attempt.task.target.name;
            self.lanes.release(target, attempt.task.class);
        }
    }

    fn take_back(&mut self, tasks: &v1::Tasks, number: Number) -> Vec<Attempt> {
        let keys = tasks.tasks.iter().filter_map(|task| task.key().ok());
        let keys: Vec<TaskKey> = keys.collect();
        let attempts: Vec<Attempt> = keys
            .into_iter()
            .filter_map(|key| self.attempts.end(key, number))
            .collect();
        let count = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        if let Some(worker) = self.worker(number) {
            worker.running = worker.running.saturating_sub(count);
        }
        attempts
    }
}
