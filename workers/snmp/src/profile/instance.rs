//! The OID of an instance, with parameters of the action as parts of its index.
//!
//! ```text
//! 1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.{outlet}    a number, or numbers and dots
//! 1.3.6.1.4.1.9.9.1.1.{name:string}            a text: its length, then its bytes
//! 1.3.6.1.4.1.9.9.1.1.{name:implied}           a text: its bytes (IMPLIED, or of fixed length)
//! 1.3.6.1.4.1.13742.6.4.1.2.1.2.{outlet:unit}  5 is 1.5, of the first unit; 2.5 is of the second
//! ```
//!
//! RFC 2578, section 7.7, defines texts as parts of an index.

use async_snmp::Oid;
use serde_json::Value as Json;
use utakata_worker_sdk::model::suggest;

/// The OID of an instance, as pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// A number.
    Arc(u32),
    /// A parameter of the action.
    Parameter { name: String, index: Index },
}

/// The encoding of a parameter in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    /// Numbers, unchanged.
    Numbers,
    /// A text of variable length: its length, then its bytes.
    String,
    /// A text without its length.
    Implied,
    /// One of several units behind a single address, and a number in it; for the first unit, just
    /// the number.
    Unit,
}

const INDEXES: [(&str, Index); 3] = [
    ("string", Index::String),
    ("implied", Index::Implied),
    ("unit", Index::Unit),
];

impl Instance {
    /// Parses numbers, `{parameter}` and `{parameter:string}` separated by dots. Errors: a sentence
    /// about the problem.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not an OID with {{parameters}}");
        let pieces = pieces(text.trim_start_matches('.'))?.ok_or_else(wrong)?;
        match pieces.as_slice() {
            [Piece::Arc(_), Piece::Arc(_), _, ..] => Ok(Self(pieces)),
            _ => Err(wrong()),
        }
    }

    /// Parses an index on its own, which must contain a parameter. Errors: as above.
    pub fn parse_index(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not an index with {{parameters}}");
        let index = Self(pieces(text)?.ok_or_else(wrong)?);
        let has_parameter = index.parameters().next().is_some();
        has_parameter.then_some(index).ok_or_else(wrong)
    }

    /// Returns an instance without parameters.
    pub fn fixed(oid: &Oid) -> Self {
        Self(oid.arcs().iter().copied().map(Piece::Arc).collect())
    }

    /// The OID, if it needs no parameters.
    pub fn as_oid(&self) -> Option<Oid> {
        let arcs = self.0.iter().map(|piece| match piece {
            Piece::Arc(arc) => Some(*arc),
            Piece::Parameter { .. } => None,
        });
        Some(Oid::from_slice(&arcs.collect::<Option<Vec<u32>>>()?))
    }

    /// Returns the parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Parameter { name, .. } => Some(name.as_str()),
            Piece::Arc(_) => None,
        })
    }

    /// Substitutes the parameters. Errors: a sentence about the problem.
    pub fn oid(&self, parameters: &Json) -> Result<Oid, String> {
        let oid = Oid::from_slice(&self.arcs(parameters)?);
        match oid.validate_for_wire() {
            Ok(()) => Ok(oid),
            Err(_) => Err("the parameters make an OID that is too long".into()),
        }
    }

    /// Substitutes the parameters in an index. Errors: a sentence about the problem.
    pub fn arcs(&self, parameters: &Json) -> Result<Vec<u32>, String> {
        let mut arcs = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::Arc(arc) => arcs.push(*arc),
                Piece::Parameter { name, index } => {
                    let given = parameters.get(name).unwrap_or(&Json::Null);
                    let part = index.arcs(given);
                    arcs.extend(part.map_err(|problem| format!("{name}: {given} {problem}"))?);
                }
            }
        }
        Ok(arcs)
    }
}

/// The pieces between dots; `None` where one is neither a number nor a parameter.
fn pieces(text: &str) -> Result<Option<Vec<Piece>>, String> {
    let piece = |piece: &str| match parameter(piece) {
        Some(name) => indexed(name).map(Some),
        None => Ok(piece.parse().ok().map(Piece::Arc)),
    };
    text.split('.').map(piece).collect()
}

