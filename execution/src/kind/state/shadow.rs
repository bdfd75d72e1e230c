//! Reads that a candidate repeats right after the stable release, on the same target and in the
//! same conversation: a device is never asked more at a time than it bears. Nothing of it is
//! published.
//!
//! ```text
//! stable answers ─► candidate asked ─► agrees: compared
//!    (published)          └► differs: stable asked once more ─► compared with both
//! ```

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, OutcomeStatus, Problem, RanBy, RolloutId, Task, TaskId, TaskKey};
use utakata_protocol::v1;
use utakata_rollout::{
    RolloutRun,
    compare::{Mismatch, ReadAnswer, RepeatedRead, compare},
};

use super::State;
use crate::{
    pool::attempts::{Attempt, Go},
    worker::{Answer, Number},
};

/// Reads that are repeated at a time.
const AT_A_TIME: usize = 16;

impl State {
    /// Has the candidate repeat a read that the stable release has answered, if it is to be
    /// compared. The conversation with its target goes on then.
    pub(super) fn repeat_read(
        &mut self,
        task: &Task,
        answer: &Answer,
        ran_by: &RanBy,
        ran: Duration,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        let Some(way) = &self.way else {
            return false;
        };
        let is_read = task.class == Class::Observe && task.target.pin.is_none();
        let has_room = self.shadows.len() < AT_A_TIME && !self.takes_nothing();
        if !is_read || !way.wants_repeated_reads() || !has_room {
            return false;
        }
        let rollout = way.id();
        let is_stable = |digest| self.stable().is_some_and(|at| self.is_at(at, digest));
        if !is_stable(&ran_by.release.digest) || self.is_silence(answer) {
            return false;
        }
        let worker = self
            .candidate()
            .and_then(|at| Some((at, self.worker_of(at)?)));
        let Some((at, worker)) = worker else {
            return false;
        };
        if !self.lanes.prolong(&task.target.name, now) {
            return false;
        }
        let asked = RepeatedRead {
            rollout,
            before: answer.as_read(),
            candidate: None,
        };
        let timeout = RolloutRun::repeat_timeout(ran, task.timeout);
        self.ask_shadow(at, worker, task.clone(), timeout, asked, now, clock);
        true
    }

    /// A target that does not answer is not asked once more for nothing.
    fn is_silence(&self, answer: &Answer) -> bool {
        let code = |problem: &Problem| self.silences.iter().any(|code| **code == *problem.code);
        match &answer.end {
            Ok(end) if end.status == OutcomeStatus::Succeeded => false,
            Ok(end) => end.problem.as_ref().is_some_and(code),
            Err(_) => true,
        }
    }

    /// Gives a worker a read that nobody has asked for.
    #[allow(
        clippy::too_many_arguments,
        reason = "one worker, one read, two clocks: nothing of it belongs together elsewhere"
    )]
    fn ask_shadow(
        &mut self,
        pool: usize,
        number: Number,
        task: Task,
        timeout: Duration,
        asked: RepeatedRead,
        now: Instant,
        clock: Timestamp,
    ) {
        let task = Task {
            id: TaskId::generate(),
            attempt: 1,
            expires: clock.checked_add(timeout).unwrap_or(task.expires),
            timeout,
            ..task
        };
        let workers = &mut self.pools[pool].workers;
        let Some(worker) = workers.iter_mut().find(|w| w.number == number) else {
            return self.lanes.release(&task.target.name, Class::Observe);
        };
        worker.running += 1;
        worker.be_busy(now);
        worker.batch.push(v1::Task::from(&task));
        self.shadows.insert(task.key(), asked);
        self.attempts.begin(Attempt {
            go: Go::Needless,
            task,
            permit: None,
            worker: number,
            waited: Duration::ZERO,
            begun: now,
            expires: now + timeout,
            is_overdue: false,
            is_adopted: false,
        });
    }

    /// The read that was made up as this attempt, if it was: nobody waits for its outcome.
    pub(super) fn take_shadow(&mut self, key: TaskKey) -> Option<RepeatedRead> {
        self.shadows.remove(&key)
    }

    /// A repeated read was answered, or will not be.
    pub(super) fn on_shadow(
        &mut self,
        task: &Task,
        asked: RepeatedRead,
        said: ReadAnswer,
        now: Instant,
        clock: Timestamp,
    ) {
        let RepeatedRead {
            rollout,
            before,
            candidate,
        } = asked;
        let tolerance = self.tolerance();
        let Some(candidate) = candidate else {
            let differs = compare(&before, &said, None, tolerance);
            if differs.is_empty() {
                return self.compared(task, rollout, differs);
            }
            let again = RepeatedRead {
                rollout,
                before,
                candidate: Some(said),
            };
            if !self.ask_stable(task, again, now, clock) {
                self.compared(task, rollout, differs);
            }
            return;
        };
        if said.ended_as(&before) {
            let differs = compare(&before, &candidate, Some(&said), tolerance);
            self.compared(task, rollout, differs);
        } else {
            // The target itself has changed: that says nothing of the candidate.
            self.lanes.release(&task.target.name, Class::Observe);
        }
    }

    /// Asks the stable release once more, after the candidate. Whether that can be.
    fn ask_stable(
        &mut self,
        task: &Task,
        asked: RepeatedRead,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        let worker = self.stable().and_then(|at| Some((at, self.worker_of(at)?)));
        let Some((at, worker)) = worker.filter(|_| !self.takes_nothing()) else {
            return false;
        };
        if !self.lanes.prolong(&task.target.name, now) {
            return false;
        }
        self.ask_shadow(at, worker, task.clone(), task.timeout, asked, now, clock);
        true
    }

    fn compared(&mut self, task: &Task, rollout: RolloutId, differs: Vec<Mismatch>) {
        self.lanes.release(&task.target.name, Class::Observe);
        if let Some(way) = self.way.as_mut().filter(|way| way.id() == rollout) {
            way.on_compared(differs);
        }
    }

    /// Whoever had a repeated read is gone, or gives no answer in time: of the candidate that
    /// is an answer like any other; of the stable release, it says nothing.
    pub(super) fn lose_shadow(&mut self, task: &Task, asked: RepeatedRead, code: &str) {
        let differs = match asked.candidate {
            None => compare(&asked.before, &ReadAnswer::failed(code), None, 0.0),
            Some(candidate) => compare(&asked.before, &candidate, None, self.tolerance()),
        };
        self.compared(task, asked.rollout, differs);
    }

    fn tolerance(&self) -> f64 {
        self.way.as_ref().map_or(0.0, RolloutRun::tolerance)
    }
}
