//! Why nothing was done.

use std::sync::Arc;

use utakata_api::{operation::LeftOut, problem::Detail};
use utakata_model::{OperationId, Selector};

use super::token;
use crate::{ledger, observe::WAIT_MAX, store};

/// A reason why nothing was done. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Everything must be asked for in words.
    #[error("an empty selector would mean every target")]
    Everything,
    /// No target is selected.
    #[error("the selector \"{selector}\" selects no target")]
    SelectsNothing { selector: Selector },
    /// Some target cannot be controlled so.
    #[error("{}", told(problems))]
    Impossible {
        /// For each target, why.
        problems: Vec<Detail>,
    },
    /// The wait is too long.
    #[error("the answer is waited for at most {} seconds", WAIT_MAX.as_secs())]
    Wait,
    /// Something else was asked for under the same key.
    #[error("the key was already used for another operation, {id}")]
    Key { id: OperationId },
    /// More targets are selected than anybody selects by the way.
    #[error("{count} targets are selected, which is more than {most}")]
    Many {
        count: usize,
        /// So many may be without saying so.
        most: usize,
    },
    /// Not so many targets are selected as were expected.
    #[error("{count} targets are selected, and {expect} were expected")]
    Expected {
        count: usize,
        /// So many were expected.
        expect: u64,
    },
    /// It is not what was shown.
    #[error(transparent)]
    Changed(#[from] token::PlanChanged),
    /// The token of the plan is none.
    #[error(transparent)]
    Token(#[from] token::Malformed),
    /// Nothing of an operation can be taken back.
    #[error("nothing of it can be taken back: {}", left_out.first().map_or("it did nothing", |one| &one.why))]
    NothingToUndo {
        /// For each target, why.
        left_out: Vec<LeftOut>,
    },
    /// It cannot be written down, and so it is not done.
    #[error("the operation could not be written down, and nothing was sent")]
    Store(#[from] Arc<store::Error>),
    /// The logic environment is ending.
    #[error("the logic environment is ending")]
    Ending,
    /// Nobody knows whether what came before it is written down.
    #[error("{}", ledger::Error::Waits)]
    Waits,
    /// Nobody knows whether it is written down.
    #[error("{}", ledger::Error::InDoubt(*.0))]
    InDoubt(OperationId),
    /// Another logic environment has the ledger, or nobody has at this moment.
    #[error("another logic environment keeps the ledger of control now")]
    Elsewhere,
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Ending => Self::Ending,
            ledger::Error::Elsewhere => Self::Elsewhere,
            ledger::Error::Waits => Self::Waits,
            ledger::Error::InDoubt(id) => Self::InDoubt(id),
            ledger::Error::Store(error) => Self::Store(error),
        }
    }
}

fn told(problems: &[Detail]) -> String {
    match problems {
        [] => "it cannot be done so".into(),
        [one] => format!("{}: {}", one.subject, one.message),
        [first, rest @ ..] => format!(
            "{} things are wrong, the first: {}: {}",
            rest.len() + 1,
            first.subject,
            first.message
        ),
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}
