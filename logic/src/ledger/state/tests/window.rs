//! The time within which a task must begin: it holds whatever the task waits for.

use super::*;
use crate::{
    ledger::entry::{Readiness, TaskEntry},
    pace::{Paced, PacedState},
};

/// The lifetime of every task on the table.
const WINDOW: Duration = Duration::from_secs(60);

/// A request whose targets are read before they are changed.
fn undoable(targets: &[&'static str]) -> Request {
    Request {
        is_read_back: true,
        is_undoable: true,
        ..on(targets)
    }
}

/// The ends of the reads of present values that were begun.
fn captures(table: &Table) -> Vec<Instant> {
    let effects = table.ledger.effects.iter();
    let captures = effects.filter_map(|effect| match effect {
        Effect::Capture(capture) => Some(capture.until),
        _ => None,
    });
    captures.collect()
}

/// Checks that nothing is done with a task that has expired, whatever arrives late.
fn expect_over(table: &mut Table, task: TaskId) {
    assert_eq!(table.state(task), Some(TaskState::Expired));
    let outcome = table.ledger.batch.task_progress[&task].outcome.clone();
    assert_eq!(outcome.unwrap().status, OutcomeStatus::Expired);
    table.published();
    table.ledger.captured(task, None);
    table.pass(Duration::from_secs(3600));
    assert_eq!(table.published(), []);
    assert_eq!(table.ask(task, 9), Permit::Refused(Refused::Foreign));
    assert!(!table.ledger.has(task));
}

#[test]
fn the_window_begins_with_the_turn_and_holds_while_the_present_value_is_read() {
    let mut table = Table::new();
    let began = table.now.instant;
    let (id, tasks) = table.plan(undoable(&["a"]));
    assert_eq!(captures(&table), [began + Duration::from_secs(5)]);
    table.pass(WINDOW - Duration::from_millis(1));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Planned));
    table.pass(Duration::from_millis(1));
    expect_over(&mut table, tasks[0]);
    assert_eq!(table.operation(id), Some(OperationState::Done));
}

#[test]
fn a_value_that_is_read_late_leaves_what_is_left_of_the_window() {
    let mut table = Table::new();
    let (_, tasks) = table.plan(undoable(&["a", "b"]));
    table.pass(Duration::from_secs(50));
    for task in &tasks {
        table.ledger.captured(*task, None);
    }
    assert_eq!(table.published().len(), 2);
    table.pass(Duration::from_secs(9));
    let left = Permit::Permitted(Duration::from_secs(1));
    assert_eq!(table.ask(tasks[0], 1), left);
    table.pass(Duration::from_secs(1));
    expect_over(&mut table, tasks[1]);
}

#[test]
fn the_window_ends_whatever_holds_the_task_back() {
    type Hold = fn(&mut Table, OperationId);
    let holds: [(&str, Hold); 4] = [
        ("nobody asks for it", |_, _| {}),
        ("a lock", |table, _| {
            let target = TargetName::new("a").unwrap();
            let (at, until) = (table.now.at, table.now.at + Duration::from_secs(600));
            table.ledger.lock(
                &target,
                Lock {
                    by: "bob".into(),
                    why: "a fan is replaced".into(),
                    since: at,
                    until,
                    priority: Priority::Urgent,
                },
            );
        }),
        ("a pause of its operation", |table, id| {
            let bob = attribution("bob");
            table.ledger.change(id, OperationVerb::Pause, &bob).unwrap();
        }),
        ("an attempt that has the target", |table, _| {
            let urgent = Request {
                priority: Priority::Urgent,
                ..on(&["a"])
            };
            let (_, other) = table.plan(urgent);
            assert!(matches!(table.ask(other[0], 1), Permit::Permitted(_)));
            table.end(other[0], 1, OutcomeStatus::Unknown);
        }),
    ];
    for (what, hold) in holds {
        for is_captured in [false, true] {
            let mut table = Table::with(config::Control {
                publish_again: Duration::from_secs(1000),
                settling: Duration::from_secs(600),
                ..config::Control::default()
            });
            let requested = if is_captured { undoable } else { on };
            let (id, tasks) = table.plan(requested(&["a"]));
            table.ledger.captured(tasks[0], None);
            hold(&mut table, id);
            table.pass(WINDOW - Duration::from_millis(1));
            let before = table.state(tasks[0]);
            let waits = matches!(before, Some(TaskState::Planned | TaskState::Queued));
            assert!(waits, "{what}: {before:?}");
            table.pass(Duration::from_millis(1));
            assert_eq!(table.state(tasks[0]), Some(TaskState::Expired), "{what}");
        }
    }
}

#[test]
fn a_restart_reads_the_present_value_again_and_prolongs_nothing() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(undoable(&["a"]));
    let batch = &table.ledger.batch;
    let (operation, _) = batch.operations[0].clone();
    let (task, record) = (&batch.tasks[0], &batch.task_progress[&tasks[0]]);
    for (clock, left) in [(20, WINDOW - Duration::from_secs(20)), (-3600, WINDOW)] {
        let mut later = Table::new();
        later.now.at += jiff::SignedDuration::from_secs(clock);
        later.ledger.at(later.now);
        let (now, config) = (later.now, config::Control::default());
        let entry = TaskEntry::restored(task.clone(), record.clone(), &config, now.instant, now.at);
        assert_eq!(entry.turn, Readiness::Capturing);
        let paced = Paced {
            id: tasks[0],
            values: Vec::new(),
        };
        later.ledger.restore(
            operation.clone(),
            batch.operation_progress[&id].clone(),
            vec![(entry, paced, PacedState::Released)],
            Arc::new(Progress::new(1, Show::Counts)),
        );
        assert_eq!(captures(&later), [now.instant + config.capture_within]);
        later.pass(left - Duration::from_millis(1));
        assert!(later.ledger.has(tasks[0]), "{clock}");
        later.pass(Duration::from_millis(1));
        expect_over(&mut later, tasks[0]);
    }
}
