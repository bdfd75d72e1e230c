//! The manifest of a release (`worker.toml`): the kind that a worker serves and its actions.

pub mod expected;
mod lease;
pub mod limits;
pub mod placeholder;
pub mod pool;
mod rotates;
mod secret;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::action::{Action, Class, Proves, Repeat, Risk, Rotates, Undo, Verify};
pub use crate::tolerance::Tolerance;
use crate::{ActionName, Kind, schema::Schema};
use limits::{Cpus, Memory, Network};
pub use pool::{Lifetime, PoolSize, Recycle};

/// The declaration of a release. On disk it is `worker.toml`, and on the wire the same as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The kind that it serves.
    pub kind: Kind,
    /// Its version: digits and dots, compared number by number (`1.10.0` is newer than `1.9.0`).
    pub version: String,
    /// The version of the worker protocol that it speaks.
    pub protocol: u32,
    /// A description for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The program to start.
    pub run: Run,
    /// The number of workers, unless the environment sets another.
    #[serde(default)]
    pub pool: PoolSize,
    /// The JSON Schema of a target's address, which is a text. Its `description` tells people what
    /// to enter. Absent if only the worker knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub address: Option<Value>,
    /// The JSON Schema of the credential's values. Absent if none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub credential: Option<Value>,
    /// Settings that only the worker itself reads.
    #[serde(default, skip_serializing_if = "is_empty")]
    #[schema(value_type = Object)]
    pub settings: Value,
    /// The actions that it offers.
    #[serde(rename = "action")]
    pub actions: Vec<Action>,
}

/// The program of a release, and the limits of its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// An executable in the release's folder, or one shipped with utakata. For an image, the folder
    /// is its root.
    pub program: String,
    /// The arguments of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The network that a container of it needs.
    #[serde(default, skip_serializing_if = "Network::is_none")]
    pub network: Network,
    /// The largest memory of a container, if the default is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The number of processors of a container, if the default is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// The largest number of processes and threads of a container, if the default is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

impl Run {
    /// Returns a program without arguments, with default limits.
    pub fn program(program: &str) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            network: Network::None,
            memory: None,
            cpus: None,
            pids: None,
        }
    }
}

/// The reason why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not TOML of the right form. The message has the line and column.
    #[error("worker.toml cannot be read: {problem}")]
    Form {
        /// The message of the parser.
        problem: String,
    },
    /// The version is not made of digits and dots.
    #[error("the version \"{version}\" is not digits and dots, as in 1.0.0")]
    Version {
        /// The rejected version.
        version: String,
    },
    /// Two actions have the same name.
    #[error("the action \"{action}\" is declared twice")]
    Twice {
        /// The name that occurs twice.
        action: ActionName,
    },
    /// It declares no action.
    #[error("no action is declared: a worker must be able to do something")]
    NoAction,
    /// A schema is invalid.
    #[error("the {of} has a wrong schema: {problem}")]
    Schema {
        /// The part of the manifest with the schema.
        of: String,
        /// The message of the schema compiler.
        problem: String,
    },
    /// A rotation could lose a password.
    #[error("rotates of the action \"{action}\" cannot be: {problem}")]
    Rotates {
        /// The action.
        action: ActionName,
        /// The reason.
        problem: String,
    },
    /// A secret parameter would not stay secret.
    #[error("the secret parameter \"{name}\" of the action \"{action}\" cannot be: {problem}")]
    Secret {
        /// The action.
        action: ActionName,
        /// The parameter.
        name: String,
        /// The reason.
        problem: String,
    },
    /// `verify` or `undo` refers to an action that does not exist or is of the wrong class.
    #[error(
        "{part} of the action \"{action}\" names \"{named}\", which is not an action of class {class}"
    )]
    Reference {
        /// The part with the reference: `verify` or `undo`.
        part: &'static str,
        /// The action with the reference.
        action: ActionName,
        /// The name that is referred to.
        named: ActionName,
        /// The class that is required.
        class: &'static str,
    },
    /// `verify` or `undo` has a placeholder that cannot be filled.
    #[error("{part} of the action \"{action}\" has \"${name}\", {problem}")]
    Placeholder {
        /// The part with the placeholder: `verify` or `undo`.
        part: &'static str,
        /// The action with the placeholder.
        action: ActionName,
        /// The name of the placeholder, without its dollar.
        name: String,
        /// The reason why it cannot be filled.
        problem: String,
    },
    /// `lease` names no parameter that can be the time for which a change holds.
    #[error("lease of the action \"{action}\": {problem}")]
    Lease {
        /// The action with the lease.
        action: ActionName,
        /// The reason why it is none.
        problem: String,
    },
    /// The limits of the pool contradict each other.
    #[error("pool.max ({max}) is less than pool.min ({min}) or is 0")]
    Pool {
        /// The smallest number of workers.
        min: u32,
        /// The largest number of workers.
        max: u32,
    },
    /// The workers would be replaced all the time.
    #[error("pool.recycle.age is less than a second: workers would do nothing but start")]
    Recycle,
}

