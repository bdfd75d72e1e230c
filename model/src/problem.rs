//! Problems: what went wrong, for people and for programs.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A problem, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A word for programs, such as `unreachable`, `bad-parameters`, `device-refused`.
    #[schema(value_type = String)]
    pub code: Arc<str>,
    /// The event, in a sentence.
    #[schema(value_type = String)]
    pub message: Arc<str>,
    /// The one who can cure it.
    pub cure: Cure,
}

impl Problem {
    /// A problem of this code, cure and sentence.
    pub fn new(code: &str, cure: Cure, message: impl AsRef<str>) -> Self {
        Self {
            code: code.into(),
            cure,
            message: message.as_ref().into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// The one who can cure a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cure {
    /// Time: trying again may help.
    Retry,
    /// A person: something must be set right first.
    Operator,
    /// The authors: this should not happen.
    Bug,
}
