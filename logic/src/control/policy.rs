//! Operations that policies ask for. They are recorded by whoever asks, together with its state.

use std::time::Duration;

use serde_json::Value;
use utakata_api::problem::Detail;
use utakata_model::{
    ActionName, OperationId, Pace, PolicyName, Priority, Selector, manifest::Proves,
};

use super::{
    Control, Error, OperationRequest, plan, secret,
    undo::steps::{Step, steps},
};
use crate::{ledger::OperationPlan, store::ControlTask};

/// An operation that a policy asks for.
#[derive(Debug)]
pub struct PolicyOperation {
    pub policy: PolicyName,
    pub selector: Selector,
    pub action: ActionName,
    pub parameters: Value,
    pub key: String,
    pub why: Option<String>,
    pub needs_approval: bool,
    /// The time after which the targets take it back by themselves, unless it is renewed.
    pub lease: Option<Duration>,
    /// The operation that it renews, and the time until when it makes sense.
    pub renews: Option<(OperationId, Duration)>,
    /// The policies whose acts may have led to it, the latest first.
    pub because: Vec<PolicyName>,
}

/// An operation that a policy hands back.
#[derive(Debug)]
pub struct HandBackOf {
    pub policy: PolicyName,
    pub undoes: OperationId,
    pub key: String,
    pub why: Option<String>,
}

impl Control {
    /// Checks an operation that a policy asks for, and returns it as the ledger plans it.
    ///
    /// # Errors
    /// A target cannot be controlled as requested.
    pub fn of_policy(&self, asked: PolicyOperation) -> Result<OperationPlan, Error> {
        let selection = self.rooms.inventory.select(&asked.selector);
        if selection.is_empty() {
            let selector = asked.selector;
            return Err(Error::SelectsNothing { selector });
        }
        let served = self.rooms.kinds.served();
        let impossible = |problems| Error::Impossible { problems };
        let planned = plan::plan(&asked.action, &asked.parameters, &selection, &served);
        let mut planned = planned.map_err(impossible)?;
        secret::refuse(&asked.parameters, &planned).map_err(impossible)?;
        let mut parameters = asked.parameters;
        if let Some(lease) = asked.lease {
            parameters = leased(parameters, lease, &planned).map_err(impossible)?;
            let again = plan::plan(&asked.action, &parameters, &selection, &served);
            planned = again.map_err(impossible)?;
        }
        let new = OperationRequest {
            selector: asked.selector,
            action: asked.action,
            parameters,
            pace: Pace::default(),
            priority: Priority::Routine,
            why: asked.why,
            by: None,
            undoes: None,
            renews: asked.renews.map(|(renews, _)| renews),
            because: asked.because,
            within: asked.renews.map(|(_, within)| within),
            key: Some(asked.key),
            policy: Some(asked.policy),
            break_glass: false,
        };
        let mut plan = self.planned(new, &planned);
        plan.needs_approval = asked.needs_approval;
        Ok(plan)
    }

    /// Returns the operation that hands back what an operation of a policy has changed; absent if
    /// there is nothing to hand back.
    ///
    /// # Errors
    /// It cannot be undone, or the store failed.
    pub async fn hand_back(&self, asked: HandBackOf) -> Result<Option<OperationPlan>, Error> {
        let rows = self.rooms.store.tasks_of(asked.undoes).await?;
        if rows.iter().all(|row| leaves_nothing(&row.task)) {
            return Ok(None);
        }
        let (found, left_out) = steps(&rows);
        let Some(Step {
            action,
            parameters,
            targets,
        }) = found.into_iter().next()
        else {
            let is_unchanged = left_out
                .iter()
                .all(|one| one.why == "it changed nothing" || one.why == "it was not done");
            return match is_unchanged {
                true => Ok(None),
                false => Err(Error::NothingToUndo { left_out }),
            };
        };
        let names = targets.iter().map(|(target, _)| target);
        let selector = Selector::of_names(names);
        let selection = self.rooms.inventory.select(&selector);
        let served = self.rooms.kinds.served();
        let parameters = Value::Object(parameters);
        let planned = plan::plan(&action, &parameters, &selection, &served)
            .map_err(|problems| Error::Impossible { problems })?;
        if planned.is_empty() {
            return Err(Error::SelectsNothing { selector });
        }
        let new = OperationRequest {
            selector,
            action,
            parameters,
            pace: Pace::default(),
            priority: Priority::Routine,
            why: asked.why,
            by: None,
            undoes: Some(asked.undoes),
            renews: None,
            because: Vec::new(),
            within: None,
            key: Some(asked.key),
            policy: Some(asked.policy),
            break_glass: false,
        };
        let mut plan = self.planned(new, &planned);
        // Handing back needs nobody's approval.
        plan.needs_approval = false;
        Ok(Some(plan))
    }
}

/// Returns true if a target is afterwards what it was before, as an outlet that was cycled is.
fn leaves_nothing(task: &ControlTask) -> bool {
    let verify = task.verify.as_ref();
    task.undo.is_none() && verify.is_some_and(|verify| verify.proves == Proves::Nothing)
}

/// Adds the time after which targets take a change back by themselves to its parameters.
fn leased(
    mut parameters: Value,
    lease: Duration,
    planned: &[plan::PlannedTarget<'_>],
) -> Result<Value, Vec<Detail>> {
    let mut problems = Vec::new();
    for (known, (served, action)) in planned {
        let target = &known.target.name;
        match (&action.action.lease, parameters.as_object_mut()) {
            (Some(name), Some(parameters)) => {
                parameters.insert(name.clone(), Value::from(lease.as_secs()));
            }
            _ => problems.push(Detail {
                subject: format!("target {target}"),
                message: served.no_lease(&action.action.name),
            }),
        }
    }
    match problems.is_empty() {
        true => Ok(parameters),
        false => Err(problems),
    }
}
