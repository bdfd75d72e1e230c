//! From the lanes to a worker.

use utakata_invariant as invariant;
use utakata_model::{Class, Cure, OutcomeStatus, Problem, Task, TaskKey};
use utakata_protocol::v1;

use super::{Moment, State};
use crate::{
    kind::outcome,
    kind::{
        attempts::{Attempt, Go, Permit},
        lanes::Waiting,
    },
    worker::Number,
};

impl State {
    /// Gives waiting tasks to workers, as far as they have room: permitted ones first, and asks
    /// before reads.
    pub(in crate::kind) fn begin(&mut self, at: Moment) {
        self.lanes.wake(at.now);
        let capacity = self.workers.room(self.rollout.candidate()).capacity;
        self.lanes.bound_doubtful(capacity);
        self.begin_permitted(at);
        if self.lanes.ready() > 0 && !self.lifecycle.is_going_over() {
            let pins: Vec<String> = self.lanes.pins().into_iter().collect();
            for class in [Class::Control, Class::Observe] {
                self.begin_for(class, None, at);
                for pin in &pins {
                    self.begin_for(class, Some(pin), at);
                }
            }
        }
        self.workers.send_batches();
    }

    fn begin_for(&mut self, class: Class, pin: Option<&str>, at: Moment) {
        let Some(pool) = self.workers.pool_for(pin) else {
            if let Some(pin) = pin.filter(|pin| !self.lifecycle.awaits(pin)) {
                self.end_pinned(class, pin, at);
            }
            return;
        };
        if class == Class::Control && !self.without_permits {
            self.ask_for(pool, pin, at);
            return;
        }
        // Those that are asked for have a worker when they are permitted.
        let mut room = self.workers.room_of(pool).free;
        room = room.saturating_sub(self.reserved(pool));
        loop {
            let free = || Some((pool, self.workers.worker_of(pool).filter(|_| room > 0)?));
            let tried = if pin.is_none() { self.tried() } else { None };
            let Some((pool, worker)) = tried.or_else(free) else {
                return;
            };
            let Some(waiting) = self.lanes.pop(class, pin) else {
                return;
            };
            if waiting.expires < at.now {
                self.expire_popped(waiting, at);
                continue;
            }
            if let Some(problem) = self.misfit(pool, &waiting.task) {
                self.end_popped(waiting, OutcomeStatus::Failed, problem, at);
                continue;
            }
            room -= usize::from(tried.is_none());
            self.begin_one(pool, worker, waiting, None, at);
        }
    }

    /// Returns a worker that takes a task with this pin now, and its pool.
    pub(super) fn worker_for(&self, pin: Option<&str>) -> Option<(usize, Number)> {
        if pin.is_none()
            && let Some(tried) = self.tried()
        {
            return Some(tried);
        }
        let pool = self.workers.pool_for(pin)?;
        Some((pool, self.workers.worker_of(pool)?))
    }

    /// Returns the candidate's worker for the next task without a pin, if that is in its share and
    /// it has room.
    fn tried(&self) -> Option<(usize, Number)> {
        let digest = self
            .rollout
            .candidate()
            .filter(|_| self.rollout.is_next())?;
        let pool = self.workers.candidate(digest)?;
        Some((pool, self.workers.worker_of(pool)?))
    }

    /// Returns the number of tasks for which workers of a pool are kept free.
    pub(super) fn reserved(&self, pool: usize) -> usize {
        let reserved = self.permits.reserved();
        let here = reserved.filter(|(pin, _)| self.workers.pool_for(*pin) == Some(pool));
        here.map(|(_, count)| count).sum()
    }

    pub(super) fn begin_one(
        &mut self,
        pool: usize,
        number: Number,
        waiting: Waiting,
        permit: Option<Permit>,
        at: Moment,
    ) {
        if !self.workers.give(pool, number, &waiting.task, at.now) {
            invariant::broken("a worker that was just chosen has gone", &number.0);
            self.wait_again(waiting, permit);
            return;
        }
        if waiting.task.target.pin.is_none() {
            let candidate = self.rollout.candidate();
            let candidate = candidate.and_then(|digest| self.workers.candidate(digest));
            self.rollout.on_begin(candidate == Some(pool));
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
            waited: at.now.saturating_duration_since(waiting.since),
            begun: at.now,
            is_overdue: false,
            is_adopted: false,
        });
    }

    /// Ends the tasks of targets that are pinned to a version which no release here has.
    fn end_pinned(&mut self, class: Class, pin: &str, at: Moment) {
        while let Some(waiting) = self.lanes.pop(class, Some(pin)) {
            let target = waiting.task.target.name.clone();
            let message = format!(
                "{target} is pinned to version {pin} of {}, and this environment has no such \
                 release: add it, or change the target's pin",
                self.kind
            );
            let problem = Problem::new("no-release", Cure::Operator, message);
            self.end_waiting(waiting, OutcomeStatus::Failed, problem, at);
            self.lanes.release(&target, class);
        }
    }

    /// Returns the problem of a task that the release of a pool does not carry out as what it is.
    pub(super) fn misfit(&self, pool: usize, task: &Task) -> Option<Problem> {
        let manifest = self.workers.manifest(pool)?;
        outcome::misfit(task, manifest)
    }

    /// Ends a task that expired in its lane, and was taken out of it.
    pub(super) fn expire_popped(&mut self, waiting: Waiting, at: Moment) {
        self.end_popped(waiting, OutcomeStatus::Expired, outcome::expired(), at);
    }

    fn end_popped(
        &mut self,
        waiting: Waiting,
        status: OutcomeStatus,
        problem: Problem,
        at: Moment,
    ) {
        let target = waiting.task.target.name.clone();
        let class = waiting.task.class;
        self.end_waiting(waiting, status, problem, at);
        self.lanes.release(&target, class);
    }

    /// Puts back tasks that were given to a worker and did not reach it.
    pub(in crate::kind) fn on_not_sent(&mut self, tasks: &v1::Tasks, number: Number) {
        let key = |task: &v1::Task| {
            let key = task.key().inspect_err(|error| {
                invariant::broken("a task that was made here has no key", error);
            });
            key.ok()
        };
        let keys: Vec<TaskKey> = tasks.tasks.iter().filter_map(key).collect();
        let attempts = keys.into_iter();
        let attempts = attempts.filter_map(|key| self.attempts.end(key, number));
        let attempts: Vec<Attempt> = attempts.collect();
        self.workers.take_back(number, attempts.len());
        for attempt in attempts {
            if self.shadows.end(attempt.task.key()).is_some() {
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
}
