//! The settings for targets that do not answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::duration;
use utakata_settings::Settings;

/// Conditions under which a target that does not answer is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Number of consecutive attempts without an answer after which a target is left alone for a
    /// while; 0: never.
    #[setting(or_zero)]
    pub failures: u32,
    /// First time for which it is left alone; it doubles with each further silence.
    #[serde(with = "duration")]
    pub first: Duration,
    /// Longest time for which it is left alone.
    #[serde(with = "duration")]
    pub max: Duration,
    /// Codes of problems that mean that a target did not answer.
    #[setting(form = "list of codes")]
    pub codes: Vec<String>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            first: Duration::from_secs(1),
            max: Duration::from_secs(30),
            codes: ["unreachable", "deadline", "timed-out"]
                .map(String::from)
                .into(),
        }
    }
}
