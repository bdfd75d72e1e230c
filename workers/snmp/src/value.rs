//! SNMP values and their text forms: typed values for SET, JSON for answers, texts.

use std::{borrow::Cow, net::Ipv4Addr};

use async_snmp::{Oid, Value};
use serde_json::{Value as Json, json};
use utakata_profile::{Raw, text};

/// A type on the wire (RFC 2578, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// INTEGER or Integer32.
    Integer,
    /// Gauge32 or Unsigned32.
    Unsigned,
    /// Counter32.
    Counter,
    Counter64,
    /// TimeTicks, in hundredths of a second.
    TimeTicks,
    /// An OCTET STRING given as text.
    String,
    /// An OCTET STRING given in hexadecimal digits.
    Hex,
    /// OBJECT IDENTIFIER.
    Oid,
    /// IpAddress.
    Ip,
}

const KINDS: [(&str, Kind); 9] = [
    ("integer", Kind::Integer),
    ("unsigned", Kind::Unsigned),
    ("counter", Kind::Counter),
    ("counter64", Kind::Counter64),
    ("timeticks", Kind::TimeTicks),
    ("string", Kind::String),
    ("hex", Kind::Hex),
    ("oid", Kind::Oid),
    ("ip", Kind::Ip),
];

impl Kind {
    /// The names of all types.
    pub const NAMES: [&str; 9] = [
        "integer",
        "unsigned",
        "counter",
        "counter64",
        "timeticks",
        "string",
        "hex",
        "oid",
        "ip",
    ];

    /// Returns the type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        KINDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }

    /// Converts a JSON value to this type; numbers may be given as text. Errors: a sentence about
    /// the problem.
    pub fn value(self, json: &Json) -> Result<Value, String> {
        let wrong = |what: &str| format!("{json} is not {what}");
        match self {
            Self::Integer => number(json)
                .and_then(|number| i32::try_from(number).ok())
                .map(Value::Integer)
                .ok_or_else(|| wrong("a whole number of 32 bits with sign")),
            Self::Unsigned => unsigned(json).map(Value::Gauge32),
            Self::Counter => unsigned(json).map(Value::Counter32),
            Self::TimeTicks => unsigned(json).map(Value::TimeTicks),
            Self::Counter64 => number(json)
                .and_then(|number| u64::try_from(number).ok())
                .map(Value::Counter64)
                .ok_or_else(|| wrong("a whole number of 64 bits")),
            Self::String => match json {
                Json::String(text) => Ok(Value::from(text.as_str())),
                Json::Number(number) => Ok(Value::from(number.to_string())),
                _ => Err(wrong("a text")),
            },
            Self::Hex => text_of(json)
                .and_then(hex)
                .map(|bytes| Value::from(bytes.as_slice()))
                .ok_or_else(|| wrong("a text of hexadecimal digits, as in \"54:10:ec\"")),
            Self::Oid => text_of(json)
                .and_then(|text| Oid::parse(text).ok())
                .filter(|oid| oid.validate_for_wire().is_ok())
                .map(Value::ObjectIdentifier)
                .ok_or_else(|| wrong("an OID")),
            Self::Ip => text_of(json)
                .and_then(|text| text.parse::<Ipv4Addr>().ok())
                .map(Value::from)
                .ok_or_else(|| wrong("an IPv4 address")),
        }
    }
}

fn text_of(json: &Json) -> Option<&str> {
    json.as_str()
}

fn number(json: &Json) -> Option<i128> {
    match json {
        Json::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from)),
        Json::String(text) => text.trim().parse().ok(),
        Json::Bool(truth) => Some(if *truth { 1 } else { 2 }), // TruthValue of RFC 2579
        _ => None,
    }
}

fn unsigned(json: &Json) -> Result<u32, String> {
    number(json)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("{json} is not a whole number of 32 bits without sign"))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' ' | '-'))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

