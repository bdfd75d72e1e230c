//! The operation that changes the password of a credential on its target.

use std::sync::Arc;

use serde_json::{Map, Value};
use utakata_api::problem::Detail;
use utakata_model::{
    CredentialName, OperationId, Pace, Priority, Selector, TargetName, secret::MASK,
};
use utakata_seal::draw_password;

use super::{Control, Error, OperationRequest, may, plan, secret};
use crate::{
    inventory::NewPassword,
    rights::{Actor, Rights},
};

/// A request to change the password of a credential.
#[derive(Debug)]
pub struct RotateRequest<'r> {
    pub credential: &'r CredentialName,
    /// The only target that has it.
    pub target: &'r TargetName,
    pub why: Option<String>,
    pub by: Actor,
}

impl Control {
    /// Draws a password, seals it, and begins the operation that sets it.
    ///
    /// # Errors
    /// Nothing was sent: the kind of the target cannot do it, the requester may not, or it could not
    /// be recorded.
    pub async fn rotate(
        &self,
        requested: RotateRequest<'_>,
        rights: &Rights,
    ) -> Result<OperationId, Error> {
        let inventory = &self.rooms.inventory;
        let selector = Selector::of_names([requested.target]);
        let selection = inventory.select(&selector);
        may::select(rights, &selection)?;
        let Some(known) = selection.first().map(Arc::clone) else {
            return Err(Error::SelectsNothing { selector });
        };
        let (kind, zone) = (&known.target.kind, &known.target.zone);
        let served = self.rooms.kinds.served();
        let impossible = |message: String| Error::Impossible {
            problems: vec![Detail {
                subject: format!("target {}", requested.target),
                message,
            }],
        };
        let found = served.get(kind, zone);
        let found = found.ok_or_else(|| impossible(served.nobody(kind, zone)))?;
        let Some((action, rotates)) = found.manifest.rotates() else {
            return Err(impossible(format!(
                "the kind \"{kind}\" has no action that changes the password of its user"
            )));
        };
        let password = draw_password(rotates.length, &rotates.characters);
        let password = password.map_err(|error| impossible(error.to_string()))?;
        let given = |value: &str| {
            let one = (rotates.parameter.clone(), Value::from(value));
            Value::Object(Map::from_iter([one]))
        };
        let planned = plan::plan(&action.name, &given(password.reveal()), &selection, &served);
        let planned = planned.map_err(|problems| Error::Impossible { problems })?;
        may::control(rights, &planned)?;
        let new = OperationRequest {
            selector,
            action: action.name.clone(),
            parameters: given(MASK),
            pace: Pace::default(),
            priority: Priority::Routine,
            why: requested.why,
            by: Some(requested.by),
            undoes: None,
            renews: None,
            because: Vec::new(),
            within: None,
            key: None,
            policy: None,
            break_glass: false,
        };
        let mut plan = self.planned(new, &planned);
        let id = plan.operation.id;
        let secrets = [(rotates.parameter.clone(), password.clone())].into();
        plan.operation.secrets = secret::marks(id, &secrets, inventory.secrets());
        plan.operation.rotates = Some(requested.credential.clone());
        let new = NewPassword {
            credential: requested.credential,
            field: &rotates.field,
            parameter: &rotates.parameter,
            secret: &password,
        };
        inventory.hold_rotation(id, &new, zone).await?;
        self.rooms.ledger.plan(plan).await?;
        Ok(id)
    }
}
