//! Paces, pauses, ends.

use super::*;

fn paced(targets: &[&'static str], pace: serde_json::Value) -> Request {
    Request {
        pace: serde_json::from_value(pace).unwrap(),
        ..on(targets)
    }
}

#[test]
fn so_many_at_a_time_are_published() {
    let mut table = Table::new();
    let requested = paced(&["a", "b", "c", "d"], json!({ "at_a_time": "50%" }));
    let (id, tasks) = table.plan(requested);
    let published = table.published();
    assert_eq!(published, tasks[..2]);
    table.ask(tasks[0], 1);
    table.end(tasks[0], 1, OutcomeStatus::Succeeded);
    assert_eq!(table.published(), tasks[2..3]);
    assert_eq!(table.operation(id), Some(OperationState::Running));
}

#[test]
fn an_unknown_keeps_its_place_until_a_person_has_settled_it() {
    let mut table = Table::new();
    let pace = json!({ "at_most": [{ "label": "rack", "max": 1 }] });
    let (_, tasks) = table.plan(paced(&["a", "b"], pace));
    assert_eq!(table.published(), tasks[..1]);
    table.ask(tasks[0], 1);
    table.end(tasks[0], 1, OutcomeStatus::Unknown);
    table.pass(Duration::from_secs(30));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Unsettled));
    assert_eq!(table.published(), [], "the other feed stays as it is");
    let verdict = super::super::Verdict::Failed;
    table
        .ledger
        .settled(tasks[0], verdict, &attribution("bob"))
        .unwrap();
    assert_eq!(table.published(), tasks[1..]);
}

#[test]
fn it_stops_after_several_failures_and_continues_when_somebody_says_so() {
    let mut table = Table::new();
    let pace = json!({ "at_a_time": "1", "stop_after": 2 });
    let (id, tasks) = table.plan(paced(&["a", "b", "c", "d"], pace));
    let done = table.work_off(OutcomeStatus::Failed);
    assert_eq!(done, tasks[..2]);
    assert_eq!(table.operation(id), Some(OperationState::Stopped));
    table
        .ledger
        .change(id, OperationVerb::Resume, &attribution("bob"))
        .unwrap();
    let done = table.work_off(OutcomeStatus::Succeeded);
    assert_eq!(done, tasks[2..]);
    assert_eq!(table.operation(id), Some(OperationState::Done));
}

#[test]
fn a_pause_calls_back_what_has_not_begun_and_lets_others_pass() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(on(&["a", "b"]));
    table.published();
    table.ask(tasks[0], 1);
    table
        .ledger
        .change(id, OperationVerb::Pause, &attribution("bob"))
        .unwrap();
    assert_eq!(table.ask(tasks[1], 2), Permit::Refused(Refused::Recalled));
    let (_, other) = table.plan(on(&["b"]));
    assert_eq!(table.published(), other);
    table.end(tasks[0], 1, OutcomeStatus::Succeeded);
    assert_eq!(table.state(tasks[0]), Some(TaskState::Succeeded));
    table
        .ledger
        .change(id, OperationVerb::Resume, &attribution("bob"))
        .unwrap();
    // The other one was made later: it lets the first pass again.
    assert_eq!(table.published(), tasks[1..]);
}

#[test]
fn a_cancel_is_honest_about_what_has_begun() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(on(&["a", "b"]));
    table.published();
    table.ask(tasks[0], 1);
    table
        .ledger
        .change(id, OperationVerb::Cancel, &attribution("bob"))
        .unwrap();
    assert_eq!(table.state(tasks[0]), Some(TaskState::Permitted));
    assert_eq!(table.state(tasks[1]), Some(TaskState::Cancelled));
    assert_eq!(table.ask(tasks[1], 2), Permit::Refused(Refused::Foreign));
    table.end(tasks[0], 1, OutcomeStatus::Succeeded);
    assert_eq!(table.state(tasks[0]), Some(TaskState::Succeeded));
    assert_eq!(table.operation(id), Some(OperationState::Cancelled));
    assert!(table.ledger.batch.operation_progress[&id].is_over);
}

#[test]
fn a_task_expires_only_after_its_turn_has_come() {
    let mut table = Table::new();
    let (_, tasks) = table.plan(paced(&["a", "b"], json!({ "at_a_time": "1" })));
    table.pass(Duration::from_secs(59));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Queued));
    table.pass(Duration::from_secs(1));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Expired));
    assert_eq!(table.state(tasks[1]), Some(TaskState::Queued));
    table.pass(Duration::from_secs(59));
    assert_eq!(table.state(tasks[1]), Some(TaskState::Queued));
}

#[test]
fn what_could_not_be_recorded_has_never_been() {
    let mut table = Table::new();
    let (_, before) = table.plan(on(&["a"]));
    table.published();
    let urgent = Request {
        priority: Priority::Urgent,
        ..on(&["a", "b"])
    };
    let (id, tasks) = table.plan(urgent);
    table.pass(Duration::from_secs(1));
    table.ledger.forget(id);
    table.ledger.settle();
    assert_eq!(table.ledger.len(), 1);
    let (audit, _) = table.ledger.trail.seal().unwrap().page();
    for id in [id.to_string(), tasks[0].to_string(), tasks[1].to_string()] {
        assert!(!audit.body.contains(&id), "{}", audit.body);
    }
    let carried_on = |effect: &&Effect| effect.task().is_some_and(|task| tasks.contains(&task));
    assert_eq!(table.ledger.effects.iter().filter(carried_on).count(), 0);
    let batch = &table.ledger.batch;
    assert_eq!((batch.operations.len(), batch.tasks.len()), (1, 1));
    assert!(matches!(table.ask(before[0], 1), Permit::Permitted(_)));
}
