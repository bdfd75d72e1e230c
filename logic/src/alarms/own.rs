//! Figures of utakata itself, which alarms watch like any other series.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use utakata_model::MetricName;

/// Figures that other parts of the logic environment report.
#[derive(Debug, Default)]
pub struct OwnFigures {
    /// The readings that came while too many waited.
    missed: AtomicU64,
    /// The age of the oldest input that was decided last, in milliseconds.
    lag: AtomicU64,
}

impl OwnFigures {
    pub(super) fn missed(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of inputs that were left out because too many waited.
    pub fn missed_count(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn decided(&self, milliseconds: u64) {
        self.lag.store(milliseconds, Ordering::Relaxed);
    }

    /// Returns the time from a reading being heard to its alarms being decided, in seconds.
    #[allow(clippy::cast_precision_loss, reason = "no lag is that long")]
    pub fn lag(&self) -> f64 {
        self.lag.load(Ordering::Relaxed) as f64 / 1_000.0
    }
}

/// Returns the free share of a folder's disk.
#[allow(clippy::cast_precision_loss, reason = "no share is that exact")]
pub(super) fn free_share(folder: &Path) -> Option<f64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    (disk.f_blocks > 0).then(|| disk.f_bavail as f64 / disk.f_blocks as f64)
}

/// One of utakata's own figures.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnFigure {
    pub metric: MetricName,
    pub value: f64,
    pub unit: &'static str,
}

impl OwnFigure {
    #[expect(clippy::expect_used, reason = "the names are constants")]
    pub(super) fn new(metric: &str, value: f64, unit: &'static str) -> Self {
        Self {
            metric: metric.parse().expect("a name of a metric"),
            value,
            unit,
        }
    }
}
