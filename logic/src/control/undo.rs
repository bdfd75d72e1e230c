//! The undoing of an action: the `undo` of a manifest, filled in. Pure except for `ask`.

mod ask;
pub(super) mod steps;

use serde_json::{Map, Value};
use utakata_model::{
    Action, ActionName, ReadingValue,
    manifest::{
        Undo,
        placeholder::{self, PRIOR, Unknown},
    },
};

pub use ask::{UndoRequest, UndoResult};

/// An action that was done, as declared at the time.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    pub action: &'a ActionName,
    /// The declared way to undo it.
    pub undo: Option<&'a Undo>,
    /// True if the value that it changes is read back, and so was read before.
    pub is_read_back: bool,
}

impl<'a> From<&'a Action> for Done<'a> {
    fn from(action: &'a Action) -> Self {
        Self {
            action: &action.name,
            undo: action.undo.as_ref(),
            is_read_back: action.verify.is_some(),
        }
    }
}

/// The action that undoes another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Undoing {
    pub action: ActionName,
    /// The parameters, not yet checked against its schema.
    pub parameters: Map<String, Value>,
}

/// A reason why an action cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The manifest declares no way to undo it.
    #[error("the manifest does not declare how to undo \"{action}\"")]
    NotDeclared { action: ActionName },
    /// The previous value was not captured, or could not be.
    #[error("the state before \"{action}\" was not read")]
    PriorUnknown { action: ActionName },
    /// Undoing depends on a parameter that was not given.
    #[error("undoing \"{action}\" needs a parameter that it was not given")]
    ParameterUnknown { action: ActionName, source: Unknown },
}

/// Returns the action that undoes one with these parameters, where the metric of its `verify` had
/// this value before.
///
/// # Errors
/// The manifest does not declare it, or a value that it needs is unknown.
pub fn undo(
    done: Done<'_>,
    parameters: &Value,
    prior: Option<&ReadingValue>,
) -> Result<Undoing, Impossible> {
    let action = || done.action.clone();
    let Some(undo) = done.undo else {
        return Err(Impossible::NotDeclared { action: action() });
    };
    // Without `verify` there is nothing to capture, and `$prior` is a parameter.
    let has_prior = done.is_read_back;
    let values = |name: &str| match prior {
        Some(prior) if has_prior && name == PRIOR => Ok(Some(prior.to_json())),
        None if has_prior && name == PRIOR => Err(Unknown { name: name.into() }),
        _ => Ok(parameters.get(name).cloned()),
    };
    match placeholder::fill(&undo.parameters, &values) {
        Ok(parameters) => Ok(Undoing {
            action: undo.action.clone(),
            parameters,
        }),
        Err(unknown) if has_prior && unknown.name == PRIOR => {
            Err(Impossible::PriorUnknown { action: action() })
        }
        Err(source) => Err(Impossible::ParameterUnknown {
            action: action(),
            source,
        }),
    }
}

/// Returns true if undoing an action needs the previous value, which has to be captured first.
pub fn needs_prior(action: &Action) -> bool {
    // Filled in without it, only that is missing.
    let without = |name: &str| match name {
        PRIOR => Err(Unknown { name: name.into() }),
        _ => Ok(Some(Value::Null)),
    };
    let undo = action.undo.as_ref().filter(|_| action.verify.is_some());
    undo.is_some_and(|undo| placeholder::fill(&undo.parameters, &without).is_err())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(undo: Option<Value>, has_verify: bool) -> Action {
        let mut action = json!({ "name": "setpoint", "class": "control" });
        if let Some(parameters) = undo {
            action["undo"] = json!({ "action": "back", "parameters": parameters });
        }
        if has_verify {
            action["verify"] =
                json!({ "action": "read", "metric": "hw.temperature", "value": "$celsius" });
        }
        serde_json::from_value(action).unwrap()
    }

    #[test]
    fn the_parameters_and_the_value_from_before_are_filled_in() {
        let number = |number| Some(ReadingValue::Number(number));
        for (undo_with, prior, expect) in [
            (json!({ "unit": "$unit" }), None, Some(json!({ "unit": 2 }))),
            (
                json!({ "celsius": "$prior" }),
                number(21.0),
                Some(json!({ "celsius": 21 })),
            ),
            (
                json!({ "celsius": "$prior" }),
                number(21.5),
                Some(json!({ "celsius": 21.5 })),
            ),
            (
                json!({ "state": ["$prior"], "delay": "$delay" }),
                Some(ReadingValue::Text("on".into())),
                Some(json!({ "state": ["on"] })),
            ),
            (json!({ "celsius": "$prior" }), None, None),
            (json!({ "deep": ["$delay"] }), number(1.0), None),
            (json!({}), None, Some(json!({}))),
        ] {
            let told = undo_with.to_string();
            let parameters = json!({ "unit": 2, "celsius": 24 });
            let undone = undo(
                (&action(Some(undo_with), true)).into(),
                &parameters,
                prior.as_ref(),
            );
            let filled = undone.map(|undone| {
                assert_eq!(undone.action.as_str(), "back");
                Value::Object(undone.parameters)
            });
            assert_eq!(filled.ok(), expect, "{told}");
        }
    }

    #[test]
    fn the_reason_why_it_cannot_be_undone_is_reported() {
        let told = |undo_with, has_verify, parameters: Value| {
            let error = undo((&action(undo_with, has_verify)).into(), &parameters, None);
            error.unwrap_err().to_string()
        };
        assert!(told(None, true, json!({})).contains("does not declare"));
        let prior = Some(json!({ "x": "$prior" }));
        assert!(told(prior, true, json!({ "prior": 1 })).contains("was not read"));
        let deep = Some(json!({ "x": ["$y"] }));
        assert!(told(deep, true, json!({})).contains("was not given"));
    }

    #[test]
    fn the_value_from_before_is_captured_only_where_it_is_needed() {
        for (undo_with, has_verify, needs) in [
            (Some(json!({ "x": "$prior" })), true, true),
            (Some(json!({ "x": [{ "y": "$prior" }] })), true, true),
            (Some(json!({ "x": "$prior" })), false, false),
            (Some(json!({ "x": "$outlet" })), true, false),
            (None, true, false),
        ] {
            assert_eq!(needs_prior(&action(undo_with, has_verify)), needs);
        }
        // Without `verify`, it is the parameter of that name.
        let plain = action(Some(json!({ "x": "$prior" })), false);
        let undone = undo((&plain).into(), &json!({ "prior": 7 }), None).unwrap();
        assert_eq!(Value::Object(undone.parameters), json!({ "x": 7 }));
    }
}
