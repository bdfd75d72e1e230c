//! Messages of the inter connect, and the names of its topics.

use utakata_interconnect::wire::{self, Error, Topic};

/// Reads a message as each kind that there is. What is right is written and read again.
pub fn wire(data: &[u8]) {
    check(data, wire::decode_tasks, |found| wire::encode_tasks(found));
    check(data, wire::decode_readings, wire::encode_readings);
    check(data, wire::decode_outcomes, wire::encode_outcomes);
    check(data, wire::decode_environment, wire::encode_environment);
    check(data, wire::decode_desired, wire::encode_desired);
    check(data, wire::decode_deleted, wire::encode_deleted);
    check(data, wire::decode_forgotten, wire::encode_forgotten);
    check(data, wire::decode_start, wire::encode_start);
    check(data, wire::decode_permits, wire::encode_permits);
    check(data, wire::decode_recorded, wire::encode_recorded);
    check(data, wire::decode_fetch, wire::encode_fetch);
    check(data, wire::decode_content, wire::encode_content);
    if let Some(topic) = super::text(data).and_then(|text| text.parse::<Topic>().ok()) {
        let written = topic.to_string();
        assert_eq!(written.parse(), Ok(topic), "{written}");
    }
}

/// What could be read is the same when it is written and read once more.
fn check<T>(
    data: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Error>,
    encode: impl Fn(&T) -> Result<Vec<u8>, Error>,
) {
    let Ok(message) = decode(data) else {
        return;
    };
    let written = encode(&message).expect("what was read can be written");
    let read = decode(&written).expect("what was written can be read");
    let again = encode(&read).expect("what was read can be written");
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&again)
    );
}
