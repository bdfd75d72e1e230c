//! The steps by which an operation is undone, target by target. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utakata_api::operation::LeftOut;
use utakata_model::{ActionName, Kind, TargetName, TaskState, manifest::expected::Expected};

use super::{Done, Undoing, undo};
use crate::store::{ControlTask, TaskRow};

/// The same action with the same parameters, on some targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub action: ActionName,
    pub parameters: Map<String, Value>,
    /// The targets in the order of the original operation, with their kinds at the time.
    pub targets: Vec<(TargetName, Kind)>,
}

/// Returns the steps that undo these tasks, and the reasons why some targets are left out.
pub fn steps(rows: &[TaskRow]) -> (Vec<Step>, Vec<LeftOut>) {
    let mut steps: BTreeMap<(ActionName, String), Step> = BTreeMap::new();
    let mut left_out = Vec::new();
    for row in rows {
        let target = &row.task.target;
        match of_task(row) {
            Ok(Undoing { action, parameters }) => {
                let key = (action.clone(), Value::from(parameters.clone()).to_string());
                let step = steps.entry(key).or_insert_with(|| Step {
                    action,
                    parameters,
                    targets: Vec::new(),
                });
                step.targets.push((target.clone(), row.task.kind.clone()));
            }
            Err(why) => left_out.push(LeftOut {
                target: target.clone(),
                why,
            }),
        }
    }
    (steps.into_values().collect(), left_out)
}

fn of_task(row: &TaskRow) -> Result<Undoing, String> {
    let id = row.task.id;
    match row.progress.state {
        TaskState::Succeeded => {}
        TaskState::Failed | TaskState::Expired | TaskState::Cancelled => {
            return Err("it was not done".into());
        }
        TaskState::Unknown | TaskState::Unsettled => {
            return Err(format!(
                "its outcome is unknown: state it first (`utakata task settle {id}`)"
            ));
        }
        TaskState::Planned | TaskState::Queued | TaskState::Permitted | TaskState::Verifying => {
            return Err(
                "it has not ended: `utakata operation cancel` cancels what has not begun".into(),
            );
        }
    }
    if was_so_before(row) {
        return Err("it changed nothing".into());
    }
    undo(
        Done::from(&row.task),
        &row.task.parameters.to_json(),
        row.progress.prior.as_ref(),
    )
    .map_err(|impossible| impossible.to_string())
}

/// Returns true if the target already had the value that the action brings about.
fn was_so_before(row: &TaskRow) -> bool {
    let expected = row.task.verify.as_ref().and_then(|verify| {
        let parameters = row.task.parameters.to_json();
        Expected::new(verify, &parameters).ok()
    });
    let prior = row.progress.prior.as_ref();
    let both = expected.zip(prior);
    both.is_some_and(|(expected, prior)| expected.is_effect(prior))
}

impl<'a> From<&'a ControlTask> for Done<'a> {
    fn from(task: &'a ControlTask) -> Self {
        Self {
            action: &task.action,
            undo: task.undo.as_ref(),
            is_read_back: task.verify.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utakata_model::ReadingValue;

    use super::*;
    use crate::store::TaskProgress;

    fn row(target: &str, state: TaskState, prior: Option<f64>) -> TaskRow {
        let task = json!({
            "id": utakata_model::TaskId::generate(),
            "operation": utakata_model::OperationId::generate(),
            "target": target, "kind": "crah", "action": "set", "parameters": { "celsius": 24 },
            "timeout": "1s", "made": "2026-11-24T00:00:00Z", "expires": "2026-11-24T00:01:00Z",
            "verify": { "action": "read", "metric": "setpoint", "value": "$celsius" },
            "undo": { "action": "set", "parameters": { "celsius": "$prior" } },
        });
        TaskRow {
            task: serde_json::from_str(&task.to_string()).unwrap(),
            progress: TaskProgress {
                state,
                prior: prior.map(ReadingValue::Number),
                ..TaskProgress::default()
            },
        }
    }

    #[test]
    fn what_was_changed_goes_back_to_what_was_there_and_the_rest_is_reported() {
        let done = TaskState::Succeeded;
        let mut bare = row("bare", done, Some(20.0));
        bare.task.undo = None;
        let rows = [
            row("a", done, Some(21.0)),
            row("b", done, Some(22.0)),
            row("c", done, Some(21.0)),
            row("same", done, Some(24.0)),
            row("unseen", done, None),
            row("failed", TaskState::Failed, Some(21.0)),
            row("unsettled", TaskState::Unsettled, Some(21.0)),
            row("waits", TaskState::Planned, None),
            bare,
        ];
        let (steps, left_out) = steps(&rows);
        let told: Vec<(Value, Vec<&str>)> = steps
            .iter()
            .map(|step| {
                let targets = step.targets.iter().map(|(target, _)| target.as_str());
                (step.parameters["celsius"].clone(), targets.collect())
            })
            .collect();
        assert_eq!(told, [(json!(21), vec!["a", "c"]), (json!(22), vec!["b"])]);
        let why = |target: &str| {
            let mut left_out = left_out.iter();
            let found = left_out.find(|one| one.target.as_str() == target);
            found.map(|one| one.why.as_str()).unwrap_or_default()
        };
        for (target, expect) in [
            ("same", "it changed nothing"),
            ("unseen", "was not read"),
            ("failed", "was not done"),
            ("unsettled", "utakata task settle"),
            ("waits", "has not ended"),
            ("bare", "does not declare how"),
        ] {
            assert!(why(target).contains(expect), "{target}: {}", why(target));
        }
        assert_eq!(left_out.len(), 6);
    }
}
