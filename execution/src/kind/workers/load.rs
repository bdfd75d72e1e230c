//! The choice of a worker for a task, and the tasks that each has.

use tokio::time::Instant;
use utakata_invariant as invariant;
use utakata_model::{RanBy, ReleaseDigest, Task};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Outgoing, Room, Workers, plan::Desired, pool::Pool, select, worker::Worker};
use crate::worker::Number;

/// The number of answers to attempts which it does not have after which a worker counts as faulty.
const MAX_STRAYS: u32 = 100;

/// Attempts of a worker that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kind) struct Ends {
    /// The number of tasks that it has ended.
    pub(in crate::kind) ended: u32,
    /// Of these, those that were overdue.
    pub(in crate::kind) overdue: u32,
    /// The number of answers to attempts that it did not have.
    pub(in crate::kind) strays: u32,
}

impl Workers {
    /// Sets the number of messages for which the streams of workers have room.
    pub(in crate::kind) fn on_room(&mut self, room: impl Fn(Number) -> Option<usize>) {
        for worker in self.all_mut().filter(|worker| worker.room.is_some()) {
            if let Some(room) = room(worker.number) {
                worker.room = Some(room);
            }
        }
    }

    /// Returns the least loaded worker of a pool, if any has room.
    pub(in crate::kind) fn worker_of(&self, pool: usize) -> Option<Number> {
        let pool = &self.pools[pool];
        if pool.stop.is_some() {
            return None;
        }
        select::worker(pool.workers.iter().filter_map(Worker::candidate))
    }

    /// Returns the room that the workers of a pool have.
    pub(in crate::kind) fn room_of(&self, pool: usize) -> Room {
        self.pools[pool].room()
    }

    /// Returns the room of all workers except those of a candidate on trial.
    pub(in crate::kind) fn room(&self, candidate: Option<&ReleaseDigest>) -> Room {
        let candidate = candidate.and_then(|digest| self.candidate(digest));
        let is_tried = |at: usize| candidate == Some(at) && !self.pools[at].is_serving();
        let pools = self.pools.iter().enumerate();
        let serving = pools.filter(|(at, pool)| !is_tried(*at) && pool.stop.is_none());
        let workers = serving.flat_map(|(_, pool)| &pool.workers);
        let ready = workers.filter(|worker| worker.is_ready() && !worker.is_spent());
        ready.fold(Room::default(), |room, worker| {
            room.with(worker.running, worker.capacity)
        })
    }

    /// Returns true if a worker would be started for a task that arrives.
    pub(in crate::kind) fn can_wake(&self) -> bool {
        let is_active = |pool: &Pool| pool.is_serving() && pool.stop.is_none();
        // If no release is active, those for pinned targets are woken.
        let is_any_active = self.pools.iter().any(is_active);
        let sleeps = |pool: &Pool| {
            let keeps_none = |desired: &Desired| match desired.is_active {
                // Without its turn no worker is kept either.
                true => desired.size.min == 0 || pool.short.is_some(),
                false => !is_any_active,
            };
            let is_asleep = pool.desired.as_ref().is_some_and(keeps_none);
            is_asleep && pool.stop.is_none() && !pool.failures.any()
        };
        self.pools.iter().any(sleeps)
    }

    /// Gives a task to a worker of this pool; false if it has no such worker any more.
    pub(in crate::kind) fn give(
        &mut self,
        pool: usize,
        number: Number,
        task: &Task,
        now: Instant,
    ) -> bool {
        let workers = &mut self.pools[pool].workers;
        let Some(worker) = workers.iter_mut().find(|w| w.number == number) else {
            return false;
        };
        worker.running += 1;
        worker.begun += 1;
        worker.be_busy(now);
        worker.batch.push(v1::Task::from(task));
        if worker.is_single {
            self.used_since = Some(now);
        }
        true
    }

    /// Gives a read that nobody has requested to a worker of this pool, without counting it among
    /// the tasks for which the worker exists; false if it has no such worker any more.
    pub(in crate::kind) fn give_aside(
        &mut self,
        pool: usize,
        number: Number,
        task: &Task,
        now: Instant,
    ) -> bool {
        let workers = &mut self.pools[pool].workers;
        let Some(worker) = workers.iter_mut().find(|w| w.number == number) else {
            return false;
        };
        worker.running += 1;
        worker.be_busy(now);
        worker.batch.push(v1::Task::from(task));
        true
    }

    /// Takes back tasks that did not reach the worker.
    pub(in crate::kind) fn take_back(&mut self, number: Number, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if let Some(worker) = self.worker(number) {
            worker.running = worker.running.saturating_sub(count);
            worker.begun = worker.begun.saturating_sub(u64::from(count));
        }
    }

    /// Sends the tasks that were given.
    pub(in crate::kind) fn send_batches(&mut self) {
        let sends = &mut self.effects.sends;
        for worker in self.pools.iter_mut().flat_map(|pool| &mut pool.workers) {
            if worker.room.is_none() {
                continue;
            }
            let number = worker.number;
            sends.extend(worker.batch.take().map(|tasks| Outgoing {
                worker: number,
                message: Message::Tasks(v1::Tasks { tasks }),
            }));
        }
    }

    /// Records that a worker has answered. Returns its name for outcomes.
    pub(in crate::kind) fn on_answers(&mut self, number: Number, now: Instant) -> Option<RanBy> {
        let worker = self.worker(number)?;
        worker.hear(now);
        worker.be_busy(now);
        Some(worker.ran_by.clone())
    }

    /// Counts the attempts of a worker that have ended by its answers.
    pub(in crate::kind) fn on_ends(&mut self, number: Number, ends: Ends, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return invariant::broken("a worker that answered is gone", &number.0);
        };
        worker.running = worker.running.saturating_sub(ends.ended);
        worker.overdue = worker.overdue.saturating_sub(ends.overdue);
        worker.strays = worker.strays.saturating_add(ends.strays);
        if worker.strays > MAX_STRAYS {
            self.end_mad(number, now);
        }
    }

    /// Counts an overdue attempt of a worker. Returns its name for outcomes.
    pub(in crate::kind) fn on_overdue(&mut self, number: Number) -> Option<RanBy> {
        let worker = self.worker(number)?;
        worker.overdue += 1;
        Some(worker.ran_by.clone())
    }
}
