//! Requirements on every store, one function per promise, run by the tests of each store.

mod alarm;
mod discovery;
mod gap;
pub mod lease;
mod moment;
mod notification;
mod order;
mod person;
mod release;
mod rollout;
mod shipped;
mod smart;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;
use utakata_api::{apply::Document, ledger::Lock};
use utakata_logic::store::{
    AuditPage, Change, ControlTask, Error, OperationProgress, Seal, Store, StoredCredential,
    TaskFilter, TaskProgress, WriteBatch,
};
use utakata_model::{
    ActionName, Class, Credential, EnvironmentId, Incarnation, Kind, Operation, OperationId,
    OperationState, Origin, Outcome, OutcomeStatus, Parameters, PersonName, Priority, Schedule,
    ScheduleName, Target, TargetName, TaskId, TaskState, manifest::Repeat, outcome::Timings,
    target::Secret,
};
use utakata_permit::life::Holder;
use utakata_seal::{SealedCredential, SiteKey};

pub use alarm::{
    alarms_are_those_that_were_written_last, rules_and_relations_are_those_that_were_written,
};
pub use discovery::sightings_are_those_that_were_written_last;
pub use gap::a_gap_is_known_until_a_page_closes_it;
pub use lease::{
    a_lease_ends_by_itself, a_lease_has_one_holder_at_a_time, the_inventory_has_a_version,
    who_lost_a_lease_writes_nothing_under_it,
};
pub use moment::an_operation_and_its_tasks_are_of_one_moment;
pub use notification::notifications_are_those_that_were_written_last;
pub use order::orders_are_those_that_were_written;
pub use person::people_are_those_that_were_written;
pub use release::{
    a_deleted_release_leaves_the_files_of_others, a_release_is_there_with_all_of_its_files,
    a_version_is_one_release_for_good, f18_a_release_is_renamed_wherever_it_is_named,
};
pub use rollout::rollouts_are_those_that_were_written;
pub use shipped::{
    an_environment_has_the_key_that_was_written_last,
    an_environment_has_the_zone_that_was_written_first,
    what_comes_with_utakata_stays_when_others_come,
};
pub use smart::{
    states_of_policies_are_found_from_a_moment_back,
    what_policies_remember_is_what_was_written_last,
};

/// Calls a macro with the names of all promises.
macro_rules! promises {
    ($call:ident) => {
        $call!(
            the_inventory_is_what_was_written,
            the_seal_is_of_all_credentials,
            tasks_stand_where_they_were_written,
            an_operation_and_its_tasks_are_of_one_moment,
            a_page_that_cannot_be_written_leaves_nothing,
            a_page_that_is_written_again_is_there_once,
            the_audit_trail_comes_in_its_order,
            locks_and_open_operations_come_back,
            lists_come_newest_first,
            notifications_are_those_that_were_written_last,
            sightings_are_those_that_were_written_last,
            alarms_are_those_that_were_written_last,
            rules_and_relations_are_those_that_were_written,
            what_policies_remember_is_what_was_written_last,
            states_of_policies_are_found_from_a_moment_back,
            people_are_those_that_were_written,
            a_lease_has_one_holder_at_a_time,
            a_lease_ends_by_itself,
            who_lost_a_lease_writes_nothing_under_it,
            the_inventory_has_a_version,
            a_gap_is_known_until_a_page_closes_it,
            orders_are_those_that_were_written,
            rollouts_are_those_that_were_written,
            a_release_is_there_with_all_of_its_files,
            a_version_is_one_release_for_good,
            f18_a_release_is_renamed_wherever_it_is_named,
            a_deleted_release_leaves_the_files_of_others,
            what_comes_with_utakata_stays_when_others_come,
            an_environment_has_the_zone_that_was_written_first,
            an_environment_has_the_key_that_was_written_last,
        );
    };
}
pub(super) use promises;

fn name(text: &str) -> TargetName {
    TargetName::new(text).unwrap()
}

fn target(text: &str) -> Target {
    Target::new(name(text), Kind::new("pdu").unwrap(), "192.0.2.1".into())
}

pub fn put(text: &str) -> Change {
    Change::Put(Document::Target(target(text)))
}

