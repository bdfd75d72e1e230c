//! From a worker to the outcome.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Event;
use utakata_model::{Class, Cure, OutcomeStatus, Problem};

use super::State;
use crate::{
    kind::{outcome, pool::Ended},
    manager::plan::Phase,
    pool::attempts::{Attempt, Go},
    worker::{Answer, Line, Number, Parting, Report, Said},
};

/// Answers to attempts that a worker does not have, after which it is taken for mad.
const STRAYS_MOST: u32 = 100;

impl State {
    /// Something was heard of a worker. Whether that may change what is to be planned.
    pub(in crate::kind) fn on_report(
        &mut self,
        report: Report,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        let number = report.worker;
        match report.said {
            Said::Answers(answers) => {
                self.on_answers(number, answers, now, clock);
                return false;
            }
            Said::CanBegin(ready) => {
                self.on_can_begin(number, ready, now, clock);
                return false;
            }
            Said::Alive => {
                if let Some(worker) = self.worker(number) {
                    worker.hear(now);
                }
                return false;
            }
            Said::Memory(bytes) => {
                if let Some(worker) = self.worker(number) {
                    worker.memory = Some(bytes);
                }
                return false;
            }
            Said::LastWords(words) => {
                if let Some(worker) = self.worker(number) {
                    worker.last_words = Some(words);
                }
                return false;
            }
            Said::Started(trace) => {
                if let Some(worker) = self.worker(number) {
                    worker.trace = Some(trace);
                }
                return false;
            }
            Said::Ready {
                capacity,
                can_hold,
                to,
            } => {
                if let Some(worker) = self.worker(number) {
                    worker.can_hold = can_hold;
                }
                if !self.on_return(number, &to, now) {
                    self.on_ready(number, capacity, to, now);
                }
            }
            Said::Parted(parting) => self.on_parted(number, parting, now),
            Said::NotStarted(problem) => self.on_ended(number, Ended::NotStarted(problem), now),
            Said::Hindered(problem) => self.on_ended(number, Ended::Hindered(problem), now),
            Said::Exited(exit) => self.on_ended(number, Ended::Exit(exit), now),
        }
        true
    }

    fn on_ready(&mut self, number: Number, capacity: u32, line: Line, now: Instant) {
        if let Some((pool, at)) = self.find(number)
            && matches!(pool.workers[at].phase, Phase::Starting { .. })
        {
            let is_single = pool.is_single();
            pool.trouble = None;
            pool.failures = pool.failures.on_ready();
            let worker = &mut pool.workers[at];
            worker.capacity = if is_single { 1 } else { capacity };
            worker.is_single = is_single;
            worker.line = Some(line);
            worker.ready_since = Some(now);
            worker.phase = Phase::Ready {
                heard: now,
                busy: now,
            };
        }
    }

    fn on_parted(&mut self, number: Number, parting: Parting, now: Instant) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.line = None;
        if let Some(parked) = &mut worker.parked
            && parting == Parting::Closed
        {
            parked.has_left = true;
            return;
        }
        // A worker that was cut off would go on by itself.
        let is_wrong = matches!(parting, Parting::Flood(_) | Parting::Refused(_));
        worker.parted = Some((now, parting));
        if is_wrong {
            worker.end(now, None);
        } else if !matches!(worker.phase, Phase::Ending { .. }) {
            worker.phase = Phase::Ending { since: now };
        }
        self.fail(number, now);
    }

    fn on_ended(&mut self, number: Number, ended: Ended, now: Instant) {
        if let Some(worker) = self.worker(number) {
            worker.exited = Some((now, ended));
            if !matches!(worker.phase, Phase::Ending { .. }) {
                worker.phase = Phase::Ending { since: now };
            }
        }
        self.fail(number, now);
    }

    fn on_answers(&mut self, number: Number, answers: Vec<Answer>, now: Instant, clock: Timestamp) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.hear(now);
        worker.be_busy(now);
        let ran_by = worker.ran_by.clone();
        let (mut ended, mut overdue, mut strays) = (0, 0, 0);
        self.effects.outcomes.reserve(answers.len());
        for answer in answers {
            let Some(attempt) = self.attempts.end(answer.key, number) else {
                strays += 1;
                continue;
            };
            ended += 1;
            overdue += u32::from(attempt.is_overdue);
            self.end_answered(attempt, answer, ran_by.clone(), now, clock);
        }
        let Some(worker) = self.worker(number) else {
            return;
        };
        worker.running = worker.running.saturating_sub(ended);
        worker.overdue = worker.overdue.saturating_sub(overdue);
        worker.strays = worker.strays.saturating_add(strays);
        if worker.strays > STRAYS_MOST {
            let message = format!(
                "the worker {} answered tasks that it does not have, and was cut off",
                worker.ran_by.worker
            );
            let flood = Problem::new("worker-flood", Cure::Bug, message);
            worker.end(now, Some(flood));
            self.fail(number, now);
        }
    }

    fn end_answered(
        &mut self,
        attempt: Attempt,
        answer: Answer,
        ran_by: utakata_model::RanBy,
        now: Instant,
        clock: Timestamp,
    ) {
        if let Some(asked) = self.take_shadow(attempt.task.key()) {
            self.on_shadow(&attempt.task, asked, answer.as_read(), now, clock);
            return;
        }
        if attempt.go == Go::Void {
            // That it did not begin is told, and its lane went on without it.
            return end_void(&attempt, &answer, &ran_by);
        }
        let class = attempt.task.class;
        if attempt.is_overdue && class == Class::Observe {
            // It has its outcome, and its lane went on without it.
            return;
        }
        let seen = now.saturating_duration_since(attempt.begun);
        let ran = outcome::believable(answer.ran, seen);
        let is_repeated = !attempt.is_adopted
            && self.repeat_read(&attempt.task, &answer, &ran_by, ran, now, clock);
        if !is_repeated {
            self.lanes.release(&attempt.task.target.name, class);
        }
        let (outcome, readings) = outcome::answered(attempt, answer.end, ran_by, ran, clock);
        let readings = readings.map(|readings| Event::Readings(Arc::new(readings)));
        self.effects.readings.extend(readings);
        self.tell(outcome, now);
    }
}

/// A worker answers an attempt that never had a go: it has not begun it, if it keeps to the
/// protocol.
fn end_void(attempt: &Attempt, answer: &Answer, ran_by: &utakata_model::RanBy) {
    let status = answer.end.as_ref().map(|end| end.status);
    let has_begun = !matches!(
        status,
        Ok(OutcomeStatus::Cancelled | OutcomeStatus::Expired | OutcomeStatus::Failed)
    );
    if has_begun {
        let (worker, attempt) = (&ran_by.worker, attempt.task.key());
        tracing::error!(%worker, %attempt, "a worker began control without a go: replace it");
    }
}
