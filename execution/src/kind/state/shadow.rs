//! Reads that are repeated to compare a candidate with the stable release: from an answer to the
//! next question, and to the comparison.

use std::time::Duration;

use utakata_invariant as invariant;
use utakata_model::{Class, RanBy, RolloutId, Task};
use utakata_rollout::{
    RolloutRun,
    compare::{Mismatch, ReadAnswer, RepeatedRead},
};

use super::{Moment, State};
use crate::{
    kind::attempts::{Attempt, Go},
    kind::shadows::{self, Conclusion},
    worker::{Answer, Number},
};

impl State {
    /// Makes the candidate repeat a read that the stable release has answered, if it is to be
    /// compared. The conversation with its target continues.
    pub(super) fn repeat_read(
        &mut self,
        task: &Task,
        answer: &Answer,
        ran_by: &RanBy,
        ran: Duration,
        at: Moment,
    ) -> bool {
        let Some(rollout) = self.rollout.wants_shadow() else {
            return false;
        };
        let is_read = task.class == Class::Observe && task.target.pin.is_none();
        if !is_read || !self.shadows.has_room() || self.takes_nothing() {
            return false;
        }
        let stable = self.workers.stable();
        let is_stable = stable.is_some_and(|at| self.workers.is_of(at, &ran_by.release.digest));
        // A target that does not answer is not asked again in vain.
        if !is_stable || self.silences.is_silence(&answer.end) {
            return false;
        }
        let candidate = self.rollout.candidate();
        let candidate = candidate.and_then(|digest| self.workers.candidate(digest));
        let request = RepeatedRead {
            rollout,
            before: answer.as_read(),
            candidate: None,
        };
        let timeout = RolloutRun::repeat_timeout(ran, task.timeout);
        self.ask_once_more(candidate, task, request, timeout, at)
    }

    /// Gives a read that nobody has requested to a pool, in the conversation that has just ended.
    /// Returns true if that is possible.
    fn ask_once_more(
        &mut self,
        pool: Option<usize>,
        task: &Task,
        request: RepeatedRead,
        timeout: Duration,
        at: Moment,
    ) -> bool {
        let worker = pool.and_then(|pool| Some((pool, self.workers.worker_of(pool)?)));
        let Some(worker) = worker else {
            return false;
        };
        // What only reads in one release may act in another.
        if self.misfit(worker.0, task).is_some() || !self.lanes.prolong(&task.target.name, at.now) {
            return false;
        }
        let task = self.shadows.begin(task, request, timeout, at.clock);
        self.begin_shadow(worker, task, at);
        true
    }

    fn begin_shadow(&mut self, (pool, number): (usize, Number), task: Task, at: Moment) {
        if !self.workers.give_aside(pool, number, &task, at.now) {
            invariant::broken("a worker that was just chosen has gone", &number.0);
            self.shadows.end(task.key());
            return self.lanes.release(&task.target.name, Class::Observe);
        }
        self.attempts.begin(Attempt {
            go: Go::Needless,
            expires: at.now + task.timeout,
            task,
            permit: None,
            worker: number,
            waited: Duration::ZERO,
            begun: at.now,
            is_overdue: false,
            is_adopted: false,
        });
    }

    /// Judges the answer to a repeated read.
    pub(super) fn on_shadow(
        &mut self,
        task: &Task,
        request: RepeatedRead,
        seen: ReadAnswer,
        at: Moment,
    ) {
        let rollout = request.rollout;
        match shadows::judge(request, seen, self.rollout.tolerance()) {
            Conclusion::Compared(mismatches) => self.on_compared(task, rollout, mismatches),
            Conclusion::Again(again, mismatches) => {
                let stable = self.workers.stable().filter(|_| !self.takes_nothing());
                if !self.ask_once_more(stable, task, again, task.timeout, at) {
                    self.on_compared(task, rollout, mismatches);
                }
            }
            Conclusion::Changed => self.lanes.release(&task.target.name, Class::Observe),
        }
    }

    /// Judges a repeated read whose worker is gone, or does not answer in time.
    pub(super) fn lose_shadow(&mut self, task: &Task, request: &RepeatedRead, code: &str) {
        let mismatches = shadows::judge_lost(request, code, self.rollout.tolerance());
        self.on_compared(task, request.rollout, mismatches);
    }

    fn on_compared(&mut self, task: &Task, rollout: RolloutId, mismatches: Vec<Mismatch>) {
        self.lanes.release(&task.target.name, Class::Observe);
        self.rollout.on_compared(rollout, mismatches);
    }
}
