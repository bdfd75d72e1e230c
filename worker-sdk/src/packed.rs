//! Outcomes as bytes of the wire format: readings are encoded straight from the model.
//!
//! A reading of the model shares its texts, while a generated message owns each of them. Those
//! messages would be most of the cost of an outcome with a few hundred readings.

use prost::{Message as _, bytes::BufMut, encode_length_delimiter, length_delimiter_len};
use utakata_model::{Quality, Reading, ReadingValue};
use utakata_protocol::v1;

/// The keys of the fields in `worker.proto`: the number of the field, and 2 for bytes with a
/// length, 1 for eight bytes, 0 for a number (Protocol Buffers, encoding).
mod key {
    pub const MESSAGE_OUTCOMES: u8 = 2 << 3 | 2;
    pub const OUTCOMES_OUTCOME: u8 = 1 << 3 | 2;
    pub const OUTCOME_READING: u8 = 5 << 3 | 2;
    pub const METRIC: u8 = 1 << 3 | 2;
    pub const ATTRIBUTE: u8 = 2 << 3 | 2;
    pub const ATTRIBUTE_KEY: u8 = 1 << 3 | 2;
    pub const ATTRIBUTE_VALUE: u8 = 2 << 3 | 2;
    pub const NUMBER: u8 = 3 << 3 | 1;
    pub const TEXT: u8 = 4 << 3 | 2;
    pub const UNIT: u8 = 5 << 3 | 2;
    pub const SUSPECT: u8 = 6 << 3;
}

/// An `AttemptOutcome` as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Encodes an outcome: everything but the readings, then these readings, then those written by
    /// [`put_reading`] before.
    pub fn build(rest: &v1::AttemptOutcome, readings: &[Reading], written: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(rest.encoded_len() + written.len());
        // Fails only if a buffer is full, and this one grows.
        let encoded = rest.encode(&mut bytes);
        if let Err(error) = encoded {
            utakata_invariant::broken("an outcome has no room in a buffer that grows", &error);
        }
        for reading in readings {
            let attributes = reading.attributes.iter().map(|(k, v)| (&**k, &**v));
            put_reading(
                &mut bytes,
                reading.metric.as_str(),
                attributes,
                &reading.value,
                &reading.unit,
                reading.quality,
            );
        }
        bytes.extend_from_slice(written);
        Self(bytes)
    }

    /// Returns the number of bytes that it takes in a message.
    pub fn len(&self) -> usize {
        framed_len(self.0.len())
    }

    #[cfg(test)]
    pub fn message(&self) -> v1::AttemptOutcome {
        v1::AttemptOutcome::decode(self.0.as_slice()).unwrap()
    }
}

/// Encodes a `FromWorker` with these outcomes.
pub fn put_outcomes(buffer: &mut impl BufMut, outcomes: &[Packed]) {
    let length: usize = outcomes.iter().map(Packed::len).sum();
    put_head(buffer, key::MESSAGE_OUTCOMES, length);
    for outcome in outcomes {
        put_bytes(buffer, key::OUTCOMES_OUTCOME, &outcome.0);
    }
}

/// Encodes a reading of an outcome.
pub fn put_reading<'a>(
    buffer: &mut Vec<u8>,
    metric: &str,
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
    value: &ReadingValue,
    unit: &str,
    quality: Quality,
) {
    // Its length is only known once it is written; mostly one byte suffices.
    buffer.put_slice(&[key::OUTCOME_READING, 0]);
    let begin = buffer.len();
    put_bytes(buffer, key::METRIC, metric.as_bytes());
    for (name, text) in attributes {
        put_head(buffer, key::ATTRIBUTE, attribute_len(name, text));
        put_bytes(buffer, key::ATTRIBUTE_KEY, name.as_bytes());
        put_bytes(buffer, key::ATTRIBUTE_VALUE, text.as_bytes());
    }
    match value {
        ReadingValue::Number(number) => {
            buffer.put_u8(key::NUMBER);
            buffer.put_f64_le(*number);
        }
        ReadingValue::Text(text) => put_bytes(buffer, key::TEXT, text.as_bytes()),
    }
    if !unit.is_empty() {
        put_bytes(buffer, key::UNIT, unit.as_bytes());
    }
    if quality != Quality::Good {
        buffer.put_slice(&[key::SUSPECT, 1]);
    }
    let length = buffer.len() - begin;
    match (u8::try_from(length), buffer.get_mut(begin - 1)) {
        (Ok(short @ ..=0x7f), Some(place)) => *place = short,
        _ => {
            let mut long = Vec::new();
            put_varint(&mut long, length);
            buffer.splice(begin - 1..begin, long);
        }
    }
}

fn attribute_len(name: &str, text: &str) -> usize {
    framed_len(name.len()) + framed_len(text.len())
}

/// Returns the length of a field with that many bytes, including its key and length.
fn framed_len(length: usize) -> usize {
    1 + length_delimiter_len(length) + length
}

fn put_bytes(buffer: &mut impl BufMut, key: u8, bytes: &[u8]) {
    put_head(buffer, key, bytes.len());
    buffer.put_slice(bytes);
}

fn put_head(buffer: &mut impl BufMut, key: u8, length: usize) {
    buffer.put_u8(key);
    put_varint(buffer, length);
}

fn put_varint(buffer: &mut impl BufMut, length: usize) {
    // Fails only if a buffer is full, and these grow.
    let written = encode_length_delimiter(length, buffer);
    if let Err(error) = written {
        utakata_invariant::broken("a length has no room in a buffer that grows", &error);
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{Measurand, MetricName};
    use utakata_protocol::reading_to_wire;

    use super::*;

    fn reading(attributes: &[(&str, &str)], value: ReadingValue, unit: &str) -> Reading {
        let attributes = attributes.iter();
        Reading {
            of: Measurand {
                metric: MetricName::new("hw.network.io").unwrap(),
                attributes: attributes
                    .map(|(k, v)| ((*k).into(), (*v).into()))
                    .collect(),
                unit: unit.into(),
            }
            .into(),
            value,
            quality: Quality::Good,
        }
    }

    #[test]
    fn outcomes_are_the_bytes_that_the_generated_messages_would_be() {
        let long = "x".repeat(300);
        let mut readings = vec![
            reading(&[], ReadingValue::Number(0.0), ""),
            reading(&[("a", "b")], ReadingValue::Number(-1.5), "By"),
            reading(
                &[("a", "ü"), ("b", &long)],
                ReadingValue::Text("up".into()),
                "",
            ),
            reading(&[], ReadingValue::Text("".into()), "1"),
            reading(
                &[("long", &long)],
                ReadingValue::Text(long.as_str().into()),
                "W",
            ),
        ];
        readings[3].quality = Quality::Suspect;
        readings[4].quality = Quality::Stale;
        let rest = v1::AttemptOutcome {
            id: vec![7; 16],
            attempt: 3,
            status: v1::Status::Succeeded.into(),
            ..v1::AttemptOutcome::default()
        };
        let whole = v1::AttemptOutcome {
            readings: readings.iter().map(reading_to_wire).collect(),
            ..rest.clone()
        };
        let packed = Packed::build(&rest, &readings, &[]);
        assert_eq!(packed.0, whole.encode_to_vec());
        let message = v1::FromWorker {
            message: Some(v1::from_worker::Message::Outcomes(v1::Outcomes {
                outcomes: vec![whole.clone(), whole],
            })),
        };
        let mut bytes = Vec::new();
        put_outcomes(&mut bytes, &[packed.clone(), packed]);
        assert_eq!(bytes, message.encode_to_vec());
    }
}
