//! The modes of policies, and the rows in which they are stored.

use jiff::Timestamp;
use utakata_api::ledger::Attribution;
use utakata_model::policy::Mode;

use super::{
    kept::Kept,
    record::{ENGINE, ModeRow, digest},
};
use crate::{audit::PolicyNote, inventory::Inventory, ledger::PolicyWrites};

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

/// Puts a policy into a mode in which it does not act; it hands back what it has changed.
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