impl Index {
    fn arcs(self, given: &Json) -> Result<Vec<u32>, &'static str> {
        let text = match given {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return Err("is neither a text nor a number"),
        };
        let bytes = text.bytes().map(u32::from);
        match self {
            Self::Numbers => {
                let numbers: Option<Vec<u32>> =
                    text.split('.').map(|arc| arc.parse().ok()).collect();
                numbers.ok_or("is not a number")
            }
            Self::Unit => {
                let (unit, number) = text.split_once('.').unwrap_or(("1", &text));
                let parts = [unit, number].map(|part| part.parse().ok());
                match parts {
                    [Some(unit), Some(number)] => Ok(vec![unit, number]),
                    _ => Err("is neither a number nor UNIT.NUMBER"),
                }
            }
            Self::String => {
                let length = u32::try_from(text.len()).map_err(|_| "is too long")?;
                Ok([length].into_iter().chain(bytes).collect())
            }
            Self::Implied if text.is_empty() => Err("is empty"),
            Self::Implied => Ok(bytes.collect()),
        }
    }
}

/// The name of the parameter in `{name}`.
pub fn parameter(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

fn indexed(text: &str) -> Result<Piece, String> {
    let (name, index) = match text.split_once(':') {
        None => (text, Index::Numbers),
        Some((name, word)) => {
            let known = INDEXES.iter().find(|(known, _)| *known == word);
            let (_, index) = known.ok_or_else(|| {
                let hint = suggest::hint(word, INDEXES.iter().map(|(known, _)| *known));
                format!("no parameter is an index by \"{word}\": {hint}")
            })?;
            (name, *index)
        }
    };
    let name = name.into();
    Ok(Piece::Parameter { name, index })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn oid(text: &str, value: &Json) -> Result<String, String> {
        let parameters = json!({ "it": value });
        let oid = Instance::parse(text)?.oid(&parameters)?;
        Ok(oid.to_string())
    }

    #[test]
    fn a_parameter_is_part_of_the_index_as_rfc_2578_says() {
        for (text, value, expect) in [
            ("1.3.9.{it}", json!(7), "1.3.9.7"),
            ("1.3.9.{it}.0", json!("7.8"), "1.3.9.7.8.0"),
            ("1.3.9.{it:string}", json!("a-1"), "1.3.9.3.97.45.49"),
            ("1.3.9.{it:string}", json!(""), "1.3.9.0"),
            ("1.3.9.{it:string}", json!("ü"), "1.3.9.2.195.188"),
            ("1.3.9.{it:string}.4", json!(12), "1.3.9.2.49.50.4"),
            ("1.3.9.{it:implied}", json!("a-1"), "1.3.9.97.45.49"),
            ("1.3.9.{it:unit}", json!(5), "1.3.9.1.5"),
            ("1.3.9.{it:unit}", json!("2.5"), "1.3.9.2.5"),
        ] {
            assert_eq!(oid(text, &value).as_deref(), Ok(expect), "{text}");
        }
    }

    #[test]
    fn what_makes_no_oid_is_refused_with_the_parameter() {
        for (text, value, part) in [
            ("1.3.9.{it}", json!("a"), "it: \"a\" is not a number"),
            ("1.3.9.{it}", Json::Null, "it: null is neither"),
            ("1.3.9.{it:string}", json!([]), "is neither"),
            ("1.3.9.{it:string}", json!("x".repeat(200)), "too long"),
            ("1.3.9.{it:implied}", json!(""), "is empty"),
            ("1.3.9.{it:unit}", json!("2.5.1"), "UNIT.NUMBER"),
            ("1.3.9.{it:unit}", json!(""), "UNIT.NUMBER"),
        ] {
            let error = oid(text, &value).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_invalid_form_is_refused() {
        for (text, part) in [
            ("1.3.{it", "with {parameters}"),
            ("{it}.3.6", "with {parameters}"),
            ("1.3", "with {parameters}"),
            ("1.3.6.{it:strng}", "did you mean \"string\"?"),
        ] {
            let error = Instance::parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
