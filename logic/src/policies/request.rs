//! The operations that a decision asks for, as the ledger plans them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use utakata_model::{OperationId, Selector, TargetName};
use utakata_policy::{Decided, HandBack, Renewal, Request};

use super::{Error, Parts, mode::attribution, record::ModeRow};
use crate::{
    control::{self, HandBackOf, PolicyOperation},
    ledger::{OperationPlan, Withdrawal},
};

/// The operations that a decision asks for, and what of it is impossible.
pub(super) struct Prepared {
    pub operations: Vec<OperationPlan>,
    pub withdrawals: Vec<Withdrawal>,
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
    now: Timestamp,
) -> Result<Prepared, Error> {
    let mut prepared = Prepared {
        operations: Vec::new(),
        withdrawals: Vec::new(),
        why: String::new(),
    };
    let why = decided.why.clone();
    for key in &decided.withdrawals {
        let only = parts.store.operation_by_key(key).await?;
        prepared.withdrawals.extend(only.map(|only| Withdrawal {
            policy: mode.policy.name.clone(),
            only: Some(only),
            attribution: attribution("utakata", Some("it hands back".into()), now),
        }));
    }
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
        let renews = match renewed {
            Some(renewed) if parts.is_same(&renewal, renewed).await? => renewed,
            _ => {
                decided.state.withdraw(&renewal.key);
                continue;
            }
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
        match parts.handed_back(mode, &back, &why).await? {
            // It was never recorded, and so never done, or it has changed nothing.
            Ok(None) => decided.state.forget(&back.key),
            Ok(Some(plan)) => prepared.operations.push(plan),
            Err(error) => {
                decided.state.leave_to_a_person(&back.key);
                prepared.why.push_str(&impossible(&back.target, &error));
            }
        }
    }
    Ok(prepared)
}

impl Parts {
    /// Returns the operation that hands a change back: that undoes the first operation that has
    /// changed something. Absent if none has.
    async fn handed_back(
        &self,
        mode: &ModeRow,
        back: &HandBack,
        why: &str,
    ) -> Result<Result<Option<OperationPlan>, control::Error>, Error> {
        for key in std::iter::once(&back.undoes).chain(&back.or_undoes) {
            let Some(undoes) = self.store.operation_by_key(key).await? else {
                continue;
            };
            let of = HandBackOf {
                policy: mode.policy.name.clone(),
                undoes,
                key: back.key.clone(),
                why: Some(why.to_owned()),
            };
            match self.control.hand_back(of).await {
                Ok(None) => {}
                planned => return Ok(planned),
            }
        }
        Ok(Ok(None))
    }

    /// Returns true if a renewal sets what the operation that it renews has set: otherwise it would be
    /// a change, which envelopes count and quiet times hold back.
    async fn is_same(&self, renewal: &Renewal, renewed: OperationId) -> Result<bool, Error> {
        let rows = self.store.tasks_of(renewed).await?;
        let set = rows.iter().map(|row| row.task.parameters.to_json());
        let mut set = set.peekable();
        Ok(set.peek().is_some() && set.all(|set| is_within(&renewal.parameters, &set)))
    }
}

/// Returns true if parameters are among those of an operation, with the same values.
fn is_within(parameters: &BTreeMap<String, Value>, of: &Value) -> bool {
    parameters.iter().all(|(name, value)| {
        let known = of.get(name);
        known.is_some_and(|known| match (known.as_f64(), value.as_f64()) {
            (Some(known), Some(value)) => known.total_cmp(&value).is_eq(),
            _ => known == value,
        })
    })
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
