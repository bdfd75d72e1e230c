//! Rights: what there is to be allowed, the roles that allow it, and who has which role where.

mod holder;

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BindingName, PersonName, Selector, suggest};

pub use holder::{GroupName, Holder, NoGroup, NoHolder};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $what:literal; $($(#[$variant_doc:meta])* $name:ident $word:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $word)] $name,)*
        }

        impl $type {
            /// All of them, in the order in which they are declared.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        // The derived description would have the names of the variants.
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .enum_values(Some(Self::ALL.iter().map(|one| one.as_str())))
                    .description(Some(concat!("A ", $what, ".")))
                    .into()
            }
        }

        impl ToSchema for $type {}

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == text);
                found.ok_or_else(|| UnknownWord {
                    what: $what,
                    text: text.to_owned(),
                    hint: suggest::hint(text, Self::ALL.iter().map(|one| one.as_str())),
                })
            }
        }
    };
}

/// A word that is no verb, or no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} \"{text}\": {hint}")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
    hint: String,
}

words! {
    /// A right that somebody may have.
    Verb, "right";
    /// See targets, their readings, history, alarms, and what is done to them.
    See "see",
    /// Read devices now.
    Read "read",
    /// Carry out actions of low risk, and pause, resume and cancel operations of them.
    ControlLow "control:low",
    /// Carry out actions of high risk, by the catalogue's word.
    ControlHigh "control:high",
    /// Approve operations of others.
    Approve "approve",
    /// State the outcome of a task that nobody else knows.
    Settle "settle",
    /// Lock and unlock targets.
    Lock "lock",
    /// Acknowledge alarms.
    Acknowledge "acknowledge",
    /// Shelve alarms.
    Shelve "shelve",
    /// Change targets, schedules, relations and alarm rules.
    Inventory "inventory",
    /// Write credentials.
    SecretWrite "secret:write",
    /// Give a target a credential, by which its secrets are sent to the target's address.
    SecretUse "secret:use",
    /// Push releases of workers, and delete them.
    ReleasePush "release:push",
    /// Let releases serve: rollouts, pins, placements.
    ReleaseServe "release:serve",
    /// Pause, drain and forget environments, zones and kinds.
    Order "order",
    /// Change people, services, their tokens and their roles.
    People "people",
    /// Read the audit trail.
    Audit "audit",
    /// Read metrics and readings as Prometheus does.
    Metrics "metrics",
}

words! {
    /// A built-in set of rights.
    Role, "role";
    /// Sees.
    Viewer "viewer",
    /// Sees, and reads devices.
    Observer "observer",
    /// Controls, settles, locks, and takes care of alarms; unrestricted also gives orders to
    /// environments.
    Operator "operator",
    /// Sees, and approves operations of others.
    Approver "approver",
    /// Takes care of targets, schedules, relations and alarm rules, and gives targets existing
    /// credentials.
    Inventory "inventory",
    /// Pushes releases of workers and lets them serve.
    Releaser "releaser",
    /// Takes care of people, tokens, roles and credentials, and reads the audit trail.
    Security "security",
    /// Everything.
    Admin "admin",
    /// Reads metrics: for Prometheus.
    Metrics "metrics",
}

impl Role {
    /// Returns the rights of the role.
    pub const fn verbs(self) -> &'static [Verb] {
        use Verb::{
            Acknowledge, Approve, Audit, ControlHigh, ControlLow, Inventory, Lock, Metrics, Order,
            People, Read, ReleasePush, ReleaseServe, SecretUse, SecretWrite, See, Settle, Shelve,
        };
        match self {
            Self::Viewer => &[See],
            Self::Observer => &[See, Read],
            Self::Operator => &[
                See,
                Read,
                ControlLow,
                ControlHigh,
                Settle,
                Lock,
                Acknowledge,
                Shelve,
                Order,
            ],
            Self::Approver => &[See, Approve],
            Self::Inventory => &[See, Read, Inventory, SecretUse],
            Self::Releaser => &[See, ReleasePush, ReleaseServe, Order],
            Self::Security => &[See, SecretWrite, People, Audit],
            Self::Admin => Verb::ALL,
            Self::Metrics => &[Metrics],
        }
    }

    /// Returns the roles that have a right.
    pub fn with(verb: Verb) -> impl Iterator<Item = Self> {
        let roles = Self::ALL.iter().copied();
        roles.filter(move |role| role.verbs().contains(&verb))
    }
}

/// The role of a person, a service or a group, on the targets of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// The person, service or group who has the role.
    pub who: Holder,
    /// The role that is granted.
    pub role: Role,
    /// The targets where it counts. Empty means all, and everything that is no target.
    #[serde(default, skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
}

/// A grant that was given, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Binding {
    /// The name, which is unique.
    pub name: BindingName,
    /// A role that is given to somebody.
    #[serde(flatten)]
    pub grant: Grant,
    /// The time at which it was given.
    #[schema(value_type = String, format = "date-time")]
    pub made: Timestamp,
    /// The person who gave it.
    pub by: PersonName,
    /// Those who could have acted as that person: the maker of the token that was used, the maker of
    /// the token by which that one was made, and so on. Without `admin`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub through: BTreeSet<PersonName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
            assert_eq!(serde_json::to_value(verb).unwrap(), verb.as_str());
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        let error = "oprator".parse::<Role>().unwrap_err().to_string();
        assert!(error.contains("did you mean \"operator\""), "{error}");
    }

    #[test]
    fn roles_have_these_rights_and_no_others() {
        let table: [(Role, &str); 9] = [
            (Role::Viewer, "see"),
            (Role::Observer, "see read"),
            (
                Role::Operator,
                "see read control:low control:high settle lock acknowledge shelve order",
            ),
            (Role::Approver, "see approve"),
            (Role::Inventory, "see read inventory secret:use"),
            (Role::Releaser, "see release:push release:serve order"),
            (Role::Security, "see secret:write people audit"),
            (
                Role::Admin,
                "see read control:low control:high approve settle lock acknowledge shelve \
                 inventory secret:write secret:use release:push release:serve order people audit \
                 metrics",
            ),
            (Role::Metrics, "metrics"),
        ];
        assert_eq!(table.len(), Role::ALL.len());
        for (role, verbs) in table {
            let found: Vec<&str> = role.verbs().iter().map(|verb| verb.as_str()).collect();
            assert_eq!(found.join(" "), verbs, "{role}");
        }
    }

    #[test]
    fn a_grant_without_a_selector_is_for_everything() {
        let grant: Grant = serde_json::from_str(r#"{"who":"ana","role":"viewer"}"#).unwrap();
        assert!(grant.selector.is_everything());
        assert_eq!(
            serde_json::to_string(&grant).unwrap(),
            r#"{"who":"ana","role":"viewer"}"#
        );
    }
}
