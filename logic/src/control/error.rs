//! Why nothing was done.

use utakata_api::problem::Detail;
use utakata_model::Selector;

use crate::{dispatch, observe::WAIT_MAX, store};

/// Why nothing was done. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Everything must be asked for in words.
    #[error("an empty selector would mean every target")]
    Everything,
    /// No target is selected.
    #[error("the selector \"{selector}\" selects no target")]
    SelectsNothing {
        /// The selector.
        selector: Selector,
    },
    /// Some target cannot be controlled so.
    #[error("{}", told(problems))]
    Impossible {
        /// For each target, why.
        problems: Vec<Detail>,
    },
    /// It is to be waited for too long.
    #[error("the answer is waited for at most {} seconds", WAIT_MAX.as_secs())]
    Wait,
    /// It cannot be written down, and so it is not done.
    #[error("the operation could not be written down, and nothing was sent")]
    Store(#[from] store::Error),
    /// Tasks cannot be handed over.
    #[error(transparent)]
    Dispatch(#[from] dispatch::Error),
}

fn told(problems: &[Detail]) -> String {
    match problems {
        [] => "it cannot be done so".into(),
        [one] => format!("{}: {}", one.subject, one.message),
        [first, rest @ ..] => format!(
            "{} targets cannot be controlled so, the first: {}: {}",
            rest.len() + 1,
            first.subject,
            first.message
        ),
    }
}
