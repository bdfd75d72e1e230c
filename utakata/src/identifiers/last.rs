//! `last`: the caller's newest, in the order of the ledger. It is never somebody else's, and never
//! one before a request that was refused. Alarms are nobody's own: there it is the newest of all.

use anyhow::{Result, bail};
use utakata_api::{
    Client,
    alarm::AlarmView,
    client::{AlarmQuery, TaskQuery},
    operation::OperationView,
    page::MAX_LIMIT,
    person::{Me, Refusal},
    task::TaskView,
};
use utakata_model::{AlarmId, OperationId, OperationState, TaskId, TaskState};

use super::listed;
use crate::{connection::Purpose, exit::Usage, output::words};

/// The number of newest operations that are searched first; most often the first one matches.
const FIRST_LOOK: u32 = 20;

/// The meaning of `last`.
#[derive(Debug, PartialEq)]
enum Last<'a> {
    Own(&'a OperationView),
    /// The caller's newest, but a later request was refused.
    Before(&'a OperationView, &'a Refusal),
    /// Nothing of the caller's; the newest of all, if there is any.
    None(Option<&'a OperationView>),
}

fn last<'a>(me: &'a Me, newest_first: &'a [OperationView]) -> Last<'a> {
    let is_own = |view: &&OperationView| view.operation.by.as_ref() == Some(&me.name);
    let Some(own) = newest_first.iter().find(is_own) else {
        return Last::None(newest_first.first());
    };
    match &me.refused {
        Some(refused) if refused.id > own.operation.id => Last::Before(own, refused),
        _ => Last::Own(own),
    }
}

/// Returns the caller's last operation.
pub(super) async fn operation(client: &Client, purpose: Purpose) -> Result<OperationId> {
    let me = client.me().await?;
    let mut known = client.operations(FIRST_LOOK).await?;
    if known.len() >= FIRST_LOOK as usize && matches!(last(&me, &known), Last::None(_)) {
        known = client.operations(MAX_LIMIT).await?;
    }
    match (last(&me, &known), purpose) {
        (Last::Own(own), Purpose::Look) => Ok(own.operation.id),
        (Last::Own(own), Purpose::Change) => {
            tell!("last: {}", description(own));
            Ok(own.operation.id)
        }
        (Last::Before(own, refused), Purpose::Look) => {
            tell!(
                "your last request was refused, and nothing was sent: {} ({}); this is \
                 the one before",
                refused.what,
                words::ago(refused.at)
            );
            Ok(own.operation.id)
        }
        (Last::Before(own, refused), Purpose::Change) => bail!(Usage(format!(
            "nothing was done: the last that you asked for, {} ({}), was refused, and nothing was \
             sent; if you mean the earlier one, give its id: {}",
            refused.what,
            words::ago(refused.at),
            description(own)
        ))),
        (Last::None(None), _) => bail!(Usage("there is no operation yet".into())),
        (Last::None(Some(newest)), _) => bail!(Usage(format!(
            "{} has requested nothing yet, and last is one's own: the newest is {}",
            me.name,
            description(newest)
        ))),
    }
}

/// Lists what waits for approval, since nobody can approve their own request.
pub(super) async fn nobody_approves(client: &Client) -> Result<OperationId> {
    let known = client.operations(MAX_LIMIT).await?;
    let is_waiting = |view: &&OperationView| view.state == Some(OperationState::Awaiting);
    let waiting: Vec<String> = known.iter().filter(is_waiting).map(description).collect();
    if waiting.is_empty() {
        bail!(Usage("no operation waits for an approval".into()));
    }
    bail!(Usage(format!(
        "last is one's own, which nobody approves: give the id of what you have looked at. It \
         waits for an approval: {}",
        listed::some(&waiting)
    )))
}

/// Returns the task of the caller's last operation.
pub(super) async fn task(client: &Client, purpose: Purpose) -> Result<TaskId> {
    let operation = operation(client, purpose).await?;
    let tasks = tasks_of(client, operation).await?;
    match (pick(&tasks), tasks.first(), purpose) {
        (Some(one), _, _) => Ok(one.id),
        (None, Some(newest), Purpose::Look) => {
            tell!(
                "the first of {} tasks of operation {operation}",
                tasks.len()
            );
            Ok(tasks.last().unwrap_or(newest).id)
        }
        (None, Some(_), Purpose::Change) => bail!(Usage(format!(
            "the last operation has {} tasks: name one by its id, or by the end of it: {}",
            tasks.len(),
            listed::tasks(&tasks)
        ))),
        (None, None, _) => bail!(Usage(format!("the operation {operation} has no task"))),
    }
}

async fn tasks_of(client: &Client, operation: OperationId) -> Result<Vec<TaskView>> {
    let query = TaskQuery {
        operation: Some(operation),
        ..TaskQuery::default()
    };
    Ok(client.tasks(&query, MAX_LIMIT).await?)
}

/// Returns the only task of the caller's last operation that a person has to settle.
pub(super) async fn to_settle(client: &Client) -> Result<TaskId> {
    let operation = match operation(client, Purpose::Change).await {
        Err(error) if error.is::<Usage>() => {
            let others = unsettled_of_all(client).await?;
            bail!(Usage(format!("{error}; {}", named(&others))))
        }
        operation => operation?,
    };
    let tasks = tasks_of(client, operation).await?;
    let waiting = unsettled(&tasks);
    match waiting.as_slice() {
        [one] => Ok(one.id),
        [] => {
            let others = unsettled_of_all(client).await?;
            bail!(Usage(nothing_to_settle(operation, &tasks, &others)))
        }
        several => bail!(Usage(format!(
            "nothing was settled: {} tasks of your last operation are unsettled: name one by its \
             id, or by the end of it: {}",
            several.len(),
            listed::tasks(several.iter().copied())
        ))),
    }
}

async fn unsettled_of_all(client: &Client) -> Result<Vec<TaskView>> {
    let query = TaskQuery {
        state: Some(TaskState::Unsettled),
        ..TaskQuery::default()
    };
    Ok(client.tasks(&query, MAX_LIMIT).await?)
}

/// Returns the tasks that a person has to settle; if there are none, those of which nobody knows
/// yet what became.
fn unsettled(tasks: &[TaskView]) -> Vec<&TaskView> {
    let are = |state| -> Vec<&TaskView> { tasks.iter().filter(|one| one.state == state).collect() };
    match are(TaskState::Unsettled) {
        none if none.is_empty() => are(TaskState::Unknown),
        unsettled => unsettled,
    }
}

/// Says that no task of the last operation has to be settled, and which other ones have to.
fn nothing_to_settle(operation: OperationId, tasks: &[TaskView], others: &[TaskView]) -> String {
    let own = match tasks {
        [] => format!("your last operation, {operation}, has no task"),
        tasks => format!(
            "no task of your last operation, {operation}, is unsettled: {}",
            listed::tasks(tasks)
        ),
    };
    format!("nothing was settled: {own}; {}", named(others))
}

/// Says which tasks are unsettled, whoever has requested them.
fn named(unsettled: &[TaskView]) -> String {
    match unsettled {
        [] => "no task is unsettled".into(),
        unsettled => format!(
            "these are unsettled, name one by its id, or by the end of it: {}",
            listed::tasks(unsettled)
        ),
    }
}

/// Returns the alarm that was raised last: one that no other explains, if there is any.
pub(super) async fn alarm(client: &Client, purpose: Purpose) -> Result<AlarmId> {
    for cause in [Some("none".into()), None] {
        let query = AlarmQuery {
            state: Some("all".into()),
            cause,
            ..AlarmQuery::default()
        };
        let alarms = client.alarms(&query).await?;
        let Some(newest) = newest(&alarms) else {
            continue;
        };
        if purpose == Purpose::Change {
            tell!("last: {}", listed::alarm(newest));
        }
        return Ok(newest.id);
    }
    bail!(Usage("there is no alarm".into()))
}

fn newest(alarms: &[AlarmView]) -> Option<&AlarmView> {
    alarms.iter().max_by_key(|one| (one.raised, one.number))
}

/// Picks the only task, or the only one that a person has to settle.
fn pick(tasks: &[TaskView]) -> Option<&TaskView> {
    if let [one] = tasks {
        return Some(one);
    }
    let is_unsettled = |task: &&TaskView| task.state == TaskState::Unsettled;
    let mut unsettled = tasks.iter().filter(is_unsettled);
    match (unsettled.next(), unsettled.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// Describes an operation well enough to recognise it.
fn description(view: &OperationView) -> String {
    let operation = &view.operation;
    let action = operation.action.as_ref();
    let action = action.map_or("a read", |action| action.as_str());
    let by = operation.by.as_ref();
    let by = by.map_or_else(String::new, |by| format!(" by {by}"));
    let parameters = words::json(&operation.parameters);
    let with = if parameters.is_empty() { "" } else { " " };
    format!(
        "{}, {action}{with}{parameters} on {}, asked{by} {}",
        operation.id,
        operation.selector,
        words::ago(operation.requested)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(id: u32, by: Option<&str>) -> OperationView {
        serde_json::from_value(json!({
            "id": format!("0192f0c1-7b1e-7000-8000-{id:012}"), "selector": "name=pdu-1",
            "action": "outlet-off", "class": "control", "parameters": { "outlet": 3 },
            "requested": "2026-11-24T00:00:00Z", "by": by,
            "counts": utakata_api::operation::Counts::default(),
        }))
        .unwrap()
    }

    fn me(refused: Option<u32>) -> Me {
        let refused = refused.map(|id| {
            json!({ "id": format!("0192f0c1-7b1e-7000-8000-{id:012}"), "what": "outlet-off on x",
                "at": "2026-11-24T00:00:00Z", "why": "no" })
        });
        serde_json::from_value(json!({ "name": "ana", "refused": refused })).unwrap()
    }

    #[test]
    fn last_is_ones_own_and_never_the_one_before_what_was_refused() {
        // As the ledger has them, newest first.
        let all = [
            view(9, Some("admin")),
            view(5, Some("ana")),
            view(2, Some("ana")),
        ];
        let own = all[1].operation.id;
        for (refused, expect) in [
            (None, true),
            (Some(4), true),
            (Some(6), false),
            (Some(10), false),
        ] {
            let me = me(refused);
            match last(&me, &all) {
                Last::Own(found) => assert!(expect && own == found.operation.id, "{refused:?}"),
                Last::Before(found, _) => assert!(!expect && own == found.operation.id),
                Last::None(_) => panic!("ana has two"),
            }
        }
        let others = [view(9, Some("admin")), view(1, None)];
        assert_eq!(last(&me(None), &others), Last::None(Some(&others[0])));
        assert_eq!(last(&me(Some(1)), &[]), Last::None(None));
        let told = description(&others[0]);
        assert!(
            told.contains("outlet-off outlet=3 on name=pdu-1, asked by admin"),
            "{told}"
        );
    }

    fn task(id: u32, state: &str) -> TaskView {
        serde_json::from_value(json!({
            "id": format!("0192f0c1-7b1e-7000-8000-{id:012}"), "attempt": 1,
            "origin": { "operation": "0192f0c1-7b1e-7000-8000-000000000001" },
            "target": format!("pdu-{id}"), "kind": "pdu", "action": "outlet-cycle",
            "class": "control", "parameters": {}, "state": state,
            "made": "2026-11-24T00:00:00Z", "expires": "2026-11-24T00:01:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_person_settles_the_one_task_that_needs_it_or_is_told_which_there_are() {
        for (states, expect) in [
            (&["unsettled"][..], &[0][..]),
            (&["succeeded", "unsettled", "unknown"], &[1]),
            (&["succeeded", "unknown"], &[1]),
            (&["unsettled", "unsettled"], &[0, 1]),
            (&["succeeded", "failed"], &[]),
            (&[], &[]),
        ] {
            let tasks: Vec<TaskView> = (0..).zip(states).map(|(id, is)| task(id, is)).collect();
            let expect: Vec<TaskId> = expect.iter().map(|at: &usize| tasks[*at].id).collect();
            let found: Vec<TaskId> = unsettled(&tasks).iter().map(|one| one.id).collect();
            assert_eq!(found, expect, "{states:?}");
        }
        let operation = view(1, None).operation.id;
        let said = nothing_to_settle(operation, &[task(2, "succeeded")], &[task(7, "unsettled")]);
        for part in [
            "0192f0c1-7b1e-7000-8000-000000000002, outlet-cycle on pdu-2, succeeded",
            "name one by its id",
            "0192f0c1-7b1e-7000-8000-000000000007, outlet-cycle on pdu-7, unsettled",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let said = nothing_to_settle(operation, &[task(2, "succeeded")], &[]);
        assert!(said.ends_with("no task is unsettled"), "{said}");
    }

    #[test]
    fn the_last_alarm_is_the_one_that_was_raised_last() {
        let alarm = |number: u32, raised: &str| -> AlarmView {
            serde_json::from_value(json!({
                "id": format!("0192f0c1-7b1e-7000-8000-{number:012}"), "number": number,
                "rule": "hot", "target": "pdu-1", "severity": "major", "state": "returned",
                "active": false, "raised": raised, "times": 1, "text": "it is hot",
            }))
            .unwrap()
        };
        assert_eq!(newest(&[]), None);
        let alarms = [
            alarm(9, "2026-11-24T00:00:00Z"),
            alarm(3, "2026-11-24T00:02:00Z"),
            alarm(4, "2026-11-24T00:02:00Z"),
            alarm(8, "2026-11-24T00:01:00Z"),
        ];
        assert_eq!(newest(&alarms).unwrap().number, 4);
        let said = listed::alarm(&alarms[1]);
        assert!(said.contains("major returned: it is hot"), "{said}");
    }
}
