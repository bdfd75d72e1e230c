//! Undoes an operation: by one operation for each action and its parameters.

use std::sync::Arc;

use serde_json::{Value, json};
use utakata_api::operation::{LeftOut, Undo, UndoPlan, UndoStep};
use utakata_model::{ActionName, Operation, OperationId, Selector, TargetName};

use super::steps::{Step, steps};
use crate::{
    control::{Confirmation, Control, Error, OperationRequest, may, plan, plan_token, token},
    inventory::{SecretParameters, TargetEntry},
    kinds::KindsSnapshot,
    rights::{Actor, Rights},
    store::OperationRow,
};

/// A request to undo an operation.
#[derive(Debug)]
pub struct UndoRequest {
    pub id: OperationId,
    pub undo: Undo,
    pub by: Actor,
    pub rights: Arc<Rights>,
}

/// The result of undoing.
#[derive(Debug)]
pub enum UndoResult {
    /// The plan, if the request was a dry run.
    Plan(UndoPlan),
    /// The operations, recorded and under way.
    Undone(Vec<OperationId>, Vec<LeftOut>),
}

/// A step, with the release that serves its targets.
struct Ready<'a> {
    step: &'a Step,
    planned: Vec<plan::PlannedTarget<'a>>,
}

impl Control {
    /// Undoes an operation as far as possible, or returns the plan. Absent if there is no such
    /// operation.
    ///
    /// # Errors
    /// Nothing was sent: nothing can be undone, or the plan differs.
    pub async fn undo(&self, requested: UndoRequest) -> Result<Option<UndoResult>, Error> {
        let Some(row) = self.rooms.store.operation(requested.id).await? else {
            return Ok(None);
        };
        let rows = self.rooms.store.tasks_of(requested.id).await?;
        let served = self.rooms.kinds.served();
        let (steps, mut left_out) = steps(&rows);
        let known: Vec<Vec<Arc<TargetEntry>>> = steps
            .iter()
            .map(|step| self.known(step, &mut left_out))
            .collect();
        let ready = steps.iter().zip(&known);
        let ready = ready.map(|(step, known)| ready_step(step, known, &served, &mut left_out));
        let ready: Vec<Ready<'_>> = ready.filter(|one| !one.planned.is_empty()).collect();
        for one in &ready {
            may::control(&requested.rights, &one.planned)?;
        }
        left_out.sort_by(|one, other| one.target.cmp(&other.target));
        let view = self.undo_view(&requested, &row, &ready, left_out);
        if requested.undo.dry_run {
            return Ok(Some(UndoResult::Plan(view)));
        }
        if view.steps.is_empty() {
            let left_out = view.left_out;
            return Err(Error::NothingToUndo { left_out });
        }
        self.meant(&Confirmation {
            plan: requested.undo.plan.as_deref(),
            expect: requested.undo.expect,
            token: &view.token,
            count: ready.iter().map(|one| one.planned.len()).sum(),
        })?;
        let mut left_out = view.left_out;
        let operations = self
            .begin_all(&requested, &row, &ready, &mut left_out)
            .await?;
        Ok(Some(UndoResult::Undone(operations, left_out)))
    }

