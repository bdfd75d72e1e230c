//! Names and identifiers, each its own type, so that none can stand in for another.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Timestamp, Uuid};

/// The last identifier that was made: a clock that goes back makes none that sorts before it.
static LAST_MADE: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// The longest name, in bytes: names become MQTT topic levels and file names.
pub const NAME_MAX: usize = 128;

/// The reason a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has no character.
    #[error("a {what} cannot be empty")]
    Empty {
        /// The kind of thing that was being named.
        what: &'static str,
    },
    /// The text is longer than [`NAME_MAX`] bytes.
    #[error("the {what} \"{text:.40}…\" is longer than {NAME_MAX} bytes")]
    TooLong {
        /// The kind of thing that was being named.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A character that is not allowed, or not allowed at the start.
    #[error(
        "the {what} \"{text}\" has {character:?} at position {position}: use letters, digits, \
         '.', '_' and '-', beginning with a letter or a digit"
    )]
    Character {
        /// The kind of thing that was being named.
        what: &'static str,
        /// The text.
        text: String,
        /// The character.
        character: char,
        /// Its position, counted from 1.
        position: usize,
    },
    /// An identifier that is not a UUID.
    #[error(
        "\"{text}\" is not the id of a {what}: a UUID such as 0192f0c1-…, see `utakata {what} list`"
    )]
    NotAnId {
        /// The kind of thing that was being named.
        what: &'static str,
        /// The text.
        text: String,
    },
}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > NAME_MAX {
        return Err(NameError::TooLong {
            what,
            text: text.into(),
        });
    }
    let wrong = text
        .chars()
        .enumerate()
        .find(|&(at, c)| !(c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '.' | '_' | '-'))));
    match wrong {
        None => Ok(()),
        Some((at, character)) => Err(NameError::Character {
            what,
            text: text.into(),
            character,
            position: at + 1,
        }),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        #[derive(utoipa::ToSchema)]
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length = 1, max_length = 128)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes a name. Errors: it is empty, longer than 128 bytes, or has a character
            /// other than letters, digits, `.`, `_`, `-`.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                check($what, text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        $crate::text_form!($type);

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a target: unique, and a level of MQTT topics.
    TargetName,
    "target"
);
name!(
    /// A kind of target that a worker can talk to: `snmp`, `apc-pdu`, `redfish`.
    Kind,
    "kind"
);
name!(
    /// The name of an action of a kind: `read`, `outlet-off`.
    ActionName,
    "action"
);
name!(
    /// A part of the network from which some targets can be reached.
    Zone,
    "zone"
);
name!(
    /// One running worker execution environment.
    EnvironmentId,
    "environment"
);
name!(
    /// One running logic environment, of perhaps several.
    LogicId,
    "logic environment"
);
name!(
    /// One worker of an environment.
    WorkerId,
    "worker"
);
name!(
    /// The name of a schedule.
    ScheduleName,
    "schedule"
);
name!(
    /// Returns who asks: a person, or a program that acts for itself.
    PersonName,
    "person"
);
name!(
    /// The name of a metric, after OpenTelemetry: `hw.temperature`, `hw.power`.
    MetricName,
    "metric"
);

impl PersonName {
    /// The person who has the token that is made at the first start.
    pub fn admin() -> Self {
        Self("admin".into())
    }
}

impl Default for Zone {
    /// The zone `default`, for sites that have just one.
    fn default() -> Self {
        Self("default".into())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[derive(utoipa::ToSchema)]
        #[schema(value_type = String, format = "uuid")]
        #[serde(transparent)]
        pub struct $type(Uuid);

        impl $type {
            /// A new identifier, later than all that this process has made before, and than
            /// those of which it was told, whatever the clock says.
            pub fn generate() -> Self {
                Self(Uuid::new_v7(Timestamp::now(&LAST_MADE)))
            }

            /// Tells of one that was made before, by another life of this process or by another
            /// one: those that are made from now on sort after it.
            pub fn is_past(self) {
                if let Some(time) = self.0.get_timestamp() {
                    let (seconds, nanoseconds) = time.to_unix();
                    // The next millisecond: within the same one the rest of the identifier is chance.
                    let next = nanoseconds.saturating_add(1_000_000);
                    let (seconds, next) = (seconds + u64::from(next / 1_000_000_000), next % 1_000_000_000);
                    let _ = Timestamp::from_unix(&LAST_MADE, seconds, next);
                }
            }

            /// The 16 bytes of the identifier.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the 16 bytes of an identifier.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| NameError::NotAnId { what: $what, text: text.into() })
            }
        }
    };
}

id!(
    /// A task. Identifiers of tasks sort by the time they were made.
    TaskId,
    "task"
);
id!(
    /// An operation: what a user asked for.
    OperationId,
    "operation"
);
id!(
    /// A rollout: the way of a kind to another release.
    RolloutId,
    "rollout"
);
id!(
    /// One life of an environment: another one after each start.
    Incarnation,
    "environment"
);

/// The SHA-256 of everything a release consists of, in hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct ReleaseDigest(pub Arc<str>);

impl ReleaseDigest {
    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// One version of a worker, pinned by its digest.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub struct ReleaseId {
    /// The kind that it serves.
    pub kind: Kind,
    /// Its version, as its manifest says.
    #[schema(value_type = String)]
    pub version: Arc<str>,
    /// The digest of its content.
    pub digest: ReleaseDigest,
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}@{} ({})",
            self.kind,
            self.version,
            self.digest.short()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_break_a_topic_is_refused_with_its_place() {
        for (text, position) in [
            ("a/b", 2),
            ("+", 1),
            ("a#", 2),
            ("-a", 1),
            ("a b", 2),
            ("ü", 1),
        ] {
            let error = TargetName::new(text).unwrap_err();
            assert!(
                matches!(error, NameError::Character { position: p, .. } if p == position),
                "{text}: {error}"
            );
        }
        assert!(matches!(TargetName::new(""), Err(NameError::Empty { .. })));
        assert!(matches!(
            TargetName::new("a".repeat(129)),
            Err(NameError::TooLong { .. })
        ));
        assert_eq!(
            TargetName::new("pdu-a1.left_2").unwrap().as_str(),
            "pdu-a1.left_2"
        );
    }

    #[test]
    fn a_clock_that_went_back_makes_no_identifier_of_before() {
        // Made in the year 2036, by a clock that was set right since.
        let future = Uuid::new_v7(Timestamp::from_unix(
            ContextV7::new(),
            2_095_000_000,
            999_900_000,
        ));
        let future = OperationId(future);
        assert!(OperationId::generate() < future);
        future.is_past();
        let later: Vec<OperationId> = (0..100).map(|_| OperationId::generate()).collect();
        assert!(
            later.is_sorted() && later[0] > future,
            "{future} {}",
            later[0]
        );
        // One of long ago changes nothing.
        OperationId(Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), 1, 0))).is_past();
        assert!(OperationId::generate() > later[99]);
    }

    #[test]
    fn identifiers_made_later_sort_later() {
        let ids: Vec<TaskId> = (0..100).map(|_| TaskId::generate()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].to_string().parse::<TaskId>().unwrap(), ids[0]);
    }
}
