//! The modes of policies, and the rows in which they are stored.

use jiff::Timestamp;
use utakata_api::ledger::Attribution;
use utakata_model::{PolicyName, policy::Mode};

use super::{
    kept::Kept,
    record::{ENGINE, ModeRow, digest},
};
use crate::{
    audit::PolicyNote,
    inventory::Inventory,
    ledger::{PolicyWrites, Withdrawal},
};

/// Returns the statement of somebody.
pub(super) fn attribution(by: &str, why: Option<String>, now: Timestamp) -> Attribution {
    Attribution {
        by: by.to_owned(),
        at: now,
        why,
    }
}

/// Returns the hash of everything that the result of a test is bound to, apart from the result.
pub(super) fn bound_to(kept: &Kept, inventory: &Inventory) -> String {
    let envelopes = inventory.envelopes();
    let envelopes: Vec<_> = envelopes.iter().map(|one| &**one).collect();
    digest(&(ENGINE, &kept.mode.policy, envelopes))
}

/// Withdraws what a policy has asked for and nobody has begun.
pub(super) fn withdraw(policy: &PolicyName, attribution: Attribution, writes: &mut PolicyWrites) {
    writes.withdrawals.push(Withdrawal {
        policy: policy.clone(),
        only: None,
        attribution,
    });
}

/// Puts a policy into a mode in which it does not act: what it has asked for and nobody has begun is
/// not done, and it hands back what it has changed.
pub(super) fn disarm(
    kept: &mut Kept,
    mode: Mode,
    (by, why): (&str, Option<String>),
    now: Timestamp,
    writes: &mut PolicyWrites,
) {
    kept.mode.mode = mode;
    kept.mode.until = None;
    kept.mode.asked = None;
    kept.mode.by = Some(by.to_owned());
    kept.mode.is_ending = kept.has_changed();
    put(writes, &ModeRow::key(&kept.mode.policy.name), &kept.mode);
    let said = attribution(by, why.clone(), now);
    withdraw(&kept.mode.policy.name, said, writes);
    writes.notes.push(PolicyNote {
        policy: kept.mode.policy.name.clone(),
        act: mode.as_str(),
        target: None,
        inputs: None,
        token: None,
        attribution: attribution(by, why, now),
    });
}

/// Adds a row.
pub(super) fn put(writes: &mut PolicyWrites, key: &str, row: &impl serde::Serialize) {
    match serde_json::to_string(row) {
        Ok(body) => drop(writes.rows.0.insert(key.to_owned(), Some(body))),
        Err(error) => utakata_invariant::broken("a row of a policy that is no JSON", &error),
    }
}
