//! The proof of a read-back: the readings against the `verify` of a manifest. Pure.

use serde::Serialize;
use serde_json::Value;
use utakata_model::{
    Reading, ReadingValue, Readings,
    manifest::{Verify, expected::Expected},
};

/// The state that a target showed when it was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The effect that the action should have.
    Effect,
    /// A state that it passes through on the way to that.
    Passing,
    /// Something else.
    Other,
    /// It did not answer, or what it answered did not tell.
    None,
}

/// Judges readings by the effect that is expected. What is doubtful, missing or contradictory says
/// nothing.
pub fn judge(expected: &Expected, readings: &Readings) -> Evidence {
    let is_meant = readings.action == expected.action;
    if is_meant && expected.is_passing(&readings.readings) {
        return Evidence::Passing;
    }
    match expected.is_shown(&readings.readings).filter(|_| is_meant) {
        Some(true) => Evidence::Effect,
        Some(false) => Evidence::Other,
        None => Evidence::None,
    }
}

/// The one value that is there to be looked at, if it can be trusted.
pub fn observed_value(expected: &Expected, readings: &Readings) -> Option<ReadingValue> {
    let is_meant = readings.action == expected.action;
    let seen = expected.seen(&readings.readings).filter(|_| is_meant);
    seen.cloned()
}

/// The reading that an action is about to change, as far as it was seen: of the last readings of
/// the action that `verify` names.
pub fn current_reading<'a>(
    verify: &Verify,
    parameters: &Value,
    last: &'a Readings,
) -> Option<&'a Reading> {
    let expected = Expected::new(verify, parameters).ok()?;
    let is_meant = last.action == expected.action;
    expected.reading(&last.readings).filter(|_| is_meant)
}

#[cfg(test)]
mod tests;
