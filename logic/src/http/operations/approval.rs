//! Four eyes: an approval is another person's, and not the requester's under another name.

use utakata_model::{Operation, TargetName};

use crate::{
    http::{Api, Refused},
    people::Identity,
    rights::{NotAnother, Object},
};

/// Checks that the approver's right and token were there before the operation, and were made by
/// somebody other than the requester. That the approver has the right is checked already.
///
/// # Errors
/// They were not.
pub(super) fn check(
    approver: &Identity,
    api: &Api,
    operation: &Operation,
    targets: &[TargetName],
) -> Result<(), Refused> {
    // That nobody approves what they requested themselves is the ledger's to say.
    if operation.by.as_ref() == Some(&approver.name) {
        return Ok(());
    }
    let token = approver.token.as_ref();
    if let Some(token) = token.filter(|token| Some(&token.by) == operation.by.as_ref()) {
        return Err(NotAnother::Token {
            approver: approver.name.clone(),
            by: token.by.clone(),
        }
        .into());
    }
    for name in targets {
        let found = api.handle.inventory().find(name);
        let object = found
            .as_ref()
            .map_or(Object::Site, |found| Object::Target(&found.target));
        approver.rights.approves_as_another(
            &approver.name,
            operation.by.as_ref(),
            operation.requested,
            object,
        )?;
    }
    Ok(())
}
