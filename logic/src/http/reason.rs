//! Reasons that people give, and the limits on requests.

use serde_json::{Map, Value};
use utakata_api::ledger::{Attribution, Reason};
use utakata_model::{PersonName, Selector};

use super::{Refused, size};
use crate::code::Code;

/// The length of the longest reason, in characters.
pub(super) const MAX_REASON: usize = 1000;

/// The length of the longest key, in characters.
const MAX_KEY: usize = 200;
/// The largest size of parameters, in bytes; each task of an operation has them.
const MAX_PARAMETERS: usize = 64 * 1024;

/// Checks an idempotency key.
pub(super) fn check_key(text: &str) -> Result<(), Refused> {
    if text.is_empty() || text.chars().count() > MAX_KEY {
        let detail = format!("the key must have 1 to {MAX_KEY} characters");
        let cure = "take a short one of your own, such as a UUID";
        return Err(Refused::new(Code::BodyInvalid, detail, cure));
    }
    Ok(())
}

/// Checks the size of a request's selector and parameters.
pub(super) fn check_size(
    selector: &Selector,
    parameters: &Map<String, Value>,
) -> Result<(), Refused> {
    check_selector(selector)?;
    if size::of(parameters) > MAX_PARAMETERS {
        let detail = format!("the parameters are larger than {MAX_PARAMETERS} bytes");
        let cure = "no action needs that much: see `utakata get kinds`";
        return Err(Refused::new(Code::BodyTooLarge, detail, cure));
    }
    Ok(())
}

/// Checks the size of a selector.
pub(super) fn check_selector(selector: &Selector) -> Result<(), Refused> {
    selector.check_size().map_err(|error| {
        let cure = "select by label, as in `rack in (A1,A2)`";
        Refused::new(Code::BodyTooLarge, error.to_string(), cure)
    })
}

/// Returns the statement of a person, made now.
pub(super) fn statement(by: &PersonName, reason: &Reason) -> Result<Attribution, Refused> {
    Ok(Attribution {
        by: by.to_string(),
        at: crate::clock::now(),
        why: reason.why.as_deref().map(check).transpose()?,
    })
}

/// Checks that a reason is neither empty nor longer than anybody reads; returns it trimmed.
pub(super) fn check(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() {
        let detail = "the reason (\"why\") is empty";
        return Err(Refused::new(
            Code::BodyInvalid,
            detail,
            "say why in a few words",
        ));
    }
    if text.chars().count() > MAX_REASON {
        let detail = format!("the reason (\"why\") is longer than {MAX_REASON} characters");
        return Err(Refused::new(
            Code::BodyInvalid,
            detail,
            "say it in fewer words",
        ));
    }
    Ok(text.to_owned())
}
