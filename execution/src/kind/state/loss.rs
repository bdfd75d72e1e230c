//! The fate of attempts that nobody answers: they are overdue, or their worker is lost.

use std::sync::Arc;

use utakata_model::{Class, OutcomeStatus, RanBy};

use super::{Moment, State, go::unbegun};
use crate::{
    kind::{
        attempts::{Attempt, Go},
        lanes::Waiting,
    },
    kind::{outcome, workers::Lost},
};

impl State {
    /// Answers for workers that have not answered, and tells them to stop.
    pub(super) fn end_overdue(&mut self, at: Moment) {
        let copy = |attempt: &Attempt| Attempt {
            task: attempt.task.clone(),
            ..*attempt
        };
        let late = self.attempts.mark_overdue(at.now);
        let late: Vec<Attempt> = late.into_iter().map(copy).collect();
        for attempt in late {
            let class = attempt.task.class;
            let Some(ran_by) = self.workers.on_overdue(attempt.worker) else {
                let key = attempt.task.key();
                utakata_invariant::broken("an attempt that is overdue has no worker", &key);
                continue;
            };
            if matches!(attempt.go, Go::Awaited | Go::Void) {
                self.end_late(vec![attempt.task.key()], at);
                continue;
            }
            self.cancel(attempt.worker, &[attempt.task.key()]);
            if let Some(request) = self.shadows.end(attempt.task.key()) {
                self.lose_shadow(&attempt.task, &request, "deadline");
                continue;
            }
            let what = format!(
                "the worker {} gave no answer within {} and the time allowed for reporting",
                ran_by.worker,
                utakata_model::duration::format(attempt.task.timeout)
            );
            let problem = outcome::unanswered_problem(class, "deadline", &what);
            let status = outcome::unanswered(class);
            let ran = at.now.saturating_duration_since(attempt.begun);
            let outcome = outcome::begun(&attempt, status, Some(problem), ran_by, ran, at.clock);
            self.tell(outcome, at.now);
            if class == Class::Observe {
                // Control keeps its lane until the worker says so or is gone: one writer only.
                self.lanes.release(&attempt.task.target.name, class);
            }
        }
    }

    /// Ends everything that a lost worker had.
    pub(super) fn settle(&mut self, lost: &Lost, at: Moment) {
        let mut attempts = self.attempts.end_all(lost.number);
        attempts.retain(|attempt| {
            let request = self.shadows.end(attempt.task.key());
            if let Some(request) = &request {
                self.lose_shadow(&attempt.task, request, "worker-lost");
            }
            request.is_none()
        });
        if lost.is_gone {
            for outcome in self.unproven.prove(lost.number) {
                self.tell(outcome, at.now);
            }
        }
        if attempts.is_empty() {
            return;
        }
        if lost.is_expected {
            self.given_up += attempts.len();
        }
        let repeats_by = self.repeats_by(&lost.ran_by);
        for attempt in attempts {
            self.settle_one(&attempt, lost, repeats_by.as_ref(), at);
        }
    }

    fn settle_one(
        &mut self,
        attempt: &Attempt,
        lost: &Lost,
        repeats_by: Option<&Arc<str>>,
        at: Moment,
    ) {
        let class = attempt.task.class;
        if attempt.go == Go::Void || (attempt.is_overdue && class == Class::Observe) {
            return;
        }
        if attempt.go == Go::Awaited {
            self.lanes.release(&attempt.task.target.name, class);
            let problem = outcome::never_begun(&lost.what);
            self.tell(unbegun(attempt, problem, at), at.now);
            return;
        }
        if !attempt.is_overdue
            && attempt.may_repeat()
            && let Some(stable) = repeats_by
        {
            self.give_to(stable, attempt, &lost.ran_by, at);
            return;
        }
        self.lanes.release(&attempt.task.target.name, class);
        let status = outcome::unanswered(class);
        let problem = outcome::unanswered_problem(class, "worker-lost", &lost.what);
        let ran = at.now.saturating_duration_since(attempt.begun);
        let ran_by = lost.ran_by.clone();
        let outcome = outcome::begun(attempt, status, Some(problem), ran_by, ran, at.clock);
        if lost.is_gone {
            self.tell(outcome::seen_to_end(outcome), at.now);
            return;
        }
        if class == Class::Control {
            // It is out of reach, and may go on: its end is reported when it is seen.
            self.unproven.add(lost.number, outcome.clone());
        }
        if !attempt.is_overdue {
            self.tell(outcome, at.now);
        }
    }

    /// Returns the version that repeats the reads of a lost worker: that of the stable release if
    /// the worker was a candidate's, so that no read is missed because of a trial. Control is
    /// unknown, as always.
    fn repeats_by(&self, lost: &RanBy) -> Option<Arc<str>> {
        let stable = self.workers.stable()?;
        let candidate = self.workers.candidate(self.rollout.candidate()?)?;
        let is_of_candidate = self.workers.is_of(candidate, &lost.release.digest);
        let version = |pool| self.workers.version_of(pool);
        let is_other = version(stable) != version(candidate);
        let repeats =
            is_of_candidate && is_other && !self.rollout.is_done() && !self.takes_nothing();
        repeats.then(|| version(stable).clone())
    }

    /// Makes the read wait again, before all others of its target and for this version: it is
    /// repeated once, whatever happens. The candidate's failure counts.
    fn give_to(&mut self, version: &Arc<str>, attempt: &Attempt, ran_by: &RanBy, at: Moment) {
        let since = attempt.begun.checked_sub(attempt.waited);
        let mut waiting = Waiting {
            since: since.unwrap_or(attempt.begun),
            task: attempt.task.clone(),
            tag: None,
            expires: attempt.expires,
        };
        Arc::make_mut(&mut waiting.task.target).pin = Some(version.to_string());
        let problem = outcome::unanswered_problem(Class::Observe, "worker-lost", "it is repeated");
        let ran = at.now.saturating_duration_since(attempt.begun);
        let (status, ran_by) = (OutcomeStatus::Failed, ran_by.clone());
        let failed = outcome::begun(attempt, status, Some(problem), ran_by, ran, at.clock);
        self.rollout.on_outcome(&failed, at.now);
        self.lanes.put_back(waiting);
    }
}
