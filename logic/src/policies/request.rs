//! The operations that a decision asks for, as the ledger plans them.

use std::collections::BTreeMap;

use serde_json::Value;
use utakata_model::{OperationId, Selector, TargetName};
use utakata_policy::{Decided, Renewal, Request};

use super::{Error, Parts, record::ModeRow};
use crate::{
    control::{self, HandBackOf, PolicyOperation},
    ledger::OperationPlan,
};

/// The operations that a decision asks for, and what of it is impossible.
pub(super) struct Prepared {
    pub operations: Vec<OperationPlan>,
    pub why: String,
}

/// Prepares the operations of a decision. What cannot be asked for is taken out of its state.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn prepare(
    parts: &Parts,
    mode: &ModeRow,
    decided: &mut Decided,
) -> Result<Prepared, Error> {
    let mut prepared = Prepared {
        operations: Vec::new(),
        why: String::new(),
    };
    let why = decided.why.clone();
    for request in decided.acts.clone() {
        match parts.control.of_policy(act(mode, &request, &why)) {
            Ok(plan) => prepared.operations.push(plan),
            Err(error) => {
                decided.state.withdraw(&request.key);
                prepared.why.push_str(&impossible(&request.target, &error));
            }
        }
    }
    for renewal in decided.renewals.clone() {
        let renewed = parts.store.operation_by_key(&renewal.renews).await?;
        let Some(renews) = renewed else {
            decided.state.withdraw(&renewal.key);
            continue;
        };
        match parts.control.of_policy(again(mode, &renewal, renews)) {
            Ok(plan) => prepared.operations.push(plan),
            Err(error) => {
                decided.state.withdraw(&renewal.key);
                prepared.why.push_str(&impossible(&renewal.target, &error));
            }
        }
    }
    for back in decided.backs.clone() {
        let policy = mode.policy.name.clone();
        let undone = parts.store.operation_by_key(&back.undoes).await?;
        let Some(undoes) = undone else {
            // It was never recorded, and so never done.
            decided.state.forget(&back.key);
            continue;
        };
        let of = HandBackOf {
            policy,
            undoes,
            key: back.key.clone(),
            why: Some(why.clone()),
        };
        match parts.control.hand_back(of).await {
            Ok(Some(plan)) => prepared.operations.push(plan),
            Ok(None) => decided.state.forget(&back.key),
            Err(error) => {
                decided.state.leave_to_a_person(&back.key);
                prepared.why.push_str(&impossible(&back.target, &error));
            }
        }
    }
    Ok(prepared)
}

fn act(mode: &ModeRow, request: &Request, why: &str) -> PolicyOperation {
    let parameters: BTreeMap<String, Value> = request.parameters.clone();
    PolicyOperation {
        policy: mode.policy.name.clone(),
        selector: Selector::name(&request.target),
        action: request.action.clone(),
        parameters: Value::Object(parameters.into_iter().collect()),
        key: request.key.clone(),
        why: Some(why.to_owned()),
        needs_approval: request.approval,
        lease: request.lease,
        renews: None,
        because: request.because.clone(),
    }
}

/// Returns the operation that tells a change again. Whoever has approved the change has approved
/// that it holds.
fn again(mode: &ModeRow, renewal: &Renewal, renews: OperationId) -> PolicyOperation {
    let parameters: BTreeMap<String, Value> = renewal.parameters.clone();
    PolicyOperation {
        policy: mode.policy.name.clone(),
        selector: Selector::name(&renewal.target),
        action: renewal.action.clone(),
        parameters: Value::Object(parameters.into_iter().collect()),
        key: renewal.key.clone(),
        why: Some("it holds for another lease".to_owned()),
        needs_approval: false,
        lease: Some(renewal.lease),
        renews: Some((renews, renewal.within)),
        because: Vec::new(),
    }
}

fn impossible(target: &TargetName, error: &control::Error) -> String {
    format!("; {target} cannot be changed: {error}")
}
