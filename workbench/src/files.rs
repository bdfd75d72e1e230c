//! The files named in a request: profiles and walks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use utakata_worker_sdk::model::workbench::{Refusal, WalkSummary};
use utakata_worker_snmp::profile::{Library, Profile};

use crate::walk::Walk;

/// Compiled profiles from files, among those shipped with utakata.
#[derive(Debug)]
pub struct Profiles {
    /// The texts of the files, by name.
    pub texts: BTreeMap<String, String>,
    /// The profiles in the files, and everything they include.
    pub resolved: Vec<Arc<Profile>>,
    /// Shipped profiles replaced by a file of the same name.
    pub replaced: Vec<String>,
    /// The profiles shipped with utakata.
    pub shipped: Library,
}

impl Profiles {
    /// Reads and compiles profiles.
    ///
    /// # Errors
    /// The mistakes, for each file that cannot be used.
    pub fn read(files: &[PathBuf]) -> Result<Self, Vec<Refusal>> {
        let shipped = || {
            let own =
                |error: &dyn std::error::Error| refusal(Path::new(""), error.to_string(), false);
            Library::shipped().map_err(|error| vec![own(&error)])
        };
        let mut library = shipped()?;
        let known: Vec<String> = library.iter().map(|one| one.name.clone()).collect();
        let mut texts = BTreeMap::new();
        let mut problems = Vec::new();
        for file in files {
            match read(file) {
                Err(problem) => problems.push(problem),
                Ok((name, text)) => {
                    let shown = file.display().to_string();
                    if let Err(error) = library.add(&name, &shown, &text) {
                        problems.push(refusal(file, error.to_string(), false));
                    }
                    if texts.insert(name.clone(), text).is_some() {
                        let problem = format!("{shown}: there are two profiles \"{name}\"");
                        problems.push(refusal(file, problem, true));
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        for file in files {
            let name = name(file).unwrap_or_default();
            if let Err(error) = library.resolve([name]) {
                let problem = format!("{}: {error}", file.display());
                problems.push(refusal(file, problem, false));
            }
        }
        let resolved = library.resolve(texts.keys().map(String::as_str));
        match resolved {
            Ok(resolved) if problems.is_empty() => Ok(Self {
                replaced: known
                    .into_iter()
                    .filter(|name| texts.contains_key(name))
                    .collect(),
                texts,
                resolved,
                shipped: shipped()?,
            }),
            _ => Err(problems),
        }
    }

    /// The profiles in the files, without their includes.
    pub fn own(&self) -> Vec<Arc<Profile>> {
        let own = self.resolved.iter();
        let own = own.filter(|profile| self.texts.contains_key(&profile.name));
        own.cloned().collect()
    }
}

/// The name and the text of a profile.
fn read(file: &Path) -> Result<(String, String), Refusal> {
    let shown = file.display();
    let is_toml = file.extension().is_some_and(|ending| ending == "toml");
    let Some(name) = name(file).filter(|_| is_toml) else {
        let problem = format!("{shown}: a profile is a file NAME.toml");
        return Err(refusal(file, problem, true));
    };
    let text = fs::read_to_string(file).map_err(|error| {
        let problem = format!("{shown} cannot be read: {error}");
        refusal(file, problem, true)
    })?;
    Ok((name.into(), text))
}

fn name(file: &Path) -> Option<&str> {
    file.file_stem().and_then(|stem| stem.to_str())
}

/// Reads a walk.
///
/// # Errors
/// The file cannot be read, or is not a walk.
pub fn walk(file: &Path) -> Result<Walk, Refusal> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|error| {
        let problem = format!("{shown} cannot be read: {error}");
        refusal(file, problem, true)
    })?;
    Walk::parse(&bytes).map_err(|error| refusal(file, format!("{shown}: {error}"), true))
}

/// Summarises how a walk was read.
pub fn summary(walk: &Walk) -> WalkSummary {
    WalkSummary {
        format: walk.format.to_string(),
        objects: walk.objects.len(),
        skipped: walk.skipped.clone(),
        skipped_count: walk.skipped_count,
        repeated: walk.repeated,
    }
}

pub(crate) fn refusal(file: &Path, problem: String, is_usage: bool) -> Refusal {
    Refusal {
        file: file.into(),
        problem,
        is_usage,
    }
}
