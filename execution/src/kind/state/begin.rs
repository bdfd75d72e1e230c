//! From the queue to a worker.

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Delivery;
use utakata_model::{Class, Cure, OutcomeStatus, Problem, Task, TaskKey};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Send, State};
use crate::{
    kind::pool::{Pool, Worker},
    pool::{
        attempts::{Attempt, Go, Permit},
        lanes::Waiting,
        select,
    },
    worker::Number,
};

/// Parameters that would not fit into a message with anything else.
const PARAMETERS_MOST: usize = 8 * 1024 * 1024;

impl State {
    /// Tasks have come. Observe tasks are dealt with when they are here; a control task when
    /// it is begun, or void. Says whether what waits needs the first worker of all: that is not
    /// left to the timer.
    pub(in crate::kind) fn on_deliveries(
        &mut self,
        deliveries: Vec<Delivery>,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        for delivery in deliveries {
            self.on_delivery(delivery, now, clock);
        }
        self.waits_for_first()
    }

    fn on_delivery(&mut self, delivery: Delivery, now: Instant, clock: Timestamp) {
        let Delivery {
            tag,
            task,
            redelivered,
        } = delivery;
        if self.takes_nothing() {
            // It was on its way when fetching ended.
            self.effects.give_back.push(tag);
            return;
        }
        let is_control = task.class == Class::Control;
        let may_be_here = redelivered || !self.without_permits;
        if may_be_here && self.is_here(&task) {
            // The one that is here is dealt with by its own delivery.
            self.effects.acknowledge.push(tag);
            return;
        }
        if !is_control {
            self.effects.acknowledge.push(tag);
        }
        let waiting = Waiting::new(task, is_control.then_some(tag), now, clock);
        if let Some((status, problem)) = self.unfit(&waiting, now) {
            self.end_waiting(waiting, status, problem, now, clock);
        } else if let Some(older) = self.lanes.push(waiting) {
            let problem = self.common.superseded.clone();
            self.end_waiting(older, OutcomeStatus::Expired, problem, now, clock);
        }
    }

    /// Whether the attempt waits, runs, or has ended here and is still to be told of.
    fn is_here(&self, task: &Task) -> bool {
        let key = task.key();
        let has_begun = self.attempts.has(key) || self.lanes.has(&task.target.name, key);
        has_begun || self.permits.has(key) || self.unrecorded.has(key)
    }

