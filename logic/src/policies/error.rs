//! The reasons why nothing was done with a policy.

use utakata_model::PolicyName;

use crate::{inventory, ledger, rights::NotAnother};

/// A reason why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of this name, or it is not taken over yet.
    #[error("there is no policy \"{0}\"")]
    None(PolicyName),
    /// It was not tested, or long ago, or has changed since.
    #[error("it was not tested within a week")]
    NotTested,
    /// The token is that of another document, other envelopes or another test.
    #[error("the token is not that of the last test of this document within these envelopes")]
    Token,
    /// The time is too long.
    #[error("the time for which it is armed is too long")]
    Lasts,
    /// Its state does not allow this.
    #[error("{0}")]
    Unfit(String),
    /// History cannot be read.
    #[error("history cannot be read")]
    History(#[source] utakata_history::Error),
    /// There is no history.
    #[error("there is no history")]
    NoHistory,
    /// It could not be recorded.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Two people are needed, and these could be one.
    #[error(transparent)]
    NotAnother(#[from] NotAnother),
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    /// Policies are being taken up.
    #[error("policies are being taken up")]
    Again,
}
