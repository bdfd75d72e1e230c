//! Credentials as tasks and environments get them: references, and loans.

use std::sync::Arc;

use utakata_model::{Credential, CredentialName, CredentialVersion, Target, Zone};
use utakata_seal::Uses;

use super::{Inventory, TargetEntry};

/// The reason why a credential is not lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// There is none of that name.
    Gone,
    /// No target of the zone uses it.
    Unused,
    /// It has another version by now.
    Changed,
}

impl Inventory {
    /// Returns a version of a credential for the targets of a zone.
    ///
    /// # Errors
    /// It is gone, has changed, or is for other zones.
    pub fn lend(
        &self,
        name: &CredentialName,
        version: &CredentialVersion,
        zone: &Zone,
    ) -> Result<(Arc<Credential>, Uses), Withheld> {
        let index = self.index.read();
        let credential = index.credentials.get(name).ok_or(Withheld::Gone)?;
        if !index.is_used_in(name, zone) {
            return Err(Withheld::Unused);
        }
        let uses = self.secrets.uses(credential, version);
        let uses = uses.ok_or(Withheld::Changed)?;
        Ok((Arc::clone(credential), uses))
    }

    /// Creates the entry of a task that is about no target of the inventory, by the credential of
    /// another target.
    pub fn aside(&self, target: Target, of: Option<&TargetEntry>) -> TargetEntry {
        self.index.read().aside(target, of)
    }

    /// Makes the references to credentials anew after the key of the site has changed.
    pub(super) fn refer_again(&self) {
        let key = self.secrets.reference_key();
        self.index.write().refer_by(key);
        self.changed.send_modify(|generation| *generation += 1);
    }
}
