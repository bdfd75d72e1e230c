//! Lanes, locks, priorities.

use super::*;

#[test]
fn only_the_first_of_a_target_is_published_and_the_next_when_it_has_ended() {
    let mut table = Table::new();
    let (_, first) = table.plan(on(&["a"]));
    let (_, second) = table.plan(on(&["a"]));
    assert_eq!(table.published(), first);
    assert!(matches!(table.ask(first[0], 1), Permit::Permitted(_)));
    // A queue that has the second all the same gets no permit for it.
    assert_eq!(table.ask(second[0], 2), Permit::Refused(Refused::Recalled));
    table.end(first[0], 1, OutcomeStatus::Succeeded);
    assert_eq!(table.published(), second);
    assert!(matches!(table.ask(second[0], 3), Permit::Permitted(_)));
}

#[test]
fn who_is_more_urgent_passes_what_was_published_and_not_yet_begun() {
    let mut table = Table::new();
    let (_, routine) = table.plan(on(&["a"]));
    assert_eq!(table.published(), routine);
    let emergency = Request {
        priority: Priority::Emergency,
        ..on(&["a"])
    };
    let (_, emergency) = table.plan(emergency);
    assert_eq!(table.published(), emergency);
    assert_eq!(table.ask(routine[0], 1), Permit::Refused(Refused::Recalled));
    assert!(matches!(table.ask(emergency[0], 2), Permit::Permitted(_)));
    table.end(emergency[0], 2, OutcomeStatus::Succeeded);
    assert_eq!(table.published(), routine);
}

#[test]
fn a_lock_stops_what_does_not_pass_it_until_its_time_is_over() {
    let mut table = Table::new();
    let target = TargetName::new("a").unwrap();
    let (_, begun) = table.plan(on(&["a"]));
    assert_eq!(table.published(), begun);
    let lock = Lock {
        by: "bob".into(),
        why: "a fan".into(),
        since: table.now.at,
        until: table.now.at + Duration::from_secs(30),
        priority: Priority::Urgent,
    };
    table.ledger.lock(&target, lock);
    assert_eq!(table.ask(begun[0], 1), Permit::Refused(Refused::Recalled));
    let urgent = Request {
        priority: Priority::Urgent,
        ..on(&["a"])
    };
    let (_, urgent) = table.plan(urgent);
    let emergency = Request {
        priority: Priority::Emergency,
        ..on(&["a"])
    };
    let (_, emergency) = table.plan(emergency);
    assert_eq!(table.published(), emergency);
    assert!(matches!(table.ask(emergency[0], 2), Permit::Permitted(_)));
    table.end(emergency[0], 2, OutcomeStatus::Succeeded);
    assert_eq!(table.published(), []);
    table.pass(Duration::from_secs(30));
    assert_eq!(table.ledger.batch.locks.get(&target), Some(&None));
    assert_eq!(table.published(), urgent);
}

#[test]
fn what_waits_for_a_person_does_not_keep_its_target() {
    let mut table = Table::new();
    let (_, first) = table.plan(on(&["a"]));
    let (_, second) = table.plan(on(&["a"]));
    table.published();
    table.ask(first[0], 1);
    table.end(first[0], 1, OutcomeStatus::Unknown);
    assert_eq!(table.state(first[0]), Some(TaskState::Unknown));
    assert_eq!(table.published(), [], "it may still act");
    table.pass(Duration::from_secs(30));
    assert_eq!(table.state(first[0]), Some(TaskState::Unsettled));
    assert_eq!(table.published(), second);
}

/// A task whose target was not reached for as long as it is read back.
fn unreached(table: &mut Table) -> (OperationId, TaskId) {
    let (operation, tasks) = table.plan(Request {
        is_read_back: true,
        ..on(&["a"])
    });
    table.published();
    table.ask(tasks[0], 1);
    table.end(tasks[0], 1, OutcomeStatus::Unknown);
    table.pass(Duration::from_secs(60));
    table.pass(Duration::from_secs(600));
    assert_eq!(table.state(tasks[0]), Some(TaskState::Unsettled));
    (operation, tasks[0])
}

#[test]
fn a_target_that_is_reached_late_settles_its_task_once() {
    let mut table = Table::new();
    let (operation, task) = unreached(&mut table);
    let written = table.ledger.batch.task_progress[&task].late;
    assert_eq!(written.map(|late| late.since), Some(table.now.at));
    let is_late =
        |effect: &Effect| matches!(effect, Effect::ReadBack(read) if read.purpose == Purpose::Late);
    assert!(table.ledger.effects.drain(..).any(|one| is_late(&one)));
    // It is asked again, and nothing is written for that.
    table.ledger.batch = Default::default();
    table.pass(Duration::from_secs(30));
    assert!(table.ledger.effects.drain(..).any(|one| is_late(&one)));
    assert!(table.ledger.batch.task_progress.is_empty());
    for _ in 0..2 {
        table.shows(task, Evidence::Effect);
        assert_eq!(table.state(task), Some(TaskState::Succeeded));
        assert_eq!(table.operation(operation), Some(OperationState::Done));
    }
    let tells = table.ledger.effects.drain(..);
    let counted = tells.filter_map(|effect| match effect {
        Effect::Tell(told) => Some(told.shows),
        _ => None,
    });
    // The release is not credited with what a person was asked about.
    assert_eq!(counted.collect::<Vec<_>>(), [None]);
    assert!(table.ledger.lanes.is_empty());
}

#[test]
fn a_target_that_was_controlled_since_settles_nothing_late() {
    let mut table = Table::new();
    let (_, task) = unreached(&mut table);
    let (_, next) = table.plan(on(&["a"]));
    assert_eq!(table.published(), next);
    table.ledger.batch = Default::default();
    assert!(matches!(table.ask(next[0], 2), Permit::Permitted(_)));
    // It is recorded with the permit.
    assert_eq!(table.state(next[0]), Some(TaskState::Permitted));
    assert_eq!(table.ledger.batch.task_progress[&task].late, None);
    table.shows(task, Evidence::Effect);
    assert_eq!(table.state(task), Some(TaskState::Unsettled));
    assert!(table.ledger.entry(task).unwrap().life.deadline().is_none());
}

#[test]
fn a_target_that_has_gone_fails_its_task_before_it_is_sent() {
    let mut table = Table::new();
    let (_, tasks) = table.plan(on(&["gone"]));
    assert_eq!(table.published(), []);
    assert_eq!(table.state(tasks[0]), Some(TaskState::Failed));
    let outcome = table.ledger.batch.task_progress[&tasks[0]].outcome.clone();
    assert_eq!(&*outcome.unwrap().problem.unwrap().code, "target-changed");
    assert_eq!(table.ledger.len(), 0);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_deadline() {
    for jump in [-86_400 * 365, 86_400 * 365] {
        let mut table = Table::new();
        let (_, tasks) = table.plan(on(&["a"]));
        table.published();
        table.ask(tasks[0], 1);
        table.now.at += jiff::SignedDuration::from_secs(jump);
        table.pass(Duration::from_secs(10));
        assert_eq!(table.state(tasks[0]), Some(TaskState::Permitted), "{jump}");
        table.pass(Duration::from_secs(3));
        assert_eq!(table.state(tasks[0]), Some(TaskState::Unsettled), "{jump}");
    }
}
