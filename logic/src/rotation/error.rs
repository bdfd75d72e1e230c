//! The reasons why a password is not changed.

use utakata_model::{CredentialName, TargetName};

use crate::{control, inventory};

/// The number of targets that a message names.
const NAMED: usize = 3;

/// A reason why the password of a credential is not changed. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody uses it.
    #[error("no target has the credential \"{name}\": there is nowhere to change its password")]
    Unused { name: CredentialName },
    /// Several targets share it.
    #[error("{} targets share the credential \"{name}\" ({})", users.len(), first(users))]
    Shared {
        name: CredentialName,
        users: Vec<TargetName>,
    },
    /// Vault has one of its values, and does not get another by us.
    #[error("the credential \"{name}\" has a value in Vault")]
    InVault { name: CredentialName },
    #[error(transparent)]
    Control(#[from] control::Error),
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
}

fn first(users: &[TargetName]) -> String {
    let names: Vec<&str> = users.iter().take(NAMED).map(TargetName::as_str).collect();
    let more = if users.len() > NAMED { ", ..." } else { "" };
    names.join(", ") + more
}