pub fn operation() -> Operation {
    Operation {
        id: OperationId::generate(),
        selector: "rack=A1".parse().unwrap(),
        action: Some(ActionName::new("off").unwrap()),
        class: Class::Control,
        parameters: json!({ "outlet": 1 }),
        secrets: Default::default(),
        requested: Timestamp::now(),
        why: Some("because".into()),
        by: Some(PersonName::new("admin").unwrap()),
        makers: BTreeSet::new(),
        pace: utakata_model::Pace::default(),
        priority: Priority::Urgent,
        undoes: None,
        renews: None,
        rotates: None,
        because: Vec::new(),
        policy: None,
        break_glass: false,
    }
}

pub fn tasks(operation: &Operation, count: usize) -> Vec<ControlTask> {
    let task = |at| ControlTask {
        id: TaskId::generate(),
        operation: operation.id,
        target: name(&format!("pdu-{at}")),
        address: None,
        kind: Kind::new("pdu").unwrap(),
        action: ActionName::new("off").unwrap(),
        parameters: Parameters::new(&operation.parameters),
        timeout: std::time::Duration::from_secs(1),
        made: operation.requested,
        expires: operation.requested,
        lifetime: std::time::Duration::from_secs(60),
        priority: Priority::Urgent,
        paced: vec![None, Some("A1".into())],
        repeat: Repeat::Repeatable,
        verify: None,
        undo: None,
        risk: Default::default(),
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
        missing: Vec::new(),
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: Timestamp::now(),
            waited: std::time::Duration::ZERO,
            ran: std::time::Duration::ZERO,
        },
    }
}

