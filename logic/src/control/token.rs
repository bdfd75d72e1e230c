//! The token of a plan: the operation and its targets, in 20 characters. Anybody who presents the
//! token gets exactly that plan, or is told what has changed since. Pure.
//!
//! ```text
//! plan-k3 q7 m2 xa-4t6hgpz2w7n5     (without the spaces)
//!      │  │  │  │  └ everything: 60 bits of its SHA-256
//!      │  │  │  └ present values
//!      │  │  └ the releases that would do it
//!      │  └ the targets
//!      └ the action, its parameters, selector, pace and priority
//! ```
//!
//! The first four, 10 bits each, tell what has changed; that something has changed is decided by
//! all of them together.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utakata_model::{ActionName, Pace, Priority, ReadingValue, ReleaseId, Selector, Target};

const PREFIX: &str = "plan-";
/// The number of characters of each part, of all parts together, and of the whole.
const PART: usize = 2;
const PARTS: usize = 4 * PART;
const WHOLE: usize = 12;
/// The alphabet of RFC 4648, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A request whose plan has a token.
#[derive(Debug, Clone, Copy)]
pub struct PlannedRequest<'a> {
    pub selector: &'a Selector,
    pub action: &'a ActionName,
    /// The parameters: a JSON object.
    pub parameters: &'a Value,
    pub pace: &'a Pace,
    /// The priority of the request.
    pub priority: Priority,
}

/// A target of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    pub target: &'a Target,
    /// The release that would do it.
    pub release: &'a ReleaseId,
    /// The value that it would change, as far as it is known: see
    /// [`utakata_permit::evidence::current_reading`].
    pub today: Option<&'a ReadingValue>,
}

/// The token of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanToken {
    parts: String,
    whole: String,
}

/// A text that is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the token of a plan: it looks like plan-k3q7m2xa-4t6hgpz2w7n5")]
pub struct Malformed {
    pub text: String,
}

/// The plan differs from the one that was shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(what))]
pub struct PlanChanged {
    /// The parts that have changed; empty if only the change as such is known.
    pub what: Vec<Part>,
}

/// A part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The action, its parameters, selector, pace and priority.
    Request,
    /// The targets, and their declarations.
    Targets,
    /// The releases that would do it.
    Releases,
    /// The present values of the targets.
    Values,
}

impl PlanToken {
    /// Computes the token of a plan. The order of the targets makes no difference.
    pub fn new<'a>(
        requested: &PlannedRequest<'_>,
        touched: impl IntoIterator<Item = Touched<'a>>,
    ) -> Self {
        let (mut targets, mut releases, mut values) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for one in touched {
            let name = one.target.name.as_str();
            targets.insert(name, json!(one.target));
            releases.insert(name, json!(one.release));
            values.insert(name, json!(one.today));
        }
        let requested = json!({
            "selector": requested.selector,
            "action": requested.action,
            "parameters": requested.parameters,
            "pace": requested.pace,
            "priority": requested.priority,
        });
        let hashes = [requested, json!(targets), json!(releases), json!(values)].map(|part| {
            let mut text = String::new();
            write_sorted(&part, &mut text);
            Sha256::digest(text)
        });
        let whole = hashes.iter().fold(Sha256::new(), Sha256::chain_update);
        Self {
            parts: hashes.iter().map(|hash| base32(hash, PART)).collect(),
            whole: base32(&whole.finalize(), WHOLE),
        }
    }

    /// Checks that the present plan is the one with this token.
    ///
    /// # Errors
    /// The parts that have changed since the plan was shown.
    pub fn check(&self, now: &Self) -> Result<(), PlanChanged> {
        if self == now {
            return Ok(());
        }
        let chunks = |token: &Self| -> Vec<String> {
            let parts = token.parts.as_bytes().chunks(PART);
            parts
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect()
        };
        let (shown, now) = (chunks(self), chunks(now));
        let pairs = Part::ALL.into_iter().zip(shown.iter().zip(&now));
        let mut what: Vec<Part> = pairs
            .filter(|(_, (shown, now))| shown != now)
            .map(|(part, _)| part)
            .collect();
        // If the targets differ, so do the releases and the values.
        if what.contains(&Part::Targets) {
            what.retain(|part| !matches!(part, Part::Releases | Part::Values));
        }
        Err(PlanChanged { what })
    }
}

impl Part {
    const ALL: [Self; 4] = [Self::Request, Self::Targets, Self::Releases, Self::Values];

    fn told(self) -> &'static str {
        match self {
            Self::Request => {
                "the action, its parameters, the selector, the pace or the priority differ from \
                 the plan"
            }
            Self::Targets => {
                "other targets are selected than when the plan was shown, or they are declared \
                 otherwise"
            }
            Self::Releases => "another release would do it than when the plan was shown",
            Self::Values => "the targets no longer have the values of the plan",
        }
    }
}

fn told(what: &[Part]) -> String {
    if what.is_empty() {
        return "it is not the plan that was shown".into();
    }
    let what: Vec<&str> = what.iter().map(|part| part.told()).collect();
    what.join("; ")
}

impl fmt::Display for PlanToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}", self.parts, self.whole)
    }
}

impl FromStr for PlanToken {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed { text: text.into() };
        let lower = text.trim().to_ascii_lowercase();
        let (parts, whole) = lower
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .ok_or_else(malformed)?;
        let is_right = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| ALPHABET.contains(&byte))
        };
        if !is_right(parts, PARTS) || !is_right(whole, WHOLE) {
            return Err(malformed());
        }
        Ok(Self {
            parts: parts.into(),
            whole: whole.into(),
        })
    }
}

impl TryFrom<String> for PlanToken {
    type Error = Malformed;
    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<PlanToken> for String {
    fn from(token: PlanToken) -> Self {
        token.to_string()
    }
}

/// Writes JSON with the keys of every object sorted, whatever order the library keeps.
fn write_sorted(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            to.push('{');
            for (key, value) in sorted {
                // As JSON, so that no key can be mistaken for a part of its surroundings.
                write_sorted(&Value::from(key.as_str()), to);
                to.push(':');
                write_sorted(value, to);
                to.push(',');
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for item in items {
                write_sorted(item, to);
                to.push(',');
            }
            to.push(']');
        }
        _ => to.push_str(&value.to_string()),
    }
}

/// Returns the first characters of a hash, 5 bits each.
fn base32(hash: &[u8], characters: usize) -> String {
    let bit = |at: usize| hash.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let character = |at: usize| {
        let index = (0..5).fold(0, |sum, offset| sum << 1 | bit(at * 5 + offset));
        char::from(ALPHABET[usize::from(index)])
    };
    (0..characters).map(character).collect()
}

#[cfg(test)]
mod tests;
