//! One document: the keys that it may have, and the checks of their values.

mod smart;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use utakata_alarm::Compiled;
use utakata_api::apply::Document;
use utakata_model::{
    ActionName, AlarmName, AlarmRule, Credential, CredentialName, Kind, Labels, Limits, Relation,
    RelationKind, Schedule, ScheduleName, Selector, Target, TargetName, Zone, alarm::Watched,
    duration, label, relation::Endpoint, reword, schedule::INTERVAL_MIN, suggest,
};

use super::{
    Item, Kept, keys, secret,
    tree::{Node, Position, Tree},
};

const TYPES: [&str; 8] = [
    "target",
    "schedule",
    "credential",
    "relation",
    "alarm",
    "envelope",
    "policy",
    "floor",
];
/// The key that names the type of a document. No type has a field of this name.
const TYPE: &str = "type";
/// The key that stands in place of the values when a credential is printed.
const KEYS: &str = "keys";

/// A mistake in a document, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub place: Position,
    pub subject: String,
    pub message: String,
}

/// Makes a document of a tree.
///
/// # Errors
/// Every mistake in it.
pub fn document(tree: &Tree, file: &str, folder: &Path) -> Result<Item, Vec<Wrong>> {
    let mut reader = Reader {
        tree,
        file,
        subject: String::new(),
        wrong: Vec::new(),
    };
    let document = reader.document(folder);
    match document {
        Some(document) if reader.wrong.is_empty() => Ok(document),
        _ => Err(reader.wrong),
    }
}

/// Takes a document apart and collects the mistakes.
struct Reader<'a> {
    tree: &'a Tree,
    file: &'a str,
    subject: String,
    wrong: Vec<Wrong>,
}

