//! Why a call of the API failed.

use thiserror::Error;

/// The reason a call of the API failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The token cannot be sent.
    #[error(
        "the token has characters that cannot be sent: it is the one line of the file `token` \
         in the data directory"
    )]
    Token,
    /// The HTTP client could not be made.
    #[error("no HTTP client could be made")]
    Build(#[source] reqwest::Error),
    /// Nobody listens there, or the connection broke.
    #[error("no answer from {url} (is `utakata up` running there?)")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// The error that was seen.
        source: reqwest::Error,
    },
    /// There was no answer in time.
    #[error("{url} did not answer in time: it is overloaded, or something else listens there")]
    Silent {
        /// The address that was tried.
        url: String,
        /// The error that was seen.
        source: reqwest::Error,
    },
    /// The request was refused, with a reason and a cure.
    #[error(transparent)]
    Refused(Box<crate::Problem>),
    /// Somebody else answered.
    #[error("{url} answered {status} in a form that is not utakata's: is the URL right?")]
    NotOurs {
        /// The address that was tried.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer has another form than this version expects.
    #[error("the answer of {url} has an unexpected form: is it of the same version as this?")]
    Strange {
        /// The request.
        url: String,
        /// The reason that it is unexpected.
        source: serde_json::Error,
    },
}

impl Error {
    /// The code of the problem, when the request was refused with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
