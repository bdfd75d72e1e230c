//! What happens by time alone, and what is planned about workers.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, OutcomeStatus, Stop};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Send, State, go::unbegun};
use crate::{
    kind::{
        outcome,
        pool::{Pool, Worker, killed},
    },
    manager::plan::{self, Action, Phase, Why},
    pool::attempts::{Attempt, Go},
    worker::Number,
};

/// How long a drained worker has to be gone when it has answered everything.
const GONE_WITHIN: Duration = Duration::from_secs(2);

impl State {
    /// Looks at deadlines, at the ends of workers, and at what is desired of the pools.
    pub(in crate::kind) fn upkeep(&mut self, now: Instant, clock: Timestamp) {
        for waiting in self.lanes.take_expired(now) {
            let problem = self.common.expired.clone();
            self.end_waiting(waiting, OutcomeStatus::Expired, problem, now, clock);
        }
        self.end_late_go(now, clock);
        self.end_overdue(now, clock);
        self.bury(now, clock);
        self.give_up(now);
        if self.is_held() {
            self.hand_over(now, clock);
        }
        self.end_lost(now);
        if self.is_going_over() {
            self.advance_hold(now, clock);
            return;
        }
        self.watch_idle_and_busy(now);
        self.used_since = None;
        self.advance(now, clock);
        let mut observed = self.observed(now);
        self.watch_demand(&observed, now);
        self.ask_for_places(&mut observed, now);
        for action in plan::plan(&observed, &self.times, now).into_iter().rev() {
            self.act(action, now);
        }
        self.places.tell(&self.kind, self.there());
    }

    /// Answers for workers that have not, and tells them to stop.
    fn end_overdue(&mut self, now: Instant, clock: Timestamp) {
        let copy = |attempt: &Attempt| Attempt {
            task: attempt.task.clone(),
            ..*attempt
        };
        let late = self.attempts.mark_overdue(now);
        let late: Vec<Attempt> = late.into_iter().map(copy).collect();
        for attempt in late {
            let class = attempt.task.class;
            let target = attempt.task.target.name.clone();
            let Some(worker) = self.worker(attempt.worker) else {
                continue;
            };
            worker.overdue += 1;
            if matches!(attempt.go, Go::Awaited | Go::Void) {
                self.end_late(vec![attempt.task.key()], now, clock);
                continue;
            }
            let what = format!(
                "the worker {} gave no answer within {} and the time it has to say so",
                worker.ran_by.worker,
                utakata_model::duration::format(attempt.task.timeout)
            );
            let cancel = v1::Cancel {
                tasks: vec![attempt.task.key().into()],
            };
            let ran_by = worker.ran_by.clone();
            let line = worker.line.clone();
            self.effects.sends.extend(line.map(|line| Send {
                worker: attempt.worker,
                line,
                message: Message::Cancel(cancel),
            }));
            if let Some(asked) = self.take_shadow(attempt.task.key()) {
                self.lose_shadow(&attempt.task, asked, "deadline");
                continue;
            }
            let problem = outcome::unanswered_problem(class, "deadline", &what);
            let status = outcome::unanswered(class);
            let ran = now.saturating_duration_since(attempt.begun);
            let outcome = outcome::begun(&attempt, status, Some(problem), ran_by, ran, clock);
            self.tell(outcome, now);
            if class == Class::Observe {
                // Control keeps its lane until the worker says or is gone: one writer only.
                self.lanes.release(&target, class);
            }
        }
    }

    /// Settles what workers had of which nothing more can come, and forgets those that ended.
    fn bury(&mut self, now: Instant, clock: Timestamp) {
        let all = self.pools.iter().flat_map(|pool| &pool.workers);
        let silent: Vec<Number> = all
            .filter(|worker| worker.is_silent(now))
            .map(|worker| worker.number)
            .collect();
        for number in silent {
            self.settle(number, now, clock);
            self.fail(number, now);
            if let Some((pool, at)) = self.find(number)
                && pool.workers[at].exited.is_some()
            {
                let worker = pool.workers.remove(at);
                tell(&worker);
            }
        }
        for pool in &mut self.pools {
            let lived = pool.workers.iter().filter_map(|worker| worker.ready_since);
            let longest = lived
                .map(|since| now.saturating_duration_since(since))
                .max();
            let longest = longest.unwrap_or_default();
            pool.failures = pool.failures.on_life(longest, &self.backoff);
        }
    }

