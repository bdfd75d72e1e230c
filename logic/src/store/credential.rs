//! A credential as the store has it.

use serde::{Deserialize, Serialize};
use utakata_model::{Credential, CredentialName};
use utakata_seal::SealedCredential;

/// A credential as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoredCredential {
    Sealed(SealedCredential),
    /// From before credentials were sealed.
    Clear(Credential),
}

impl StoredCredential {
    pub fn name(&self) -> &CredentialName {
        match self {
            Self::Sealed(sealed) => &sealed.name,
            Self::Clear(credential) => &credential.name,
        }
    }
}
