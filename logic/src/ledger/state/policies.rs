//! Changes of policies, and the operations that they ask for: recorded together, or not at all.

use utakata_api::ledger::Attribution;
use utakata_model::{OperationId, OperationState, PolicyName};
use utakata_permit::life::{Event, Stage};

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
    /// What waits and is not to be done any more.
    pub withdrawals: Vec<Withdrawal>,
    /// Lines of the audit trail.
    pub notes: Vec<PolicyNote>,
    /// The person who ends the red rule.
    pub clears_red: Option<Attribution>,
}

/// The end of what a policy has asked for and nobody has begun: whatever it waits for (its turn, a
/// person, an envelope, a lock, an environment), it is not done. What has a permit goes on, and has no
/// second attempt. Handing back is never withdrawn.
#[derive(Debug, Clone)]
pub struct Withdrawal {
    pub policy: PolicyName,
    /// The operation; absent for all of the policy.
    pub only: Option<OperationId>,
    /// Who wants it, and why.
    pub attribution: Attribution,
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
            withdrawals,
            notes,
            ..
        } = writes;
        // If it cannot be recorded, they are withdrawn all the same: less is done, and not more.
        self.withdraw_all(&withdrawals);
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
        self.withdraw_all(&writes.withdrawals);
        for note in &writes.notes {
            self.trail.note(self.now.at, &note.entry());
        }
        self.batch.policies.absorb(writes.rows);
        self.batch.policy_log.absorb(writes.log);
        if let Some(attribution) = &writes.clears_red {
            self.clear_red(attribution);
        }
    }

    fn withdraw_all(&mut self, withdrawals: &[Withdrawal]) {
        for withdrawal in withdrawals {
            let is_meant = |id: &OperationId| withdrawal.only.is_none_or(|only| only == *id);
            let open = self.operations.iter().filter(|(id, open)| {
                let operation = &open.operation;
                let is_its = operation.policy.as_ref() == Some(&withdrawal.policy);
                is_its && operation.undoes.is_none() && is_meant(id)
            });
            let mut ids: Vec<OperationId> = open.map(|(id, _)| *id).collect();
            ids.sort_unstable();
            for id in ids {
                self.withdraw(id, &withdrawal.attribution);
            }
        }
        if !withdrawals.is_empty() {
            self.settle();
        }
    }

    fn withdraw(&mut self, id: OperationId, attribution: &Attribution) {
        let tasks = self.operations.get(&id).map(|open| open.tasks.clone());
        let (mut is_begun, mut meant) = (false, Vec::new());
        for task in tasks.unwrap_or_default() {
            let Some(entry) = self.tasks.get(&task) else {
                continue;
            };
            match entry.life.stage {
                Stage::Planned | Stage::Queued { .. } => meant.push(task),
                // A person says what became of it, and whether it is tried again.
                Stage::Unsettled { .. } | Stage::Ended(_) => is_begun = true,
                _ => {
                    is_begun = true;
                    meant.push(task);
                }
            }
        }
        if !is_begun {
            self.change_to(id, OperationState::Cancelled, attribution);
        }
        for task in meant {
            self.apply(task, &Event::Cancel);
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
