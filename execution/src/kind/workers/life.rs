//! The life of a worker, from its start to its end.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Cure, Kind, Problem, RanBy, WorkerId, id::NAME_MAX};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{
    Lost, Outgoing, Start, Workers,
    plan::{Phase, Why},
    worker::{Ended, Worker, killed},
};
use crate::{
    Artifact,
    runtime::Trace,
    worker::{Number, StreamEnd},
};

/// The time that a worker has that says that it was told to end: its place tells how much there is
/// in truth.
const LEAVE_WITHIN: Duration = Duration::from_mins(10);
/// The number of characters for a worker's number and the hyphen before it.
const NUMBER_MAX: usize = 21;

impl Workers {
    /// Starts a worker in the pool at this index, with a number of its own.
    pub(in crate::kind) fn start(&mut self, pool: usize, number: Number, now: Instant) {
        let worker = worker_id(&self.kind, number);
        let pool = &mut self.pools[pool];
        let since = match pool.release.artifact {
            Artifact::Program(_) => now,
            // An image may have to be pulled, and a place for it to be found.
            Artifact::Image(_) => now + self.starts_within,
        };
        let ran_by = RanBy {
            environment: self.environment.clone(),
            worker: worker.clone(),
            release: pool.release.id.clone(),
        };
        pool.workers.push(Worker::starting(number, ran_by, since));
        self.effects.starts.push(Start {
            number,
            worker,
            release: pool.release.clone(),
        });
    }

    pub(in crate::kind) fn on_started(&mut self, number: Number, trace: Trace) {
        if let Some(worker) = self.worker(number) {
            worker.trace = Some(trace);
        }
    }

    /// Makes a worker ready that has said hello, for the first time or after it was parked.
    pub(in crate::kind) fn on_ready(
        &mut self,
        number: Number,
        capacity: u32,
        can_hold: bool,
        now: Instant,
    ) {
        let Some((pool, at)) = self.find(number) else {
            return;
        };
        let worker = &mut pool.workers[at];
        worker.can_hold = can_hold;
        if worker.parked.take().is_some() {
            worker.room = Some(usize::MAX);
            worker.hear(now);
            if let Phase::Draining { until, .. } = worker.phase {
                let within = until.saturating_duration_since(now);
                self.drain(number, within, now);
            }
        } else if matches!(worker.phase, Phase::Starting { .. }) {
            let is_single = pool.is_single();
            pool.trouble = None;
            pool.failures = pool.failures.on_ready();
            let worker = &mut pool.workers[at];
            worker.capacity = if is_single { 1 } else { capacity };
            worker.is_single = is_single;
            worker.room = Some(usize::MAX);
            worker.ready_since = Some(now);
            worker.phase = Phase::Ready {
                heard: now,
                busy: now,
            };
        }
    }

    pub(in crate::kind) fn on_explained(&mut self, number: Number) {
        if let Some(worker) = self.worker(number) {
            worker.is_explained = true;
        }
    }

    /// Has a worker end what it has that its place takes away. It is nobody's failure, whatever
    /// becomes of it.
    pub(in crate::kind) fn on_must_go(&mut self, number: Number, within: Duration, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.is_excused = true;
        let until = now + within;
        match &mut worker.phase {
            Phase::Ready { .. } => self.drain(number, within, now),
            Phase::Draining { until: due, .. } => *due = until.min(*due),
            Phase::Starting { .. } => self.end_expected(number, now),
            Phase::Ending { .. } => {}
        }
    }

    /// Gives a worker up of which nobody can say whether it goes on: its successor does not wait,
    /// and what it had is not over before it is seen to end.
    pub(in crate::kind) fn on_out_of_reach(&mut self, number: Number, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.is_excused = true;
        worker.room = None;
        let what = StreamEnd::Broken("its node is out of reach".into());
        worker.parted.get_or_insert((now, what));
        if !worker.is_ending() {
            self.end(number, None, now);
        }
    }

