//! Secret parameters of a request: taken out of it before anybody keeps or shows it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use utakata_api::problem::Detail;
use utakata_model::{
    Credential, CredentialName, Operation, OperationId,
    secret::{MASK, mask, names},
    target::Secret,
};

use super::plan::PlannedTarget;
use crate::{inventory::SecretParameters, secrets::Secrets};

/// Takes the values of secret parameters out of a request, according to the actions that are
/// planned.
pub(super) fn take(
    parameters: &mut Map<String, Value>,
    planned: &[PlannedTarget<'_>],
) -> SecretParameters {
    let names = secret_names(planned);
    let mut taken = SecretParameters::new();
    for name in names {
        if let Some(Value::String(text)) = parameters.get_mut(name) {
            let text = std::mem::replace(text, MASK.into());
            taken.insert(name.into(), Secret::new(text));
        }
    }
    taken
}

/// Refuses secret parameters from whoever would have to keep them in clear to give them again.
pub(super) fn refuse(parameters: &Value, planned: &[PlannedTarget<'_>]) -> Result<(), Vec<Detail>> {
    let Some(name) = secret_names(planned)
        .into_iter()
        .find(|name| parameters.get(name).is_some())
    else {
        return Ok(());
    };
    let message = format!(
        "the parameter \"{name}\" is secret, and a policy would show it: only people can give it"
    );
    let detail = |(known, _): &PlannedTarget<'_>| Detail {
        subject: format!("target {}", known.target.name),
        message: message.clone(),
    };
    Err(planned.iter().map(detail).collect())
}

fn secret_names<'a>(planned: &[PlannedTarget<'a>]) -> BTreeSet<&'a str> {
    let actions = planned.iter().map(|(_, (_, action))| &action.action);
    actions
        .flat_map(|action| names(&action.parameters))
        .collect()
}

/// Returns the mark of each secret parameter of an operation.
pub(super) fn marks(
    operation: OperationId,
    given: &SecretParameters,
    keys: &Secrets,
) -> BTreeMap<String, String> {
    let marks = given.iter().map(|(name, secret)| {
        let mark = keys.reference_key().version(&of(operation, name, secret));
        (name.clone(), mark.0.to_string())
    });
    marks.collect()
}

/// Returns true if a request has the parameters of an earlier operation, the secret ones included.
pub(super) fn has_parameters_of(
    before: &Operation,
    requested: &Map<String, Value>,
    keys: &Secrets,
) -> bool {
    let mut given = requested.clone();
    mask(&mut given, before.secrets.keys().map(String::as_str));
    if before.parameters.as_object() != Some(&given) {
        return false;
    }
    let is_same = |(name, mark): (&String, &String)| {
        let Some(Value::String(text)) = requested.get(name) else {
            return false;
        };
        let secret = of(before.id, name, &Secret::new(text.as_str()));
        keys.is_version(&secret, mark)
    };
    before.secrets.iter().all(is_same)
}

/// Returns a secret parameter as a credential whose version is its mark.
fn of(operation: OperationId, name: &str, secret: &Secret) -> Credential {
    Credential {
        name: CredentialName::of_operation(operation),
        values: [(name.to_owned(), secret.clone())].into(),
    }
}
