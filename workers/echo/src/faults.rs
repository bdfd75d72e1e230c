//! Faults that the manifest can give to a release of the echo worker, for tests of rollouts: a new
//! version that is bad in a certain way.
//!
//! ```toml
//! [settings.faults]
//! start = "why it does not"    # it does not start
//! crash_after = 100            # the process exits at the task after this many
//! delay = "50ms"               # every task takes this much longer
//! fail = "device-refused"      # every task fails with this code
//! wrong = 1000.0               # its readings are too large by this
//! lazy = true                  # it reports writing without doing it
//! leak = 1048576               # bytes leaked by each task
//! ```

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use utakata_worker_sdk::{
    Failure,
    model::{Cure, Problem, duration},
};

/// The exit code of a worker that was asked to crash.
pub(crate) const CRASHED: i32 = 99;
/// The key in the settings of a manifest.
const KEY: &str = "faults";

/// The faults of this release.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    asked: FaultSettings,
    tasks: AtomicU64,
    leaked: Mutex<Vec<Vec<u8>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FaultSettings {
    start: Option<String>,
    crash_after: Option<u64>,
    #[serde(with = "duration")]
    delay: Duration,
    fail: Option<String>,
    wrong: f64,
    leak: usize,
    lazy: bool,
}

impl Faults {
    /// Reads the faults in the manifest. Errors: the release is not to start, or the faults cannot
    /// be read.
    pub(crate) fn read(settings: &serde_json::Value) -> Result<Self, String> {
        let asked = match settings.get(KEY) {
            Some(faults) => FaultSettings::deserialize(faults)
                .map_err(|error| format!("settings.{KEY}: {error}"))?,
            None => FaultSettings::default(),
        };
        match asked.start {
            Some(why) => Err(why),
            None => Ok(Self {
                asked,
                ..Self::default()
            }),
        }
    }

    /// Returns true if it reports writing without doing it.
    pub(crate) fn is_lazy(&self) -> bool {
        self.asked.lazy
    }

    /// Returns the amount by which readings are too large.
    pub(crate) fn wrong(&self) -> f64 {
        self.asked.wrong
    }

    /// Applies the faults that affect every task.
    pub(crate) async fn strike(&self) -> Result<(), Failure> {
        let before = self.tasks.fetch_add(1, Ordering::Relaxed);
        if self.asked.crash_after.is_some_and(|max| before >= max) {
            std::process::exit(CRASHED);
        }
        if self.asked.leak > 0 {
            let mut leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner);
            // Written to: untouched memory costs nothing.
            leaked.push(vec![1; self.asked.leak]);
        }
        if !self.asked.delay.is_zero() {
            tokio::time::sleep(self.asked.delay).await;
        }
        match &self.asked.fail {
            Some(code) => {
                let problem = Problem::new(code, Cure::Operator, "as the manifest says");
                Err(Failure::failed(problem))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_release_without_faults_has_none_and_others_are_as_they_say() {
        let none = Faults::read(&serde_json::Value::Null).unwrap();
        assert!(none.strike().await.is_ok());
        let fails = Faults::read(&json!({ "faults": { "fail": "broken", "delay": "1ms" } }));
        assert!(fails.unwrap().strike().await.is_err());
        let start = Faults::read(&json!({ "faults": { "start": "no" } }));
        assert_eq!(start.unwrap_err(), "no");
        assert!(Faults::read(&json!({ "faults": { "no-such": "broken" } })).is_err());
        let wrong = Faults::read(&json!({ "faults": { "wrong": 2.5 } })).unwrap();
        assert_eq!(wrong.wrong(), 2.5);
    }
}
