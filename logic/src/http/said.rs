//! What people say, and that it is told who and why.

use serde_json::{Map, Value};
use utakata_api::ledger::{Reason, Said};
use utakata_model::{PersonName, Selector};

use super::{Refused, size};

/// The most characters of a reason.
pub(super) const WHY_MOST: usize = 1000;

/// The most characters of a key.
const KEY_MOST: usize = 200;
/// The most bytes of parameters, which each of an operation's tasks has.
const PARAMETERS_MOST: usize = 64 * 1024;

/// A key of the asker's own.
pub(super) fn key(text: &str) -> Result<(), Refused> {
    if text.is_empty() || text.chars().count() > KEY_MOST {
        let detail = format!("the key is not of 1 to {KEY_MOST} characters");
        let cure = "take a short one of your own, such as a UUID";
        return Err(Refused::new("body-invalid", detail, cure));
    }
    Ok(())
}

/// The targets and parameters that something is asked with.
pub(super) fn asked(selector: &Selector, parameters: &Map<String, Value>) -> Result<(), Refused> {
    if let Err(error) = selector.check_size() {
        let cure = "select by label, as in `rack in (A1,A2)`";
        return Err(Refused::new("body-too-large", error.to_string(), cure));
    }
    if size::of(parameters) > PARAMETERS_MOST {
        let detail = format!("the parameters are larger than {PARAMETERS_MOST} bytes");
        let cure = "no action needs as many: see `utakata get kinds`";
        return Err(Refused::new("body-too-large", detail, cure));
    }
    Ok(())
}

/// A person says something, now.
pub(super) fn said(by: &PersonName, reason: &Reason) -> Result<Said, Refused> {
    Ok(Said {
        by: by.to_string(),
        at: crate::clock::now(),
        why: reason.why.as_deref().map(why).transpose()?,
    })
}

/// A reason that says something, and not more than anybody reads.
pub(super) fn why(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() {
        let detail = "the reason (\"why\") is empty";
        return Err(Refused::new(
            "body-invalid",
            detail,
            "say why in a few words",
        ));
    }
    if text.chars().count() > WHY_MOST {
        let detail = format!("the reason (\"why\") is longer than {WHY_MOST} characters");
        return Err(Refused::new(
            "body-invalid",
            detail,
            "say it in fewer words",
        ));
    }
    Ok(text.to_owned())
}
