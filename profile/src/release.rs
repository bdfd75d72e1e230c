//! A release of a program that is driven by profiles: its settings, and the check that its actions
//! mean something.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Deserialize;
use utakata_model::{Action, ActionName, Class, Manifest, suggest};

use crate::{Content, Library, Profile};

/// A release of a program whose observations are its own, and whose controls are those of its
/// profiles.
#[derive(Debug)]
pub struct Program<C> {
    pub library: Library<C>,
    pub settings: Settings,
    /// The profile that has the control of each action.
    controls: BTreeMap<ActionName, Arc<Profile<C>>>,
}

/// The profiles with which a device is read.
#[derive(Debug)]
pub struct Recognised<C> {
    /// The profiles that recognise it, those of the release, and what they include.
    pub profiles: Vec<Arc<Profile<C>>>,
    /// Their names, without what they include.
    pub names: Vec<String>,
}

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
    /// An action and its profile have different parameters that may be left out.
    #[error(
        "worker.toml: the parameter \"{parameter}\" of the action \"{action}\", with the profile \
         \"{profile}\": {problem}"
    )]
    Optional {
        action: ActionName,
        parameter: String,
        profile: String,
        /// The difference.
        problem: String,
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

impl<C: Content> Program<C> {
    /// Reads the profiles of a release, and binds its actions to them. `own` are the actions that the
    /// program carries out without a profile: all by which it observes, and some that control.
    ///
    /// # Errors
    /// An invalid profile, or an action without a meaning.
    pub fn of(folder: &Path, manifest: &Manifest, own: &[&str]) -> Result<Self, Error> {
        let library = Library::of_release(folder)?;
        let settings = settings(manifest)?;
        let profiles = library.resolve(settings.profiles.iter().map(String::as_str))?;
        let mut controls = BTreeMap::new();
        for action in &manifest.actions {
            match action.class {
                _ if own.contains(&action.name.as_str()) => {}
                Class::Observe => return Err(meaningless(action, own.to_vec())),
                Class::Control => {
                    controls.insert(action.name.clone(), bind(action, &profiles)?);
                }
            }
        }
        Ok(Self {
            library,
            settings,
            controls,
        })
    }

    /// Returns the profile that has the control of an action.
    pub fn control(&self, action: &ActionName) -> Option<&Arc<Profile<C>>> {
        self.controls.get(action)
    }

    /// Returns the profiles with which a device is read: those that recognise it come first.
    ///
    /// # Errors
    /// A profile includes one that is not there.
    pub fn recognise(
        &self,
        fits: impl Fn(&Profile<C>) -> bool,
    ) -> Result<Recognised<C>, crate::Error> {
        let mut names: Vec<String> = Vec::new();
        if self.settings.recognise {
            let found = self.library.recognisable();
            let found = found.filter(|profile| fits(profile));
            names.extend(found.map(|profile| profile.name.clone()));
        }
        for name in &self.settings.profiles {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let profiles = self.library.resolve(names.iter().map(String::as_str))?;
        Ok(Recognised { profiles, names })
    }
}

/// Returns the first profile with a control of the action's name.
///
/// # Errors
/// There is none, or the action lacks a parameter that it needs.
pub fn bind<C: Content>(
    action: &Action,
    profiles: &[Arc<Profile<C>>],
) -> Result<Arc<Profile<C>>, Error> {
    let name = action.name.as_str();
    for profile in profiles {
        let mut controls = profile.content.controls().into_iter();
        if let Some((_, parameters)) = controls.find(|(known, _)| *known == name) {
            check_parameters(action, &profile.name, parameters.into_iter())?;
            check_optional(action, &profile.name, [])?;
            return Ok(Arc::clone(profile));
        }
    }
    let known = profiles
        .iter()
        .flat_map(|profile| profile.content.controls());
    Err(meaningless(action, known.map(|(name, _)| name).collect()))
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

/// Checks that an action has the parameters that may be left out and that its profile does something
/// with, and that the profile does something with its lease: otherwise a target would never take a
/// change back, and nobody would know.
///
/// # Errors
/// The first parameter that one of them has alone.
pub fn check_optional<'a>(
    action: &Action,
    profile: &str,
    used: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    let used: Vec<&str> = used.into_iter().collect();
    let differs = |parameter: &str, problem: String| Error::Optional {
        action: action.name.clone(),
        parameter: parameter.into(),
        profile: profile.into(),
        problem,
    };
    let properties = action.parameters.get("properties");
    let properties = properties.and_then(|properties| properties.as_object());
    let known = || {
        properties
            .into_iter()
            .flat_map(|properties| properties.keys())
    };
    for name in &used {
        if !known().any(|known| known == name) {
            let hint = suggest::hint(name, known().map(String::as_str));
            return Err(differs(
                name,
                format!("the action has none of that name: {hint}"),
            ));
        }
    }
    match &action.lease {
        Some(lease) if !used.contains(&lease.as_str()) => {
            let problem = "it is a lease, and the profile does nothing with it".to_owned();
            Err(differs(lease, problem))
        }
        _ => Ok(()),
    }
}

fn requires(action: &Action, parameter: &str) -> bool {
    let required = action.parameters.get("required");
    let required = required.and_then(|names| names.as_array());
    required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(parameter)))
}
