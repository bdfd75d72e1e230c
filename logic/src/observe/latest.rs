//! The last readings of all targets: kept in memory, written to the store now and then.

use std::sync::Arc;

use parking_lot::Mutex;
use utakata_model::{Outcome, Readings};

use super::{
    seen::{SeenBy, Stored},
    turns::{self, Turns},
};
use crate::{
    inventory::{Inventory, Known},
    store::{self, ReadingRow, Store},
};

/// Takes in what was seen, and writes it.
#[derive(Default)]
pub struct Latest {
    /// Targets of which something is not written yet, each once.
    waiting: Mutex<Vec<Arc<Known>>>,
    turns: Mutex<Turns>,
}

impl Latest {
    /// Gives the targets what the store has of them.
    ///
    /// # Errors
    /// The store cannot be read. A row that cannot be understood is left out.
    pub async fn restore(store: &dyn Store, inventory: &Inventory) -> Result<(), store::Error> {
        let now = crate::clock::now();
        for row in store.readings().await? {
            let Some(known) = inventory.find(&row.target) else {
                continue;
            };
            match serde_json::from_str::<Stored>(&row.body) {
                Ok(Stored { mut last, earlier }) => {
                    // Whoever has written it may have had another clock; nothing was seen later
                    // than now.
                    if last.time > now {
                        Arc::make_mut(&mut last).time = now;
                    }
                    let mut seen = known.seen.lock();
                    seen.answered = seen.answered.max(Some(last.time));
                    seen.actions.push(SeenBy::restored(last, earlier));
                }
                Err(error) => {
                    tracing::warn!(target = %row.target, %error, "stored readings left out");
                }
            }
        }
        Ok(())
    }

    /// Readings of a target came.
    pub fn saw(&self, known: &Arc<Known>, readings: &Arc<Readings>) {
        let mut seen = known.seen.lock();
        seen.saw(readings);
        if !std::mem::replace(&mut seen.waits, true) {
            drop(seen);
            self.waiting.lock().push(Arc::clone(known));
        }
    }

    /// An attempt ended.
    pub fn ended(&self, known: &Known, outcome: &Outcome) {
        let turn = known.seen.lock().ended(outcome);
        if let Some(turn) = turn {
            let target = &known.target;
            self.turns.lock().note(&target.name, &target.kind, turn);
        }
    }

    /// The targets that began to fail or to answer again since this was last asked, as lines of
    /// the log.
    pub fn turns(&self) -> Vec<turns::Line> {
        self.turns.lock().take()
    }

    /// Writes what has changed, at most about `most` rows. Says whether something is left.
    ///
    /// # Errors
    /// The store failed: what was to be written waits again.
    pub async fn flush(&self, store: &dyn Store, most: usize) -> Result<bool, store::Error> {
        let (taken, is_left) = {
            let mut waiting = self.waiting.lock();
            let keep = waiting.len().saturating_sub(most);
            (waiting.split_off(keep), keep > 0)
        };
        if taken.is_empty() {
            return Ok(is_left);
        }
        let rows: Vec<ReadingRow> = taken.iter().flat_map(|known| rows(known)).collect();
        let written = store.put_readings(&rows).await;
        if written.is_err() {
            for known in &taken {
                self.again(known);
            }
        }
        written.map(|()| is_left)
    }

    fn again(&self, known: &Arc<Known>) {
        let mut seen = known.seen.lock();
        for action in &mut seen.actions {
            action.changed = true;
        }
        if !std::mem::replace(&mut seen.waits, true) {
            drop(seen);
            self.waiting.lock().push(Arc::clone(known));
        }
    }
}

/// What has changed of a target; from now on that counts as written.
fn rows(known: &Known) -> Vec<ReadingRow> {
    let changed: Vec<Stored> = {
        let mut seen = known.seen.lock();
        seen.waits = false;
        let changed = seen.actions.iter_mut().filter(|seen| seen.changed);
        changed
            .map(|seen| {
                seen.changed = false;
                Stored {
                    last: Arc::clone(&seen.last),
                    earlier: seen.earlier.clone(),
                }
            })
            .collect()
    };
    let row = |stored: Stored| {
        let body = serde_json::to_string(&stored).ok()?;
        Some(ReadingRow {
            target: known.target.name.clone(),
            action: stored.last.action.clone(),
            body,
        })
    };
    changed.into_iter().filter_map(row).collect()
}
