//! Readings, encoded as they are obtained in the bytes of the wire format.
//!
//! A [`Reading`] owns its attributes in a map with its own allocation, which is most of the cost of
//! a poll with a few hundred readings. A buffer needs one allocation for all of them.

use prost::Message as _;
use utakata_model::{Quality, Reading, ReadingValue};
use utakata_protocol::{reading_from_wire, v1};

use crate::packed::put_reading;

/// A buffer of encoded readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadingBuffer {
    /// The fields `readings` of an `AttemptOutcome`, one after the other.
    bytes: Vec<u8>,
    count: usize,
    impossible: Vec<String>,
}

impl ReadingBuffer {
    /// Reserves room for that many more readings.
    pub fn reserve(&mut self, readings: usize) {
        /// The approximate size of a reading with two attributes, in bytes.
        const USUAL: usize = 96;
        self.bytes.reserve(readings.saturating_mul(USUAL));
    }

    /// Adds a reading. If attributes have the same key, the last one counts. A number that is not
    /// finite is left out and reported, as in [`crate::Answer::readings`].
    pub fn push<'a>(
        &mut self,
        metric: &str,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
        value: &ReadingValue,
        unit: &str,
        quality: Quality,
    ) {
        if matches!(value, ReadingValue::Number(number) if !number.is_finite()) {
            self.impossible.push(metric.to_owned());
            return;
        }
        put_reading(&mut self.bytes, metric, attributes, value, unit, quality);
        self.count += 1;
    }

    /// Returns the number of readings.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the readings as the manager reads them.
    pub fn readings(&self) -> Vec<Reading> {
        let outcome = v1::AttemptOutcome::decode(self.bytes.as_slice());
        let outcome = outcome.unwrap_or_else(|error| {
            utakata_invariant::broken("readings that were pushed are no message", &error);
            v1::AttemptOutcome::default()
        });
        let readings = outcome.readings.into_iter().map(reading_from_wire);
        readings.filter_map(Result::ok).collect()
    }

    /// Returns the bytes to append to an `AttemptOutcome`.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the metrics whose numbers were not finite.
    pub(crate) fn take_impossible(&mut self) -> Vec<String> {
        std::mem::take(&mut self.impossible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_come_back_as_they_were_written() {
        let long = "x".repeat(200);
        let mut buffer = ReadingBuffer::default();
        for (attributes, value, unit, quality) in [
            (&[][..], ReadingValue::Number(-1.5), "W", Quality::Good),
            (
                &[("a", "1"), ("b", "2")],
                ReadingValue::Text("up".into()),
                "",
                Quality::Suspect,
            ),
            (
                &[("a", "1"), ("a", &long)],
                ReadingValue::Text(long.as_str().into()),
                "By",
                Quality::Good,
            ),
        ] {
            buffer.push("m", attributes.iter().copied(), &value, unit, quality);
            let last = buffer.readings().pop().unwrap();
            assert_eq!(last.metric.as_str(), "m");
            assert_eq!((&last.value, &*last.unit), (&value, unit));
            assert_eq!(last.quality, quality);
            let expect = attributes.iter().map(|(k, v)| ((*k).into(), (*v).into()));
            assert_eq!(last.attributes, expect.collect());
        }
        assert_eq!((buffer.len(), buffer.readings().len()), (3, 3));
    }

    #[test]
    fn what_is_not_a_number_is_left_out_and_named() {
        let mut buffer = ReadingBuffer::default();
        let value = ReadingValue::Number(f64::NAN);
        buffer.push("m", std::iter::empty(), &value, "", Quality::Good);
        assert!(buffer.is_empty());
        assert_eq!(buffer.take_impossible(), ["m"]);
    }
}
