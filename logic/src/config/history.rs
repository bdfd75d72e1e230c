//! The settings of the history of readings.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::duration;
use utakata_settings::Settings;

/// The history of readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// The time for which every value is kept, in whole days.
    #[serde(with = "duration")]
    pub keep: Duration,
    /// The time for which the figures of each hour are kept (least, greatest, sum, number, last),
    /// in whole days.
    #[serde(with = "duration")]
    pub keep_hours: Duration,
    /// The largest space on the disk, in MiB: beyond it the oldest values are deleted first.
    #[setting(max = 1_000_000_000)]
    pub max_disk_mib: usize,
    /// The space on the disk, in MiB, that is left to others, though at most a twentieth of the
    /// disk: history yields first, so that control can still be recorded.
    #[setting(max = 1_000_000_000)]
    pub min_free_mib: usize,
    /// The URL of an engine that speaks Prometheus, such as `http://victoria.example:8428`: readings
    /// are written there as well, and questions about the past are answered from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub engine: Option<String>,
}

impl Default for History {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            keep: DAY * 90,
            keep_hours: DAY * 1825,
            max_disk_mib: 20_000,
            min_free_mib: 1000,
            engine: None,
        }
    }
}