/// The inventory reflects all changes, secrets included.
pub async fn the_inventory_is_what_was_written(store: &dyn Store) {
    let credential = Credential {
        name: name("lab"),
        values: [("community".to_owned(), Secret::new("public"))].into(),
    };
    let key = SiteKey::generate().unwrap();
    let sealed = SealedCredential::seal(&credential, &key).unwrap();
    let schedule = Schedule {
        name: ScheduleName::new("often").unwrap(),
        selector: "kind=pdu".parse().unwrap(),
        interval: std::time::Duration::from_secs(5),
        action: None,
        parameters: json!({}),
    };
    let mut changes = vec![put("b"), put("a")];
    changes.push(Change::PutCredential(sealed.clone()));
    changes.push(Change::Put(Document::Schedule(schedule.clone())));
    store.change(&changes).await.unwrap();
    let clear = [Change::Put(Document::Credential(credential))];
    let refused = store.change(&clear).await;
    assert!(matches!(refused, Err(Error::Clear { .. })), "{refused:?}");
    let contents = store.inventory().await.unwrap();
    assert_eq!(contents.targets, [target("a"), target("b")]);
    assert_eq!(contents.credentials, [StoredCredential::Sealed(sealed)]);
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

/// The seal is set once, and replaced together with the credentials, or not at all.
pub async fn the_seal_is_of_all_credentials(store: &dyn Store) {
    let keys = [SiteKey::generate().unwrap(), SiteKey::generate().unwrap()];
    let seal = |key: &SiteKey| Seal {
        key: key.id().clone(),
        since: Timestamp::UNIX_EPOCH,
        is_scrubbed: false,
        wrapped: Vec::new(),
    };
    assert_eq!(store.seal().await.unwrap(), None);
    let first = seal(&keys[0]);
    assert_eq!(store.begin_seal(&first).await.unwrap(), first);
    // Another logic environment comes later.
    assert_eq!(store.begin_seal(&seal(&keys[1])).await.unwrap(), first);

    let credential = Credential {
        name: name("sealed"),
        values: [("community".to_owned(), Secret::new("public"))].into(),
    };
    let sealed = keys.each_ref();
    let sealed = sealed.map(|key| SealedCredential::seal(&credential, key).unwrap());
    let put = [Change::PutCredential(sealed[0].clone())];
    store.change(&put).await.unwrap();
    let version = store.inventory_version().await.unwrap();
    let second = seal(&keys[1]);
    let late = &sealed[1..];
    let written = store.reseal(&second, late, version - 1).await.unwrap();
    assert!(!written, "the inventory has changed since");
    assert_eq!(store.inventory_version().await.unwrap(), version);
    assert_eq!(store.seal().await.unwrap(), Some(first));
    assert!(store.reseal(&second, late, version).await.unwrap());
    assert_eq!(store.seal().await.unwrap(), Some(second));
    let contents = store.inventory().await.unwrap();
    let there = StoredCredential::Sealed(sealed[1].clone());
    assert_eq!(contents.credentials, [there]);
    store.scrub().await.unwrap();
    // It is written as before.
    store
        .change(&[Change::DeleteCredential(name("sealed"))])
        .await
        .unwrap();
}

pub fn planned(operation: &Operation, tasks: &[ControlTask]) -> WriteBatch {
    WriteBatch {
        operations: vec![(operation.clone(), None)],
        tasks: tasks.to_vec(),
        ..WriteBatch::default()
    }
}

pub fn stands(task: &ControlTask, state: TaskState) -> WriteBatch {
    let progress = TaskProgress {
        state,
        ..TaskProgress::default()
    };
    WriteBatch {
        task_progress: [(task.id, progress)].into_iter().collect(),
        ..WriteBatch::default()
    }
}

/// The state of a task is the one written last; its plan never changes.
pub async fn tasks_stand_where_they_were_written(store: &dyn Store) {
    let operation = operation();
    let tasks = tasks(&operation, 2500);
    let mut page = planned(&operation, &tasks);
    let queued = stands(&tasks[0], TaskState::Queued);
    page.task_progress = queued.task_progress;
    store.write(&page).await.unwrap();
    let row = store.operation(operation.id).await.unwrap().unwrap();
    assert_eq!(
        (row.operation, row.counts.planned),
        (operation.clone(), 2499)
    );
    assert_eq!(row.counts.queued, 1);

    let mut changed = WriteBatch::default();
    for task in &tasks[..2000] {
        let holder = Holder {
            environment: EnvironmentId::new("wee").unwrap(),
            incarnation: Incarnation::generate(),
            ask: 7,
        };
        let progress = TaskProgress {
            state: TaskState::Permitted,
            attempt: 2,
            holder: Some(holder),
            outcome: Some(outcome(task, OutcomeStatus::Unknown)),
            ..TaskProgress::default()
        };
        changed.task_progress.insert(task.id, progress);
    }
    store.write(&changed).await.unwrap();
    store
        .write(&stands(&tasks[0], TaskState::Failed))
        .await
        .unwrap();
    let row = store.task(tasks[0].id).await.unwrap().unwrap();
    assert_eq!(row.task, tasks[0]);
    assert_eq!(row.progress.state, TaskState::Failed);
    // The known outcome stays until there is a newer one.
    assert_eq!(row.progress.outcome.unwrap().status, OutcomeStatus::Unknown);
    let row = store.task(tasks[1].id).await.unwrap().unwrap();
    assert_eq!(
        (row.progress.attempt, row.progress.holder.unwrap().ask),
        (2, 7)
    );
    assert_eq!(store.unfinished().await.unwrap().len(), 2499);
    assert_eq!(store.tasks_of(operation.id).await.unwrap().len(), 2500);
    assert!(store.task(TaskId::generate()).await.unwrap().is_none());
}

/// A page is written as a whole or not at all.
pub async fn a_page_that_cannot_be_written_leaves_nothing(store: &dyn Store) {
    let (first, second) = (operation(), operation());
    let mut page = planned(&first, &tasks(&first, 1));
    page.operations[0].1 = Some("key".into());
    page.audit = Some(audit(1));
    store.write(&page).await.unwrap();
    let mut again = planned(&second, &tasks(&second, 3));
    again.operations[0].1 = Some("key".into());
    assert!(store.write(&again).await.is_err());
    assert!(store.operation(second.id).await.unwrap().is_none());
    let found = store.operation_by_key("key").await.unwrap();
    assert_eq!(found, Some(first.id));
    assert_eq!(store.operation_by_key("other").await.unwrap(), None);

    let mut again = planned(&second, &tasks(&second, 3));
    again.audit = Some(AuditPage {
        hash: "another hash".into(),
        ..audit(1)
    });
    let error = store.write(&again).await.unwrap_err();
    assert!(
        matches!(error, Error::OtherWriter { page: 1, .. }),
        "{error}"
    );
    assert!(store.operation(second.id).await.unwrap().is_none());
    assert_eq!(store.audit_head().await.unwrap(), Some(audit(1)));
}

/// Writing a page that is already in the trail reports that it was written before.
pub async fn a_page_that_is_written_again_is_there_once(store: &dyn Store) {
    let operation = operation();
    let mut page = planned(&operation, &tasks(&operation, 3));
    page.operations[0].1 = Some("key".into());
    page.audit = Some(audit(1));
    store.write(&page).await.unwrap();
    let ended = stands(&page.tasks[0], TaskState::Failed);
    store.write(&ended).await.unwrap();
    store.write(&page).await.unwrap();
    let row = store.operation(operation.id).await.unwrap().unwrap();
    assert_eq!((row.counts.planned, row.counts.failed), (2, 1));
    assert_eq!(store.audit_head().await.unwrap(), Some(audit(1)));
}

pub fn audit(page: u64) -> AuditPage {
    AuditPage {
        page,
        hash: format!("hash {page}"),
        body: "{}\n".into(),
    }
}

/// The audit trail is read in the order of its pages.
pub async fn the_audit_trail_comes_in_its_order(store: &dyn Store) {
    assert_eq!(store.audit_head().await.unwrap(), None);
    for page in 1..=12 {
        let page = WriteBatch {
            audit: Some(audit(page)),
            ..WriteBatch::default()
        };
        store.write(&page).await.unwrap();
    }
    assert_eq!(store.audit_head().await.unwrap(), Some(audit(12)));
    let pages = store.audit(9, 3).await.unwrap();
    assert_eq!(pages, [audit(9), audit(10), audit(11)]);
}

/// Locks exist until they are removed; operations are open until they are over.
pub async fn locks_and_open_operations_come_back(store: &dyn Store) {
    let lock = Lock {
        by: "ann".into(),
        why: "a fan is replaced".into(),
        since: Timestamp::now(),
        until: Timestamp::now(),
        priority: Priority::Urgent,
    };
    let operation = operation();
    let mut page = planned(&operation, &tasks(&operation, 1));
    let progress = OperationProgress {
        state: OperationState::Awaiting,
        ..OperationProgress::default()
    };
    page.operation_progress
        .insert(operation.id, progress.clone());
    page.locks.insert(name("a"), Some(lock.clone()));
    page.locks.insert(name("b"), Some(lock.clone()));
    store.write(&page).await.unwrap();
    let open = store.open_operations().await.unwrap();
    assert_eq!(open, [(operation.clone(), progress)]);
    let mut page = WriteBatch::default();
    page.locks.insert(name("b"), None);
    page.operation_progress
        .insert(operation.id, OperationProgress::done());
    store.write(&page).await.unwrap();
    assert_eq!(store.locks().await.unwrap(), [(name("a"), lock)]);
    assert!(store.open_operations().await.unwrap().is_empty());
    let row = store.operation(operation.id).await.unwrap().unwrap();
    assert_eq!(row.progress.state, OperationState::Done);
}

/// Tasks and operations are listed newest first, page by page, with every filter.
pub async fn lists_come_newest_first(store: &dyn Store) {
    let (first, second) = (operation(), operation());
    let (old, new) = (tasks(&first, 3), tasks(&second, 3));
    store.write(&planned(&first, &old)).await.unwrap();
    store.write(&planned(&second, &new)).await.unwrap();
    store
        .write(&stands(&old[1], TaskState::Failed))
        .await
        .unwrap();
    let listed = store.operations(None, 10).await.unwrap();
    let listed: Vec<OperationId> = listed.iter().map(|row| row.operation.id).collect();
    assert_eq!(listed, [second.id, first.id]);
    let before = store.operations(Some(second.id), 10).await.unwrap();
    assert_eq!(before.len(), 1);

    let check = async |wanted: TaskFilter, expect: &[TaskId]| {
        let rows = store.tasks(&wanted, 4).await.unwrap();
        let found: Vec<TaskId> = rows.iter().map(|row| row.task.id).collect();
        assert_eq!(found, expect, "{wanted:?}");
    };
    check(
        TaskFilter::default(),
        &[new[2].id, new[1].id, new[0].id, old[2].id],
    )
    .await;
    let wanted = TaskFilter {
        operation: Some(first.id),
        before: Some(old[2].id),
        ..TaskFilter::default()
    };
    check(wanted, &[old[1].id, old[0].id]).await;
    let wanted = TaskFilter {
        state: Some(TaskState::Failed),
        target: Some(name("pdu-1")),
        ..TaskFilter::default()
    };
    check(wanted, &[old[1].id]).await;
}
