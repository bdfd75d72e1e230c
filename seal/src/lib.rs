//! Secrets sealed, without IO: what is sealed is of no use to whoever lacks the key.
//!
//! ```text
//! site key (a file, or a credential of systemd)      never in the store
//!   └─ seals a data key, one for each credential     in the store
//!        └─ seals each value                         in the store
//! ```
//!
//! Each layer is AES-256-GCM with a random nonce. A data key is bound to the credential's name and
//! the names of its fields, a value to its field: nothing that is sealed opens in another place.
//!
//! From the site key also follow the keys that sign heads of the audit trail and the messages of the
//! site (Ed25519), and the versions and proofs in tasks, which name credentials and have nothing of
//! them.
//!
//! An environment has keys of its own: a credential is lent to it sealed to one (X25519), and the
//! other signs its messages (Ed25519).

mod aead;
mod credential;
mod environment;
mod head;
mod key;
mod keyring;
mod loan;
mod password;
mod place;
mod reference;
mod signed;
mod site;

pub use aead::Sealed;
pub use credential::SealedCredential;
pub use environment::{EnvironmentKeys, JoinSecret, KeyError, completes, fingerprint, signer_of};
pub use head::{HeadError, HeadKey, HeadSigner, SignedHead};
pub use key::{KeyId, SiteKey};
pub use keyring::{Keyring, ParseError};
pub use loan::{Loan, LoanPlace};
pub use password::draw_password;
pub use reference::{ReferenceKey, Uses};
pub use signed::{Signed, SigningKey};
pub use site::{SiteSigner, is_certified, is_successor};

/// The reason why something was not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The system has no random numbers.
    #[error("the system has no random numbers for a key")]
    Chance,
    /// The key is not among those at hand.
    #[error("it is sealed with the key {0}, which is not here")]
    NoKey(KeyId),
    /// It was altered, or moved from another place.
    #[error("it does not open with its key {0}: it was altered, or belongs to another place")]
    Altered(KeyId),
    /// It cannot be sealed to a key of an environment.
    #[error("it cannot be sealed to the key of the environment, which is none that can be used")]
    NotLent,
    /// It does not open with the key of this environment.
    #[error(
        "it does not open with the key of this environment: it was lent to another, or altered"
    )]
    NotOurs,
}