/// Returns a value as profiles see it; `None` if the device says that there is none.
pub fn raw(value: &Value) -> Option<Raw<'_>> {
    Some(match value {
        Value::Integer(number) => Raw::Integer(i64::from(*number)),
        Value::Counter32(number)
        | Value::Gauge32(number)
        | Value::UInteger32(number)
        | Value::TimeTicks(number) => Raw::Unsigned(u64::from(*number), 32),
        Value::Counter64(number) => Raw::Unsigned(*number, 64),
        Value::OctetString(bytes) | Value::Nsap(bytes) => Raw::Bytes(bytes),
        Value::Opaque(bytes) => opaque(value).unwrap_or(Raw::Bytes(bytes)),
        _ if is_absent(value) => return None,
        _ => Raw::Text(as_text(value)?),
    })
}

/// Returns the number that Net-SNMP puts into an Opaque.
fn opaque(value: &Value) -> Option<Raw<'static>> {
    value
        .as_opaque_float()
        .map(|number| Raw::Float(shortest(number)))
        .or_else(|| value.as_opaque_double().map(Raw::Float))
        .or_else(|| value.as_opaque_i64().map(Raw::Integer))
        .or_else(|| {
            value
                .as_opaque_u64()
                .map(|number| Raw::Unsigned(number, 64))
        })
}

/// The intended number: 13.7 in single precision is 13.699999809 in double.
fn shortest(number: f32) -> f64 {
    number
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(number))
}

/// The number in a value: integers, the floats that Net-SNMP puts into Opaque, and numbers written
/// as text.
pub fn as_number(value: &Value) -> Option<f64> {
    raw(value)?.number()
}

pub fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(i64::from(*number)),
        Value::Counter32(number)
        | Value::Gauge32(number)
        | Value::UInteger32(number)
        | Value::TimeTicks(number) => Some(i64::from(*number)),
        Value::Counter64(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// The value as a text for people: texts as they are, other octets in hexadecimal. `None` if there
/// is no value.
pub fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::OctetString(bytes) | Value::Nsap(bytes) | Value::Opaque(bytes) => {
            Some(text::shown(bytes))
        }
        Value::ObjectIdentifier(oid) => Some(oid.to_string().into()),
        Value::IpAddress(octets) => Some(Ipv4Addr::from(*octets).to_string().into()),
        Value::Counter64(number) => Some(number.to_string().into()),
        _ => as_integer(value).map(|number| number.to_string().into()),
    }
}

/// The value as JSON: `{"oid": "1.3...", "type": "integer", "value": 42}`.
pub fn to_json(oid: &Oid, value: &Value) -> Json {
    let shown = match value {
        Value::Counter64(number) => json!(number),
        Value::OctetString(_) | Value::ObjectIdentifier(_) | Value::IpAddress(_) => {
            json!(as_text(value))
        }
        _ => match (as_integer(value), as_number(value)) {
            (Some(number), _) => json!(number),
            (None, Some(number)) => json!(number),
            (None, None) => json!(as_text(value)),
        },
    };
    json!({ "oid": oid.to_string(), "type": type_name(value), "value": shown })
}

/// The name of a value's type.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "integer",
        Value::OctetString(bytes) => match text::of(bytes) {
            Some(_) => "string",
            None => "hex",
        },
        Value::ObjectIdentifier(_) => "oid",
        Value::IpAddress(_) => "ip",
        Value::Counter32(_) => "counter",
        Value::Gauge32(_) | Value::UInteger32(_) => "unsigned",
        Value::TimeTicks(_) => "timeticks",
        Value::Counter64(_) => "counter64",
        Value::Opaque(_) => "opaque",
        Value::Nsap(_) => "nsap",
        Value::Null => "null",
        Value::NoSuchObject => "no-such-object",
        Value::NoSuchInstance => "no-such-instance",
        Value::EndOfMibView => "end-of-mib",
        _ => "unknown",
    }
}

/// Returns true if the device said that there is no value.
pub fn is_absent(value: &Value) -> bool {
    value.is_exception() || matches!(value, Value::Null)
}

#[cfg(test)]
mod tests;
