//! The latest readings for other tools: a scrape of Prometheus, and OpenTelemetry's protocol.
//!
//! Only good readings leave: what is stale is absent, so that the other side sees it end, and what
//! is suspect was never a value.

mod name;
pub mod otlp;
mod scrape;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use utakata_model::{Quality, Reading, Schedule};

pub use name::ExportName;
pub use scrape::Scrape;

use crate::{
    inventory::TargetEntry,
    kinds::KindsSnapshot,
    observe::{Covers, quality},
    observed::Observed,
};

/// The readings of a moment.
pub struct Snapshot {
    pub now: Timestamp,
    pub served: KindsSnapshot,
    pub schedules: Vec<Arc<Schedule>>,
}

/// A good reading, with the time at which it was seen.
pub struct GoodReading {
    pub time: Timestamp,
    pub reading: Reading,
}

impl Snapshot {
    /// Returns the good readings of a target, each series once: of several actions that read it,
    /// the newest counts.
    pub fn good(&self, observed: &Observed, entry: &TargetEntry) -> Vec<GoodReading> {
        let served = self.served.get(&entry.target.kind, &entry.target.zone);
        let mut found = observed.look(entry.device, |seen| {
            let mut found = Vec::new();
            for action in &seen.actions {
                let schedules = self.schedules.iter().map(Arc::as_ref);
                let covers = Covers::find(&entry.target, &action.action, served, schedules);
                let good = action.values().filter(|one| {
                    quality(one.reading.quality, one.time, self.now, covers) == Quality::Good
                });
                found.extend(good.map(|one| GoodReading {
                    time: one.time,
                    reading: one.reading.clone(),
                }));
            }
            found
        });
        found.sort_by(|a, b| {
            let series =
                |one: &GoodReading| (one.reading.metric.clone(), one.reading.attributes.clone());
            (series(a), b.time).cmp(&(series(b), a.time))
        });
        let mut seen = BTreeSet::new();
        found.retain(|one| {
            seen.insert((one.reading.metric.clone(), one.reading.attributes.clone()))
        });
        found
    }
}
