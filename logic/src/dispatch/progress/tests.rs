use std::{sync::Arc, thread, time::Duration};

use jiff::Timestamp;
use utakata_model::{
    ActionName, Class, OperationId, Origin, Outcome, OutcomeStatus, TargetName, TaskId, Timings,
};

use super::{OutcomeRef, Progress, Show, Shown};

const TASKS: usize = 500;

fn outcome() -> Outcome {
    Outcome {
        task: TaskId::generate(),
        attempt: 1,
        origin: Origin::Operation(OperationId::generate()),
        target: TargetName::new("pdu-1").unwrap(),
        action: ActionName::new("read").unwrap(),
        class: Class::Observe,
        status: OutcomeStatus::Succeeded,
        missing: Vec::new(),
        problem: None,
        result: None,
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: Timestamp::UNIX_EPOCH,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        },
    }
}

#[test]
fn the_counts_and_the_results_that_are_taken_together_are_of_one_moment() {
    let progress = Progress::new(TASKS, Show::Tasks);
    let taken = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..TASKS {
                let outcome = outcome();
                let shown = Shown {
                    outcome: OutcomeRef::own(Arc::new(outcome.clone())),
                    readings: None,
                };
                progress.ended(&outcome, || shown);
            }
        });
        let mut taken = 0;
        while taken < TASKS {
            let (counts, shown) = progress.take();
            taken += shown.len();
            assert_eq!(counts.succeeded, taken as u64);
        }
        taken
    });
    assert_eq!(taken, TASKS);
}
