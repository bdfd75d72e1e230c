//! The holders of roles: people, services, and groups of the identity provider.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{NameError, PersonName, invisible::hidden};

/// The length of the longest name of a group, in bytes.
const MAX_GROUP: usize = 256;
/// The beginning of a group as text. No name of a person has a colon in it.
const GROUP: &str = "group:";

/// The name of a group, as the identity provider writes it: `netops`, `/dc/night`, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Arc<str>);

/// The one who has a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Holder {
    /// A person or a service.
    Principal(PersonName),
    /// Everybody who logs in as a member of a group.
    Group(GroupName),
}

/// A text that is not the name of a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a group has 1 to {MAX_GROUP} bytes, no line breaks, and no space at either end"
)]
pub struct NoGroup;

/// A text that is neither the name of somebody nor a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHolder {
    /// It is no name of a person.
    #[error("{0}; a group is written group:NAME")]
    Principal(#[from] NameError),
    /// It is no name of a group.
    #[error(transparent)]
    Group(#[from] NoGroup),
}

impl GroupName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = NoGroup;

    fn from_str(text: &str) -> Result<Self, NoGroup> {
        let is_name = !text.is_empty()
            && text.len() <= MAX_GROUP
            && text.trim() == text
            && hidden(text).is_none();
        is_name.then(|| Self(text.into())).ok_or(NoGroup)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

crate::text_form!(GroupName);

impl Holder {
    /// Returns the person or service, if it is one.
    pub fn principal(&self) -> Option<&PersonName> {
        match self {
            Self::Principal(name) => Some(name),
            Self::Group(_) => None,
        }
    }
}

impl From<PersonName> for Holder {
    fn from(name: PersonName) -> Self {
        Self::Principal(name)
    }
}

impl PartialEq<PersonName> for Holder {
    fn eq(&self, name: &PersonName) -> bool {
        self.principal() == Some(name)
    }
}

impl FromStr for Holder {
    type Err = NoHolder;

    fn from_str(text: &str) -> Result<Self, NoHolder> {
        match text.strip_prefix(GROUP) {
            Some(group) => Ok(Self::Group(group.parse()?)),
            None => Ok(Self::Principal(text.parse()?)),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(name) => f.pad(name.as_str()),
            Self::Group(group) => f.pad(&format!("{GROUP}{group}")),
        }
    }
}

crate::text_form!(Holder);

fn text(description: &str, max: usize) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(max))
        .description(Some(description))
        .into()
}

impl PartialSchema for GroupName {
    fn schema() -> RefOr<Schema> {
        text("A group, as the identity provider writes it.", MAX_GROUP)
    }
}

impl ToSchema for GroupName {}

impl PartialSchema for Holder {
    fn schema() -> RefOr<Schema> {
        let about = "A person or a service by name, or `group:NAME`: everybody who logs in as a \
                     member of this group of the identity provider.";
        text(about, GROUP.len() + MAX_GROUP)
    }
}

impl ToSchema for Holder {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read_as_they_are_written() {
        for text in [
            "ana",
            "group:netops",
            "group:/dc/night shift",
            "group:group:x",
        ] {
            let holder: Holder = text.parse().unwrap();
            assert_eq!(holder.to_string(), text);
            assert_eq!(serde_json::to_value(&holder).unwrap(), text);
        }
        let ana: PersonName = "ana".parse().unwrap();
        assert_eq!(Holder::from(ana.clone()), ana);
        assert_ne!("group:ana".parse::<Holder>().unwrap(), ana);
    }

    #[test]
    fn what_could_be_mistaken_for_another_is_refused() {
        let long = format!("group:{}", "x".repeat(257));
        for text in ["", "group:", "group: a", "group:a\nb", "a b", &long] {
            assert!(text.parse::<Holder>().is_err(), "{text:?}");
        }
    }
}