    pub(in crate::kind) fn on_alive(&mut self, number: Number, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.hear(now);
        }
    }

    pub(in crate::kind) fn on_memory(&mut self, number: Number, bytes: u64) {
        if let Some(worker) = self.worker(number) {
            worker.memory = Some(bytes);
            worker.is_measured = true;
        }
    }

    /// Takes what a worker says about its memory, where nobody measures it.
    pub(in crate::kind) fn on_memory_said(&mut self, number: Number, bytes: u64) {
        if let Some(worker) = self.worker(number)
            && !worker.is_measured
        {
            worker.memory = Some(bytes);
        }
    }

    pub(in crate::kind) fn on_last_words(&mut self, number: Number, words: String) {
        if let Some(worker) = self.worker(number) {
            worker.last_words = Some(words);
        }
    }

    /// Records the end of a worker's stream.
    pub(in crate::kind) fn on_parted(&mut self, number: Number, parting: StreamEnd, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.room = None;
        if let Some(parked) = &mut worker.parked
            && parting == StreamEnd::Closed
        {
            parked.has_left = true;
            return;
        }
        // A worker that was cut off would go on by itself.
        let is_wrong = matches!(parting, StreamEnd::Flood(_) | StreamEnd::Refused(_));
        worker.parted = Some((now, parting));
        if is_wrong {
            self.end(number, None, now);
        } else if !worker.is_ending() {
            worker.phase = Phase::Ending { since: now };
        }
        self.fail(number, now);
    }

    /// Records the end of a worker's process or container, or that it could not be started.
    pub(in crate::kind) fn on_ended(&mut self, number: Number, ended: Ended, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.is_excused |= matches!(ended, Ended::Exit(exit) if exit.is_of_place());
            worker.exited = Some((now, ended));
            if !worker.is_ending() {
                worker.phase = Phase::Ending { since: now };
            }
        }
        self.fail(number, now);
    }

    /// Drains a worker that says that it was told to end. Whether that was its place's doing is
    /// told by its end: a worker that says so for no reason is a failure like any other.
    pub(in crate::kind) fn on_leaving(&mut self, number: Number, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        if matches!(worker.phase, Phase::Ready { .. }) {
            self.finish(number, LEAVE_WITHIN, now);
        }
    }

    /// Makes a worker finish its tasks within this time; it gets no new ones.
    pub(in crate::kind) fn drain(&mut self, number: Number, within: Duration, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.is_expected = true;
            self.finish(number, within, now);
        }
    }

    fn finish(&mut self, number: Number, within: Duration, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.phase = Phase::Draining {
            until: now + within,
            heard: now,
        };
        let message = Message::Drain(v1::Drain {
            within_milliseconds: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        });
        self.send(number, message);
    }

    pub(super) fn kill(&mut self, number: Number, why: Why, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.is_expected |= !why.is_failure() && why != Why::Left;
            let problem = killed(&worker.ran_by, why);
            self.end(number, problem, now);
        }
        self.fail(number, now);
    }

    /// Ends a worker that answers attempts which it does not have.
    pub(super) fn end_mad(&mut self, number: Number, now: Instant) {
        if let Some(worker) = self.worker(number) {
            let message = format!(
                "the worker {} answered tasks that it does not have, and was cut off",
                worker.ran_by.worker
            );
            let flood = Problem::new("worker-flood", Cure::Bug, message);
            self.end(number, Some(flood), now);
            self.fail(number, now);
        }
    }

    /// Ends workers that were parked and did not return in time.
    pub(in crate::kind) fn end_late(&mut self, now: Instant) {
        let is_late = |worker: &&Worker| worker.parked.as_ref().is_some_and(|p| now >= p.until);
        let late: Vec<Number> = self.all().filter(is_late).map(|w| w.number).collect();
        for number in late {
            if let Some(worker) = self.worker(number) {
                worker.parked = None;
                let message = format!(
                    "the worker {} did not come back after the environment was replaced",
                    worker.ran_by.worker
                );
                let lost = Problem::new("worker-lost", Cure::Bug, message);
                self.end(number, Some(lost), now);
            }
            self.fail(number, now);
        }
    }

    /// Ends all workers: everything is given up.
    pub(in crate::kind) fn end_all(&mut self, now: Instant) {
        let live = self.all().filter(|worker| !worker.is_ending());
        let live: Vec<Number> = live.map(|worker| worker.number).collect();
        for number in live {
            self.end_expected(number, now);
        }
    }

    pub(super) fn end_expected(&mut self, number: Number, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.is_expected = true;
            self.end(number, None, now);
        }
    }

    /// Ends a worker now.
    fn end(&mut self, number: Number, cause: Option<Problem>, now: Instant) {
        if let Some(worker) = self.worker(number) {
            if worker.cause.is_none() {
                worker.cause = cause;
            }
            worker.phase = Phase::Ending { since: now };
            self.effects.kills.push(number);
        }
    }

    /// Counts the failure of a worker, unless it was asked to end.
    fn fail(&mut self, number: Number, now: Instant) {
        let backoff = self.backoff;
        if let Some((pool, at)) = self.find(number) {
            pool.fail(at, now, &backoff);
        }
    }

    /// Removes the workers from which nothing more can arrive, and describes each. One that is out
    /// of reach, but not seen to be gone, stays, and is reported again later.
    pub(in crate::kind) fn bury(&mut self, now: Instant) -> Vec<Lost> {
        let silent = self.all().filter(|worker| worker.is_silent(now));
        let silent: Vec<Number> = silent.map(|worker| worker.number).collect();
        let lost = silent.into_iter().filter_map(|number| {
            let lost = self.lose(number)?;
            self.fail(number, now);
            if let Some((pool, at)) = self.find(number)
                && pool.workers[at].exited.is_some()
            {
                log_end(&pool.workers.remove(at));
                self.effects.forgotten.push(number);
            }
            Some(lost)
        });
        let lost = lost.collect();
        for pool in &mut self.pools {
            pool.forgive(now, &self.backoff);
        }
        lost
    }

    /// Takes all attempts from a worker.
    fn lose(&mut self, number: Number) -> Option<Lost> {
        let worker = self.worker(number)?;
        worker.running = 0;
        worker.overdue = 0;
        let name = &worker.ran_by.worker;
        let what = match worker.is_expected {
            true => format!("the worker {name} had to end before it answered"),
            false => worker.end_problem().message.to_string(),
        };
        Some(Lost {
            number,
            ran_by: worker.ran_by.clone(),
            is_gone: worker.is_gone(),
            is_expected: worker.is_expected,
            what,
        })
    }

    /// Sends a message to a worker, if it has a stream.
    pub(in crate::kind) fn send(&mut self, worker: Number, message: Message) {
        if self.worker(worker).is_some_and(|w| w.room.is_some()) {
            self.effects.sends.push(Outgoing { worker, message });
        }
    }
}

/// Returns the name of a worker: the kind, as far as it fits, and a number.
fn worker_id(kind: &Kind, number: Number) -> WorkerId {
    let kind = kind.as_str();
    let kind = kind.get(..NAME_MAX - NUMBER_MAX).unwrap_or(kind);
    #[allow(clippy::expect_used, reason = "a name and a number make a name")]
    WorkerId::new(format!("{kind}-{}", number.0)).expect("a kind and a number make a name")
}

/// Logs that a worker has ended.
fn log_end(worker: &Worker) {
    let name = &worker.ran_by.worker;
    if worker.is_expected {
        tracing::debug!(worker = %name, "worker has ended");
    } else if worker.is_excused {
        let problem = worker.end_problem();
        tracing::info!(worker = %name, %problem, "worker was taken away");
    } else {
        let problem = worker.end_problem();
        tracing::warn!(worker = %name, %problem, "worker is lost");
    }
}
