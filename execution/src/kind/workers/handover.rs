//! Workers that go over to another program in this process, or come from one.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_model::{EnvironmentId, RanBy, WorkerId};

use super::{
    Park, Workers,
    plan::{Desired, Phase},
    pool::Pool,
    worker::{Parked, Worker},
};
use crate::{
    Release,
    runtime::Trace,
    takeover::{AttemptLeft, PoolLeft, WorkerLeft},
    worker::Number,
};

/// The time that a worker has to return. Then it ends by itself.
pub(in crate::kind) const RETURN_TIMEOUT: Duration = Duration::from_secs(60);
/// The least time that a worker has for its tasks if it cannot go over.
const MIN_DRAIN: Duration = Duration::from_millis(100);

/// A worker of another program in this process, to be watched and admitted again.
#[derive(Debug)]
pub(in crate::kind) struct Adopted {
    pub(in crate::kind) number: Number,
    pub(in crate::kind) worker: WorkerId,
    pub(in crate::kind) release: Arc<Release>,
    /// The token with which it returns.
    pub(in crate::kind) token: String,
}

impl Workers {
    /// Tells workers that can go over to return; the others finish their tasks, for which each has
    /// at least the time that `longest` returns.
    pub(in crate::kind) fn part(
        &mut self,
        until: Instant,
        longest: impl Fn(Number) -> Duration,
        now: Instant,
    ) {
        let within = until.saturating_duration_since(now).max(MIN_DRAIN);
        let (mut drains, mut ends) = (Vec::new(), Vec::new());
        for pool in &self.pools {
            for worker in &pool.workers {
                match worker.phase {
                    Phase::Ending { .. } => {}
                    // It has nothing yet.
                    Phase::Starting { .. } => ends.push(worker.number),
                    Phase::Ready { .. } | Phase::Draining { .. } if worker.can_leave() => {
                        if worker.parked.is_none() && worker.room.is_some() {
                            self.effects.parks.push(Park {
                                number: worker.number,
                                worker: worker.ran_by.worker.clone(),
                                manifest: pool.release.manifest.clone(),
                            });
                        }
                    }
                    Phase::Ready { .. } => drains.push(worker.number),
                    Phase::Draining { .. } => {}
                }
            }
        }
        for number in ends {
            self.end_expected(number, now);
        }
        for number in drains {
            self.drain(number, within.max(longest(number)), now);
        }
    }

    /// Expects a worker that was told to return with this token.
    pub(in crate::kind) fn on_parked(&mut self, number: Number, token: String, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.parked = Some(Parked {
                token,
                until: now + RETURN_TIMEOUT,
                has_left: false,
            });
        }
    }

    /// Returns true if all of them have left for the next program.
    pub(in crate::kind) fn have_left(&self) -> bool {
        let has_left = |worker: &Worker| worker.parked.as_ref().is_some_and(|p| p.has_left);
        self.all().all(has_left)
    }

    /// Returns the tokens with which workers will return.
    pub(in crate::kind) fn tokens(&self) -> impl Iterator<Item = &str> {
        let parked = self.all().filter_map(|worker| worker.parked.as_ref());
        parked.map(|parked| parked.token.as_str())
    }

    /// Returns the traces of the workers, in the order in which they are left.
    pub(in crate::kind) fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.all().filter_map(|worker| worker.trace.as_ref())
    }

    /// Returns the state with which another program in this process continues. The pipes of workers
    /// are named by their position in the order of their traces.
    pub(in crate::kind) fn leave(&self, now: Instant) -> Vec<PoolLeft> {
        let mut place = 0;
        let pools = self.pools.iter();
        pools
            .filter_map(|pool| leave(pool, &mut place, now))
            .collect()
    }

    /// Continues where another program in this process was, that long after it, with the attempts
    /// of its workers.
    pub(in crate::kind) fn take_over(
        &mut self,
        pools: &[PoolLeft],
        attempts: &[AttemptLeft],
        passed: Duration,
        now: Instant,
    ) {
        for left in pools {
            let mut pool = Pool::new(Arc::new(left.release()));
            pool.is_stable = left.is_stable;
            pool.is_kept = left.is_kept;
            // This is reported until the first order.
            pool.desired = left.serves.map(|is_active| Desired {
                is_active,
                size: left.manifest.pool.clone(),
                least: 0,
                is_brief: false,
            });
            pool.lost = left.lost;
            for worker in &left.workers {
                let mine = || attempts.iter().filter(|a| a.worker == worker.number);
                let mut taken = take_over(worker, &pool, &self.environment, passed, now);
                taken.running = count(mine().count());
                taken.overdue = count(mine().filter(|a| a.is_overdue).count());
                pool.workers.push(taken);
            }
            self.pools.push(pool);
        }
    }

    /// Returns the workers of the other program.
    pub(in crate::kind) fn adopted(&self) -> Vec<Adopted> {
        let pools = self.pools.iter();
        let workers = pools.flat_map(|pool| pool.workers.iter().map(move |worker| (pool, worker)));
        let adopted = workers.filter_map(|(pool, worker)| {
            Some(Adopted {
                number: worker.number,
                worker: worker.ran_by.worker.clone(),
                release: pool.release.clone(),
                token: worker.parked.as_ref()?.token.clone(),
            })
        });
        adopted.collect()
    }
}

