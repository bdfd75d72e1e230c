//! The proof in a read-back: its readings judged against the `verify` section of a manifest. Pure.

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
    /// A state that the target passes through on its way to the effect.
    Passing,
    /// A state that is neither the effect nor on the way to it.
    Other,
    /// The target did not answer, or its answer was inconclusive.
    None,
}

/// Judges readings against the expected effect. Doubtful, missing or contradictory readings count
/// as [`Evidence::None`].
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

/// Returns the single trustworthy value that `verify` names, if there is exactly one.
pub fn observed_value(expected: &Expected, readings: &Readings) -> Option<ReadingValue> {
    let is_meant = readings.action == expected.action;
    let seen = expected.seen(&readings.readings).filter(|_| is_meant);
    seen.cloned()
}

/// Returns the reading that an action is about to change, taken from the last readings of the
/// action that `verify` names.
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
