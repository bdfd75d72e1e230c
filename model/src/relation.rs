//! Relations between targets and places: what feeds, reaches, cools or contains what.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Selector, TargetName};

words! {
    /// A kind of relation.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        utoipa::ToSchema,
    )]
    pub enum RelationKind {
        /// The first supplies the second with power.
        Feeds = "feeds",
        /// The second is reached over the network through the first.
        Reaches = "reaches",
        /// The first cools the second.
        Cools = "cools",
        /// The second is in the first.
        Contains = "contains",
    }
}

/// One relation, from what supplies, reaches, cools or contains to what it does so for.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// The kind of relation.
    pub relation: RelationKind,
    /// The source: a target, an outlet of one, or the targets of a selector.
    #[schema(value_type = String, example = "sw-b07")]
    pub from: Endpoint,
    /// The destination: a target, or the targets of a selector.
    #[schema(value_type = String, example = "rack=B07")]
    pub to: Endpoint,
}

/// One end of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A target: `sw-b07`.
    Target(TargetName),
    /// An outlet of a target: `{ target: pdu-b07-a, outlet: 3 }`, in messages `pdu-b07-a:3`.
    Outlet {
        /// The target that has the outlet.
        target: TargetName,
        /// The outlet, as in the attribute `outlet` of its readings.
        outlet: String,
    },
    /// The targets that a selector matches, which is how places are named: `rack=B07`.
    Selected(SelectorText),
}

/// A selector that can be compared and sorted by its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SelectorText(String);

/// The reason why a text is not an end of a relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is neither the name of a target, nor an outlet (pdu-1:3), nor a selector (rack=A1)"
)]
pub struct EndpointError {
    text: String,
}

/// The text that names a relation: `feeds pdu-b07-a:3 bmc-b07-12`. A relation is nothing but its
/// name, so that two of the same name are the same.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct RelationKey(String);

impl RelationKey {
    /// Returns the text of the selector as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Relation {
    /// Returns the text that names it.
    pub fn key(&self) -> RelationKey {
        let Self { relation, from, to } = self;
        RelationKey(format!("{} {from} {to}", relation.as_str()))
    }
}

impl RelationKind {
    /// Returns the verb seen from the other end: `is fed by`.
    pub fn passive(self) -> &'static str {
        match self {
            Self::Feeds => "is fed by",
            Self::Reaches => "is reached through",
            Self::Cools => "is cooled by",
            Self::Contains => "is in",
        }
    }
}

impl SelectorText {
    /// Returns the selector that the text stands for.
    pub fn selector(&self) -> Selector {
        // It was one when this was made; nothing matches what is none.
        self.0.parse().unwrap_or_else(|_| Selector::of_names([]))
    }
}

impl From<Selector> for SelectorText {
    fn from(selector: Selector) -> Self {
        Self(selector.to_string())
    }
}

impl Endpoint {
    /// Returns the target, if it is one.
    pub fn target(&self) -> Option<&TargetName> {
        match self {
            Self::Target(target) | Self::Outlet { target, .. } => Some(target),
            Self::Selected(_) => None,
        }
    }

    /// Returns the outlet, if it is one.
    pub fn outlet(&self) -> Option<&str> {
        match self {
            Self::Outlet { outlet, .. } => Some(outlet),
            Self::Target(_) | Self::Selected(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => target.fmt(f),
            Self::Outlet { target, outlet } => write!(f, "{target}:{outlet}"),
            Self::Selected(selector) => f.write_str(&selector.0),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Ok(target) = text.parse() {
            return Ok(Self::Target(target));
        }
        let outlet = |(target, outlet): (&str, &str)| match (target.parse(), is_outlet(outlet)) {
            (Ok(target), true) => Some(Self::Outlet {
                target,
                outlet: outlet.to_owned(),
            }),
            _ => None,
        };
        if let Some(found) = text.split_once(':').and_then(outlet) {
            return Ok(found);
        }
        match text.parse::<Selector>() {
            Ok(selector) if !selector.is_everything() => Ok(Self::Selected(selector.into())),
            _ => Err(EndpointError { text: text.into() }),
        }
    }
}

fn is_outlet(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The form with keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutletFields {
    target: TargetName,
    outlet: OutletName,
}

/// An outlet, by its number or a name.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OutletName {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Outlet(OutletFields),
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self::Outlet { target, outlet } = self else {
            return to.collect_str(self);
        };
        let outlet = match outlet.parse::<u32>() {
            Ok(number) if number.to_string() == *outlet => OutletName::Number(number),
            _ => OutletName::Text(outlet.clone()),
        };
        let target = target.clone();
        OutletFields { target, outlet }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wrong =
            "it is the name of a target, a selector (rack=A1), or { target: pdu-1, outlet: 3 }";
        match Form::deserialize(from) {
            Err(_) => Err(serde::de::Error::custom(wrong)),
            Ok(Form::Text(text)) => text.parse().map_err(serde::de::Error::custom),
            Ok(Form::Outlet(OutletFields { target, outlet })) => {
                let outlet = match outlet {
                    OutletName::Number(number) => number.to_string(),
                    OutletName::Text(text) => text,
                };
                match is_outlet(&outlet) {
                    true => Ok(Self::Outlet { target, outlet }),
                    false => Err(serde::de::Error::custom(format!(
                        "\"{outlet}\" is no outlet: it has letters, digits, '.', '_' and '-'"
                    ))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_a_relation_is_read_as_it_is_written() {
        for (json, text) in [
            (r#""sw-b07""#, "sw-b07"),
            (r#""rack=B07""#, "rack=B07"),
            (
                r#""rack in (B06,B07),!retired""#,
                "rack in (B06,B07),!retired",
            ),
            (r#"{"target":"pdu-b07-a","outlet":3}"#, "pdu-b07-a:3"),
            (r#"{"target":"pdu-b07-a","outlet":"A3"}"#, "pdu-b07-a:A3"),
        ] {
            let end: Endpoint = serde_json::from_str(json).unwrap();
            assert_eq!(end.to_string(), text);
            assert_eq!(text.parse::<Endpoint>().unwrap(), end);
            assert_eq!(serde_json::to_string(&end).unwrap(), json);
        }
        for wrong in [
            r#""""#,
            r#"3"#,
            r#""a b""#,
            r#"{"target":"a"}"#,
            r#"{"target":"a","outlet":"x y"}"#,
        ] {
            assert!(serde_json::from_str::<Endpoint>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_relation_is_named_by_what_it_says() {
        let json = r#"{"relation":"feeds","from":{"target":"pdu-1","outlet":3},"to":"bmc-1"}"#;
        let relation: Relation = serde_json::from_str(json).unwrap();
        assert_eq!(relation.key().as_str(), "feeds pdu-1:3 bmc-1");
    }
}
