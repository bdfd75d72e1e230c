//! The reasons why Vault has not answered as wanted, each with its remedy.

use std::path::PathBuf;

/// A reason why Vault has not answered as wanted. `Display` says at which address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The settings cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    /// The client cannot be made, which is a mistake.
    #[error("no requests can be made to Vault: {reason}")]
    Client { reason: String },
    /// The file with the token, or with what a login takes, cannot be read.
    #[error(
        "there is no token for Vault at {address}: {} cannot be used: {reason}",
        path.display()
    )]
    NoToken {
        address: String,
        path: PathBuf,
        reason: String,
    },
    /// Nothing answers, or not in time.
    #[error("Vault at {address} cannot be reached: {reason}")]
    Away { address: String, reason: String },
    /// It is sealed.
    #[error("Vault at {address} is sealed")]
    Sealed { address: String },
    /// It cannot serve at present.
    #[error("Vault at {address} cannot serve now: {reason}")]
    Busy { address: String, reason: String },
    /// The token, or what a login takes, is not accepted.
    #[error(
        "Vault at {address} does not accept {who}: it was revoked, has expired, or is another's"
    )]
    Unknown { address: String, who: String },
    /// The token may not do this.
    #[error("Vault at {address} does not allow {who} to {capability} {path}")]
    Denied {
        address: String,
        who: String,
        capability: &'static str,
        path: String,
    },
    /// There is nothing at the path.
    #[error("Vault at {address} has no {what} at {path}")]
    Missing {
        address: String,
        what: &'static str,
        path: String,
    },
    /// What was wrapped does not open with the key.
    #[error("Vault at {address} does not open what {path} is to have wrapped: {reason}")]
    NotOpened {
        address: String,
        path: String,
        reason: String,
    },
    /// The answer is none of those that the API has.
    #[error("Vault at {address} has answered {path} in another way than its API says: {reason}")]
    Strange {
        address: String,
        path: String,
        reason: String,
    },
}

impl Error {
    /// Returns true if it may go away without a change of the settings of utakata.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoToken { .. }
            | Self::Away { .. }
            | Self::Sealed { .. }
            | Self::Busy { .. }
            | Self::Unknown { .. }
            | Self::Denied { .. } => true,
            Self::File { .. }
            | Self::Client { .. }
            | Self::Missing { .. }
            | Self::NotOpened { .. }
            | Self::Strange { .. } => false,
        }
    }

    /// Returns the remedy.
    pub fn cure(&self) -> String {
        match self {
            Self::File { .. } => "let the user of utakata read it, in PEM (logic.vault.ca)".into(),
            Self::Client { .. } => "report it, with this message".into(),
            Self::NoToken { .. } => {
                "see that Vault Agent runs, or whatever writes it, and that the user of utakata \
                 may read it"
                    .into()
            }
            Self::Away { .. } => {
                "see that it runs, that nothing on the way blocks it, and that logic.vault.url and \
                 logic.vault.ca are right"
                    .into()
            }
            Self::Sealed { .. } => "unseal it: `vault operator unseal`".into(),
            Self::Busy { .. } => "see its log; it is asked again".into(),
            Self::Unknown { .. } => {
                "give it another one: the file is read again at each request".into()
            }
            Self::Denied {
                capability, path, ..
            } => format!(
                "see that it exists there, and allow it in a policy of the token: path \"{path}\" \
                 {{ capabilities = [\"{capability}\"] }}"
            ),
            Self::Missing { what, path, .. } => match *what {
                "engine" => format!(
                    "enable it (`vault secrets enable`), or correct the mount, the namespace or \
                     the path: {path}"
                ),
                "key" => "correct logic.vault.transit_key; if the key was deleted, what it wrapped \
                          is lost, unless a backup of Vault has it"
                    .into(),
                what => format!("correct the path of the {what}, or put it there"),
            },
            Self::NotOpened { .. } => {
                "name the key that wrapped it (logic.vault.transit_key, logic.vault.transit_mount), \
                 or let Vault open older versions again: min_decryption_version of the key"
                    .into()
            }
            Self::Strange { .. } => "see that logic.vault.url is that of Vault".into(),
        }
    }
}
