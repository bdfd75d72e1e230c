//! What reading a target back proves: the readings against the `verify` of a manifest. Pure.

mod counts;

use serde_json::Value;
use utakata_model::{Reading, ReadingValue, Readings, manifest::Verify};

pub use counts::ReadBackCounts;
pub use utakata_model::manifest::expected::Expected;

use crate::ledger::life::Evidence;

/// What readings say of the effect. What is doubtful, missing or contradictory says nothing.
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
pub fn seen(expected: &Expected, readings: &Readings) -> Option<ReadingValue> {
    let is_meant = readings.action == expected.action;
    let seen = expected.seen(&readings.readings).filter(|_| is_meant);
    seen.cloned()
}

/// The reading that an action is about to change, as far as it was seen: of the last readings of
/// the action that `verify` names.
pub fn today<'a>(verify: &Verify, parameters: &Value, last: &'a Readings) -> Option<&'a Reading> {
    let expected = Expected::new(verify, parameters).ok()?;
    let is_meant = last.action == expected.action;
    expected.reading(&last.readings).filter(|_| is_meant)
}

#[cfg(test)]
mod tests;