    /// Begins all steps. Once the first is recorded, those that cannot be recorded are left out and
    /// reported.
    async fn begin_all(
        &self,
        requested: &UndoRequest,
        row: &OperationRow,
        ready: &[Ready<'_>],
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Vec<OperationId>, Error> {
        let mut operations = Vec::with_capacity(ready.len());
        for one in ready {
            let new = self.undoing(requested, row, one);
            match self.begin(new, SecretParameters::new(), &one.planned).await {
                Ok((id, _)) => operations.push(id),
                Err(error) if operations.is_empty() => return Err(error),
                Err(error) => {
                    let why = error.to_string();
                    let targets = one.planned.iter().map(|(known, _)| &known.target.name);
                    left_out.extend(targets.map(|target| left(target, why.clone())));
                }
            }
        }
        Ok(operations)
    }

    /// Returns the targets of a step that are still the same devices.
    fn known(&self, step: &Step, left_out: &mut Vec<LeftOut>) -> Vec<Arc<TargetEntry>> {
        let mut found = Vec::with_capacity(step.targets.len());
        for (target, kind) in &step.targets {
            match self.rooms.inventory.find(target) {
                None => left_out.push(left(target, "it was deleted".into())),
                Some(known) if known.target.kind != *kind => {
                    let why = format!("its kind is now {}", known.target.kind);
                    left_out.push(left(target, why));
                }
                Some(known) => found.push(known),
            }
        }
        found
    }

    fn undo_view(
        &self,
        requested: &UndoRequest,
        row: &OperationRow,
        ready: &[Ready<'_>],
        left_out: Vec<LeftOut>,
    ) -> UndoPlan {
        let steps: Vec<UndoStep> = ready
            .iter()
            .map(|one| {
                let parameters = Value::Object(one.step.parameters.clone());
                UndoStep {
                    action: one.step.action.clone(),
                    parameters: one.step.parameters.clone(),
                    targets: self.planned_tasks(&parameters, &one.planned),
                }
            })
            .collect();
        let token = undo_token(requested, &row.operation, &steps, ready);
        UndoPlan {
            token,
            needs_approval: ready.iter().any(|one| self.needs_approval(&one.planned)),
            many: self.config.many as u64,
            steps,
            left_out,
            undone_by: row.undone_by.clone(),
        }
    }

    fn undoing(
        &self,
        requested: &UndoRequest,
        row: &OperationRow,
        one: &Ready<'_>,
    ) -> OperationRequest {
        let names = one.planned.iter().map(|(known, _)| &known.target.name);
        OperationRequest {
            selector: Selector::of_names(names),
            action: one.step.action.clone(),
            parameters: Value::Object(one.step.parameters.clone()),
            pace: requested
                .undo
                .pace
                .clone()
                .unwrap_or_else(|| row.operation.pace.clone()),
            priority: requested.undo.priority,
            why: requested.undo.why.clone(),
            by: Some(requested.by.clone()),
            undoes: Some(requested.id),
            renews: None,
            because: Vec::new(),
            policy: None,
            break_glass: false,
            within: None,
            key: None,
        }
    }
}

fn left(target: &TargetName, why: String) -> LeftOut {
    LeftOut {
        target: target.clone(),
        why,
    }
}

fn ready_step<'a>(
    step: &'a Step,
    known: &'a [Arc<TargetEntry>],
    served: &'a KindsSnapshot,
    left_out: &mut Vec<LeftOut>,
) -> Ready<'a> {
    let parameters = Value::Object(step.parameters.clone());
    let (planned, problems) = plan::each(&step.action, &parameters, known, served);
    let problems = problems.into_iter();
    left_out.extend(problems.map(|(known, why)| left(&known.target.name, why)));
    Ready { step, planned }
}

/// Returns one token for all steps.
fn undo_token(
    requested: &UndoRequest,
    operation: &Operation,
    steps: &[UndoStep],
    ready: &[Ready<'_>],
) -> String {
    let told = steps.iter().map(|step| {
        let names: Vec<&TargetName> = step.targets.iter().map(|one| &one.target).collect();
        json!({ "action": step.action, "parameters": step.parameters, "targets": names })
    });
    let parameters = json!({ "undoes": requested.id, "steps": told.collect::<Vec<_>>() });
    let action: &ActionName = match steps.first() {
        Some(step) => &step.action,
        None => return String::new(),
    };
    let what = token::PlannedRequest {
        selector: &operation.selector,
        action,
        parameters: &parameters,
        pace: requested.undo.pace.as_ref().unwrap_or(&operation.pace),
        priority: requested.undo.priority,
    };
    let planned = ready.iter().flat_map(|one| &one.planned);
    let targets = steps.iter().flat_map(|step| &step.targets);
    plan_token(&what, planned.zip(targets)).to_string()
}
