//! YAML as a tree that remembers where each part stood.
//!
//! By way of serde-saphyr's `Spanned`: the one YAML library for serde that is maintained, gives
//! line and column of every node, and bounds what an input may cost.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

/// Line and column, from 1; 0 where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A node and where it stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The position of its beginning.
    pub place: Position,
    /// The scope.
    pub node: Node,
}

/// The form of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A text, a number, a truth or nothing.
    Scalar(Value),
    List(Vec<Tree>),
    /// Keys and what belongs to them, in their order.
    Fields(Vec<Field>),
}

/// A key and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub key: String,
    /// The position of the key.
    pub place: Position,
    /// The value of the key.
    pub tree: Tree,
}

/// The documents of a text; empty ones are left out.
///
/// # Errors
/// Where it stops to be YAML, and why.
pub fn parse(text: &str) -> Result<Vec<Tree>, (Position, String)> {
    // A site has a hundred thousand targets; what nests or expands stays bounded as it is.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 10_000_000,
            max_nodes: 200_000_000,
            max_events: 400_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let place = error.location().map(Position::from).unwrap_or_default();
        (place, reason(&error))
    })
}

/// The library's message without the place that it ends with.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let end = line.rfind(" at line ").unwrap_or(line.len());
    // What the library says of its own options is for programmers.
    let end = line.find(", set ").map_or(end, |other| end.min(other));
    format!("this is not YAML: {}", &line[..end])
}

impl Tree {
    /// The same as JSON, without places.
    pub fn to_json(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => items.iter().map(Self::to_json).collect(),
            Node::Fields(fields) => Value::Object(
                fields
                    .iter()
                    .map(|field| (field.key.clone(), field.tree.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The fields, when it has any.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.node {
            Node::Fields(fields) => Some(fields),
            _ => None,
        }
    }

    /// Returns what belongs to a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let found = self.fields()?.iter().find(|field| field.key == key)?;
        Some(&found.tree)
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(value) => value.as_str(),
            _ => None,
        }
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Node>::deserialize(from)?;
        Ok(Self {
            place: spanned.referenced.into(),
            node: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        Node::deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, tree)) = map.next_entry::<Spanned<String>, Tree>()? {
            fields.push(Field {
                place: key.referenced.into(),
                key: key.value,
                tree,
            });
        }
        Ok(Node::Fields(fields))
    }
}
