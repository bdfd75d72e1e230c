//! Exit codes, for scripts.

use std::process::ExitCode;

use utakata_api::client;

/// Codes of refusals that guard against slips.
const GUARDS: [&str; 4] = ["key-taken", "many-targets", "other-targets", "plan-changed"];

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It failed, or failed for some target.
    Failed = 1,
    /// It was asked for in a wrong way; nothing was done.
    Usage = 2,
    /// Nobody can know whether it took effect, for some target.
    Unknown = 3,
}

/// A mistake of who typed it, found after the arguments were parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl Exit {
    /// The code that belongs to an error.
    pub fn of(error: &anyhow::Error) -> Self {
        if error
            .chain()
            .any(|cause| cause.is::<Usage>() || is_guard(cause))
        {
            return Self::Usage;
        }
        Self::Failed
    }
}

/// Whether the server did nothing, because it was not what was meant.
fn is_guard(cause: &(dyn std::error::Error + 'static)) -> bool {
    let refused = cause.downcast_ref::<client::Error>();
    let code = refused.and_then(client::Error::code);
    code.is_some_and(|code| GUARDS.contains(&code))
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
