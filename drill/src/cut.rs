//! The cutting off of a zone: for minutes nothing passes between its environments and the servers,
//! while everybody continues to ask.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// The time within which everything must recover.
pub const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// The effect of cutting a link.
#[derive(Debug, Clone, Serialize)]
pub struct Cut {
    /// The length of the cut, in seconds.
    pub seconds: u64,
    /// The number of devices with fresh readings before.
    pub fresh_before: usize,
    /// The number of devices with fresh readings at the end of it: there must be none.
    pub fresh_at_the_end: usize,
    /// The number of devices whose readings are stale at the end of it.
    pub stale_at_the_end: usize,
    /// The time after the cut until readings were fresh and control succeeded, in seconds. Absent
    /// if that took too long.
    pub back_after: Option<f64>,
    /// The memory of each process in MB: before, and the peak since.
    pub memory: BTreeMap<String, (u64, u64)>,
}

impl Cut {
    /// Describes it in one line.
    pub fn line(&self) -> String {
        let back = match self.back_after {
            Some(seconds) => format!("back after {seconds:.0}s"),
            None => format!("NOT BACK within {}s", RECOVERY_TIMEOUT.as_secs()),
        };
        let memory: Vec<String> = self
            .memory
            .iter()
            .map(|(name, (before, max))| format!("{name} {before} to {max} MB"))
            .collect();
        format!(
            "cut off for {}s: {} devices fresh before, {} at its end ({} reported stale), {back}; \
             memory: {}",
            self.seconds,
            self.fresh_before,
            self.fresh_at_the_end,
            self.stale_at_the_end,
            memory.join(", ")
        )
    }

    /// Returns true if nothing was reported wrongly and everything recovered.
    pub fn is_clean(&self) -> bool {
        self.fresh_at_the_end == 0 && self.back_after.is_some()
    }
}
