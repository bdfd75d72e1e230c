//! A release of a program that is driven by profiles: its settings, and the check that its actions
//! mean something.

use serde::Deserialize;
use utakata_model::{Action, ActionName, Manifest, suggest};

/// `[settings]` of a `worker.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Profiles used for every target.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// True if targets are also read with every other profile that recognises them.
    #[serde(default)]
    pub recognise: bool,
}

/// The reason why a release cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error("worker.toml: [settings]: {problem}")]
    Settings { problem: String },
    /// A profile is invalid.
    #[error(transparent)]
    Profile(#[from] crate::Error),
    /// An action has no implementation.
    #[error("worker.toml: the {class} action \"{action}\" has no meaning: {hint}")]
    Action {
        action: ActionName,
        class: &'static str,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// A parameter of a read selects nothing.
    #[error(
        "worker.toml: the action \"{action}\" has the parameter \"{parameter}\", by which no \
         table of its profiles has a row: {hint}"
    )]
    Row {
        action: ActionName,
        parameter: String,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// An action lacks a parameter that its profile needs.
    #[error(
        "worker.toml: the action \"{action}\" must require the parameter \"{parameter}\", which \
         the profile \"{profile}\" uses"
    )]
    Parameter {
        action: ActionName,
        parameter: String,
        profile: String,
    },
}

/// Reads the settings of a manifest.
///
/// # Errors
/// An unknown key, or a wrong value.
pub fn settings(manifest: &Manifest) -> Result<Settings, Error> {
    if manifest.settings.is_null() {
        return Ok(Settings::default());
    }
    let known = ["profiles", "recognise"];
    let keys = manifest
        .settings
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    if let Some(key) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        return Err(Error::Settings {
            problem: format!("there is no key \"{key}\": {}", suggest::hint(key, known)),
        });
    }
    Settings::deserialize(&manifest.settings).map_err(|error| Error::Settings {
        problem: error.to_string(),
    })
}

/// Reports an action that means nothing, with the nearest of those that do.
pub fn meaningless(action: &Action, known: Vec<&str>) -> Error {
    Error::Action {
        action: action.name.clone(),
        class: action.class.as_str(),
        hint: suggest::hint(action.name.as_str(), known),
    }
}

/// Checks that an action requires every parameter that its profile uses.
///
/// # Errors
/// One is not required.
pub fn check_parameters<'a>(
    action: &Action,
    profile: &str,
    mut used: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    match used.find(|name| !requires(action, name)) {
        None => Ok(()),
        Some(parameter) => Err(Error::Parameter {
            action: action.name.clone(),
            parameter: parameter.into(),
            profile: profile.into(),
        }),
    }
}

fn requires(action: &Action, parameter: &str) -> bool {
    let required = action.parameters.get("required");
    let required = required.and_then(|names| names.as_array());
    required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(parameter)))
}