fn leave(pool: &Pool, place: &mut usize, now: Instant) -> Option<PoolLeft> {
    let worker = |worker: &Worker| {
        let parked = worker.parked.as_ref()?;
        let trace = worker.trace.as_ref()?;
        let pipes = trace.pipes.each_ref().map(|pipe| {
            let at = pipe.as_ref().map(|_| *place);
            *place += usize::from(at.is_some());
            at
        });
        let drain = match worker.phase {
            Phase::Draining { until, .. } => Some(until.saturating_duration_since(now)),
            _ => None,
        };
        let ready = worker.ready_since.unwrap_or(now);
        Some(WorkerLeft {
            number: worker.number.0,
            worker: worker.ran_by.worker.clone(),
            token: parked.token.clone(),
            process: trace.process,
            pipes,
            capacity: worker.capacity,
            is_single: worker.is_single,
            begun: worker.begun,
            ready: now.saturating_duration_since(ready),
            drain,
            back: parked.until.saturating_duration_since(now),
        })
    };
    let workers: Vec<WorkerLeft> = pool.workers.iter().filter_map(worker).collect();
    let left = PoolLeft::of(&pool.release)?;
    let serves = pool.desired.as_ref().map(|desired| desired.is_active);
    Some(PoolLeft {
        serves,
        is_stable: pool.is_stable,
        is_kept: pool.is_kept,
        lost: pool.lost,
        workers,
        ..left
    })
}

/// Takes over a worker of this pool that is to return.
fn take_over(
    left: &WorkerLeft,
    pool: &Pool,
    environment: &EnvironmentId,
    passed: Duration,
    now: Instant,
) -> Worker {
    let until = now + left.back.saturating_sub(passed);
    // It is not missed before it is late.
    let phase = match left.drain {
        Some(drain) => Phase::Draining {
            until: now + drain,
            heard: until,
        },
        None => Phase::Ready {
            heard: until,
            busy: now,
        },
    };
    let ran_by = RanBy {
        environment: environment.clone(),
        worker: left.worker.clone(),
        release: pool.release.id.clone(),
    };
    Worker {
        phase,
        capacity: left.capacity,
        is_single: left.is_single,
        begun: left.begun,
        ready_since: Some(ago(now, left.ready + passed)),
        can_hold: true,
        parked: Some(Parked {
            token: left.token.clone(),
            until,
            has_left: true,
        }),
        is_expected: left.drain.is_some(),
        ..Worker::starting(Number(left.number), ran_by, now)
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Returns the time that long before now, as far as the clock goes back.
pub(in crate::kind) fn ago(now: Instant, age: Duration) -> Instant {
    now.checked_sub(age).unwrap_or(now)
}