impl Manifest {
    /// Parses and validates a `worker.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError::Form {
            problem: error.to_string(),
        })?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Checks everything beyond the form: schemas, references, names, sizes.
    pub fn validate(&self) -> Result<(), ManifestError> {
        if self.version_numbers().is_none() {
            return Err(ManifestError::Version {
                version: self.version.clone(),
            });
        }
        if self.pool.max == 0 || self.pool.max < self.pool.min {
            return Err(ManifestError::Pool {
                min: self.pool.min,
                max: self.pool.max,
            });
        }
        if !self.pool.recycle.is_possible() {
            return Err(ManifestError::Recycle);
        }
        if self.actions.is_empty() {
            return Err(ManifestError::NoAction);
        }
        if let Some(schema) = &self.address {
            check_schema_of("address", schema, "string")?;
        }
        if let Some(schema) = &self.credential {
            check_schema("credential", schema)?;
        }
        self.actions
            .iter()
            .enumerate()
            .try_for_each(|(at, action)| {
                if self.actions[..at]
                    .iter()
                    .any(|other| other.name == action.name)
                {
                    return Err(ManifestError::Twice {
                        action: action.name.clone(),
                    });
                }
                check_schema(&format!("action \"{}\"", action.name), &action.parameters)?;
                self.check_references(action)?;
                lease::check(action)?;
                placeholder::check(action)?;
                secret::check(action, self)?;
                rotates::check(action, self)
            })
    }

    fn check_references(&self, action: &Action) -> Result<(), ManifestError> {
        let verify = action
            .verify
            .as_ref()
            .map(|v| ("verify", &v.action, Class::Observe));
        let undo = action
            .undo
            .as_ref()
            .map(|u| ("undo", &u.action, Class::Control));
        for (part, named, class) in verify.into_iter().chain(undo) {
            if self.action(named).is_none_or(|found| found.class != class) {
                return Err(ManifestError::Reference {
                    part,
                    action: action.name.clone(),
                    named: named.clone(),
                    class: class.as_str(),
                });
            }
        }
        Ok(())
    }

    /// Returns the action of that name.
    pub fn action(&self, name: &ActionName) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == *name)
    }

    /// Returns the action that changes the password of a credential's user, if there is one.
    pub fn rotates(&self) -> Option<(&Action, &Rotates)> {
        let mut actions = self.actions.iter();
        actions.find_map(|action| Some((action, action.rotates.as_ref()?)))
    }

    /// Returns true if any of its actions changes something.
    pub fn has_control(&self) -> bool {
        let mut actions = self.actions.iter();
        actions.any(|action| action.class == Class::Control)
    }

    /// Returns the longest time that one of its actions that change something may take.
    pub fn control_within(&self) -> Duration {
        let control = self.actions.iter();
        let control = control.filter(|action| action.class == Class::Control);
        let longest = control.map(|action| action.timeout).max();
        longest.unwrap_or_default()
    }

    /// Returns the default observe action of a plain read: the first one declared.
    pub fn default_observe(&self) -> Option<&Action> {
        self.actions
            .iter()
            .find(|action| action.class == Class::Observe)
    }

    /// Returns the version as numbers, for comparison, or `None` if it is not made of digits and
    /// dots.
    pub fn version_numbers(&self) -> Option<Vec<u64>> {
        self.version
            .split('.')
            .map(|part| part.parse().ok())
            .collect()
    }
}

fn check_schema(of: &str, schema: &Value) -> Result<(), ManifestError> {
    check_schema_of(of, schema, "object")
}

fn check_schema_of(of: &str, schema: &Value, kind: &str) -> Result<(), ManifestError> {
    let wrong = |problem: String| ManifestError::Schema {
        of: of.into(),
        problem,
    };
    if schema.get("type").and_then(Value::as_str) != Some(kind) {
        return Err(wrong(format!("its type must be \"{kind}\"")));
    }
    Schema::build(schema)
        .map(drop)
        .map_err(|error| wrong(error.problem))
}

fn is_empty(settings: &Value) -> bool {
    settings.is_null() || settings.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests;
