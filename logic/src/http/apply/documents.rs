//! The documents of a body, parsed one after the other, so that memory holds no more of them than
//! are kept.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};
use utakata_model::{reword, suggest};

use super::CURE;
use crate::{
    code::Code,
    http::{Refused, body, problem::MAX_DETAILS},
    inventory::parse_document,
};

const FIELDS: [&str; 3] = ["documents", "delete", "dry_run"];
/// The largest number of documents in a request.
const MAX_DOCUMENTS: usize = 120_000;
/// The largest estimated memory of all documents in a request, in bytes.
const MAX_MEMORY: usize = 64 * 1024 * 1024;
/// The memory that a document takes, and each of its fields and values: more than in a body. In
/// bytes.
const OF_DOCUMENT: usize = 300;
const OF_VALUE: usize = 48;
/// The size of the largest document, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The changes that a body requests.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) read: Vec<Document>,
    /// The things to delete.
    pub(super) delete: Vec<Named>,
    /// The problems; the search ends when an answer has no room for more.
    pub(super) problems: Vec<Detail>,
    pub(super) dry_run: bool,
}

/// The fields of a body, not parsed yet.
#[derive(Default)]
struct Fields<'b> {
    documents: Option<&'b RawValue>,
    delete: Option<&'b RawValue>,
    dry_run: Option<&'b RawValue>,
    unknown: Option<String>,
}

impl Documents {
    /// Parses a body.
    ///
    /// # Errors
    /// It is not a valid body. Mistakes in documents are collected one by one.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let invalid = |detail: &str| Refused::new(Code::BodyInvalid, detail, CURE);
        if !bytes.trim_ascii_start().starts_with(b"{") {
            serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
                .map_err(|error| body::wrong(&error))?;
            return Err(invalid("the body is not an object with fields"));
        }
        let fields: Fields<'_> =
            serde_json::from_slice(bytes).map_err(|error| body::wrong(&error))?;
        let documents = match fields.documents {
            Some(documents) if documents.get().starts_with('[') => documents,
            Some(_) => return Err(invalid("the field \"documents\" is not a list")),
            None => return Err(invalid("the field \"documents\" is missing")),
        };
        let dry_run = match fields.dry_run.map(RawValue::get) {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => return Err(invalid("the field \"dry_run\" is not true or false")),
        };
        let delete = match fields.delete.map(RawValue::get) {
            Some(delete) => serde_json::from_str::<Vec<Named>>(delete).map_err(|error| {
                let reason = reword::json(&error);
                invalid(&format!("the field \"delete\" is wrong: {reason}"))
            })?,
            None => Vec::new(),
        };
        if let Some(field) = fields.unknown {
            let hint = suggest::hint(&field, FIELDS);
            return Err(invalid(&format!("unknown field \"{field}\": {hint}")));
        }
        let mut list = serde_json::Deserializer::from_str(documents.get());
        let read = list
            .deserialize_seq(List)
            .map_err(|error| body::wrong(&error))?;
        let Some(read) = read else {
            let detail = format!(
                "there are more than {MAX_DOCUMENTS} documents, or they have too many fields and \
                 values together"
            );
            return Err(Refused::new(
                Code::BodyTooLarge,
                detail,
                "send them in parts",
            ));
        };
        Ok(Self {
            delete,
            dry_run,
            ..read
        })
    }

    fn add(&mut self, at: usize, document: &RawValue) {
        let document = document.get();
        if document.len() > MAX_BYTES {
            self.problems.push(Detail {
                subject: format!("document {at}"),
                message: format!("it is larger than {MAX_BYTES} bytes"),
            });
            return;
        }
        let parsed = serde_json::from_str(document).map_err(|error| Detail {
            subject: format!("document {at}"),
            message: error.to_string(),
        });
        match parsed.and_then(|value| parse_document(at, value)) {
            Ok(document) => self.read.push(document),
            Err(problem) => self.problems.push(problem),
        }
    }
}

impl<'de: 'b, 'b> Deserialize<'de> for Fields<'b> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;

        impl<'de> Visitor<'de> for Of {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<String>()? {
                    let value: &RawValue = map.next_value()?;
                    match key.as_str() {
                        "documents" => fields.documents = Some(value),
                        "delete" => fields.delete = Some(value),
                        "dry_run" => fields.dry_run = Some(value),
                        _ => fields.unknown = Some(shortened(key)),
                    }
                }
                Ok(fields)
            }
        }

        from.deserialize_map(Of)
    }
}

fn shortened(key: String) -> String {
    match key.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &key[..end]),
        None => key,
    }
}

/// A list of documents; `None` means that there are too many.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = Option<Documents>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Documents>, A::Error> {
        let mut documents = Documents::default();
        let (mut at, mut memory) = (0, 0);
        while let Some(document) = list.next_element::<&RawValue>()? {
            at += 1;
            memory += OF_DOCUMENT + OF_VALUE * values(document.get());
            if at > MAX_DOCUMENTS || memory > MAX_MEMORY {
                return pass_over(list);
            }
            // The rest is skipped, but has to be read to its end.
            if documents.problems.len() < MAX_DETAILS {
                documents.add(at, document);
            }
        }
        Ok(Some(documents))
    }
}

/// Returns the approximate number of fields and values in a document.
fn values(document: &str) -> usize {
    document.bytes().filter(|byte| *byte == b',').count()
}

/// Reads a list that has too much in it to its end.
fn pass_over<'de, A: SeqAccess<'de>, T>(mut list: A) -> Result<Option<T>, A::Error> {
    while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(body: &str, code: &str, words: &str) {
        let refused = Documents::read(body.as_bytes()).unwrap_err();
        let problem = refused.problem();
        assert_eq!(problem.code, code, "{}", problem.detail);
        assert!(problem.detail.contains(words), "{}", problem.detail);
    }

    #[test]
    fn what_is_not_a_list_of_documents_is_refused_with_the_field() {
        refuses("[]", "body-invalid", "not an object");
        refuses("{", "json-invalid", "");
        refuses("{\"documents\": 1}", "body-invalid", "is not a list");
        refuses("{\"dry_run\": true}", "body-invalid", "is missing");
        refuses(
            "{\"documents\": [], \"dry_run\": 1}",
            "body-invalid",
            "true or false",
        );
        refuses(
            "{\"documents\": [], \"dry\": 1}",
            "body-invalid",
            "unknown field",
        );
        let many = format!("{{\"documents\": [{}1]}}", "1,".repeat(MAX_DOCUMENTS));
        refuses(&many, "body-too-large", "more than 120000 documents");
        let one = format!("[{}1]", "1,".repeat(MAX_BYTES / 4));
        let large = format!("{{\"documents\": [{}]}}", [one.as_str(); 8].join(","));
        refuses(&large, "body-too-large", "too many fields and values");
    }

    #[test]
    fn no_more_is_told_than_an_answer_has_room_for() {
        let wrong = format!("{{\"documents\": [{}1]}}", "1,".repeat(100_000));
        let documents = Documents::read(wrong.as_bytes()).unwrap();
        assert_eq!(documents.problems.len(), MAX_DETAILS);
        let long = format!("{{\"documents\": [[{}1]]}}", "1,".repeat(MAX_BYTES));
        let documents = Documents::read(long.as_bytes()).unwrap();
        assert!(documents.problems[0].message.contains("larger than"));
    }
}
