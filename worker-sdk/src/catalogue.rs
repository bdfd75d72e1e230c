//! The actions of a release, compiled once, and the check whether a task fits them.

use std::collections::HashMap;

use utakata_model::{
    ActionName, Class, Cure, Kind, Manifest, Problem, TargetName, TaskKey,
    schema::{Schema, SchemaError},
    target::Secret,
};
use utakata_protocol::v1;

use crate::Task;

/// The actions of a manifest with their schemas compiled.
#[derive(Debug)]
pub struct Catalogue {
    kind: Kind,
    actions: HashMap<ActionName, Entry>,
}

#[derive(Debug)]
struct Entry {
    class: Class,
    schema: Schema,
}

impl Catalogue {
    /// Compiles the schemas of a manifest.
    ///
    /// # Errors
    /// A schema is invalid.
    pub fn build(manifest: &Manifest) -> Result<Self, SchemaError> {
        let actions = manifest.actions.iter().map(|action| {
            let class = action.class;
            let entry = action.schema().map(|schema| Entry { class, schema })?;
            Ok((action.name.clone(), entry))
        });
        Ok(Self {
            kind: manifest.kind.clone(),
            actions: actions.collect::<Result<_, _>>()?,
        })
    }

    /// Checks whether this release can carry out a task.
    ///
    /// # Errors
    /// The problem to answer with; the target was not touched.
    pub fn admit(&self, key: TaskKey, task: v1::Task) -> Result<Task, Problem> {
        if task.kind != self.kind.as_str() {
            return Err(self.wrong_kind(&task));
        }
        let (name, entry) = self
            .actions
            .get_key_value(task.action.as_str())
            .ok_or_else(|| self.no_such_action(&task))?;
        let class = class(&task);
        if class != entry.class {
            return Err(wrong_class(&task, entry.class));
        }
        let parameters = parameters(&task)?;
        entry.schema.check(&parameters).map_err(|refused| {
            let message = format!("the parameters of {} do not fit: {refused}", task.action);
            Problem::new("bad-parameters", Cure::Operator, message)
        })?;
        let target = TargetName::new(&task.target)
            .map_err(|error| Problem::new("bad-target", Cure::Bug, error.to_string()))?;
        let secret = |(name, value)| (name, Secret::new(value as String));
        Ok(Task {
            key,
            target,
            kind: self.kind.clone(),
            address: task.address,
            credential: task.credential.into_iter().map(secret).collect(),
            action: name.clone(),
            class,
            parameters,
            timeout: std::time::Duration::from_millis(task.timeout_milliseconds),
        })
    }

    fn wrong_kind(&self, task: &v1::Task) -> Problem {
        let message = format!(
            "{} is of the kind {}, and this worker serves {}",
            task.target, task.kind, self.kind
        );
        Problem::new("wrong-kind", Cure::Bug, message)
    }

    fn no_such_action(&self, task: &v1::Task) -> Problem {
        let mut names: Vec<_> = self.actions.keys().map(ActionName::as_str).collect();
        names.sort_unstable();
        let message = format!(
            "{} cannot \"{}\": its actions are {}",
            self.kind,
            task.action,
            names.join(", ")
        );
        Problem::new("no-such-action", Cure::Operator, message)
    }
}

/// Returns the class that the manager gave a task.
pub fn class(task: &v1::Task) -> Class {
    if task.control {
        Class::Control
    } else {
        Class::Observe
    }
}

fn parameters(task: &v1::Task) -> Result<serde_json::Value, Problem> {
    if task.parameters.is_empty() {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&task.parameters).map_err(|error| {
        let message = format!("the parameters of {} are not JSON: {error}", task.action);
        Problem::new("bad-parameters", Cure::Bug, message)
    })
}

fn wrong_class(task: &v1::Task, declared: Class) -> Problem {
    let message = format!(
        "{} was sent as {}, and the manifest of this worker declares it as {}",
        task.action,
        class(task).as_str(),
        declared.as_str()
    );
    Problem::new("wrong-class", Cure::Bug, message)
}

#[cfg(test)]
mod tests;
