//! The reasons why nothing was done.

use std::sync::Arc;

use utakata_api::{operation::LeftOut, problem::Detail};
use utakata_model::{OperationId, Selector};

use super::{feeds::Unpowered, token};
use crate::{inventory, ledger, observe::WAIT_MAX, store};

/// A reason why nothing was done. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The selector is empty: selecting every target must be explicit.
    #[error("an empty selector would mean every target")]
    Everything,
    /// No target is selected.
    #[error("the selector \"{selector}\" selects no target")]
    SelectsNothing { selector: Selector },
    /// The requester may not do this to a target.
    #[error("{}", told(problems))]
    Forbidden {
        /// The right that is missing, for each target.
        problems: Vec<Detail>,
    },
    /// A target cannot be controlled as requested.
    #[error("{}", told(problems))]
    Impossible {
        /// The problem of each target.
        problems: Vec<Detail>,
    },
    /// The wait is too long.
    #[error("a request can wait for the answer for at most {} seconds", WAIT_MAX.as_secs())]
    Wait,
    /// Another request was made under the same key.
    #[error("the key was already used for another operation, {id}")]
    Key { id: OperationId },
    /// More targets are selected than without a confirmation.
    #[error("{count} targets are selected, which is more than {max}")]
    Many {
        count: usize,
        /// The number that is allowed without confirmation.
        max: usize,
    },
    /// The number of targets differs from the expected one.
    #[error("{count} targets are selected, and {expect} were expected")]
    Expected {
        count: usize,
        /// The number that was expected.
        expect: u64,
    },
    /// Something with several feeds would lose all of them.
    #[error("{}", feeds(unpowered))]
    EveryFeed { unpowered: Vec<Unpowered> },
    /// The plan differs from the one shown.
    #[error(transparent)]
    Changed(#[from] token::PlanChanged),
    /// The token of the plan is malformed.
    #[error(transparent)]
    Token(#[from] token::Malformed),
    /// Nothing of the operation can be undone.
    #[error("nothing in it can be undone: {}", left_out.first().map_or("it did nothing", |one| &one.why))]
    NothingToUndo {
        /// The reason for each target.
        left_out: Vec<LeftOut>,
    },
    /// It cannot be recorded, and so it is not done.
    #[error("the operation could not be recorded, and nothing was sent")]
    Store(#[from] Arc<store::Error>),
    /// Its secret parameters cannot be kept, and so it is not done.
    #[error("its secret parameters could not be sealed, and nothing was sent")]
    Secrets(#[source] inventory::Error),
    /// The logic environment is ending.
    #[error("the logic environment is ending")]
    Ending,
    /// Nobody knows whether an earlier batch is recorded.
    #[error("{}", ledger::Error::Waits)]
    Waits,
    /// Nobody knows whether this operation is recorded.
    #[error("{}", ledger::Error::InDoubt(*.0))]
    InDoubt(OperationId),
    /// Another logic environment keeps the ledger, or none does at the moment.
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

fn feeds(unpowered: &[Unpowered]) -> String {
    let first = unpowered.first().map(|one| {
        let feeds: Vec<&str> = one.feeds.iter().map(|feed| feed.as_str()).collect();
        format!(
            "{} would lose every feed that it has ({})",
            one.target,
            feeds.join(", ")
        )
    });
    let more = match unpowered.len().saturating_sub(1) {
        0 => String::new(),
        1 => ", and one other target, too".into(),
        more => format!(", and {more} other targets, too"),
    };
    first.unwrap_or_default() + &more
}

fn told(problems: &[Detail]) -> String {
    match problems {
        [] => "it cannot be done like this".into(),
        [one] => format!("{}: {}", one.subject, one.message),
        [first, rest @ ..] => format!(
            "{} things are wrong, the first: {}: {}",
            rest.len() + 1,
            first.subject,
            first.message
        ),
    }
}

impl From<inventory::Error> for Error {
    fn from(error: inventory::Error) -> Self {
        match error {
            inventory::Error::Store(error) => error.into(),
            error => Self::Secrets(error),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}
