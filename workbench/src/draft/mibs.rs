//! MIB modules as drafting needs them: with OIDs and types resolved, whichever module defines them.

mod found;
mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use async_snmp::Oid;
use utakata_worker_sdk::model::workbench::Refusal;

use super::smi;
use crate::files::refusal;
use found::Shelves;

/// The most steps of names referring to names: beyond it they form a circle.
const MAX_DEPTH: usize = 64;

/// The modules read, and notices about them.
#[derive(Debug)]
pub struct Read {
    /// The modules in the files, without their imports.
    pub modules: Vec<Module>,
    /// Notices of things that are valid and probably not intended.
    pub notices: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Module {
    pub name: String,
    /// The single values.
    pub scalars: Vec<Object>,
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub entry: Oid,
    /// Its readable columns.
    pub columns: Vec<Object>,
}

/// A readable object.
#[derive(Debug, Clone)]
pub struct Object {
    pub name: String,
    /// The OID, without an instance.
    pub oid: Oid,
    /// True if it can be set.
    pub is_settable: bool,
    pub units: String,
    /// The DISPLAY-HINT.
    pub hint: String,
    /// The names of its values.
    pub names: Vec<(i64, String)>,
    /// The type on the wire.
    pub syntax: Syntax,
    /// The textual convention, or the named type.
    pub convention: String,
    /// DESCRIPTION: examined, and never copied.
    pub description: String,
}

/// The type of an object on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// A number that rises and falls.
    Number,
    /// A number that only rises.
    Counter,
    /// Hundredths of a second.
    Ticks,
    Text,
    /// Any other type.
    Other,
    /// A type from a module that is missing.
    Unknown,
}