impl Reader<'_> {
    fn document(&mut self, folder: &Path) -> Option<Item> {
        if self.tree.fields().is_none() {
            let message = "a document has keys: begin with type: target, schedule, credential, relation, alarm, \
                 envelope, policy or floor";
            self.complain(self.tree.place, message);
            return None;
        }
        let kind = self.tree.get(TYPE);
        let name = self.tree.get("name").and_then(Tree::text);
        let word = kind.and_then(Tree::text).unwrap_or("document");
        self.subject = name.map_or_else(|| word.to_owned(), |name| format!("{word} {name}"));
        let Some(kind) = kind else {
            let message = format!(
                "there is no key \"type\": it is one of {}",
                TYPES.join(", ")
            );
            self.complain(self.tree.place, message);
            return None;
        };
        match word {
            "target" => self.target().map(Document::Target).map(Item::Document),
            "schedule" => self.schedule().map(Document::Schedule).map(Item::Document),
            "credential" => self.credential(folder),
            "relation" => self.relation().map(Document::Relation).map(Item::Document),
            "alarm" => self.alarm().map(Document::Alarm).map(Item::Document),
            "envelope" => smart::envelope(self)
                .map(Document::Envelope)
                .map(Item::Document),
            "policy" => smart::policy(self)
                .map(Document::Policy)
                .map(Item::Document),
            "floor" => smart::floor(self).map(Document::Floor).map(Item::Document),
            _ => {
                let message = format!(
                    "there is no type \"{word}\": {}",
                    suggest::hint(word, TYPES)
                );
                self.complain(kind.place, message);
                None
            }
        }
    }

    fn target(&mut self) -> Option<Target> {
        self.refuse_unknown(keys::of::<Target>());
        let name: Option<TargetName> = self.needed("name");
        let kind: Option<Kind> = self.needed("kind");
        let address: Option<String> = self.needed("address");
        let zone: Option<Zone> = self.optional("zone");
        let labels = self.labels();
        let credential: Option<CredentialName> = self.optional("credential");
        let pin: Option<String> = self.optional("pin");
        let limits: Option<Limits> = self.optional("limits");
        Some(Target {
            name: name?,
            kind: kind?,
            address: address?,
            zone: zone.unwrap_or_default(),
            labels,
            credential,
            pin,
            limits: limits.unwrap_or_default(),
        })
    }

    fn schedule(&mut self) -> Option<Schedule> {
        self.refuse_unknown(keys::of::<Schedule>());
        let name: Option<ScheduleName> = self.needed("name");
        let selector: Option<Selector> = self.needed("selector");
        let text = self.interval_text();
        let interval = text.and_then(|text| self.interval(&text));
        let action: Option<ActionName> = self.optional("action");
        let parameters = self.tree.get("parameters");
        if let Some(tree) = parameters.filter(|tree| tree.fields().is_none()) {
            self.complain(
                tree.place,
                "parameters have keys, as in parameters: { outlet: 3 }",
            );
        }
        Some(Schedule {
            name: name?,
            selector: selector?,
            interval: interval?,
            action,
            parameters: parameters.map_or_else(|| Value::Object(Default::default()), Tree::to_json),
        })
    }

    /// Returns the text of the interval. The most frequent mistake is a bare number, without a
    /// unit.
    fn interval_text(&mut self) -> Option<String> {
        if let Some(tree) = self.tree.get("interval")
            && let Node::Scalar(Value::Number(number)) = &tree.node
        {
            let message = format!("interval: {number} has no unit: write {number}s for seconds");
            self.complain(tree.place, message);
            return None;
        }
        self.needed("interval")
    }

    fn interval(&mut self, text: &str) -> Option<std::time::Duration> {
        let place = self.tree.get("interval")?.place;
        match duration::parse(text) {
            Ok(interval) if interval < INTERVAL_MIN => {
                let least = duration::format(INTERVAL_MIN);
                self.complain(place, format!("the shortest interval is {least}"));
                None
            }
            Ok(interval) => Some(interval),
            Err(error) => {
                self.complain(place, format!("interval: {error}"));
                None
            }
        }
    }

    fn relation(&mut self) -> Option<Relation> {
        self.refuse_unknown(keys::of::<Relation>());
        let relation: Option<RelationKind> = self.needed("relation");
        let from: Option<Endpoint> = self.needed("from");
        let to: Option<Endpoint> = self.needed("to");
        Some(Relation {
            relation: relation?,
            from: from?,
            to: to?,
        })
    }

    fn alarm(&mut self) -> Option<Box<AlarmRule>> {
        self.refuse_unknown(keys::of::<AlarmRule>());
        let name: Option<AlarmName> = self.needed("name");
        let on: Option<Watched> = self.needed("on");
        let rule = AlarmRule {
            selector: self.optional("selector").unwrap_or_default(),
            raise: self.optional("raise"),
            clear: self.optional("clear"),
            hold: self.delay("hold"),
            release: self.delay("release"),
            severity: self.optional("severity").unwrap_or_default(),
            text: self.optional("text").unwrap_or_default(),
            what_to_do: self.optional("do").unwrap_or_default(),
            silent: self.optional("silent").unwrap_or_default(),
            because: self.optional("because").unwrap_or_default(),
            explains: self.optional("explains").unwrap_or_default(),
            flap: self.optional("flap").unwrap_or_default(),
            off: self.optional("off").unwrap_or_default(),
            name: name?,
            on: on?,
        };
        if !self.wrong.is_empty() {
            return None;
        }
        // Names, types and units are checked here, too: with the line, and without a server.
        for wrong in Compiled::new(rule.clone()).err().unwrap_or_default() {
            let key = wrong.field.split('.').next().unwrap_or_default();
            let place = self
                .tree
                .get(key)
                .map_or(self.tree.place, |tree| tree.place);
            self.complain(place, format!("{}: {}", wrong.field, wrong.message));
        }
        Some(Box::new(rule))
    }

    /// Returns a duration. The most frequent mistake is a bare number, without a unit.
    fn delay(&mut self, key: &str) -> std::time::Duration {
        let Some(tree) = self.tree.get(key) else {
            return std::time::Duration::ZERO;
        };
        let place = tree.place;
        if let Node::Scalar(Value::Number(number)) = &tree.node {
            let message = format!("{key}: {number} has no unit: write {number}s for seconds");
            self.complain(place, message);
            return std::time::Duration::ZERO;
        }
        let text: String = self.optional(key).unwrap_or_default();
        duration::parse(&text).unwrap_or_else(|error| {
            self.complain(place, format!("{key}: {error}"));
            std::time::Duration::ZERO
        })
    }

    fn credential(&mut self, folder: &Path) -> Option<Item> {
        self.refuse_unknown(&[keys::of::<Credential>(), &[KEYS]].concat());
        let name: Option<CredentialName> = self.needed("name");
        match (self.tree.get("values"), self.tree.get(KEYS)) {
            (Some(values), None) => self.values(name, values, folder),
            (None, Some(_)) => self.kept(name),
            (Some(_), Some(keys)) => {
                let message = "keys stand for values that are kept secret: give values, or keys";
                self.complain(keys.place, message);
                None
            }
            (None, None) => {
                self.missing("values");
                None
            }
        }
    }

    fn values(&mut self, name: Option<CredentialName>, tree: &Tree, folder: &Path) -> Option<Item> {
        let Some(fields) = tree.fields() else {
            self.complain(
                tree.place,
                "values have keys, as in values: { community: public }",
            );
            return None;
        };
        let mut values = std::collections::BTreeMap::new();
        for field in fields {
            match secret::resolve(&field.tree, folder) {
                Ok(secret) => drop(values.insert(field.key.clone(), secret)),
                Err((place, message)) => {
                    self.complain(place, format!("values.{}: {message}", field.key));
                }
            }
        }
        Some(Item::Document(Document::Credential(Credential {
            name: name?,
            values,
        })))
    }

    /// Reads a credential whose values were withheld when it was printed.
    fn kept(&mut self, name: Option<CredentialName>) -> Option<Item> {
        let keys: Option<Vec<String>> = self.needed(KEYS);
        let Position { line, column } = self.tree.place;
        Some(Item::Kept(Kept {
            name: name?,
            keys: keys?,
            place: format!("{}:{line}:{column}", self.file),
        }))
    }

    /// Reads labels as texts; `u: 12` and `spare: true` are kept as written.
    fn labels(&mut self) -> Labels {
        let mut labels = Labels::new();
        let Some(tree) = self.tree.get("labels") else {
            return labels;
        };
        let Some(fields) = tree.fields() else {
            self.complain(tree.place, "labels have keys, as in labels: { rack: A1 }");
            return labels;
        };
        for field in fields {
            let text = match &field.tree.node {
                Node::Scalar(Value::String(text)) => text.clone(),
                Node::Scalar(Value::Bool(truth)) => truth.to_string(),
                Node::Scalar(Value::Number(number)) if !number.is_f64() => number.to_string(),
                _ => {
                    let message = format!("labels.{}: write it in quotes: \"…\"", field.key);
                    self.complain(field.tree.place, message);
                    continue;
                }
            };
            let one = Labels::from([(field.key.clone(), text)]);
            match label::validate(&one) {
                Ok(()) => labels.extend(one),
                Err(error) => self.complain(field.place, error.to_string()),
            }
        }
        labels
    }

    fn refuse_unknown(&mut self, keys: &[&str]) {
        let known = [&[TYPE], keys].concat();
        for field in self.tree.fields().unwrap_or_default() {
            let key = field.key.as_str();
            if !known.contains(&key) {
                let hint = suggest::hint(key, known.iter().copied());
                self.complain(field.place, format!("there is no key \"{key}\": {hint}"));
            }
        }
    }

    fn needed<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        if self.tree.get(key).is_none() {
            self.missing(key);
        }
        self.optional(key)
    }

    fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let tree = self.tree.get(key)?;
        match serde_json::from_value(tree.to_json()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(
                    tree.place,
                    format!("{key}: {}", in_words(&error.to_string())),
                );
                None
            }
        }
    }

    fn missing(&mut self, key: &str) {
        let place = self.tree.place;
        let known = self.tree.fields().unwrap_or_default();
        // A misspelt key is reported once, as an unknown one.
        if known
            .iter()
            .all(|field| suggest::nearest(&field.key, [key]).is_none())
        {
            self.complain(place, format!("the key \"{key}\" is missing"));
        }
    }

    fn complain(&mut self, place: Position, message: impl Into<String>) {
        self.wrong.push(Wrong {
            place,
            subject: self.subject.clone(),
            message: message.into(),
        });
    }
}

/// Rewords an error of serde for people who write YAML, where a number is not a text by itself.
fn in_words(message: &str) -> String {
    let message = reword::message(message);
    if message.ends_with("a text was expected") {
        format!("{message}: write it in quotes")
    } else {
        message
    }
}
