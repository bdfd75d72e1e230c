//! Approvals, and what people say of tasks.

use super::*;
use crate::ledger::state::{TaskUnfit, Verdict};

#[test]
fn who_asked_cannot_approve_and_nothing_begins_before() {
    let mut table = Table::new();
    let requested = Request {
        needs_approval: true,
        ..on(&["a"])
    };
    let (id, tasks) = table.plan(requested);
    assert_eq!(table.published(), []);
    assert_eq!(table.operation(id), Some(OperationState::Awaiting));
    let refused = table
        .ledger
        .change(id, OperationVerb::Approve, &attribution("ann"));
    assert_eq!(refused, Err(OperationUnfit::Same { by: "ann".into() }));
    let refused = table
        .ledger
        .change(id, OperationVerb::Resume, &attribution("bob"));
    let state = OperationState::Awaiting;
    assert_eq!(refused, Err(OperationUnfit::State { state }));
    // It may wait for long: its time begins when it is its turn.
    table.pass(Duration::from_secs(600));
    table
        .ledger
        .change(id, OperationVerb::Approve, &attribution("bob"))
        .unwrap();
    assert_eq!(table.published(), tasks);
    let record = &table.ledger.batch.operation_progress[&id];
    assert_eq!(record.approved.as_ref().unwrap().by, "bob");
}

#[test]
fn a_person_settles_only_what_nobody_else_can_know_and_nobody_can_act_on() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(on(&["a"]));
    let task = tasks[0];
    table.published();
    let settle =
        |table: &mut Table, verdict| table.ledger.settled(task, verdict, &attribution("bob"));
    assert_eq!(settle(&mut table, Verdict::Failed), Err(TaskUnfit::Known));
    table.ask(task, 1);
    table.end(task, 1, OutcomeStatus::Unknown);
    let refused = settle(&mut table, Verdict::Failed);
    assert!(
        matches!(refused, Err(TaskUnfit::MayAct { .. })),
        "{refused:?}"
    );
    table.pass(Duration::from_secs(30));
    settle(&mut table, Verdict::Again).unwrap();
    assert_eq!(table.published(), [task]);
    assert_eq!(table.ask(task, 2), Permit::Refused(Refused::Superseded));
    table.ledger.cancelled(task, &attribution("bob")).unwrap();
    // An earlier attempt may have done it: that it was taken back says nothing of that one.
    assert_eq!(table.state(task), Some(TaskState::Unsettled));
    settle(&mut table, Verdict::Succeeded).unwrap();
    assert_eq!(table.state(task), Some(TaskState::Succeeded));
    assert_eq!(table.operation(id), Some(OperationState::Done));
    assert_eq!(settle(&mut table, Verdict::Failed), Err(TaskUnfit::Ended));
}
