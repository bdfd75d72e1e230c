//! `last`: the caller's newest, in the order of the ledger. It is never somebody else's, and never
//! one before a request that was refused.

use anyhow::{Result, bail};
use utakata_api::{
    Client,
    client::TaskQuery,
    operation::OperationView,
    page::MAX_LIMIT,
    person::{Me, Refusal},
    task::TaskView,
};
use utakata_model::{OperationId, OperationState, TaskId, TaskState};

use crate::{connection::Purpose, exit::Usage, output::words};

/// The number of newest operations that are searched first; most often the first one matches.
const FIRST_LOOK: u32 = 20;
/// The largest number of candidates that are listed.
const NAMED: usize = 5;

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
    let more = match waiting.len() {
        ..=NAMED => String::new(),
        all => format!("; and {} more", all - NAMED),
    };
    let named = waiting[..waiting.len().min(NAMED)].join("; ");
    bail!(Usage(format!(
        "last is one's own, which nobody approves: give the id of what you have looked at. It \
         waits for an approval: {named}{more}"
    )))
}

/// Returns the task of the caller's last operation.
pub(super) async fn task(client: &Client, purpose: Purpose) -> Result<TaskId> {
    let operation = operation(client, purpose).await?;
    let query = TaskQuery {
        operation: Some(operation),
        ..TaskQuery::default()
    };
    let tasks = client.tasks(&query, MAX_LIMIT).await?;
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
            "the last operation has {} tasks: name one, see `utakata task list --operation \
             {operation}`",
            tasks.len()
        ))),
        (None, None, _) => bail!(Usage(format!("the operation {operation} has no task"))),
    }
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
}
