//! The reasons why a check did not pass.

/// The reason why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPassed {
    /// The worker did something wrong.
    Failed(String),
    /// The check could not be made.
    Skipped(String),
}

impl NotPassed {
    /// Reports something that the worker did wrong.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}
