//! Credentials as tasks and environments get them: references, and loans.

use std::{collections::hash_map::Entry, sync::Arc};

use utakata_model::{Credential, CredentialName, CredentialVersion, Target, Zone};
use utakata_seal::Uses;

use super::{Inventory, TargetEntry, held};

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

/// A use of a credential in a zone by no target of it, as long as this exists.
pub struct UseAside {
    inventory: Arc<Inventory>,
    of: (CredentialName, Zone),
}

impl Drop for UseAside {
    fn drop(&mut self) {
        let mut used = self.inventory.used_aside.lock();
        if let Entry::Occupied(mut count) = used.entry(self.of.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
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
        let is_for = match held::is_held(name) {
            true => held::is_for(credential, zone),
            false => index.is_used_in(name, zone) || self.is_used_aside(name, zone),
        };
        if !is_for {
            return Err(Withheld::Unused);
        }
        let uses = self.secrets.uses(credential, version);
        let uses = uses.ok_or(Withheld::Changed)?;
        match held::is_held(name) {
            true => Ok((Arc::new(held::as_lent(credential)), uses)),
            false => Ok((Arc::clone(credential), uses)),
        }
    }

    /// Creates the entry of a task that is about no target of the inventory.
    pub fn aside(&self, target: Target, credential: Option<&CredentialName>) -> TargetEntry {
        self.index.read().aside(target, credential)
    }

    /// Begins a use of a credential in a zone by no target of it.
    pub fn use_aside(self: &Arc<Self>, credential: &CredentialName, zone: &Zone) -> UseAside {
        let of = (credential.clone(), zone.clone());
        *self.used_aside.lock().entry(of.clone()).or_default() += 1;
        UseAside {
            inventory: Arc::clone(self),
            of,
        }
    }

    fn is_used_aside(&self, credential: &CredentialName, zone: &Zone) -> bool {
        let of = (credential.clone(), zone.clone());
        self.used_aside.lock().contains_key(&of)
    }

    /// Makes the references to credentials anew after the key of the site has changed.
    pub(super) fn refer_again(&self) {
        let key = self.secrets.reference_key();
        self.index.write().refer_by(key);
        self.changed.send_modify(|generation| *generation += 1);
    }
}
