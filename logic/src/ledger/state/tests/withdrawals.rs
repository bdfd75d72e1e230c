//! Hands off: what a policy has asked for and nobody has begun is not done.

use utakata_envelope::Bound;

use super::{
    gate::{by_policy, within},
    *,
};
use crate::ledger::state::{PolicyWrites, Withdrawal};

/// Takes the hands of a policy off, or withdraws one of its operations.
fn withdraw(table: &mut Table, only: Option<OperationId>) {
    let withdrawal = Withdrawal {
        policy: "shed".parse().unwrap(),
        only,
        attribution: attribution("ann"),
    };
    table.ledger.policies(PolicyWrites {
        withdrawals: vec![withdrawal],
        ..PolicyWrites::default()
    });
}

#[test]
fn what_waits_for_an_envelope_is_not_done_after_a_stop() {
    let mut table = within(Bound::Policies, "1 in 30s");
    let (_, first) = table.plan(by_policy(&["a"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), first);
    let (id, second) = table.plan(by_policy(&["b"]));
    let (_, other) = table.plan(Request {
        policy: Some("other".parse().unwrap()),
        ..on(&["c"])
    });
    assert!(table.work_off(OutcomeStatus::Succeeded).is_empty());
    withdraw(&mut table, None);
    assert_eq!(table.state(second[0]), Some(TaskState::Cancelled));
    assert_eq!(table.operation(id), Some(OperationState::Cancelled));
    table.pass(Duration::from_secs(40));
    let done = table.work_off(OutcomeStatus::Succeeded);
    assert_eq!(done, other, "that of another policy goes on");
}

#[test]
fn nobody_can_approve_after_a_stop_what_a_policy_has_asked_for() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(Request {
        needs_approval: true,
        ..by_policy(&["a"])
    });
    withdraw(&mut table, None);
    let approved = table
        .ledger
        .change(id, OperationVerb::Approve, &attribution("bob"));
    assert_eq!(approved, Err(OperationUnfit::Over));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Cancelled));
    assert!(table.published().is_empty());
}

#[test]
fn what_is_published_gets_no_permit_after_a_stop() {
    let mut table = Table::new();
    let (_, tasks) = table.plan(by_policy(&["a"]));
    assert_eq!(table.published(), tasks);
    withdraw(&mut table, None);
    assert!(matches!(table.ask(tasks[0], 1), Permit::Refused(_)));
}

#[test]
fn what_has_a_permit_goes_on_and_is_not_tried_again() {
    for (status, state) in [
        (OutcomeStatus::Succeeded, TaskState::Succeeded),
        (OutcomeStatus::Expired, TaskState::Cancelled),
    ] {
        let mut table = Table::new();
        let (_, tasks) = table.plan(by_policy(&["a"]));
        table.published();
        assert!(matches!(table.ask(tasks[0], 1), Permit::Permitted(_)));
        withdraw(&mut table, None);
        assert_eq!(table.state(tasks[0]), Some(TaskState::Permitted));
        table.end(tasks[0], 1, status);
        table.pass(Duration::from_secs(1));
        assert_eq!(table.state(tasks[0]), Some(state), "{status:?}");
        assert!(table.published().is_empty());
    }
}

#[test]
fn handing_back_and_what_people_want_are_not_withdrawn() {
    let mut table = Table::new();
    let (_, back) = table.plan(Request {
        undoes: Some(OperationId::generate()),
        ..by_policy(&["a"])
    });
    let (_, person) = table.plan(on(&["b"]));
    withdraw(&mut table, None);
    let mut done = table.work_off(OutcomeStatus::Succeeded);
    done.sort_unstable();
    assert_eq!(done, [back[0], person[0]]);
}

#[test]
fn one_operation_is_withdrawn_and_the_others_go_on() {
    let mut table = Table::new();
    let (id, tasks) = table.plan(by_policy(&["a"]));
    let (_, others) = table.plan(by_policy(&["b"]));
    withdraw(&mut table, Some(id));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Cancelled));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), others);
}
