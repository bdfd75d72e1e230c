use utakata_interconnect_conformance::sample::Queue;
use utakata_model::{Class, EnvironmentState};

use super::*;

const MAX_BYTES: usize = 256 * 1024;

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

fn sent(event: &Event, max: usize) -> (Vec<Message>, Option<usize>) {
    let clock = Clock::default();
    let writer = Writer {
        max_bytes: max,
        ..Writer::new(&clock)
    };
    match outgoing(event, &writer).unwrap() {
        Outgoing::Messages {
            messages,
            expendable,
        } => (messages, expendable),
        other => panic!("{other:?}"),
    }
}

/// A batch of that many control outcomes.
fn outcomes(count: u32) -> Event {
    let all = (0..count).map(|n| samples().outcome(Class::Control, n));
    let outcomes = all.map(|event| match event {
        Event::Outcomes(batch) => batch.outcomes[0].clone(),
        other => panic!("{other:?}"),
    });
    let outcomes = outcomes.collect();
    let Event::Outcomes(first) = samples().outcome(Class::Control, 0) else {
        panic!("no outcomes");
    };
    Event::Outcomes(
        OutcomeBatch {
            outcomes,
            ..(*first).clone()
        }
        .into(),
    )
}

fn attempts(messages: &[Message]) -> Vec<Vec<u32>> {
    let decoded = messages
        .iter()
        .map(|message| OutcomeBatch::decode(&message.payload).unwrap());
    decoded
        .map(|batch| batch.outcomes.iter().map(|one| one.attempt).collect())
        .collect()
}

#[test]
fn each_event_has_its_topic_and_what_matters_is_acknowledged() {
    let samples = samples();
    let check = |event: Event, topic: &str, is_kept: bool, is_retained: bool| {
        let (messages, expendable) = sent(&event, MAX_BYTES);
        let [message] = messages.as_slice() else {
            panic!("{messages:?}");
        };
        assert_eq!(message.topic, format!("utakata/v1/{topic}"));
        assert_eq!(
            (message.is_kept, message.is_retained),
            (is_kept, is_retained),
            "{topic}"
        );
        assert_eq!(expendable.is_none(), is_kept, "{topic}");
    };
    let status = samples.status("wee-1", EnvironmentState::Running).unwrap();
    check(
        samples.readings(1).unwrap(),
        "reading/pdu-a1/read",
        false,
        true,
    );
    check(
        samples.outcome(Class::Observe, 1),
        "outcome/hall-1/apc-pdu",
        false,
        false,
    );
    check(
        samples.outcome(Class::Control, 1),
        "outcome/hall-1/apc-pdu",
        true,
        false,
    );
    check(status, "environment/wee-1", true, true);
    check(
        samples.start("wee-1", 1).unwrap(),
        "start/wee-1",
        true,
        false,
    );
    check(
        samples.permits("wee-1", 1).unwrap(),
        "permit/wee-1",
        true,
        false,
    );
    check(
        samples.recorded("wee-1", 1).unwrap(),
        "recorded/wee-1",
        true,
        false,
    );
    let desired = samples.desired("hall-1", 1).unwrap();
    check(desired, "desired/hall-1", true, true);
    let target: TargetName = "pdu-a1".parse().unwrap();
    let gone = Event::Deleted(target.clone());
    let gone = outgoing(&gone, &Writer::new(&Clock::default())).unwrap();
    assert_eq!(gone, Outgoing::Delete(target));
}

#[test]
fn a_batch_is_split_where_it_is_too_long_and_keeps_its_order() {
    let check = |count: u32, max: usize, expect: &[usize]| {
        let (messages, _) = sent(&outcomes(count), max);
        let parts = attempts(&messages);
        let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
        assert_eq!(lengths, expect, "{count} in {max}");
        let all: Vec<u32> = parts.into_iter().flatten().collect();
        assert_eq!(all, (0..count).collect::<Vec<_>>());
    };
    check(1, 1, &[1]);
    check(3, 1, &[1, 1, 1]);
    check(8, 1_500, &[4, 4]);
    check(2_500, 100_000_000, &[1_000, 1_000, 500]);
}
