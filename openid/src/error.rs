//! The reasons why nobody is logged in.

use std::path::PathBuf;

/// A reason why nobody is logged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider does not answer, or not as a provider does: it may later.
    #[error("the identity provider {issuer} cannot be asked: {reason}")]
    Away {
        /// The provider.
        issuer: String,
        /// The problem, for people.
        reason: String,
    },
    /// The provider and the settings do not fit together.
    #[error("the identity provider {issuer} and the settings of logic.login do not fit: {reason}")]
    Unfit {
        /// The provider.
        issuer: String,
        /// The problem, for people.
        reason: String,
    },
    /// A file of the settings cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The problem, for people.
        reason: String,
    },
    /// The provider has refused, or its answer is not accepted.
    #[error("the login was refused: {reason}")]
    Refused {
        /// The problem, for people.
        reason: String,
    },
    /// The code was not used in time.
    #[error("the code of the login has expired")]
    Expired,
}

impl Error {
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Refused { reason }
    }
}
