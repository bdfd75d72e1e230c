//! The reasons why a call of the API fails.

use thiserror::Error;

/// The reason why a call of the API failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The token has characters that no HTTP header can carry.
    #[error(
        "the token has characters that cannot be sent: it is the one line of the file `token` \
         in the data directory"
    )]
    Token,
    /// The file with authorities cannot be used.
    #[error("the authorities in {} cannot be used: {reason}", path.display())]
    Authority {
        /// The file of the authorities, in PEM.
        path: std::path::PathBuf,
        /// The problem with it.
        reason: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be created")]
    Build(#[source] reqwest::Error),
    /// Nothing listens at the address, or the connection broke.
    #[error("no answer from {url} (is `utakata up` running there?)")]
    Unreachable {
        /// The address of the request.
        url: String,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// No answer arrived in time.
    #[error("{url} did not answer in time: it is overloaded, or something else listens there")]
    Silent {
        /// The address of the request.
        url: String,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// The request was refused, with a reason and a cure.
    #[error(transparent)]
    Refused(Box<crate::Problem>),
    /// Something other than utakata answered.
    #[error("{url} answered {status} in a form that is not utakata's: is the URL right?")]
    NotOurs {
        /// The address of the request.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The answer has a form that this version does not expect.
    #[error("the answer of {url} has an unexpected form: is it the same version as this program?")]
    Strange {
        /// The address of the request.
        url: String,
        /// The mismatch, as the JSON parser reports it.
        source: serde_json::Error,
    },
}

impl Error {
    /// Returns the code of the problem, if the request was refused with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
