//! Targets: the things that are observed and controlled, and how to reach them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Kind, Labels, TargetName, Zone};

/// One thing to observe or control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name, unique.
    pub name: TargetName,
    /// What it is, and so which workers can talk to it.
    pub kind: Kind,
    /// Where it answers, in the form that its kind asks for: `10.0.3.7`, `pdu-a1.example:161`.
    pub address: String,
    /// From which part of the network it can be reached.
    #[serde(default)]
    pub zone: Zone,
    /// What people know of it: `room`, `row`, `rack`, `u`, `feed`, ...
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The credential to use, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// Which version of the worker serves it, where that must not be the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

impl Target {
    /// A target with no labels, in the default zone.
    pub fn new(name: TargetName, kind: Kind, address: String) -> Self {
        Self {
            name,
            kind,
            address,
            zone: Zone::default(),
            labels: Labels::new(),
            credential: None,
            pin: None,
        }
    }
}

/// The name of a credential.
pub type CredentialName = TargetName;

/// What a worker needs to be let in: its values are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its name, unique.
    pub name: CredentialName,
    /// What the kind of the target asks for, by key: for SNMP `community`, or `user`, `auth`, ...
    pub values: BTreeMap<String, Secret>,
}

/// A text that is never printed: `Debug` and `Display` show `***`. Serialising reveals it,
/// because the wire to the worker must.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The hidden text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_secret_is_not_printed() {
        let secret = super::Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }
}
