//! Secret parameters of operations: kept as credentials are, sealed in the store and lent to
//! environments, until their operation is over. Nobody else sees them.

use std::collections::{BTreeMap, BTreeSet};

use utakata_api::apply::Document;
use utakata_model::{
    Credential, CredentialName, OperationId, Origin, Parameters, Task, Zone, target::Secret,
};

use super::{Error, Inventory};
use crate::store::Change;

/// The field with the zones to whose environments they may be lent. No parameter has this name.
const ZONES: &str = "";
/// The field with the name of the credential that is rotated. No field of a credential has this name.
const OF: &str = " of";
/// Between two zones, in whose names it cannot be.
const BETWEEN: char = ' ';

/// Secret parameters by name.
pub type SecretParameters = BTreeMap<String, Secret>;

/// A new password for the user of a credential.
#[derive(Debug, Clone, Copy)]
pub struct NewPassword<'n> {
    pub credential: &'n CredentialName,
    /// The field of the credential, and the parameter of the action, that it is for.
    pub field: &'n str,
    pub parameter: &'n str,
    pub secret: &'n Secret,
}

fn told(zones: &BTreeSet<&Zone>) -> String {
    let zones: Vec<&str> = zones.iter().map(|zone| zone.as_str()).collect();
    zones.join(&BETWEEN.to_string())
}

fn own<'s>(values: impl IntoIterator<Item = (&'s str, &'s Secret)>) -> SecretParameters {
    let values = values.into_iter();
    values
        .map(|(name, secret)| (name.to_owned(), secret.clone()))
        .collect()
}

/// Returns the credential that is rotated.
fn of(pending: &Credential) -> Option<CredentialName> {
    pending.values.get(OF)?.reveal().parse().ok()
}

/// Returns true if a name is not one of a person's credential.
pub(super) fn is_held(name: &CredentialName) -> bool {
    name.operation().is_some() || name.rotation().is_some()
}

/// Returns true if held parameters are for an environment of the zone.
pub(super) fn is_for(held: &Credential, zone: &Zone) -> bool {
    let zones = held.values.get(ZONES).map_or("", Secret::reveal);
    zones.split(BETWEEN).any(|one| one == zone.as_str())
}

/// Returns held parameters as they are lent.
pub(super) fn as_lent(held: &Credential) -> Credential {
    let mut lent = held.clone();
    lent.values.remove(ZONES);
    lent.values.remove(OF);
    lent
}

impl Inventory {
    /// Seals the secret parameters of an operation in the store, before it is recorded.
    ///
    /// # Errors
    /// The store failed: nothing is kept.
    pub async fn hold(
        &self,
        operation: OperationId,
        mut secrets: SecretParameters,
        zones: &BTreeSet<&Zone>,
    ) -> Result<(), Error> {
        secrets.insert(ZONES.into(), Secret::new(told(zones)));
        let credential = Credential {
            name: CredentialName::of_operation(operation),
            values: secrets,
        };
        let _alone = self.changing.lock().await;
        let change = Change::Put(Document::Credential(credential));
        self.commit(vec![change]).await
    }

    /// Seals the password that an operation is to set in the store, before it is recorded: as its
    /// secret parameter, and as the credential that there will be.
    ///
    /// # Errors
    /// The credential is gone or is rotated already, or the store failed: nothing is kept.
    pub async fn hold_rotation(
        &self,
        operation: OperationId,
        new: &NewPassword<'_>,
        zone: &Zone,
    ) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        let current = self.secret_of(new.credential)?;
        if let Some(other) = self.rotation_of(new.credential) {
            let name = new.credential.clone();
            return Err(Error::Rotating {
                name,
                operation: other,
            });
        }
        let zones = Secret::new(told(&BTreeSet::from([zone])));
        let parameters = [(new.parameter, new.secret), (ZONES, &zones)];
        let parameters = Credential {
            name: CredentialName::of_operation(operation),
            values: own(parameters),
        };
        let name = Secret::new(new.credential.as_str());
        let hidden = [(new.field, new.secret), (ZONES, &zones), (OF, &name)];
        let mut pending = Credential {
            name: CredentialName::of_rotation(operation),
            values: current.values.clone(),
        };
        pending.values.extend(own(hidden));
        let put = |credential| Change::Put(Document::Credential(credential));
        self.commit(vec![put(parameters), put(pending)]).await
    }

    /// Returns the operations that rotate credentials, with the name of each.
    pub fn rotations(&self) -> Vec<(OperationId, CredentialName)> {
        let index = self.index.read();
        let all = index.credentials.values();
        all.filter_map(|pending| Some((pending.name.rotation()?, of(pending)?)))
            .collect()
    }

    /// Returns the operation that rotates a credential.
    pub fn rotation_of(&self, credential: &CredentialName) -> Option<OperationId> {
        let rotations = self.rotations().into_iter();
        let mut found = rotations.filter(|(_, name)| name == credential);
        found.next().map(|(operation, _)| operation)
    }

    /// Makes the password that an operation has set that of its credential, or forgets it. In one
    /// step: there is no moment without a password, and none with two.
    ///
    /// # Errors
    /// The store failed: everything is as before.
    pub async fn conclude_rotation(
        &self,
        operation: OperationId,
        field: Option<&str>,
    ) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        let name = CredentialName::of_rotation(operation);
        let Some(pending) = self.index.read().credentials.get(&name).cloned() else {
            return Ok(());
        };
        let mut changes = vec![Change::DeleteCredential(name)];
        // Without its credential nobody needs the password any more.
        let current = of(&pending).and_then(|name| self.secret_of(&name).ok());
        if let (Some(field), Some(current)) = (field, current)
            && let Some(secret) = pending.values.get(field)
        {
            let mut changed = current.as_ref().clone();
            changed.values.insert(field.into(), secret.clone());
            changes.insert(0, Change::Put(Document::Credential(changed)));
        }
        self.commit(changes).await
    }

    /// Returns the operations whose secret parameters are kept.
    pub fn held(&self) -> Vec<OperationId> {
        let index = self.index.read();
        let names = index.credentials.keys();
        names.filter_map(|name| name.operation()).collect()
    }

    /// Forgets the secret parameters of operations.
    ///
    /// # Errors
    /// The store failed: they are kept.
    pub async fn release(&self, operations: &[OperationId]) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        let names = operations.iter().copied().map(CredentialName::of_operation);
        let changes = {
            let index = self.index.read();
            let there = names.filter(|name| index.credentials.contains_key(name));
            there.map(Change::DeleteCredential).collect()
        };
        self.commit(changes).await
    }

    /// Returns a task with references to its secret parameters, if they are kept.
    pub fn with_references(&self, task: Task) -> Task {
        let Origin::Operation(operation) = task.origin else {
            return task;
        };
        let name = CredentialName::of_operation(operation);
        let index = self.index.read();
        let Some((held, reference)) = index.refer(&name, &task.target) else {
            return task;
        };
        let names = held.values.keys().filter(|name| *name != ZONES);
        let parameters: Parameters = task
            .parameters
            .refer(names.map(String::as_str), Some(&reference));
        Task { parameters, ..task }
    }
}
