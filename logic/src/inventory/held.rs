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
/// Between two zones, in whose names it cannot be.
const BETWEEN: char = ' ';

/// Secret parameters by name.
pub type SecretParameters = BTreeMap<String, Secret>;

/// Returns true if a name is not one of a person's credential.
pub(super) fn is_held(name: &CredentialName) -> bool {
    name.operation().is_some()
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
        let zones: Vec<&str> = zones.iter().map(|zone| zone.as_str()).collect();
        let zones = zones.join(&BETWEEN.to_string());
        secrets.insert(ZONES.into(), Secret::new(zones));
        let credential = Credential {
            name: CredentialName::of_operation(operation),
            values: secrets,
        };
        let _alone = self.changing.lock().await;
        let change = Change::Put(Document::Credential(credential));
        self.commit(vec![change]).await
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
