//! The server that is asked, and the way to a token of it.

use std::{path::PathBuf, time::Duration};

/// A server of Vault, and the way to a token of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address, such as `https://vault.example:8200`.
    pub url: String,
    /// The namespace (Vault Enterprise, HCP).
    pub namespace: Option<String>,
    /// The file with the authorities of its certificate; those of the system without one.
    pub ca: Option<PathBuf>,
    pub auth: Auth,
    /// The time within which a request is answered.
    pub timeout: Duration,
}

/// The way to a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// The file has it. Somebody else keeps it fresh, such as Vault Agent.
    TokenFile(PathBuf),
    /// A login with the identifier of a role and a secret that is in a file.
    AppRole {
        role_id: String,
        secret_id_file: PathBuf,
        /// The path at which the method is enabled.
        mount: String,
    },
    /// A login with the token of the pod's service account.
    Kubernetes {
        role: String,
        token_file: PathBuf,
        /// The path at which the method is enabled.
        mount: String,
    },
}

impl Auth {
    /// Returns the file that it rests on.
    pub fn file(&self) -> &PathBuf {
        match self {
            Self::TokenFile(file)
            | Self::AppRole {
                secret_id_file: file,
                ..
            }
            | Self::Kubernetes {
                token_file: file, ..
            } => file,
        }
    }

    /// Returns the one who asks, for people.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::TokenFile(file) => format!("the token in {}", file.display()),
            Self::AppRole { mount, .. } => format!("the role of {mount} (AppRole)"),
            Self::Kubernetes { role, .. } => format!("the role {role} (Kubernetes)"),
        }
    }
}