/// Reads MIBs. Imports are searched next to them, in the given folders, and in the system's MIB
/// folders.
///
/// # Errors
/// A file cannot be read or has no module, or its objects have no OID because a module is missing.
pub fn read(files: &[PathBuf], folders: &[PathBuf]) -> Result<Read, Vec<Refusal>> {
    let mut library = Library::default();
    let mut names = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match found::file(file) {
            Ok(modules) => {
                names.extend(modules.iter().map(|module| module.name.clone()));
                library.add(modules);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for folder in folders.iter().filter(|folder| !folder.is_dir()) {
        let problem = format!("{} is no folder", folder.display());
        problems.push(refusal(folder, problem, true));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let missing = library.import(&mut Shelves::of(files, folders));
    let modules = names.iter().filter_map(|name| library.module(name));
    let modules: Vec<Module> = modules.collect();
    let told = (!missing.is_empty()).then(|| {
        let missing: Vec<String> = missing.into_iter().collect();
        format!(
            "not found, and imported by the MIBs: {}; give their files with --mib, or a folder \
             with them with --mib-folder",
            missing.join(", ")
        )
    });
    let is_lost = modules.iter().all(Module::is_empty);
    match told {
        Some(problem) if is_lost => {
            let file = files.first().map_or(Path::new(""), PathBuf::as_path);
            Err(vec![refusal(file, problem, false)])
        }
        told => Ok(Read {
            modules,
            notices: told.into_iter().collect(),
        }),
    }
}

/// All available modules, by name.
#[derive(Debug, Default)]
struct Library {
    modules: BTreeMap<String, smi::Module>,
}

impl Library {
    fn add(&mut self, modules: Vec<smi::Module>) {
        for module in modules {
            self.modules.entry(module.name.clone()).or_insert(module);
        }
    }

    /// Adds imported modules, and their imports. Returns the names of those not found.
    fn import(&mut self, shelves: &mut Shelves) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        loop {
            let all = self.modules.values().flat_map(|module| &module.imports);
            let wanted = all.map(|(from, _)| from).find(|from| {
                let is_here = self.modules.contains_key(*from) || known::is_module(from);
                !is_here && !missing.contains(*from)
            });
            let Some(wanted) = wanted.cloned() else {
                return missing;
            };
            match shelves.find(&wanted) {
                Some(modules) => self.add(modules),
                None => drop(missing.insert(wanted)),
            }
        }
    }

    fn module(&self, name: &str) -> Option<Module> {
        let module = self.modules.get(name)?;
        let mut entries = BTreeMap::new();
        let mut others = Vec::new();
        for object in &module.objects {
            let Some(oid) = self.oid(module, &object.name, 0) else {
                continue;
            };
            let is_entry = object.is_entry || self.is_row(module, &object.name);
            match is_entry {
                true => drop(entries.insert(oid, (object.name.clone(), Vec::new()))),
                false => others.push((oid, object)),
            }
        }
        let mut scalars = Vec::new();
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (oid, object) in others {
            let Some(found) = self.object(module, object, &oid) else {
                continue;
            };
            let parent = oid.get(..oid.len().saturating_sub(1)).unwrap_or_default();
            match entries.get_mut(parent) {
                Some((_, columns)) => columns.push(found),
                None => scalars.push(found),
            }
        }
        let tables = entries.into_iter().map(|(oid, (name, columns))| Table {
            name: name
                .strip_suffix("Entry")
                .map_or(name.clone(), |name| format!("{name}Table")),
            entry: Oid::from_slice(&oid),
            columns,
        });
        Some(Module {
            name: name.into(),
            scalars,
            tables: tables.collect(),
        })
    }

    /// Returns true if something lies in a table, which makes it the table's entry.
    fn is_row(&self, module: &smi::Module, name: &str) -> bool {
        let node = module.nodes.get(name);
        let parent = node.and_then(|node| node.parent.as_ref());
        let is_it = |object: &&smi::ObjectType| Some(&object.name) == parent;
        module
            .objects
            .iter()
            .find(is_it)
            .is_some_and(|one| one.is_table)
    }

    /// A readable object.
    fn object(&self, module: &smi::Module, one: &smi::ObjectType, oid: &[u32]) -> Option<Object> {
        let is_readable = ["read-only", "read-write", "read-create"].contains(&one.access.as_str());
        if !is_readable || one.is_table {
            return None;
        }
        let kind = self.kind(module, &one.syntax);
        Some(Object {
            name: one.name.clone(),
            oid: Oid::from_slice(oid),
            is_settable: one.access != "read-only",
            units: one.units.clone(),
            hint: kind.hint,
            names: kind.names,
            syntax: kind.syntax,
            convention: kind.convention,
            description: one.description.clone(),
        })
    }

    /// The OID of a name in a module.
    fn oid(&self, module: &smi::Module, name: &str, depth: usize) -> Option<Vec<u32>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let Some(node) = module.nodes.get(name) else {
            if let Some(known) = known::node(name) {
                return Some(known.to_vec());
            }
            let definer = self.definer(module, name, |other| other.nodes.contains_key(name))?;
            return self.oid(definer, name, depth + 1);
        };
        let mut oid = match &node.parent {
            None => Vec::new(),
            // A name that is its own parent is an imported one.
            Some(parent) if parent == name => known::node(name)?.to_vec(),
            Some(parent) => self.oid(module, parent, depth + 1)?,
        };
        oid.extend(&node.arcs);
        Some(oid)
    }

    /// The module that defines a name: by the imports, otherwise any module that has it.
    fn definer(
        &self,
        module: &smi::Module,
        name: &str,
        has: impl Fn(&smi::Module) -> bool,
    ) -> Option<&smi::Module> {
        let imported = module.imports.iter();
        let imported = imported.filter(|(_, names)| names.iter().any(|one| one == name));
        let mut imported = imported.filter_map(|(from, _)| self.modules.get(from));
        let others = || {
            self.modules
                .values()
                .find(|other| other.name != module.name && has(other))
        };
        imported.find(|other| has(other)).or_else(others)
    }

    /// Resolves a type through the types it is made of.
    fn kind(&self, module: &smi::Module, syntax: &smi::Type) -> Kind {
        let mut kind = Kind {
            names: syntax.names.clone(),
            hint: syntax.hint.clone(),
            convention: String::new(),
            syntax: Syntax::Unknown,
        };
        let mut module = module;
        let mut base = syntax.base.clone();
        for _ in 0..MAX_DEPTH {
            if let Some(syntax) = known::syntax(&base) {
                kind.syntax = syntax;
                return kind;
            }
            if kind.convention.is_empty() {
                kind.convention.clone_from(&base);
            }
            let own = module.types.get(&base);
            let found = own.or_else(|| {
                module = self.definer(module, &base, |other| other.types.contains_key(&base))?;
                module.types.get(&base)
            });
            let Some(found) = found.cloned().or_else(|| known::convention(&base)) else {
                return kind;
            };
            if kind.names.is_empty() {
                kind.names = found.names;
            }
            if kind.hint.is_empty() {
                kind.hint = found.hint;
            }
            base = found.base;
        }
        kind
    }
}

/// A resolved type.
struct Kind {
    names: Vec<(i64, String)>,
    hint: String,
    convention: String,
    syntax: Syntax,
}

impl Module {
    fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.tables.is_empty()
    }
}
