//! The sweep: it makes sure that every dispatched task ends, if need be without an outcome.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Event, OutcomeBatch};
use utakata_model::{Cure, Outcome, OutcomeStatus, Problem, TaskId, TaskKey, outcome::Timings};

use super::{Batch, Dispatch, NewRead, OutcomeRef, pending::PendingRead};

const INTERVAL: Duration = Duration::from_millis(250);

impl Dispatch {
    /// Ends overdue reads, until it is cancelled.
    pub async fn sweep(&self, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let overdue = self.pending.lock().overdue(Instant::now());
            let (status, problem) = no_answer();
            self.end_without_outcome(overdue, status, &problem);
        }
    }

    /// Ends tasks as failed without dispatching them.
    pub fn refuse(&self, batch: &Arc<Batch>, made: Vec<NewRead>, problem: &Problem) {
        let entries = made.into_iter().map(|made| {
            let entry = PendingRead {
                batch: Arc::clone(batch),
                known: made.known,
                slot: made.slot,
                readings: None,
            };
            (made.id, entry)
        });
        self.end_without_outcome(entries.collect(), OutcomeStatus::Failed, problem);
    }

    /// Ends certain tasks, if they are under way.
    pub(super) fn give_up(&self, keys: &[TaskKey], status: OutcomeStatus, problem: &Problem) {
        let entries: Vec<(TaskId, PendingRead)> = {
            let mut pending = self.pending.lock();
            let found = |key: &TaskKey| Some((key.task, pending.remove(key.task)?));
            keys.iter().filter_map(found).collect()
        };
        self.end_without_outcome(entries, status, problem);
    }

    /// Ends reads without an outcome from an environment.
    fn end_without_outcome(
        &self,
        entries: Vec<(TaskId, PendingRead)>,
        status: OutcomeStatus,
        problem: &Problem,
    ) {
        let mut observed = Vec::with_capacity(entries.len());
        for (id, entry) in entries {
            let outcome = Arc::new(without_answer(id, &entry, status, problem.clone()));
            self.tell(Event::Outcomes(Arc::new(OutcomeBatch {
                zone: entry.known.target.zone.clone(),
                kind: entry.known.target.kind.clone(),
                from: None,
                outcomes: vec![Outcome::clone(&outcome)],
            })));
            if let Some(unanswered) = self.unanswered.get() {
                // Whoever cannot keep up with it knows that reads fail.
                let _ = unanswered.try_send(Arc::clone(&outcome));
            }
            observed.push(self.end(entry, OutcomeRef::own(outcome)));
        }
        self.ended.lock().push(observed);
    }
}

fn no_answer() -> (OutcomeStatus, Problem) {
    let problem = Problem::new(
        "no-answer",
        Cure::Retry,
        "no environment reported the outcome of the read in time",
    );
    (OutcomeStatus::Expired, problem)
}

fn without_answer(
    id: TaskId,
    entry: &PendingRead,
    status: OutcomeStatus,
    problem: Problem,
) -> Outcome {
    Outcome {
        task: id,
        attempt: 1,
        origin: entry.batch.origin.clone(),
        target: entry.known.target.name.clone(),
        action: entry.batch.action.clone(),
        class: entry.batch.class,
        status,
        problem: Some(problem),
        result: None,
        missing: Vec::new(),
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: crate::clock::now(),
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        },
    }
}
