//! Bodies in protobuf, which typed clients of Go prefer: of the kinds that kubectl and helm send.
//!
//! A body is `k8s\0` and a message `Unknown`: 1 the type (1 apiVersion, 2 kind), 2 the object. The
//! numbers are those of `generated.proto` in k8s.io/api and k8s.io/apimachinery.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::moment;

const MAGIC: &[u8] = b"k8s\0";

/// A field: its number, its name, its form.
type Schema = &'static [(u64, &'static str, Form)];

#[derive(Clone, Copy)]
enum Form {
    Text,
    Texts,
    /// Base64 in JSON.
    Bytes,
    Number,
    Flag,
    Time,
    Message(Schema),
    Messages(Schema),
    /// From texts to texts, or to bytes.
    Map(&'static Form),
}

const OWNER: Schema = &[
    (1, "kind", Form::Text),
    (3, "name", Form::Text),
    (4, "uid", Form::Text),
    (5, "apiVersion", Form::Text),
    (6, "controller", Form::Flag),
    (7, "blockOwnerDeletion", Form::Flag),
];
const METADATA: Schema = &[
    (1, "name", Form::Text),
    (2, "generateName", Form::Text),
    (3, "namespace", Form::Text),
    (5, "uid", Form::Text),
    (6, "resourceVersion", Form::Text),
    (7, "generation", Form::Number),
    (8, "creationTimestamp", Form::Time),
    (9, "deletionTimestamp", Form::Time),
    (10, "deletionGracePeriodSeconds", Form::Number),
    (11, "labels", Form::Map(&Form::Text)),
    (12, "annotations", Form::Map(&Form::Text)),
    (13, "ownerReferences", Form::Messages(OWNER)),
    (14, "finalizers", Form::Texts),
];
const NAMESPACE: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (2, "spec", Form::Message(&[(1, "finalizers", Form::Texts)])),
    (3, "status", Form::Message(&[(1, "phase", Form::Text)])),
];
const SERVICE_ACCOUNT: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (4, "automountServiceAccountToken", Form::Flag),
];
const SECRET: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (2, "data", Form::Map(&Form::Bytes)),
    (3, "type", Form::Text),
    (4, "stringData", Form::Map(&Form::Text)),
    (5, "immutable", Form::Flag),
];
const CONFIG_MAP: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (2, "data", Form::Map(&Form::Text)),
    (3, "binaryData", Form::Map(&Form::Bytes)),
    (4, "immutable", Form::Flag),
];
const BOUND: Schema = &[
    (1, "kind", Form::Text),
    (2, "apiVersion", Form::Text),
    (3, "name", Form::Text),
    (4, "uid", Form::Text),
];
const TOKEN_SPEC: Schema = &[
    (1, "audiences", Form::Texts),
    (3, "boundObjectRef", Form::Message(BOUND)),
    (4, "expirationSeconds", Form::Number),
];
const TOKEN_REQUEST: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (2, "spec", Form::Message(TOKEN_SPEC)),
];
const PRECONDITIONS: Schema = &[(1, "uid", Form::Text), (2, "resourceVersion", Form::Text)];
const DELETE_OPTIONS: Schema = &[
    (1, "gracePeriodSeconds", Form::Number),
    (2, "preconditions", Form::Message(PRECONDITIONS)),
    (4, "propagationPolicy", Form::Text),
    (5, "dryRun", Form::Texts),
];
const EVICTION: Schema = &[
    (1, "metadata", Form::Message(METADATA)),
    (2, "deleteOptions", Form::Message(DELETE_OPTIONS)),
];

