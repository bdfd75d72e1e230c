//! The scope of an order.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, Kind, ReleaseId, Zone};

/// The scope of an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "ScopeFields", into = "ScopeFields")]
pub enum Scope {
    /// Everything in a zone.
    Zone(Zone),
    /// A kind, in every zone.
    Kind(Kind),
    /// A kind in a zone.
    KindInZone(Kind, Zone),
    /// Everything that an environment does.
    Environment(EnvironmentId),
    /// A kind in an environment.
    KindInEnvironment(Kind, EnvironmentId),
    /// A release, wherever it runs.
    Release(ReleaseName),
}

/// The written form of a scope: a zone, a kind, a kind and a zone, an environment, a kind and an
/// environment, or a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Scope)]
pub struct ScopeFields {
    /// The zone, alone or with a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    /// The environment, alone or with a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<EnvironmentId>,
    /// The kind, alone or with a zone or an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// The release, alone: `KIND@VERSION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "snmp@1.2.0")]
    release: Option<ReleaseName>,
}

/// The name of a release, `KIND@VERSION`: every release of the kind that has this version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseName {
    /// The kind that it serves.
    pub kind: Kind,
    /// The version in its manifest.
    pub version: Arc<str>,
}

/// The reason why something cannot be the scope of an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The scope is empty, or its parts contradict each other.
    #[error(
        "name its scope: a zone, a kind, a kind and a zone, an environment, a kind and an \
         environment, or a release"
    )]
    Fields,
    /// The text is not the name of a release.
    #[error("\"{0}\" is not a release: KIND@VERSION")]
    Release(String),
}

impl Scope {
    /// Returns the command that lifts an order of this scope.
    pub fn lift(&self) -> String {
        match self {
            Self::Zone(zone) => format!("utakata environment resume --zone {zone}"),
            Self::Kind(kind) => format!("utakata kind resume {kind}"),
            Self::KindInZone(kind, zone) => format!("utakata kind resume {kind} --zone {zone}"),
            Self::Environment(id) => format!("utakata environment resume {id}"),
            Self::KindInEnvironment(kind, id) => {
                format!("utakata environment resume {id} --kind {kind}")
            }
            Self::Release(release) => format!("utakata worker resume {release}"),
        }
    }

    /// Returns true if the two scopes overlap.
    pub fn meets(&self, other: &Self) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| a.zip(b).is_some_and(|(a, b)| a != b);
        let (mine, theirs) = (self.parts(), other.parts());
        (0..mine.len()).all(|at| !differ(mine[at], theirs[at]))
    }

    /// Returns zone, environment, kind and version; an absent part stands for any.
    fn parts(&self) -> [Option<&str>; 4] {
        match self {
            Self::Zone(zone) => [Some(zone.as_str()), None, None, None],
            Self::Kind(kind) => [None, None, Some(kind.as_str()), None],
            Self::KindInZone(kind, zone) => [Some(zone.as_str()), None, Some(kind.as_str()), None],
            Self::Environment(id) => [None, Some(id.as_str()), None, None],
            Self::KindInEnvironment(kind, id) => {
                [None, Some(id.as_str()), Some(kind.as_str()), None]
            }
            Self::Release(ReleaseName { kind, version }) => {
                [None, None, Some(kind.as_str()), Some(version)]
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(zone) => write!(f, "the zone {zone}"),
            Self::Kind(kind) => write!(f, "the kind {kind}"),
            Self::KindInZone(kind, zone) => write!(f, "the kind {kind} in the zone {zone}"),
            Self::Environment(id) => write!(f, "the environment {id}"),
            Self::KindInEnvironment(kind, id) => {
                write!(f, "the kind {kind} of the environment {id}")
            }
            Self::Release(release) => write!(f, "the release {release}"),
        }
    }
}

impl From<Scope> for ScopeFields {
    fn from(scope: Scope) -> Self {
        let mut fields = Self::default();
        match scope {
            Scope::Zone(zone) => fields.zone = Some(zone),
            Scope::Kind(kind) => fields.kind = Some(kind),
            Scope::KindInZone(kind, zone) => {
                (fields.kind, fields.zone) = (Some(kind), Some(zone));
            }
            Scope::Environment(id) => fields.environment = Some(id),
            Scope::KindInEnvironment(kind, id) => {
                (fields.kind, fields.environment) = (Some(kind), Some(id));
            }
            Scope::Release(release) => fields.release = Some(release),
        }
        fields
    }
}

impl TryFrom<ScopeFields> for Scope {
    type Error = ScopeError;

    fn try_from(fields: ScopeFields) -> Result<Self, ScopeError> {
        let ScopeFields {
            zone,
            environment,
            kind,
            release,
        } = fields;
        match (zone, environment, kind, release) {
            (Some(zone), None, None, None) => Ok(Self::Zone(zone)),
            (None, None, Some(kind), None) => Ok(Self::Kind(kind)),
            (Some(zone), None, Some(kind), None) => Ok(Self::KindInZone(kind, zone)),
            (None, Some(id), None, None) => Ok(Self::Environment(id)),
            (None, Some(id), Some(kind), None) => Ok(Self::KindInEnvironment(kind, id)),
            (None, None, None, Some(release)) => Ok(Self::Release(release)),
            _ => Err(ScopeError::Fields),
        }
    }
}

impl From<&ReleaseId> for ReleaseName {
    fn from(release: &ReleaseId) -> Self {
        Self {
            kind: release.kind.clone(),
            version: release.version.clone(),
        }
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind, self.version)
    }
}

impl FromStr for ReleaseName {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let parts = text
            .split_once('@')
            .filter(|(_, version)| !version.is_empty());
        let parts = parts.and_then(|(kind, version)| Some((kind.parse().ok()?, version)));
        let (kind, version) = parts.ok_or_else(|| ScopeError::Release(text.into()))?;
        Ok(Self {
            kind,
            version: version.into(),
        })
    }
}

text_form!(ReleaseName);
