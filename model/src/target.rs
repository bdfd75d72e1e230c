//! Targets: the devices that are observed and controlled, and the ways to reach them.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{Kind, Labels, TargetName, Zone};

/// Something to observe or control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name of the target, which is unique.
    pub name: TargetName,
    /// The kind, which determines the workers that can talk to it.
    pub kind: Kind,
    /// The address, in the form that its kind requires: `10.0.3.7`, `pdu-a1.example:161`.
    pub address: String,
    /// The part of the network from which it can be reached.
    #[serde(default)]
    pub zone: Zone,
    /// The labels: `room`, `row`, `rack`, `u`, `feed`, ...
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The credential to use, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// The version of the worker that serves it, if it must not be the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// The limits on its load, if they differ from the default.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

/// The load that a target can bear, of observation and control together. An absent limit is the
/// environment's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The number of tasks at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub conversations: Option<NonZeroU32>,
    /// The number of tasks begun per second, evenly spread: `0.5` is one every two seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    pub per_second: Option<PerSecond>,
}

impl Limits {
    /// Returns true if no limit is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A rate: more than 0 and up to 1000000 times a second, and at least once a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct PerSecond(f64);

/// A number that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} a second is not possible: it is more than 0.00001 and at most 1000000")]
pub struct NotARate(f64);

impl PerSecond {
    const MIN: f64 = 0.000_01;
    const MAX: f64 = 1_000_000.0;

    /// Creates a rate of that many times a second.
    pub fn new(times: f64) -> Result<Self, NotARate> {
        let is_rate = (Self::MIN..=Self::MAX).contains(&times);
        is_rate.then_some(Self(times)).ok_or(NotARate(times))
    }

    /// Returns the number of times a second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the time between two occurrences.
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

/// The number is never NaN.
impl Eq for PerSecond {}

impl TryFrom<f64> for PerSecond {
    type Error = NotARate;
    fn try_from(times: f64) -> Result<Self, NotARate> {
        Self::new(times)
    }
}

impl From<PerSecond> for f64 {
    fn from(rate: PerSecond) -> Self {
        rate.0
    }
}

impl Target {
    /// Creates a target with no labels, in the default zone.
    pub fn new(name: TargetName, kind: Kind, address: String) -> Self {
        Self {
            name,
            kind,
            address,
            zone: Zone::default(),
            labels: Labels::new(),
            credential: None,
            pin: None,
            limits: Limits::default(),
        }
    }

    /// Returns the value of a key in a selector: `name`, `kind`, `zone` and `address` are read from
    /// the target itself, all others from its labels.
    pub fn value(&self, key: &str) -> Option<&str> {
        match key {
            "name" => Some(self.name.as_str()),
            "kind" => Some(self.kind.as_str()),
            "zone" => Some(self.zone.as_str()),
            "address" => Some(self.address.as_str()),
            key => self.labels.get(key).map(String::as_str),
        }
    }
}

/// The name of a credential, under the same rules as that of a target.
pub type CredentialName = TargetName;

/// A credential that gives a worker access. Its values are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The name of the credential, which is unique.
    pub name: CredentialName,
    /// The values that the kind of the target requires, by key: for SNMP `community`, or `user`,
    /// `auth`, ...
    pub values: BTreeMap<String, Secret>,
}

/// A text that is never printed: `Debug` and `Display` show `***`. Serialising reveals it, as
/// sending it to the worker requires. It is overwritten in memory with its last clone.
#[derive(Clone, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = String, format = Password)]
pub struct Secret(Arc<Zeroizing<Box<str>>>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// Returns the hidden text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.reveal())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer).map(Self::new)
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
    use super::*;

    #[test]
    fn what_a_target_bears_is_reported_only_where_something_is_said() {
        let mut target = Target::new(
            TargetName::new("a").unwrap(),
            Kind::new("echo").unwrap(),
            "here".into(),
        );
        let plain = serde_json::to_string(&target).unwrap();
        assert!(!plain.contains("limits"), "{plain}");
        assert_eq!(serde_json::from_str::<Target>(&plain).unwrap(), target);
        let text = r#"{"conversations":2,"per_second":0.5}"#;
        target.limits = serde_json::from_str(text).unwrap();
        assert_eq!(
            target.limits.per_second.unwrap().interval(),
            Duration::from_secs(2)
        );
        assert_eq!(serde_json::to_string(&target.limits).unwrap(), text);
        for wrong in [
            r#"{"conversations":0}"#,
            r#"{"per_second":0}"#,
            r#"{"per_second":-1}"#,
            r#"{"per_second":1e9}"#,
            r#"{"per_minute":1}"#,
        ] {
            assert!(serde_json::from_str::<Limits>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }
}
