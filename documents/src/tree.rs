//! YAML as a tree in which every part remembers its position.
//!
//! Built on serde-saphyr's `Spanned`: of the YAML libraries for serde, the one that is maintained,
//! gives the line and column of every node, and limits the cost of an input.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

/// A line and column, counted from 1; 0 where unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A node and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub place: Position,
    pub node: Node,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A text, a number, a boolean or null.
    Scalar(Value),
    List(Vec<Tree>),
    /// Keys and their values, in order.
    Fields(Vec<Field>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub key: String,
    pub place: Position,
    pub tree: Tree,
}

/// Reads the documents of a text, leaving out empty ones.
///
/// # Errors
/// The position at which the text ceases to be YAML, and the reason.
pub fn parse(text: &str) -> Result<Vec<Tree>, (Position, String)> {
    // A site has a hundred thousand targets; nesting and expansion keep their limits.
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

/// Returns the library's message without the position at its end.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let end = line.rfind(" at line ").unwrap_or(line.len());
    // The library's remarks about its own options are meant for programmers.
    let end = line.find(", set ").map_or(end, |other| end.min(other));
    format!("this is not YAML: {}", &line[..end])
}

impl Tree {
    /// Returns the tree as JSON, without positions.
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

    /// Returns the fields, if it has any.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.node {
            Node::Fields(fields) => Some(fields),
            _ => None,
        }
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let found = self.fields()?.iter().find(|field| field.key == key)?;
        Some(&found.tree)
    }

    /// Returns the text, if it is one.
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
