//! Why a check did not pass.

/// The reason a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPassed {
    /// The worker did something wrong.
    Failed(String),
    /// It could not be tried.
    Skipped(String),
}

impl NotPassed {
    /// The worker did this wrong.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}
