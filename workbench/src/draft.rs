//! A draft of a profile: the MIBs' descriptions of the objects in a walk.
//!
//! Anything that a MIB does not say is guessed, and marked as a guess. No sentence of a MIB is
//! copied, since those belong to their vendors.

mod meaning;
mod mibs;
mod naming;
mod quantity;
mod smi;
mod write;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use async_snmp::Oid;
use utakata_worker_sdk::model::workbench::{Draft, Refusal};
use utakata_worker_snmp::profile::Library;

use crate::{
    files::{self, refusal},
    walk::Walk,
};
use mibs::{Module, Object, Table};

/// Drafts a profile.
///
/// # Errors
/// The MIBs cannot be used, or the walk contains nothing of them.
pub fn draft(files: &[PathBuf], folders: &[PathBuf], walk: &Walk) -> Result<Draft, Vec<Refusal>> {
    let mibs::Read {
        modules,
        mut notices,
    } = mibs::read(files, folders)?;
    let found: Vec<Module> = modules.iter().filter_map(|one| one.within(walk)).collect();
    if found.is_empty() {
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        let problem = format!(
            "the walk has nothing of {}: does it begin at .1, and is it of such a device?",
            names.join(", ")
        );
        let file = files.first().map_or(Path::new(""), PathBuf::as_path);
        return Err(vec![refusal(file, problem, false)]);
    }
    for module in &modules {
        if !found.iter().any(|one| one.name == module.name) {
            notices.push(format!("the walk has nothing of {}", module.name));
        }
    }
    let written = write::profile(&found, walk);
    check(&written.text)?;
    Ok(Draft {
        text: written.text,
        walk: files::summary(walk),
        metrics: written.metrics,
        guesses: written.guesses,
        notices,
    })
}

/// Compiles the draft: one that does not compile is a bug of ours, and reported as such.
fn check(text: &str) -> Result<(), Vec<Refusal>> {
    let mut library = Library::default();
    library.add("draft", "draft", text).map_err(|error| {
        let problem = format!("this is a mistake of utakata: the {error}");
        vec![refusal(Path::new(""), problem, false)]
    })
}

impl Module {
    /// Returns the part of a subtree that the walk contains, if any.
    fn within(&self, walk: &Walk) -> Option<Self> {
        let scalars = self.scalars.iter();
        let scalars = scalars.filter(|object| walk.has(&object.oid)).cloned();
        let tables = self.tables.iter().filter_map(|table| table.within(walk));
        let found = Self {
            name: self.name.clone(),
            scalars: scalars.collect(),
            tables: tables.collect(),
        };
        (!found.scalars.is_empty() || !found.tables.is_empty()).then_some(found)
    }

    /// Returns the subtree that contains all of it.
    fn root(&self) -> Vec<u32> {
        let scalars = self.scalars.iter().map(|object| object.oid.arcs());
        let tables = self.tables.iter().map(|table| table.entry.arcs());
        let all: BTreeSet<&[u32]> = scalars.chain(tables).collect();
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return Vec::new();
        };
        let same = first.iter().zip(*last);
        let same = same.take_while(|(one, other)| one == other);
        same.map(|(arc, _)| *arc).collect()
    }
}

impl Table {
    fn within(&self, walk: &Walk) -> Option<Self> {
        let columns = self.columns.iter();
        let columns: Vec<Object> = columns
            .filter(|object| walk.has(&object.oid))
            .cloned()
            .collect();
        (!columns.is_empty()).then(|| Self {
            columns,
            ..self.clone()
        })
    }
}

impl Object {
    /// The OID as profiles write it, including the instance of a scalar.
    fn instance(&self) -> Oid {
        self.oid.child(0)
    }
}

#[cfg(test)]
mod tests;
