//! Messages of the inter connect, and the names of its topics.

use utakata_interconnect::{
    Message, OutcomeBatch,
    message::{
        alarm::AlarmNews,
        content::{ContentReply, FetchBatch},
        status::Forgotten,
        target::Deleted,
    },
    topic::Topic,
};
use utakata_model::{Desired, EnvironmentStatus, Readings, Task};
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

/// Decodes a message as each kind there is. Valid ones are written and read back.
pub fn wire(data: &[u8]) {
    check::<Vec<Task>>(data);
    check::<Readings>(data);
    check::<OutcomeBatch>(data);
    check::<EnvironmentStatus>(data);
    check::<Desired>(data);
    check::<Deleted>(data);
    check::<AlarmNews>(data);
    check::<Forgotten>(data);
    check::<StartBatch>(data);
    check::<PermitBatch>(data);
    check::<RecordedBatch>(data);
    check::<FetchBatch>(data);
    check::<ContentReply>(data);
    if let Some(topic) = super::text(data).and_then(|text| text.parse::<Topic>().ok()) {
        let written = topic.to_string();
        assert_eq!(written.parse(), Ok(topic), "{written}");
    }
}

/// Checks that a message that was read survives being written and read again.
fn check<M: Message>(data: &[u8]) {
    let Ok(message) = M::decode(data) else {
        return;
    };
    let written = message.encode().expect("what was read can be written");
    let read = M::decode(&written).expect("what was written can be read");
    let again = read.encode().expect("what was read can be written");
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&again)
    );
}
