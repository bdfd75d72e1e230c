//! The decisions of a moment, made again: from the state that was kept then, and from what history
//! had heard by then. They are those that were made, bit by bit.
//!
//! ```text
//!  state before ──timers run on──► decide(view of history, what the ledger knew) ──► the decision
//! ```

use jiff::{SignedDuration, Timestamp};
use utakata_history::History;
use utakata_model::{Policy, TargetName};
use utakata_policy::{Compiled, Decided, Purpose, State, decide};

use super::{
    error::Error,
    past::Past,
    record::{LogRow, StateRow, document, prefix},
    rehearsal::instances,
    scope::Scope,
};
use crate::{
    inventory::Inventory,
    store::{PolicyLogRow, Store},
};

/// Makes the decisions of a moment again, of every instance or of one. Absent if the state of that
/// time is not known, or was made by another document.
///
/// # Errors
/// The store or history cannot be read.
pub async fn replay(
    policy: &Policy,
    inventory: &Inventory,
    (store, history): (&dyn Store, &dyn History),
    at: Timestamp,
    only: Option<&TargetName>,
) -> Result<Option<Vec<(Option<TargetName>, Decided)>>, Error> {
    let compiled = Compiled::new(policy.clone());
    let compiled = compiled.map_err(|_| Error::Unfit("its document has mistakes".into()))?;
    let graph = inventory.graph();
    let document = document(policy);
    let mut decided = Vec::new();
    let (instances, _) = instances(policy, inventory, only);
    for target in instances {
        let key = StateRow::key(&policy.name, target.as_ref());
        let Some(of) = Before::find(store, &key, at).await? else {
            return Ok(None);
        };
        if of.row.document != document {
            return Ok(None);
        }
        let scope = Scope::of(&compiled, target.as_ref(), inventory, &graph);
        let past = Past::read(&compiled, scope, history, (at, at)).await;
        let past = past.map_err(Error::History)?;
        let mut view = past.view(&compiled, at);
        view.fates.clone_from(&of.row.fates);
        view.causes.clone_from(&of.row.causes);
        view.lock(&of.row.locked);
        let prefix = prefix(&policy.name, of.row.run, target.as_ref());
        let purpose = Purpose {
            mode: of.row.mode,
            is_ending: of.row.is_ending,
            prefix: &prefix,
        };
        decided.push((target, decide(&compiled, &view, &of.state, purpose, at)));
    }
    Ok(Some(decided))
}

/// The state before a moment.
struct Before {
    state: State,
    /// The decision of the moment if it was kept, otherwise the last one that was.
    row: LogRow,
}

impl Before {
    async fn find(store: &dyn Store, key: &str, at: Timestamp) -> Result<Option<Self>, Error> {
        let after = at.checked_add(SignedDuration::from_millis(1));
        let rows = store.policy_log(key, after.unwrap_or(at), 2).await?;
        let is_of_moment = |row: &&PolicyLogRow| row.at == at.as_millisecond();
        let read = |row: &PolicyLogRow| match serde_json::from_str::<LogRow>(&row.body) {
            Ok(row) => Some(row),
            Err(error) => {
                tracing::error!(key, %error, "a state of a policy cannot be read");
                None
            }
        };
        let last = rows.iter().find(|row| !is_of_moment(row));
        let last_at = last.map(|row| row.at);
        let last = last.and_then(read);
        let own = rows.first().filter(is_of_moment).and_then(read);
        Ok(match (own, last) {
            // It began with this one: nothing was remembered.
            (Some(row), None) => Some(Self {
                state: State::default(),
                row,
            }),
            (Some(row), Some(last)) => Some(Self {
                state: match row.before {
                    // No decision was in between: its timers stand as it left them.
                    Some(before) if Some(before.as_millisecond()) == last_at => last.state,
                    Some(before) => last.state.as_of(before),
                    None => last.state.begun_anew(),
                },
                row,
            }),
            // Nothing has changed since but timers: fates that the ledger knew were taken over.
            (None, Some(last)) => Some(Self {
                state: last.state.as_of(at),
                row: LogRow {
                    fates: std::collections::BTreeMap::new(),
                    ..last
                },
            }),
            (None, None) => None,
        })
    }
}
