//! Delays of what a cluster does by itself: short, so that tests are.

use std::time::Duration;

/// The duration of each step. Those of a real cluster are ten to a hundred times as long.
#[derive(Debug, Clone)]
pub struct Timing {
    /// From a pod's creation to its node.
    pub schedule: Duration,
    /// From its node to its first process, image present.
    pub start: Duration,
    /// From the end of a process to its exit code in the pod's status.
    pub exit_seen: Duration,
    /// From a final status to the end of a deleted pod.
    pub deleted: Duration,
    /// Between two tries to pull an image.
    pub pull_again: Duration,
    /// From the freeze of a node to `Ready=Unknown`.
    pub node_unknown: Duration,
    /// The duration of one second of a pod's toleration.
    pub toleration_second: Duration,
    /// The duration of one second of grace, and of a deadline.
    pub grace_second: Duration,
    /// From an owner's end to that of what it owns.
    pub collect: Duration,
    /// Between two bookmarks of a watch.
    pub bookmark: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            schedule: Duration::from_millis(5),
            start: Duration::from_millis(20),
            exit_seen: Duration::from_millis(60),
            deleted: Duration::from_millis(20),
            pull_again: Duration::from_millis(300),
            node_unknown: Duration::from_millis(1_000),
            toleration_second: Duration::from_millis(20),
            grace_second: Duration::from_secs(1),
            collect: Duration::from_millis(100),
            bookmark: Duration::from_secs(1),
        }
    }
}

impl Timing {
    /// The delays that were seen on a real cluster of one small machine.
    #[must_use]
    pub fn real() -> Self {
        Self {
            schedule: Duration::from_millis(50),
            start: Duration::from_millis(300),
            exit_seen: Duration::from_millis(600),
            deleted: Duration::from_millis(600),
            pull_again: Duration::from_secs(13),
            node_unknown: Duration::from_secs(48),
            toleration_second: Duration::from_secs(1),
            grace_second: Duration::from_secs(1),
            collect: Duration::from_secs(2),
            bookmark: Duration::from_secs(60),
        }
    }

    /// The duration of this many seconds of grace.
    pub(crate) fn grace(&self, seconds: i64) -> Duration {
        self.grace_second * u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
    }
}