/// Reads a body; nothing where it is none, or of a kind that is not known here.
pub fn read(body: &[u8]) -> Option<Value> {
    const TYPE: Schema = &[(1, "apiVersion", Form::Text), (2, "kind", Form::Text)];
    let body = body.strip_prefix(MAGIC)?;
    let mut kind = json!({});
    let mut raw: &[u8] = &[];
    for field in fields(body)? {
        match field {
            (1, Wire::Bytes(bytes)) => kind = message(bytes, TYPE)?,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let schema = match kind["kind"].as_str()? {
        "Namespace" => NAMESPACE,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "TokenRequest" => TOKEN_REQUEST,
        "DeleteOptions" => DELETE_OPTIONS,
        "Eviction" => EVICTION,
        _ => return None,
    };
    let mut object = message(raw, schema)?;
    object["apiVersion"] = kind["apiVersion"].clone();
    object["kind"] = kind["kind"].clone();
    Some(object)
}

#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Numbers and contents of the fields of a message.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let tag = number(&mut rest)?;
        let content = match tag & 7 {
            0 => Wire::Number(number(&mut rest)?),
            2 => {
                let length = usize::try_from(number(&mut rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(length)?;
                rest = after;
                Wire::Bytes(bytes)
            }
            // No kind that is known here has others.
            _ => return None,
        };
        found.push((tag >> 3, content));
    }
    Some(found)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn message(bytes: &[u8], schema: Schema) -> Option<Value> {
    let mut object = json!({});
    for (number, content) in fields(bytes)? {
        let Some((_, name, form)) = schema.iter().find(|(known, ..)| *known == number) else {
            continue;
        };
        let place = &mut object[*name];
        match (form, content) {
            (Form::Texts, content) => push(place, value(content, Form::Text)?),
            (Form::Messages(of), content) => push(place, value(content, Form::Message(of))?),
            (Form::Map(of), Wire::Bytes(entry)) => {
                let (key, value) = entry_of(entry, **of)?;
                place[key] = value;
            }
            (form, content) => *place = value(content, *form)?,
        }
    }
    // What a Go client leaves empty is not there.
    let is_there = |value: &Value| !value.is_null() && *value != "";
    let fields = object
        .as_object()?
        .iter()
        .filter(|(_, value)| is_there(value));
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Some(Value::Object(fields))
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(list) => list.push(item),
        list => *list = json!([item]),
    }
}

fn entry_of(bytes: &[u8], form: Form) -> Option<(String, Value)> {
    let (mut key, mut content) = (String::new(), value(Wire::Bytes(&[]), form)?);
    for field in fields(bytes)? {
        match field {
            (1, Wire::Bytes(bytes)) => key = String::from_utf8_lossy(bytes).into_owned(),
            (2, found) => content = value(found, form)?,
            _ => {}
        }
    }
    Some((key, content))
}

fn value(content: Wire<'_>, form: Form) -> Option<Value> {
    Some(match (form, content) {
        (Form::Text, Wire::Bytes(bytes)) => json!(String::from_utf8_lossy(bytes)),
        (Form::Bytes, Wire::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
        (Form::Number, Wire::Number(number)) => json!(number.cast_signed()),
        (Form::Flag, Wire::Number(number)) => json!(number != 0),
        (Form::Message(of), Wire::Bytes(bytes)) => message(bytes, of)?,
        // Seconds since 1970; none is no time.
        (Form::Time, Wire::Bytes(bytes)) => match fields(bytes)?.first() {
            Some((1, Wire::Number(seconds))) => json!(moment::at_second(seconds.cast_signed())),
            _ => Value::Null,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[(number << 3) | 2, length][..], content].concat()
    }

    #[test]
    fn a_secret_is_read() {
        let metadata = [field(1, b"a"), field(2, b""), field(8, b"")].concat();
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let secret = [field(1, &metadata), field(2, &entry), field(3, b"Opaque")].concat();
        let kind = [field(1, b"v1"), field(2, b"Secret")].concat();
        let unknown = [field(1, &kind), field(2, &secret)].concat();
        let body = [MAGIC, &unknown[..]].concat();
        let expect = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"key": "dmFsdWU="}, "type": "Opaque",
        });
        assert_eq!(read(&body), Some(expect));
        assert_eq!(read(&body[..body.len() - 1]), None);
        assert_eq!(read(b"{}"), None);
    }
}
