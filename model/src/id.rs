//! Names and identifiers, each a type of its own so that none can be mistaken for another.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Timestamp, Uuid};

/// The last identifier that was made. If the clock goes back, new identifiers still sort after it.
static LAST_MADE: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// The length of the longest name, in bytes: names become MQTT topic levels and file names.
pub const NAME_MAX: usize = 128;
/// The beginning of the name under which secret parameters of an operation are kept.
const OF_OPERATION: &str = "operation.";
/// The beginning of the name under which a credential is kept that is being rotated.
const OF_ROTATION: &str = "rotation.";

/// The reason why a text is not a name or an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a {what} cannot be empty")]
    Empty {
        /// The kind of name that was expected.
        what: &'static str,
    },
    /// The text is longer than [`NAME_MAX`] bytes.
    #[error("the {what} \"{text:.40}…\" is longer than {NAME_MAX} bytes")]
    TooLong {
        /// The kind of name that was expected.
        what: &'static str,
        /// The rejected text.
        text: String,
    },
    /// A character that is not allowed, or not at the start.
    #[error(
        "the {what} \"{text}\" has {character:?} at position {position}: use letters, digits, \
         '.', '_' and '-', beginning with a letter or a digit"
    )]
    Character {
        /// The kind of name that was expected.
        what: &'static str,
        /// The rejected text.
        text: String,
        /// The character that is not allowed.
        character: char,
        /// The position of the character, from 1.
        position: usize,
    },
    /// The text is not a UUID.
    #[error(
        "\"{text}\" is not the id of a {what}: a UUID such as 0192f0c1-…, see `utakata {what} list`"
    )]
    NotAnId {
        /// The kind of identifier that was expected.
        what: &'static str,
        /// The rejected text.
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

            /// Returns the name as text.
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
    /// The name of a target, which is unique and a level of MQTT topics.
    TargetName,
    "target"
);
name!(
    /// A kind of target, such as `snmp`, `apc-pdu` or `redfish`. It determines the workers.
    Kind,
    "kind"
);
name!(
    /// The name of an action of a kind: `read`, `outlet-off`.
    ActionName,
    "action"
);
name!(
    /// A part of the network from which certain targets can be reached.
    Zone,
    "zone"
);
name!(
    /// The name of a worker execution environment.
    EnvironmentId,
    "environment"
);
name!(
    /// The name of a logic environment, of which there may be several.
    LogicId,
    "logic environment"
);
name!(
    /// The name of a worker within an environment.
    WorkerId,
    "worker"
);
name!(
    /// The name of a schedule, which is unique.
    ScheduleName,
    "schedule"
);
name!(
    /// The name of a person, or of a program acting on its own behalf.
    PersonName,
    "person"
);
name!(
    /// The name of a token, which is unique among those of its owner.
    TokenName,
    "token"
);
name!(
    /// The name of a binding of a role, which is unique.
    BindingName,
    "binding"
);
name!(
    /// The name of an alarm rule, which is unique and a level of MQTT topics.
    AlarmName,
    "alarm rule"
);
name!(
    /// The name of a policy, which is unique.
    PolicyName,
    "policy"
);
name!(
    /// The name of an envelope, which is unique.
    EnvelopeName,
    "envelope"
);
name!(
    /// The name of a floor, which is unique.
    FloorName,
    "floor"
);
name!(
    /// The name of a metric, after OpenTelemetry: `hw.temperature`, `hw.power`.
    MetricName,
    "metric"
);

impl PersonName {
    /// Returns the name of the person whose token is made at the first start.
    pub fn admin() -> Self {
        Self("admin".into())
    }
}

impl Default for Zone {
    /// Returns the zone `default`, for sites with only one.
    fn default() -> Self {
        Self("default".into())
    }
}

impl TargetName {
    /// Returns the name under which the secret parameters of an operation are kept and lent, as
    /// those of a credential are.
    pub fn of_operation(operation: OperationId) -> Self {
        Self(format!("{OF_OPERATION}{operation}").into())
    }

    /// Returns the operation whose secret parameters have this name.
    pub fn operation(&self) -> Option<OperationId> {
        self.0.strip_prefix(OF_OPERATION)?.parse().ok()
    }

    /// Returns the name under which a credential with the password that an operation sets is kept
    /// and lent, until it is known to be the right one.
    pub fn of_rotation(operation: OperationId) -> Self {
        Self(format!("{OF_ROTATION}{operation}").into())
    }

    /// Returns the operation that sets the password of the credential with this name.
    pub fn rotation(&self) -> Option<OperationId> {
        self.0.strip_prefix(OF_ROTATION)?.parse().ok()
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
            /// Generates an identifier that sorts after all that this process has made before or
            /// was told of, whatever the clock says.
            pub fn generate() -> Self {
                Self(Uuid::new_v7(Timestamp::now(&LAST_MADE)))
            }

            /// Registers an identifier made before, by an earlier life of this process or by
            /// another one: later ones sort after it.
            pub fn is_past(self) {
                if let Some(time) = self.0.get_timestamp() {
                    let (seconds, nanoseconds) = time.to_unix();
                    // The next millisecond, because within one the rest of the identifier is
                    // random.
                    let next = nanoseconds.saturating_add(1_000_000);
                    let (seconds, next) = (seconds + u64::from(next / 1_000_000_000), next % 1_000_000_000);
                    let _ = Timestamp::from_unix(&LAST_MADE, seconds, next);
                }
            }

            /// Returns the 16 bytes of the identifier.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Returns the identifier with these 16 bytes.
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
    /// The identifier of a task. They sort by the time at which they were made.
    TaskId,
    "task"
);
id!(
    /// The identifier of an operation.
    OperationId,
    "operation"
);
id!(
    /// The identifier of a rollout.
    RolloutId,
    "rollout"
);
id!(
    /// The identifier of an alarm. They sort by the time at which they were raised.
    AlarmId,
    "alarm"
);
id!(
    /// The identifier of one life of an environment: each start makes a new one.
    Incarnation,
    "environment"
);

/// The SHA-256 of the complete content of a release, in hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct ReleaseDigest(pub Arc<str>);

impl ReleaseDigest {
    /// Returns the first 12 hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// A version of a worker, pinned by its digest.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub struct ReleaseId {
    /// The kind that it serves.
    pub kind: Kind,
    /// The version in its manifest.
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
    fn a_clock_that_went_back_makes_no_identifier_from_before() {
        // Made in the year 2036, by a clock that has been corrected since.
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
        // An old identifier changes nothing.
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
