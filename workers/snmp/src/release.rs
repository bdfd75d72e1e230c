//! A release of the program: the profiles that it reads, and the meaning of its actions.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value as Json;
pub use utakata_profile::release::{Error, Settings, settings};
use utakata_profile::release::{check_optional, check_parameters, meaningless};
use utakata_worker_sdk::model::{Action, ActionName, Class, Manifest, manifest::Repeat, suggest};

use crate::profile::{Library, Profile};

/// The operation behind an action.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Reads the metrics of the profiles.
    Read,
    /// Gets instances by OID.
    Get,
    /// Walks a subtree.
    Walk,
    /// Understands datagrams that devices sent unasked.
    Notification,
    /// Asks addresses for agents.
    Discover,
    /// Reads an instance as described by a profile.
    Observe {
        /// The profile with the action.
        profile: Arc<Profile>,
        /// The name of the action in it.
        name: String,
    },
    /// Sets an instance by OID.
    Set,
    /// Sets an object according to a profile.
    Control {
        /// The profile with the control.
        profile: Arc<Profile>,
        /// The name of the control in it.
        name: String,
    },
}

/// An action bound to its implementation.
#[derive(Debug, Clone)]
pub struct BoundAction {
    pub operation: Operation,
    /// The policy for repeating a request without an answer.
    pub repeat: Repeat,
}

/// Actions that need no profile, by class.
const OBSERVE: [(&str, Operation); 5] = [
    ("read", Operation::Read),
    ("get", Operation::Get),
    ("walk", Operation::Walk),
    ("notification", Operation::Notification),
    ("discover", Operation::Discover),
];

/// Binds each action of a manifest. Errors: an action without an implementation, or without a
/// required parameter.
pub fn bind(
    manifest: &Manifest,
    library: &Library,
    settings: &Settings,
) -> Result<BTreeMap<ActionName, BoundAction>, Error> {
    let profiles = library.resolve(settings.profiles.iter().map(String::as_str))?;
    let bound = manifest.actions.iter().map(|action| {
        let operation = match action.class {
            Class::Observe => observe(action, &profiles)?,
            Class::Control => control(action, &profiles)?,
        };
        let repeat = action.repeat;
        Ok((action.name.clone(), BoundAction { operation, repeat }))
    });
    bound.collect()
}

fn observe(action: &Action, profiles: &[Arc<Profile>]) -> Result<Operation, Error> {
    let name = action.name.as_str();
    let found = profiles
        .iter()
        .find_map(|profile| Some((profile, profile.content.observes.get(name)?)));
    if let Some((profile, observe)) = found {
        check_parameters(action, &profile.name, observe.parameters())?;
        return Ok(Operation::Observe {
            profile: Arc::clone(profile),
            name: name.into(),
        });
    }
    if name == "read" {
        check_rows(action, profiles)?;
    }
    let operation = OBSERVE.into_iter().find(|(known, _)| *known == name);
    operation.map(|(_, operation)| operation).ok_or_else(|| {
        let known = profiles
            .iter()
            .flat_map(|profile| profile.content.observes.keys());
        let known = known.map(String::as_str);
        let known: Vec<&str> = known.chain(OBSERVE.map(|(known, _)| known)).collect();
        meaningless(action, known)
    })
}

fn control(action: &Action, profiles: &[Arc<Profile>]) -> Result<Operation, Error> {
    let name = action.name.as_str();
    let found = profiles
        .iter()
        .find_map(|profile| Some((profile, profile.content.controls.get(name)?)));
    if let Some((profile, control)) = found {
        check_parameters(action, &profile.name, control.parameters())?;
        check_optional(action, &profile.name, control.optional())?;
        return Ok(Operation::Control {
            profile: Arc::clone(profile),
            name: name.into(),
        });
    }
    if name == "set" {
        return Ok(Operation::Set);
    }
    let known = profiles
        .iter()
        .flat_map(|profile| profile.content.controls.keys());
    let known: Vec<&str> = known.map(String::as_str).chain(["set"]).collect();
    Err(meaningless(action, known))
}

/// Checks that the parameters of `read`, besides metrics, select a row of some profile.
fn check_rows(action: &Action, profiles: &[Arc<Profile>]) -> Result<(), Error> {
    let known = profiles
        .iter()
        .flat_map(|profile| profile.content.row_parameters());
    let known: Vec<&str> = known.chain(["metrics"]).collect();
    let properties = action
        .parameters
        .get("properties")
        .and_then(Json::as_object);
    let mut names = properties.into_iter().flat_map(|given| given.keys());
    match names.find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::Row {
            action: action.name.clone(),
            parameter: name.clone(),
            hint: suggest::hint(name, known),
        }),
    }
}
