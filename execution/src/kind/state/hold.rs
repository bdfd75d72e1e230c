//! On the way to another program of this process, and back: the workers go over with what they
//! have, and no attempt ends by it.
//!
//! ```text
//!            order                 asks answered           workers have left
//! (serves) ────────► settling ─────────────────► parting ────────────────────► left
//!     ▲                 no order: workers come back                              │
//!     └──────────────────────────────────────────────────────────────────────────┤
//!     └────────────── first order ◄── awaiting ◄── (another program) ◄───────────┘
//! ```

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_model::{Class, Cure, Manifest, Problem, RanBy, WorkerId};
use utakata_protocol::v1::{self, to_worker::Message};

use super::State;
use crate::{
    kind::pool::{Batch, Parked, Pool, Worker},
    manager::plan::{Desired, Phase},
    pool::attempts::{Attempt, Go, Permit},
    takeover::{AttemptLeft, KindLeft, PoolLeft, WorkerLeft, spare},
    worker::{Line, Number},
};

/// How long a worker has to come back. It ends by itself then.
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(60);
/// How long a worker that cannot go over has for what it has begun, at the least.
const DRAIN_LEAST: Duration = Duration::from_millis(100);

/// How far a kind is on its way to another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It serves.
    None,
    /// It takes nothing new; what is asked for still begins.
    Settling {
        /// When this is given up.
        until: Instant,
    },
    /// Its workers were told to come back, or to end what they have.
    Parting {
        /// When this is given up.
        until: Instant,
    },
    /// It was taken over, and nobody has said yet what is to be served.
    Awaiting,
}

/// A worker that is to close its stream and to come back.
#[derive(Debug)]
pub(in crate::kind) struct Holding {
    pub(in crate::kind) number: Number,
    pub(in crate::kind) worker: WorkerId,
    pub(in crate::kind) manifest: Arc<Manifest>,
    pub(in crate::kind) cut: CancellationToken,
    pub(in crate::kind) line: Line,
}

impl State {
    /// Whether nothing is planned because everything goes over, or has just come.
    pub(in crate::kind) fn is_going_over(&self) -> bool {
        self.hold != Hold::None
    }

    pub(super) fn set_hold(&mut self, until: Option<Instant>) {
        self.hold = match (until, self.hold) {
            (Some(_), hold @ (Hold::Settling { .. } | Hold::Parting { .. })) => hold,
            (Some(until), _) => Hold::Settling { until },
            (None, _) => Hold::None,
        };
    }

    /// Goes on towards the moment when everything has left.
    pub(super) fn advance_hold(&mut self, now: Instant, clock: Timestamp) {
        if let Hold::Settling { until } = self.hold {
            self.give_back_waiting(now, clock);
            let is_settled = self.permits.is_empty() && self.attempts.awaiting().next().is_none();
            if is_settled && self.shadows.is_empty() {
                self.hold = Hold::Parting { until };
            }
        }
        if let Hold::Parting { until } = self.hold {
            self.part(until, now);
        }
    }

    /// Workers that can go over are told to; the others end what they have.
    fn part(&mut self, until: Instant, now: Instant) {
        let within = until.saturating_duration_since(now).max(DRAIN_LEAST);
        let mut drains = Vec::new();
        for pool in &mut self.pools {
            let manifest = pool.release.manifest.clone();
            for worker in &mut pool.workers {
                match worker.phase {
                    Phase::Ending { .. } => {}
                    // It has nothing yet.
                    Phase::Starting { .. } => {
                        worker.is_expected = true;
                        worker.end(now, None);
                    }
                    Phase::Ready { .. } | Phase::Draining { .. } if worker.can_leave() => {
                        if worker.parked.is_none()
                            && let Some(line) = worker.line.clone()
                        {
                            self.effects.holds.push(Holding {
                                number: worker.number,
                                worker: worker.ran_by.worker.clone(),
                                manifest: manifest.clone(),
                                cut: worker.cut.clone(),
                                line,
                            });
                        }
                    }
                    Phase::Ready { .. } => drains.push(worker.number),
                    Phase::Draining { .. } => {}
                }
            }
        }
        for number in drains {
            let within = within.max(self.attempts.longest_of(number, now));
            self.drain(number, within, now);
        }
    }