    /// Why a task cannot be begun at all.
    fn unfit(&self, waiting: &Waiting, now: Instant) -> Option<(OutcomeStatus, Problem)> {
        if waiting.expires < now {
            return Some((OutcomeStatus::Expired, self.common.expired.clone()));
        }
        if let Some(problem) = self.left_alone(waiting, now) {
            return Some((OutcomeStatus::Failed, problem));
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

    /// Gives workers what waits, as far as they have room: what is permitted first, and asks
    /// before reads.
    pub(in crate::kind) fn begin(&mut self, now: Instant, clock: Timestamp) {
        self.lanes.wake(now);
        self.begin_permitted(now, clock);
        if self.lanes.ready() > 0 && !self.is_going_over() {
            let pins: Vec<String> = self.lanes.pins().into_iter().collect();
            for class in [Class::Control, Class::Observe] {
                self.begin_for(class, None, now, clock);
                for pin in &pins {
                    self.begin_for(class, Some(pin), now, clock);
                }
            }
        }
        self.send_batches();
    }

    fn begin_for(&mut self, class: Class, pin: Option<&str>, now: Instant, clock: Timestamp) {
        let Some(pool) = self.pool_for(pin) else {
            if let Some(pin) = pin.filter(|pin| !self.coming.contains(*pin)) {
                self.end_pinned(class, pin, now, clock);
            }
            return;
        };
        if class == Class::Control && !self.without_permits {
            self.ask_for(pool, pin, now, clock);
            return;
        }
        // Those that are asked for have a worker when they are permitted.
        let mut room = self.pools[pool].room().0;
        room = room.saturating_sub(self.reserved(pool));
        loop {
            let free = || Some((pool, self.worker_of(pool).filter(|_| room > 0)?));
            let tried = if pin.is_none() { self.tried() } else { None };
            let Some((pool, worker)) = tried.or_else(free) else {
                return;
            };
            let Some(waiting) = self.lanes.pop(class, pin) else {
                return;
            };
            if waiting.expires < now {
                self.expire_popped(waiting, now, clock);
                continue;
            }
            room -= usize::from(tried.is_none());
            self.begin_one(pool, worker, waiting, None, now);
        }
    }

    /// The pool for tasks with this pin.
    pub(super) fn pool_for(&self, pin: Option<&str>) -> Option<usize> {
        let facts: Vec<_> = self.pools.iter().map(Pool::facts).collect();
        select::pool(&facts, pin)
    }

    pub(super) fn worker_of(&self, pool: usize) -> Option<Number> {
        if self.pools[pool].stop.is_some() {
            return None;
        }
        let workers = self.pools[pool].workers.iter();
        select::worker(workers.filter_map(Worker::candidate))
    }

    /// A worker that takes a task with this pin now, and its pool.
    pub(super) fn worker_for(&self, pin: Option<&str>) -> Option<(usize, Number)> {
        if pin.is_none()
            && let Some(tried) = self.tried()
        {
            return Some(tried);
        }
        let pool = self.pool_for(pin)?;
        Some((pool, self.worker_of(pool)?))
    }

    /// For how many tasks workers of a pool are kept free.
    pub(super) fn reserved(&self, pool: usize) -> usize {
        let reserved = self.permits.reserved();
        let here = reserved.filter(|(pin, _)| self.pool_for(*pin) == Some(pool));
        here.map(|(_, count)| count).sum()
    }

    pub(super) fn begin_one(
        &mut self,
        pool: usize,
        number: Number,
        waiting: Waiting,
        permit: Option<Permit>,
        now: Instant,
    ) {
        let workers = &mut self.pools[pool].workers;
        let Some(worker) = workers.iter_mut().find(|w| w.number == number) else {
            self.wait_again(waiting, permit);
            return;
        };
        worker.running += 1;
        worker.begun += 1;
        if worker.is_single {
            self.used_since = Some(now);
        }
        worker.be_busy(now);
        worker.batch.push(v1::Task::from(&waiting.task));
        if waiting.task.target.pin.is_none() {
            self.count_begun(pool);
        }
        self.effects.acknowledge.extend(waiting.tag);
        let go = match waiting.task.class {
            Class::Control => Go::Awaited,
            Class::Observe => Go::Needless,
        };
        self.attempts.begin(Attempt {
            go,
            expires: waiting.expires,
            task: waiting.task,
            permit,
            worker: number,
            waited: now.saturating_duration_since(waiting.since),
            begun: now,
            is_overdue: false,
            is_adopted: false,
        });
    }

    /// No release here has the version to which these targets are pinned.
    fn end_pinned(&mut self, class: Class, pin: &str, now: Instant, clock: Timestamp) {
        while let Some(waiting) = self.lanes.pop(class, Some(pin)) {
            let target = waiting.task.target.name.clone();
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
            if self.take_shadow(attempt.task.key()).is_some() {
                self.lanes
                    .release(&attempt.task.target.name, attempt.task.class);
                continue;
            }
            let waiting = Waiting {
                expires: attempt.expires,
                since: attempt.begun,
                task: attempt.task,
                tag: None,
            };
            self.wait_again(waiting, attempt.permit);
        }
    }

    fn wait_again(&mut self, waiting: Waiting, permit: Option<Permit>) {
        match permit {
            Some(permit) => self.permits.put_back(waiting, permit),
            None => self.lanes.put_back(waiting),
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
            worker.begun = worker.begun.saturating_sub(u64::from(count));
        }
        attempts
    }
}
