//! Changes of policies, and the operations that they ask for: recorded together, or not at all.

use utakata_api::ledger::Attribution;
use utakata_model::OperationId;

use super::{LedgerState, operation::OperationPlan};
use crate::{
    audit::PolicyNote,
    store::{KeyedWrites, PolicyLogWrites},
};

/// Changes of policies that belong together: their states, and the operations that they ask for.
/// Either all of it is recorded, or nothing.
#[derive(Default)]
pub struct PolicyWrites {
    pub rows: KeyedWrites,
    /// States as they changed.
    pub log: PolicyLogWrites,
    pub operations: Vec<OperationPlan>,
    /// Lines of the audit trail.
    pub notes: Vec<PolicyNote>,
    /// The person who ends the red rule.
    pub clears_red: Option<Attribution>,
}

impl PolicyWrites {
    /// Returns one operation, which no policy asks for.
    pub(in crate::ledger) fn of(operation: OperationPlan) -> Box<Self> {
        Box::new(Self {
            operations: vec![operation],
            ..Self::default()
        })
    }
}

impl LedgerState {
    /// Adds what policies ask for, and returns what is forgotten if it cannot be recorded.
    pub fn plan_all(&mut self, writes: PolicyWrites) -> (Vec<OperationId>, Vec<String>) {
        let PolicyWrites {
            rows,
            log,
            operations,
            notes,
            ..
        } = writes;
        let ids: Vec<OperationId> = operations.iter().map(|plan| plan.operation.id).collect();
        let keys = rows.0.keys().cloned().collect();
        if let Some(first) = ids.first() {
            for note in &notes {
                self.trail.note_of(*first, self.now.at, &note.entry());
            }
        }
        for operation in operations {
            self.plan(operation);
        }
        self.batch.policies.absorb(rows);
        self.batch.policy_log.absorb(log);
        (ids, keys)
    }

    /// Records changes of policies that ask for nothing.
    pub fn policies(&mut self, writes: PolicyWrites) {
        for note in &writes.notes {
            self.trail.note(self.now.at, &note.entry());
        }
        self.batch.policies.absorb(writes.rows);
        self.batch.policy_log.absorb(writes.log);
        if let Some(attribution) = &writes.clears_red {
            self.clear_red(attribution);
        }
    }

    /// Forgets rows of policies that could not be recorded.
    pub fn forget_rows(&mut self, keys: &[String]) {
        for key in keys {
            self.batch.policies.0.shift_remove(key);
            let log = &mut self.batch.policy_log.rows;
            log.retain(|row| row.instance != *key);
        }
    }
}