    /// The worker is lost: what it had ends.
    fn settle(&mut self, number: Number, now: Instant, clock: Timestamp) {
        let mut attempts = self.attempts.end_all(number);
        attempts.retain(|attempt| {
            let asked = self.take_shadow(attempt.task.key());
            let is_shadow = asked.is_some();
            if let Some(asked) = asked {
                self.lose_shadow(&attempt.task, asked, "worker-lost");
            }
            !is_shadow
        });
        self.prove(number, now);
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.running = 0;
        worker.overdue = 0;
        if attempts.is_empty() {
            return;
        }
        let is_gone = worker.exited.is_some();
        let ran_by = worker.ran_by.clone();
        let mut what = worker.end_problem().message.to_string();
        if worker.is_expected {
            what = format!("the worker {} had to end before it answered", ran_by.worker);
            self.given_up += attempts.len();
        }
        let repeats_by = self.repeats_by(number);
        for attempt in attempts {
            let class = attempt.task.class;
            if attempt.go == Go::Void || (attempt.is_overdue && class == Class::Observe) {
                continue;
            }
            if attempt.go == Go::Awaited {
                self.lanes.release(&attempt.task.target.name, class);
                let problem = outcome::never_begun(&what);
                self.tell(unbegun(&attempt, problem, now, clock), now);
                continue;
            }
            if !attempt.is_overdue
                && attempt.may_repeat()
                && let Some(stable) = &repeats_by
            {
                self.give_to(stable, &attempt, &ran_by, now, clock);
                continue;
            }
            self.lanes.release(&attempt.task.target.name, class);
            let status = outcome::unanswered(class);
            let problem = outcome::unanswered_problem(class, "worker-lost", &what);
            let ran = now.saturating_duration_since(attempt.begun);
            let ran_by = ran_by.clone();
            let outcome = outcome::begun(&attempt, status, Some(problem), ran_by, ran, clock);
            if is_gone {
                self.tell(outcome::seen_to_end(outcome), now);
                continue;
            }
            if class == Class::Control {
                // It is out of reach, and may go on: that it is gone is told when it is.
                self.unproven.push((number, outcome.clone()));
            }
            if !attempt.is_overdue {
                self.tell(outcome, now);
            }
        }
    }

    /// What a worker had that was out of reach is over when it is gone.
    fn prove(&mut self, number: Number, now: Instant) {
        if self
            .worker(number)
            .is_none_or(|worker| worker.exited.is_none())
        {
            return;
        }
        let its = self.unproven.extract_if(.., |(of, _)| *of == number);
        for (_, outcome) in its.collect::<Vec<_>>() {
            self.tell(outcome::seen_to_end(outcome), now);
        }
    }

    /// Past the deadline of a drain everything is ended.
    fn give_up(&mut self, now: Instant) {
        if self.give_up_at.is_none_or(|at| now < at) {
            return;
        }
        for worker in self.pools.iter_mut().flat_map(|pool| &mut pool.workers) {
            if !matches!(worker.phase, Phase::Ending { .. }) {
                worker.is_expected = true;
                worker.end(now, None);
            }
        }
    }

    fn watch_idle_and_busy(&mut self, now: Instant) {
        for worker in self.pools.iter_mut().flat_map(|pool| &mut pool.workers) {
            if worker.running > 0 {
                worker.be_busy(now);
            } else if let Phase::Draining { until, .. } = &mut worker.phase {
                // It has nothing left to do but to go.
                *until = (*until).min(now + GONE_WITHIN);
            }
        }
    }

    /// Remembers how many workers are needed now.
    fn watch_demand(&mut self, observed: &[plan::Pool], now: Instant) {
        for (pool, observed) in self.pools.iter_mut().zip(observed) {
            pool.demand
                .on(observed.demand(&self.times), now, self.warm_for);
        }
    }

    fn observed(&self, now: Instant) -> Vec<plan::Pool> {
        let wait = |at: usize, pin: Option<&str>| -> Option<Duration> {
            let observe = self.lanes.ready_since(Class::Observe, pin);
            // Where workers have room, control waits for permits and not for workers.
            let is_full = self.pools[at].room().0 <= self.reserved(at);
            let control = self.lanes.ready_since(Class::Control, pin);
            let control = control.filter(|_| is_full || self.without_permits);
            let since = observe.into_iter().chain(control).min()?;
            Some(now.saturating_duration_since(since))
        };
        let observed = |(at, pool): (usize, &Pool)| {
            let facts = pool.facts();
            let wait = |pin| wait(at, pin).filter(|_| !facts.is_stopped);
            let pinned = wait(Some(facts.version));
            let active = wait(None).filter(|_| facts.is_active);
            let is_drained = [self.stop, pool.stop].contains(&Some(Stop::Drain));
            let queued = if active.is_some() {
                self.lanes.ready()
            } else {
                0
            };
            pool.observed(pinned.max(active), queued, is_drained)
        };
        self.pools.iter().enumerate().map(observed).collect()
    }

    fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Start { pool } => self.start(pool, now),
            Action::Close { pool } => {
                self.pools.remove(pool);
            }
            Action::Kill { worker, why } => self.kill(worker, why, now),
            Action::Drain { worker, within } => self.drain(worker, within, now),
        }
    }

    fn kill(&mut self, number: Number, why: Why, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.is_expected |= !why.is_failure() && why != Why::Left;
            let problem = killed(&worker.ran_by, why);
            worker.end(now, problem);
        }
        self.fail(number, now);
    }

    pub(super) fn drain(&mut self, number: Number, within: Duration, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.is_expected = true;
        worker.phase = Phase::Draining {
            until: now + within,
            heard: now,
        };
        let message = Message::Drain(v1::Drain {
            within_milliseconds: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        });
        let line = worker.line.clone();
        self.effects.sends.extend(line.map(|line| Send {
            worker: number,
            line,
            message,
        }));
    }
}

/// Says, for people, that a worker has ended.
fn tell(worker: &Worker) {
    let name = &worker.ran_by.worker;
    if worker.is_expected {
        tracing::debug!(worker = %name, "worker has ended");
    } else {
        let problem = worker.end_problem();
        tracing::warn!(worker = %name, %problem, "worker is lost");
    }
}
