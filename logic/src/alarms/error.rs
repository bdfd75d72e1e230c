//! Reasons why something was not done to an alarm.

use utakata_model::AlarmId;

use crate::ledger;

/// A reason why something was not done to an alarm.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no alarm with this identifier.
    #[error("there is no alarm {0} now: it may be over and seen")]
    NotFound(AlarmId),
    /// It is not shelved.
    #[error("the alarm {0} is not shelved")]
    NotShelved(AlarmId),
    /// The logic environment is ending.
    #[error("the logic environment is ending")]
    Ending,
    /// It could not be recorded.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}
