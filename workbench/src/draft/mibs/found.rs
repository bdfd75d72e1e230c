//! The search for modules: in the given files, and in folders.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use utakata_worker_sdk::model::workbench::Refusal;

use crate::{
    draft::smi::{self, Module},
    files::refusal,
};

/// The folders in which systems keep MIBs.
const SYSTEM: [&str; 5] = [
    "/usr/share/snmp/mibs",
    "/usr/share/mibs/ietf",
    "/usr/share/mibs/iana",
    "/var/lib/mibs/ietf",
    "/var/lib/mibs/iana",
];
/// A larger file is not a MIB.
const MAX_SIZE: u64 = 16 << 20;

/// The folders in which modules are searched, in order.
#[derive(Debug)]
pub struct Shelves {
    folders: Vec<PathBuf>,
}

impl Shelves {
    /// The folders given, those of the files, and those of the system.
    pub fn of(files: &[PathBuf], given: &[PathBuf]) -> Self {
        let mut folders = given.to_vec();
        let beside: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        folders.extend(beside.into_iter().map(Path::to_owned));
        folders.extend(std::env::home_dir().map(|home| home.join(".snmp/mibs")));
        folders.extend(SYSTEM.map(PathBuf::from));
        Self { folders }
    }

    /// The modules of the file that contains one with this name.
    pub fn find(&mut self, name: &str) -> Option<Vec<Module>> {
        self.folders.iter().find_map(|folder| within(folder, name))
    }
}

/// The file in a folder that contains a module: most are named after it, and those are tried first.
fn within(folder: &Path, name: &str) -> Option<Vec<Module>> {
    let entries = fs::read_dir(folder).ok()?;
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    let is_named = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| stem.eq_ignore_ascii_case(name))
    };
    files.sort_by_key(|path| (!is_named(path), path.clone()));
    files.iter().find_map(|path| {
        let text = text(path).ok()?;
        if !text.contains(name) {
            return None;
        }
        let modules = smi::read(&text);
        modules
            .iter()
            .any(|module| module.name == name)
            .then_some(modules)
    })
}

/// The modules of a named file.
///
/// # Errors
/// It cannot be read, or has none.
pub fn file(path: &Path) -> Result<Vec<Module>, Refusal> {
    let shown = path.display();
    let text = text(path).map_err(|error| {
        let problem = format!("{shown} cannot be read: {error}");
        refusal(path, problem, true)
    })?;
    let modules = smi::read(&text);
    if modules.is_empty() {
        let problem = format!("{shown} is no MIB: it has no \"NAME DEFINITIONS ::= BEGIN\"");
        return Err(refusal(path, problem, true));
    }
    Ok(modules)
}

fn text(path: &Path) -> std::io::Result<String> {
    if path.metadata()?.len() > MAX_SIZE {
        return Err(std::io::Error::other("it is too large for a MIB"));
    }
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}
