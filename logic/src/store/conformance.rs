//! What every store must do, one function for each promise; run by the tests of each store.

use jiff::Timestamp;
use serde_json::json;
use utakata_api::apply::Document;
use utakata_model::{
    ActionName, Class, Credential, Kind, Operation, OperationId, Origin, Outcome, OutcomeStatus,
    Parameters, Schedule, ScheduleName, Target, TargetName, TaskId, TaskState, outcome::Timings,
    target::Secret,
};

use super::{Change, ControlTask, ReadingRow, Store, Wanted};

fn name(text: &str) -> TargetName {
    TargetName::new(text).unwrap()
}

fn target(text: &str) -> Target {
    Target::new(name(text), Kind::new("pdu").unwrap(), "192.0.2.1".into())
}

fn put(text: &str) -> Change {
    Change::Put(Document::Target(target(text)))
}

fn operation() -> Operation {
    Operation {
        id: OperationId::generate(),
        selector: "rack=A1".parse().unwrap(),
        action: Some(ActionName::new("off").unwrap()),
        class: Class::Control,
        parameters: json!({ "outlet": 1 }),
        asked: Timestamp::now(),
        why: Some("because".into()),
    }
}

fn tasks(operation: &Operation, count: usize) -> Vec<ControlTask> {
    let task = |at| ControlTask {
        id: TaskId::generate(),
        attempt: 1,
        operation: operation.id,
        target: name(&format!("pdu-{at}")),
        kind: Kind::new("pdu").unwrap(),
        action: ActionName::new("off").unwrap(),
        parameters: Parameters::new(&operation.parameters),
        timeout: std::time::Duration::from_secs(1),
        made: operation.asked,
        expires: operation.asked,
    };
    (0..count).map(task).collect()
}

fn outcome(task: &ControlTask, status: OutcomeStatus) -> Outcome {
    Outcome {
        task: task.id,
        attempt: 1,
        origin: Origin::Operation(task.operation),
        target: task.target.clone(),
        action: task.action.clone(),
        class: Class::Control,
        status,
        problem: None,
        result: None,
        ran_by: None,
        timings: Timings {
            ended: Timestamp::now(),
            waited: std::time::Duration::ZERO,
            ran: std::time::Duration::ZERO,
        },
    }
}

/// The inventory is what the changes have made of it, secrets included.
pub async fn the_inventory_is_what_was_written(store: &dyn Store) {
    let credential = Credential {
        name: name("lab"),
        values: [("community".to_owned(), Secret::new("public"))].into(),
    };
    let schedule = Schedule {
        name: ScheduleName::new("often").unwrap(),
        selector: "kind=pdu".parse().unwrap(),
        interval: std::time::Duration::from_secs(5),
        action: None,
        parameters: json!({}),
    };
    let mut changes = vec![put("b"), put("a")];
    changes.push(Change::Put(Document::Credential(credential.clone())));
    changes.push(Change::Put(Document::Schedule(schedule.clone())));
    store.change(&changes).await.unwrap();
    let contents = store.inventory().await.unwrap();
    assert_eq!(contents.targets, [target("a"), target("b")]);
    assert_eq!(contents.credentials, [credential]);
    assert_eq!(contents.schedules, [schedule]);

    let mut moved = target("a");
    moved.address = "192.0.2.2".into();
    let changes = [
        Change::Put(Document::Target(moved.clone())),
        Change::DeleteTarget(name("b")),
        Change::DeleteCredential(name("lab")),
        Change::DeleteSchedule(ScheduleName::new("often").unwrap()),
    ];
    store.change(&changes).await.unwrap();
    let contents = store.inventory().await.unwrap();
    assert_eq!(contents.targets, [moved]);
    assert!(contents.credentials.is_empty() && contents.schedules.is_empty());
}