    /// A worker was told to come back with this token.
    pub(in crate::kind) fn on_held(&mut self, number: Number, token: String, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.parked = Some(Parked {
                token,
                until: now + BACK_WITHIN,
                has_left: false,
            });
        }
    }

    /// Whether everything that is left has left for the next program.
    pub(in crate::kind) fn has_left(&self) -> bool {
        let has_left = |worker: &Worker| worker.parked.as_ref().is_some_and(|p| p.has_left);
        let mut workers = self.pools.iter().flat_map(|pool| &pool.workers);
        matches!(self.hold, Hold::Parting { .. })
            && self.lanes.waiting() == 0
            && self.permits.is_empty()
            && workers.all(has_left)
    }

    /// A worker has come back, if it is one that was to.
    pub(super) fn on_return(&mut self, number: Number, line: &Line, now: Instant) -> bool {
        let Some(worker) = self.worker(number) else {
            return false;
        };
        if worker.parked.take().is_none() {
            return false;
        }
        worker.line = Some(line.clone());
        worker.hear(now);
        if let Phase::Draining { until, .. } = worker.phase {
            let within = until.saturating_duration_since(now);
            self.drain(number, within, now);
        }
        true
    }

    /// Workers that did not come back in time are lost.
    pub(super) fn end_lost(&mut self, now: Instant) {
        let is_late = |worker: &&Worker| worker.parked.as_ref().is_some_and(|p| now >= p.until);
        let workers = self.pools.iter().flat_map(|pool| &pool.workers);
        let late: Vec<Number> = workers.filter(is_late).map(|w| w.number).collect();
        for number in late {
            if let Some(worker) = self.worker(number) {
                worker.parked = None;
                let message = format!(
                    "the worker {} did not come back after the environment was replaced",
                    worker.ran_by.worker
                );
                worker.end(now, Some(Problem::new("worker-lost", Cure::Bug, message)));
            }
            self.fail(number, now);
        }
    }

    /// Everything that another program of this process goes on with. The pipes of workers are
    /// named by their places in order.
    pub(in crate::kind) fn leave(&self, now: Instant) -> KindLeft {
        let (next_ask, void) = self.permits.leave();
        let (unrecorded, told) = self.unrecorded.leave();
        let attempt = |attempt: &Attempt| AttemptLeft {
            task: spare(&attempt.task),
            permit: attempt.permit.map(|permit| permit.ask),
            worker: attempt.worker.0,
            waited: attempt.waited,
            ran: now.saturating_duration_since(attempt.begun),
            is_overdue: attempt.is_overdue,
            is_void: attempt.go == Go::Void,
        };
        let mut place = 0;
        let pools = self.pools.iter();
        let pools = pools.filter_map(|pool| leave(pool, &mut place, now));
        KindLeft {
            kind: self.kind.clone(),
            next_ask,
            void,
            told,
            unrecorded,
            pools: pools.collect(),
            attempts: self.attempts.all().map(attempt).collect(),
        }
    }

    /// What workers will say when they come back.
    pub(in crate::kind) fn tokens(&self) -> impl Iterator<Item = &str> {
        let workers = self.pools.iter().flat_map(|pool| &pool.workers);
        let parked = workers.filter_map(|worker| worker.parked.as_ref());
        parked.map(|parked| parked.token.as_str())
    }

    /// How the workers are found again, in the order in which they are left.
    pub(in crate::kind) fn traces(&self) -> impl Iterator<Item = &crate::runtime::Trace> {
        let workers = self.pools.iter().flat_map(|pool| &pool.workers);
        workers.filter_map(|worker| worker.trace.as_ref())
    }

    /// Goes on where another program of this process was, so long after it.
    pub(in crate::kind) fn take_over(&mut self, left: &KindLeft, passed: Duration, now: Instant) {
        self.hold = Hold::Awaiting;
        self.permits.take_over(left.next_ask, left.void.clone());
        self.unrecorded
            .take_over(left.unrecorded.clone(), left.told.clone(), now);
        for pool_left in &left.pools {
            let mut pool = Pool::new(Arc::new(pool_left.release()));
            pool.is_stable = pool_left.is_stable;
            pool.is_kept = pool_left.is_kept;
            // So it is told until the first order.
            pool.desired = pool_left.serves.map(|is_active| Desired {
                is_active,
                size: pool_left.manifest.pool.clone(),
                least: 0,
                is_brief: false,
            });
            pool.lost = pool_left.lost;
            for worker in &pool_left.workers {
                let ran_by = RanBy {
                    environment: self.names.environment.clone(),
                    worker: worker.worker.clone(),
                    release: pool.release.id.clone(),
                };
                let mine = || left.attempts.iter().filter(|a| a.worker == worker.number);
                let overdue = mine().filter(|a| a.is_overdue).count();
                let counts = (mine().count(), overdue);
                pool.workers.push(come(worker, ran_by, counts, passed, now));
            }
            self.pools.push(pool);
        }
        for attempt in &left.attempts {
            let class = attempt.task.class;
            // The lane of what had its outcome already went on without it.
            if !(attempt.is_void || (attempt.is_overdue && class == Class::Observe)) {
                self.lanes.occupy(&attempt.task.target, class);
            }
            self.attempts.begin(Attempt {
                task: attempt.task.clone(),
                permit: attempt.permit.map(|ask| Permit { ask, until: now }),
                worker: Number(attempt.worker),
                waited: attempt.waited,
                begun: ago(now, attempt.ran + passed),
                // It does not wait once more.
                expires: now,
                // None was left that waited for its go.
                go: match class {
                    Class::Observe => Go::Needless,
                    Class::Control if attempt.is_void => Go::Void,
                    Class::Control => Go::Given,
                },
                is_overdue: attempt.is_overdue,
                is_adopted: true,
            });
        }
    }

    /// The workers of the other program, to be watched and let in again.
    pub(in crate::kind) fn coming(&self) -> impl Iterator<Item = (&Pool, &Worker)> {
        let pools = self.pools.iter();
        pools.flat_map(|pool| pool.workers.iter().map(move |worker| (pool, worker)))
    }
}

