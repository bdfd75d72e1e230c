//! From a worker's answer to the outcome.

use std::sync::Arc;

use utakata_interconnect::Event;
use utakata_model::{Class, OutcomeStatus, RanBy};

use super::{Moment, State};
use crate::{
    kind::attempts::{Attempt, Go},
    kind::{
        outcome,
        workers::{Ended, Ends},
    },
    worker::{Answer, Number, Report, WorkerEvent},
};

impl State {
    /// Applies a report of a worker. Returns true if it may change the plan.
    pub(in crate::kind) fn on_report(&mut self, report: Report, at: Moment) -> bool {
        let (number, now) = (report.worker, at.now);
        match report.event {
            WorkerEvent::Answers(answers) => {
                self.on_answers(number, answers, at);
                return false;
            }
            WorkerEvent::CanBegin(ready) => {
                self.on_can_begin(number, ready, at);
                return false;
            }
            WorkerEvent::Alive { memory } => {
                self.workers.on_alive(number, now);
                if let Some(bytes) = memory {
                    self.workers.on_memory_said(number, bytes);
                }
                return false;
            }
            WorkerEvent::Memory(bytes) => {
                self.workers.on_memory(number, bytes);
                return false;
            }
            WorkerEvent::LastWords(words) => {
                self.workers.on_last_words(number, words);
                return false;
            }
            WorkerEvent::Started(trace) => {
                self.workers.on_started(number, trace);
                return false;
            }
            WorkerEvent::Explained => {
                self.workers.on_explained(number);
                return false;
            }
            WorkerEvent::Leaving => self.workers.on_leaving(number, now),
            WorkerEvent::MustGo(within) => self.workers.on_must_go(number, within, now),
            WorkerEvent::OutOfReach => self.workers.on_out_of_reach(number, now),
            WorkerEvent::Ready {
                capacity, can_hold, ..
            } => self.workers.on_ready(number, capacity, can_hold, now),
            WorkerEvent::Parted(parting) => self.workers.on_parted(number, parting, now),
            WorkerEvent::NotStarted(problem) => {
                let ended = Ended::NotStarted(problem);
                self.workers.on_ended(number, ended, now);
            }
            WorkerEvent::Hindered(problem) => {
                let ended = Ended::Hindered(problem);
                self.workers.on_ended(number, ended, now);
            }
            WorkerEvent::Exited(exit) => self.workers.on_ended(number, Ended::Exit(exit), now),
        }
        true
    }

    fn on_answers(&mut self, number: Number, answers: Vec<Answer>, at: Moment) {
        let Some(ran_by) = self.workers.on_answers(number, at.now) else {
            return;
        };
        let mut ends = Ends::default();
        self.effects.outcomes.reserve(answers.len());
        for answer in answers {
            let Some(attempt) = self.attempts.end(answer.key, number) else {
                ends.strays += 1;
                continue;
            };
            ends.ended += 1;
            ends.overdue += u32::from(attempt.is_overdue);
            self.end_answered(attempt, answer, ran_by.clone(), at);
        }
        self.workers.on_ends(number, ends, at.now);
    }

    fn end_answered(&mut self, attempt: Attempt, answer: Answer, ran_by: RanBy, at: Moment) {
        if let Some(request) = self.shadows.end(attempt.task.key()) {
            self.on_shadow(&attempt.task, request, answer.as_read(), at);
            return;
        }
        if attempt.go == Go::Void {
            // It was reported as not begun, and its lane went on without it.
            return log_void(&attempt, &answer, &ran_by);
        }
        let class = attempt.task.class;
        if attempt.is_overdue && class == Class::Observe {
            // It has its outcome, and its lane went on without it.
            return;
        }
        let seen = at.now.saturating_duration_since(attempt.begun);
        let ran = outcome::believable(answer.ran, seen);
        let is_repeated =
            !attempt.is_adopted && self.repeat_read(&attempt.task, &answer, &ran_by, ran, at);
        if !is_repeated {
            self.lanes.release(&attempt.task.target.name, class);
        }
        let (outcome, readings) = outcome::answered(attempt, answer.end, ran_by, ran, at.clock);
        let readings = readings.map(|readings| Event::Readings(Arc::new(readings)));
        self.effects.readings.extend(readings);
        self.tell(outcome, at.now);
    }
}

/// Logs a worker's answer to an attempt that never had a go: it has not begun it, if it follows the
/// protocol.
fn log_void(attempt: &Attempt, answer: &Answer, ran_by: &RanBy) {
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
