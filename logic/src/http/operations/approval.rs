//! Four eyes: an approval is another person's, and not the requester's under another name.

use utakata_model::{Operation, TargetName, Verb};

use crate::{
    http::{Api, Refused},
    people::Identity,
    rights::{Actor, Earlier, Object},
};

/// Checks that the approver's right was there before the operation, and that nobody could have both
/// requested and approved it. That the approver has the right is checked already.
///
/// # Errors
/// It was not, or somebody could have.
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
    let by = operation.by.clone();
    let requester = by.map(|by| Actor::of(by, operation.makers.iter().cloned()));
    let to = Earlier {
        by: requester.as_ref(),
        at: operation.requested,
        needs: Verb::Approve,
    };
    for name in targets {
        let found = api.handle.inventory().find(name);
        let object = found
            .as_ref()
            .map_or(Object::Site, |found| Object::Target(&found.target));
        approver.agrees_as_another(to, object)?;
    }
    Ok(())
}