/// A task goes planned, queued, ended; what has ended stays as it ended.
pub async fn an_outcome_is_written_once(store: &dyn Store) {
    let operation = operation();
    let tasks = tasks(&operation, 2500);
    store.plan(&operation, &tasks).await.unwrap();
    let (read, counts) = store.operation(operation.id).await.unwrap().unwrap();
    assert_eq!((read, counts.planned), (operation.clone(), 2500));
    let early = outcome(&tasks[0], OutcomeStatus::Succeeded);
    assert_eq!(store.end(&[early]).await.unwrap(), [tasks[0].id]);
    store.queued(operation.id).await.unwrap();
    let (_, counts) = store.operation(operation.id).await.unwrap().unwrap();
    assert_eq!(
        (counts.planned, counts.queued, counts.succeeded),
        (0, 2499, 1)
    );

    let again = outcome(&tasks[0], OutcomeStatus::Failed);
    let other = outcome(&tasks[1], OutcomeStatus::Unknown);
    let changed = store.end(&[again, other]).await.unwrap();
    assert_eq!(changed, [tasks[1].id]);
    let row = store.task(tasks[0].id).await.unwrap().unwrap();
    assert_eq!(row.state, TaskState::Succeeded);
    assert_eq!(row.task, tasks[0]);
    assert_eq!(row.outcome.unwrap().status, OutcomeStatus::Succeeded);
    let unfinished = store.unfinished().await.unwrap();
    assert_eq!(unfinished.len(), 2498);
    assert!(store.task(TaskId::generate()).await.unwrap().is_none());
}

/// Tasks and operations come newest first, page by page, by every filter.
pub async fn lists_come_newest_first(store: &dyn Store) {
    let (first, second) = (operation(), operation());
    let (old, new) = (tasks(&first, 3), tasks(&second, 3));
    store.plan(&first, &old).await.unwrap();
    store.plan(&second, &new).await.unwrap();
    store
        .end(&[outcome(&old[1], OutcomeStatus::Failed)])
        .await
        .unwrap();
    let listed = store.operations(None, 10).await.unwrap();
    let listed: Vec<OperationId> = listed.iter().map(|(one, _)| one.id).collect();
    assert_eq!(listed, [second.id, first.id]);
    let before = store.operations(Some(second.id), 10).await.unwrap();
    assert_eq!(before.len(), 1);

    let check = async |wanted: Wanted, expect: &[TaskId]| {
        let rows = store.tasks(&wanted, 4).await.unwrap();
        let found: Vec<TaskId> = rows.iter().map(|row| row.task.id).collect();
        assert_eq!(found, expect, "{wanted:?}");
    };
    check(
        Wanted::default(),
        &[new[2].id, new[1].id, new[0].id, old[2].id],
    )
    .await;
    let wanted = Wanted {
        operation: Some(first.id),
        before: Some(old[2].id),
        ..Wanted::default()
    };
    check(wanted, &[old[1].id, old[0].id]).await;
    let wanted = Wanted {
        state: Some(TaskState::Failed),
        target: Some(name("pdu-1")),
        ..Wanted::default()
    };
    check(wanted, &[old[1].id]).await;
}

/// The last readings are written over; those of targets that are gone are not.
pub async fn readings_are_those_of_targets_that_are_there(store: &dyn Store) {
    let row = |target: &str, body: &str| ReadingRow {
        target: name(target),
        action: ActionName::new("read").unwrap(),
        body: body.into(),
    };
    store.change(&[put("a"), put("b")]).await.unwrap();
    let rows = [row("a", "1"), row("b", "1"), row("gone", "1")];
    store.put_readings(&rows).await.unwrap();
    store.put_readings(&[row("a", "2")]).await.unwrap();
    assert_eq!(
        store.readings().await.unwrap(),
        [row("a", "2"), row("b", "1")]
    );
    store
        .change(&[Change::DeleteTarget(name("a"))])
        .await
        .unwrap();
    assert_eq!(store.readings().await.unwrap(), [row("b", "1")]);
}
