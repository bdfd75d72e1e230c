//! Problems, for people and for programs.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A problem, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A code for programs, such as `unreachable`, `bad-parameters`, `device-refused`.
    #[schema(value_type = String)]
    pub code: Arc<str>,
    /// The problem in a sentence: the event, its subject and the remedy.
    #[schema(value_type = String)]
    pub message: Arc<str>,
    /// The party that can cure it.
    pub cure: Cure,
}

impl Problem {
    /// Creates a problem with this code, cure and sentence.
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

/// The party that can cure a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cure {
    /// Nobody needs to act: trying again later may help.
    Retry,
    /// A person has to correct something first.
    Operator,
    /// The authors of utakata: this should not happen.
    Bug,
}
