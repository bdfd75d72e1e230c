//! Waiting for an operation, with messages about its progress and the reason of the wait.

use std::time::{Duration, Instant};

use anyhow::Result;
use utakata_api::{
    Client,
    client::TaskQuery,
    ledger::Explanation,
    operation::{Counts, OperationView},
};
use utakata_model::{Backoff, OperationState};

use super::PATIENCE;
use crate::{
    interrupt,
    output::{natural, rows, tell_lines, words},
    progress::Spinner,
};

/// The intervals between looks at an operation: most have ended by the first.
const LOOKS: Backoff = Backoff::new(Duration::from_millis(15), Duration::from_millis(500));

/// Announces operations that continue by themselves: a user who stops waiting is told so.
pub fn announce(views: &[&OperationView]) {
    let under_way = views.iter().filter(|view| changes(view));
    let lines: Vec<String> = under_way.map(|view| goes_on(view)).collect();
    if !lines.is_empty() {
        interrupt::goes_on(lines.join("\n"));
    }
}

/// Waits until the operation can no longer change by itself, or the time is over. Returns it with
/// all its tasks, ordered by target.
pub async fn follow(
    client: &Client,
    mut view: OperationView,
    timeout: Duration,
) -> Result<OperationView> {
    let (began, id) = (Instant::now(), view.operation.id);
    let mut spinner = None;
    let mut looks = LOOKS;
    let (mut explained, mut told) = (Instant::now(), String::new());
    while changes(&view) && began.elapsed() < timeout {
        if began.elapsed() > PATIENCE {
            let spinner = spinner.get_or_insert_with(|| Spinner::new("waiting for the outcomes"));
            spinner.say(&format!("waiting: {}", rows::counts(&view.counts).text));
            if told.is_empty() || explained.elapsed() > PATIENCE {
                let explanation = client.explain_operation(id).await?;
                explained = Instant::now();
                if explanation.waits_for != told && is_worth_telling(&explanation) {
                    spinner.note(&words::explanation(&explanation));
                }
                told = explanation.waits_for;
            }
        }
        let left = timeout.saturating_sub(began.elapsed());
        tokio::time::sleep(looks.wait().min(left)).await;
        view = client.operation(id).await?;
    }
    drop(spinner);
    if told.is_empty() && changes(&view) && !timeout.is_zero() {
        // The time was too short, or the server too slow, for the reason to be shown earlier.
        let explanation = client.explain_operation(id).await?;
        if is_worth_telling(&explanation) {
            tell_lines(&words::explanation(&explanation));
        }
    }
    let query = TaskQuery {
        operation: Some(id),
        ..TaskQuery::default()
    };
    view.tasks = client.all_tasks(&query).await?;
    view.tasks
        .sort_by(|one, other| natural::compare(one.target.as_str(), other.target.as_str()));
    Ok(view)
}

/// Returns the message about an operation that nobody waits for any more.
fn goes_on(view: &OperationView) -> String {
    let id = view.operation.id;
    let action = view.operation.action.as_ref();
    let action = action.map_or("it", |action| action.as_str());
    format!(
        "{action} continues as operation {id}:\n  \
         utakata operation show {id}     its progress\n  \
         utakata operation cancel {id}   cancel what has not begun"
    )
}

/// Returns true if the reason is worth a line; a running or ended task is not.
fn is_worth_telling(explanation: &Explanation) -> bool {
    !matches!(
        explanation.waits_for.as_str(),
        "running" | "queue" | "capture" | "ended"
    )
}

/// Returns true if the operation may still change without a person.
fn changes(view: &OperationView) -> bool {
    let Counts {
        planned,
        queued,
        permitted,
        verifying,
        unknown,
        ..
    } = view.counts;
    let begun = permitted + verifying + unknown;
    match view.state {
        Some(OperationState::Awaiting) => false,
        Some(OperationState::Paused | OperationState::Stopped) => begun > 0,
        _ => planned + queued + begun > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_person_can_change_is_not_waited_for() {
        let view = |state: &str, counts: Counts| -> OperationView {
            serde_json::from_value(serde_json::json!({
                "id": "0192f0c1-7b1e-7000-8000-000000000000", "selector": "name",
                "class": "control", "parameters": {}, "requested": "2026-11-24T00:00:00Z",
                "counts": counts, "state": state,
            }))
            .unwrap()
        };
        let planned = Counts {
            planned: 1,
            ..Counts::default()
        };
        let permitted = Counts {
            permitted: 1,
            ..Counts::default()
        };
        let unsettled = Counts {
            unsettled: 1,
            ..Counts::default()
        };
        for (state, counts, expect) in [
            ("running", planned, true),
            ("running", permitted, true),
            ("running", unsettled, false),
            ("awaiting", planned, false),
            ("paused", planned, false),
            ("paused", permitted, true),
            ("stopped", planned, false),
            ("cancelled", permitted, true),
            ("done", Counts::default(), false),
        ] {
            assert_eq!(changes(&view(state, counts)), expect, "{state} {counts:?}");
        }
    }
}