impl Worker {
    /// Whether it can go over to another program.
    fn can_leave(&self) -> bool {
        self.can_hold && self.trace.is_some()
    }
}

/// The message that has a worker come back.
pub(in crate::kind) fn message(token: String) -> Message {
    Message::Hold(v1::Hold {
        token,
        within_milliseconds: u64::try_from(BACK_WITHIN.as_millis()).unwrap_or(u64::MAX),
    })
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

/// A worker that is to come back, with so many attempts, of which so many are overdue.
fn come(
    left: &WorkerLeft,
    ran_by: RanBy,
    (running, overdue): (usize, usize),
    passed: Duration,
    now: Instant,
) -> Worker {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
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
    Worker {
        number: Number(left.number),
        ran_by,
        phase,
        capacity: left.capacity,
        is_single: left.is_single,
        begun: left.begun,
        memory: None,
        running: count(running),
        overdue: count(overdue),
        strays: 0,
        ready_since: Some(ago(now, left.ready + passed)),
        line: None,
        can_hold: true,
        trace: None,
        parked: Some(Parked {
            token: left.token.clone(),
            until,
            has_left: true,
        }),
        batch: Batch::default(),
        kill: CancellationToken::new(),
        cut: CancellationToken::new(),
        is_expected: left.drain.is_some(),
        is_counted: false,
        cause: None,
        last_words: None,
        parted: None,
        exited: None,
    }
}

/// So long before now, as far as the clock goes back.
fn ago(now: Instant, age: Duration) -> Instant {
    now.checked_sub(age).unwrap_or(now)
}
