//! What people say, and that it is told who and why.

use jiff::Timestamp;
use utakata_api::ledger::{Reason, Said};
use utakata_model::PersonName;

use super::Refused;

/// The most characters of a reason.
const WHY_MOST: usize = 1000;

/// A person says something, now.
pub(super) fn said(by: &PersonName, reason: &Reason) -> Result<Said, Refused> {
    Ok(Said {
        by: by.to_string(),
        at: Timestamp::now(),
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
