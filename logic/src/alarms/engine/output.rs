//! Everything that follows from what was heard, and its rows in the store.

use std::collections::{BTreeMap, BTreeSet};

use utakata_api::alarm::AlarmChange;
use utakata_model::TargetName;

use super::Engine;
use crate::{
    alarms::record::Key,
    audit::AlarmAct,
    store::{AlarmChangeRow, AlarmWrites},
};

/// Everything that follows from what was heard.
#[derive(Default)]
pub struct Output {
    pub dirty: BTreeSet<Key>,
    /// The names in the store of records that are no more.
    pub gone: BTreeMap<Key, String>,
    pub changes: Vec<AlarmChange>,
    pub acts: Vec<AlarmAct>,
    /// Targets to read at once, because they may explain something.
    pub ask: BTreeSet<TargetName>,
}

impl Engine {
    /// Returns everything that follows from what was heard, and begins anew.
    pub fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }

    /// Takes back what could not be recorded, before what has followed since.
    pub fn give_back(&mut self, output: Output) {
        let since = std::mem::replace(&mut self.output, output);
        self.output.gone.extend(since.gone);
        self.output.dirty.extend(since.dirty);
        self.output.changes.extend(since.changes);
        self.output.acts.extend(since.acts);
        // What was asked is asked already.
        self.output.ask = since.ask;
    }

    /// Returns the rows of an output.
    pub fn writes(&self, output: &Output) -> AlarmWrites {
        let mut writes = AlarmWrites::default();
        for name in output.gone.values() {
            writes.rows.insert(name.clone(), None);
        }
        for record in output.dirty.iter().filter_map(|key| self.record(key)) {
            match serde_json::to_string(record) {
                Ok(body) => drop(writes.rows.insert(record.name(), Some(body))),
                Err(error) => utakata_invariant::broken("an alarm that is no JSON", &error),
            }
        }
        for change in &output.changes {
            match serde_json::to_string(change) {
                Ok(body) => writes.changes.push(AlarmChangeRow {
                    number: change.number,
                    body,
                }),
                Err(error) => utakata_invariant::broken("a change that is no JSON", &error),
            }
        }
        writes
    }
}
