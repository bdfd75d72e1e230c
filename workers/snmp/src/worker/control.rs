//! Controls, as described by a profile.
//!
//! Before an object is set it is read with the same credential: if the target cannot be reached, or
//! has no such object, it has certainly not been touched, and the attempt has `failed`. The outcome
//! of a SET follows from what its answer proves ([`crate::session`]): if it proves nothing, the
//! outcome is `unknown`, and is read back.

use std::collections::BTreeMap;

use async_snmp::{ErrorStatus, Oid, Value};
use serde_json::{Map, Value as Json};
use utakata_worker_sdk::{Answer, Failure, Proof, model::manifest};

use super::{TaskContext, problem, raw::wrong, read::shown};
use crate::{
    profile::{Control, ValueSource},
    session::{Error, Repeat, SetResult},
};

impl TaskContext<'_> {
    /// Carries out a control. The answer has the parameters and the control's own words.
    pub async fn control(
        &self,
        control: &Control,
        repeat: manifest::Repeat,
    ) -> Result<Answer, Failure> {
        let parameters = &self.task.parameters;
        let oid = control.oid.oid(parameters).map_err(wrong)?;
        let value = wanted(control, parameters).map_err(wrong)?;
        self.put(&oid, &control.object, &value, repeat).await?;
        Ok(Answer {
            result: Some(result(parameters, &control.result)),
            ..Answer::default()
        })
    }

    /// Sets an object, after making sure that it exists. `object` is its name, for messages.
    pub async fn put(
        &self,
        oid: &Oid,
        object: &str,
        value: &Value,
        repeat: manifest::Repeat,
    ) -> Result<Value, Failure> {
        let target = &self.task.target;
        let named = match object {
            "" => oid.to_string(),
            object => format!("{object} ({oid})"),
        };
        // If the device is too slow for both, the object is set at once.
        if self.session.has_time_for(2, self.deadline) {
            self.look(oid, &named).await?;
        }
        let repeat = match repeat {
            manifest::Repeat::Repeatable => Repeat::Seldom,
            manifest::Repeat::Once => Repeat::Never,
        };
        let SetResult {
            proof,
            sent,
            problem,
        } = self.session.set(self.deadline, oid, value, repeat).await;
        let Some(error) = problem else {
            return Ok(value.clone());
        };
        let told = format!("{named} = {}", shown(value));
        Err(proof.failure(match (&error, proof) {
            (Error::Refused { status, .. }, Proof::NotDone) => {
                problem::refused(&format!("{target} answered {status} to {told}"), *status)
            }
            (
                Error::Credential { .. } | Error::Send { .. } | Error::Client { .. },
                Proof::NotDone,
            ) => self.problem(&error).await,
            _ => problem::doubtful(target.as_str(), &told, &error, sent),
        }))
    }
}

impl TaskContext<'_> {
    /// Makes sure that the target answers and has an object.
    async fn look(&self, oid: &Oid, named: &str) -> Result<(), Failure> {
        let target = &self.task.target;
        match self.session.get_before_set(self.deadline, oid).await {
            Ok(Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView) => {
                let what = format!("{target} has no {named}");
                Err(refused(&what, ErrorStatus::NoSuchName))
            }
            Err(Error::Refused {
                status: status @ ErrorStatus::NoSuchName,
                ..
            }) => Err(refused(&format!("{target} has no {named}"), status)),
            // Some objects can only be written.
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(Failure::failed(self.problem(&error).await)),
        }
    }
}

fn refused(what: &str, status: ErrorStatus) -> Failure {
    Failure::failed(problem::refused(what, status))
}

/// The value that a control sets.
fn wanted(control: &Control, parameters: &Json) -> Result<Value, String> {
    let parameter = |name: &str| parameters.get(name).cloned().unwrap_or(Json::Null);
    let is_given = |name: &str| parameters.get(name).is_some_and(|value| !value.is_null());
    let text = control.value_with.iter().find(|(name, _)| is_given(name));
    if let Some((_, text)) = text {
        let filled = text.fill(|name| match parameters.get(name)? {
            Json::String(text) => Some(text.as_str().into()),
            value => Some(value.to_string().into()),
        });
        let filled = filled.ok_or("a parameter of its value is missing")?;
        return control.kind.value(&Json::String(filled));
    }
    let json = match &control.value {
        ValueSource::Constant(json) => json.clone(),
        ValueSource::Parameter(name) => parameter(name),
        ValueSource::OneOf(name, words) => {
            let given = parameter(name);
            let word = given
                .as_str()
                .map_or_else(|| given.to_string(), String::from);
            words.get(&word).cloned().ok_or_else(|| {
                let known: Vec<&str> = words.keys().map(String::as_str).collect();
                format!("{name}: {given} is none of: {}", known.join(", "))
            })?
        }
    };
    control.kind.value(&json)
}

fn result(parameters: &Json, words: &BTreeMap<String, String>) -> Json {
    let mut result = parameters.as_object().cloned().unwrap_or_else(Map::new);
    for (key, word) in words {
        result.insert(key.clone(), value_of(word));
    }
    Json::Object(result)
}

fn value_of(word: &str) -> Json {
    Json::String(word.into())
}
