//! Receiving of outcomes and readings of reads under way.

use std::sync::Arc;

use utakata_interconnect::{Event, OutcomeBatch};
use utakata_model::{Class, Readings};

use super::{Dispatch, EndedRead, Item, OutcomeRef, Shown, pending::PendingRead};
use crate::inventory::{DeviceId, TargetEntry};

impl Dispatch {
    /// Passes an event on to the clients that follow.
    pub fn tell(&self, event: Event) {
        if self.feed.receiver_count() > 0 {
            // An error means that the last one has just left.
            let _ = self.feed.send(Item::new(event));
        }
    }

    /// Returns the target of readings, if they belong to a read under way; keeps them if somebody
    /// waits to see them.
    pub fn known(&self, readings: &Arc<Readings>) -> Option<Arc<TargetEntry>> {
        let mut pending = self.pending.lock();
        let entry = pending.get(readings.seen_by.task)?;
        if entry.batch.progress.as_ref().is_some_and(|p| p.keeps()) {
            entry.readings = Some(Arc::clone(readings));
        }
        (entry.known.target.name == readings.target).then(|| Arc::clone(&entry.known))
    }

    /// Ends the reads that outcomes belong to. Returns the indices of the outcomes of other reads:
    /// of another logic environment, or given up.
    pub fn outcomes(&self, batch: &Arc<OutcomeBatch>) -> Vec<usize> {
        for outcome in &batch.outcomes {
            self.histograms.ended(&batch.kind, outcome);
        }
        let found: Vec<Option<PendingRead>> = {
            let mut pending = self.pending.lock();
            let outcomes = batch.outcomes.iter();
            outcomes
                .map(|one| {
                    (one.class == Class::Observe)
                        .then(|| pending.remove(one.task))
                        .flatten()
                })
                .collect()
        };
        let is_other =
            |at: &usize| found[*at].is_none() && batch.outcomes[*at].class == Class::Observe;
        let others = (0..found.len()).filter(is_other).collect();
        let observed = found
            .into_iter()
            .enumerate()
            .filter_map(|(at, entry)| Some(self.end(entry?, OutcomeRef::published(batch, at)?)));
        // A task about no target is nobody's to look at.
        let observed = observed.filter(|ended: &EndedRead| ended.known.device != DeviceId::NONE);
        let observed = observed.collect();
        self.ended.lock().push(observed);
        others
    }

    pub(super) fn end(&self, entry: PendingRead, outcome: OutcomeRef) -> EndedRead {
        let found = outcome.get();
        let id = found.task;
        self.observed.ended(&entry.known, found);
        self.histograms.read(entry.batch.made, found);
        if entry.batch.parameters.is_empty() {
            self.observed.read_all(&entry.known, found);
        }
        if let Some(slot) = &entry.slot {
            slot.free();
        }
        if let Some(progress) = &entry.batch.progress {
            progress.ended(found, || Shown {
                outcome: outcome.clone(),
                readings: entry.readings,
            });
        }
        EndedRead {
            id,
            batch: entry.batch,
            known: entry.known,
            outcome,
        }
    }
}
