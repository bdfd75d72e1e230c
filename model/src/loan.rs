//! Credentials on their way: what a task has of one, and the key by which an environment gets it.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Credential, CredentialName};

/// The version of a credential's values: other values have another one, and it tells nothing of
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialVersion(pub Arc<str>);

impl fmt::Display for CredentialVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A reference to a credential, as a task carries it: nothing of its values. `NAME.VERSION.PROOF`
/// as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CredentialRef {
    /// The name of the credential.
    pub name: CredentialName,
    /// The version of its values.
    pub version: CredentialVersion,
    /// The logic environment's proof that the credential is for the kind and address of the task's
    /// target, in its zone. Whoever has the values can verify it.
    pub proof: Arc<str>,
}

impl fmt::Display for CredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.name, self.version, self.proof)
    }
}

/// A text that is no reference to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no reference to a credential, which is NAME.VERSION.PROOF")]
pub struct NoCredentialRef;

impl FromStr for CredentialRef {
    type Err = NoCredentialRef;

    fn from_str(text: &str) -> Result<Self, NoCredentialRef> {
        // A name may have dots, the others have none.
        let mut parts = text.rsplitn(3, '.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(proof), Some(version), Some(name)) if !version.is_empty() => Ok(Self {
                name: name.parse().map_err(|_| NoCredentialRef)?,
                version: CredentialVersion(version.into()),
                proof: proof.into(),
            }),
            _ => Err(NoCredentialRef),
        }
    }
}

/// The credential of a task. The reference travels; the values are added where they are known, and
/// are never written.
#[derive(Debug, Clone)]
pub struct TaskCredential {
    /// The part that travels.
    pub reference: Arc<CredentialRef>,
    /// The values, where they are known.
    pub values: Option<Arc<Credential>>,
}

impl TaskCredential {
    /// Creates the credential of a task whose values are elsewhere.
    pub fn of(reference: Arc<CredentialRef>) -> Self {
        Self {
            reference,
            values: None,
        }
    }
}

impl Serialize for TaskCredential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.reference)
    }
}

impl<'de> Deserialize<'de> for TaskCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let reference = text.parse().map_err(D::Error::custom)?;
        Ok(Self::of(Arc::new(reference)))
    }
}

/// The public keys of an environment in base64url: 32 bytes to which credentials are sealed
/// (X25519), and 32 by which its messages are known (Ed25519). Earlier ones have the first alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct EnvironmentKey(pub String);

/// The public key by which the messages of somebody are known (Ed25519): 32 bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signer(pub String);

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The statement of a site that it accepts the key of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCertificate {
    /// The key by which the messages of the site are known.
    pub signer: Signer,
    /// Its signature of the environment's name, zone and key.
    pub signature: String,
    /// The proof that the site knows the join secret, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The earlier keys of the site, each with its signature of the next; the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succession: Vec<Succession>,
}

/// A key of a site, and its signature of the one that has followed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The earlier key.
    pub from: Signer,
    /// The key that has followed it.
    pub to: Signer,
    /// The signature by the earlier key.
    pub signature: String,
}

/// The report of an environment on its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyReport {
    /// Its public key. The other half never leaves its host.
    pub public: EnvironmentKey,
    /// The proof that it knows the site's join secret, if it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<String>,
    /// True if it waits to be accepted, and takes no tasks until then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_was_written_whatever_the_name() {
        for name in ["pdus", "hall-1.pdus", "a.b.c"] {
            let reference = CredentialRef {
                name: name.parse().unwrap(),
                version: CredentialVersion("Qm9z_2-6cGE".into()),
                proof: "AAAAAAAAAAAAAAAAAAAAAA".into(),
            };
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
        for text in ["", "pdus", "pdus.1", ".1.2", "pdus..2", "a b.1.2"] {
            assert_eq!(
                text.parse::<CredentialRef>(),
                Err(NoCredentialRef),
                "{text}"
            );
        }
    }

    #[test]
    fn what_travels_of_a_credential_has_no_values() {
        let mut credential = TaskCredential::of(Arc::new("pdus.v.p".parse().unwrap()));
        credential.values = Some(Arc::new(Credential {
            name: "pdus".parse().unwrap(),
            values: [("p".to_owned(), crate::target::Secret::new("hidden"))].into(),
        }));
        let text = serde_json::to_string(&credential).unwrap();
        assert_eq!(text, "\"pdus.v.p\"");
        let read: TaskCredential = serde_json::from_str(&text).unwrap();
        assert_eq!(read.reference, credential.reference);
        assert!(read.values.is_none());
    }
}
