//! The settings of operations that change something.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{duration, setting};
use utakata_settings::Settings;

/// Operations that change something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The time after its turn has come within which a control task must begin.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// The longest time for which an operation may wait for an approval, a pause or its pace.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// The time that the end of an attempt may take beyond the timeout of its action, and the
    /// outcome of a read beyond its lifetime, before it counts as missing.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// The validity of a permit: an environment that receives it later does not begin.
    #[serde(with = "duration")]
    pub window: Duration,
    /// The time that a target may take to show an effect, unless the manifest sets another.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub settling: Duration,
    /// The time for which a read-back is retried if the target does not answer, before a person has
    /// to settle the task.
    #[serde(with = "duration")]
    pub read_back_within: Duration,
    /// The time that reading the present value of a target may take before it is changed, if the
    /// change can be undone.
    #[serde(with = "duration")]
    pub capture_within: Duration,
    /// The time after which a task that nobody has asked for is published again. It doubles each
    /// time.
    #[serde(with = "duration")]
    pub publish_again: Duration,
    /// The largest number of attempts at a task without a person.
    pub attempts: u32,
    /// The risk of actions that somebody other than the requester has to approve.
    pub approval: Approval,
    /// The number of targets above which an operation must state their number, or show its plan.
    #[setting(or_zero)]
    pub many: usize,
    /// Unsafe, for a drill that must detect what envelopes prevent: none is asked. Neither a key,
    /// nor a field in a program that users run.
    #[cfg(feature = "test-support")]
    #[serde(skip)]
    pub without_envelopes: bool,
}

/// The actions that somebody other than the requester has to approve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// No operation.
    #[default]
    Never,
    /// Operations of high risk.
    High,
    /// All operations.
    Always,
}

setting! {
    Approval: "never, high or always",
}

impl Default for Control {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            patience: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(5),
            window: Duration::from_secs(5),
            settling: Duration::from_secs(2),
            read_back_within: Duration::from_secs(60),
            capture_within: Duration::from_secs(5),
            publish_again: Duration::from_secs(10),
            attempts: 5,
            approval: Approval::Never,
            many: 100,
            #[cfg(feature = "test-support")]
            without_envelopes: false,
        }
    }
}

impl Control {
    /// Returns false if no envelope is asked, which happens only in drills.
    #[cfg(feature = "test-support")]
    pub(crate) fn asks_envelopes(&self) -> bool {
        !self.without_envelopes
    }

    #[cfg(not(feature = "test-support"))]
    pub(crate) fn asks_envelopes(&self) -> bool {
        true
    }
}
