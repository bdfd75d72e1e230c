use bytes::Bytes;
use utakata_interconnect::clock::Clock;
use utakata_interconnect_conformance::sample::{Queue, mark};
use utakata_model::{Class, EnvironmentState};

use super::{
    super::outgoing::{Outgoing, Writer, deleted, outgoing},
    *,
};

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

/// Reads a message without signatures.
fn event(topic: &str, payload: &[u8], is_retained: bool) -> Result<Option<Event>, Foreign> {
    let incoming = Incoming {
        topic,
        payload,
        is_retained,
    };
    let reader = Reader {
        clock: &Clock::default(),
        signatures: None,
    };
    super::event(&incoming, &reader)
}

fn sent(event: &Event) -> (String, Bytes) {
    match outgoing(event, &Writer::new(&Clock::default())).unwrap() {
        Outgoing::Messages { messages, .. } => {
            (messages[0].topic.clone(), messages[0].payload.clone())
        }
        Outgoing::Delete(target) => {
            let message = deleted(&target).unwrap();
            (message.topic, message.payload)
        }
    }
}

fn all() -> Vec<Event> {
    let samples = samples();
    vec![
        samples.readings(1).unwrap(),
        samples.outcome(Class::Control, 2),
        samples.status("wee-1", EnvironmentState::Running).unwrap(),
        samples.start("wee-1", 3).unwrap(),
        samples.permits("wee-1", 4).unwrap(),
        samples.recorded("wee-1", 5).unwrap(),
        Event::Deleted("pdu-a1".parse().unwrap()),
        samples.desired("hall-1", 6).unwrap(),
    ]
}

#[test]
fn what_is_sent_comes_as_what_it_was() {
    for published in all() {
        let (topic, payload) = sent(&published);
        let came = event(&topic, &payload, false).unwrap().unwrap();
        assert_eq!(format!("{came:?}"), format!("{published:?}"));
    }
}

#[test]
fn of_what_is_retained_only_states_are_news() {
    let news: Vec<_> = all()
        .iter()
        .map(|published| {
            let (topic, payload) = sent(published);
            event(&topic, &payload, true).map(|came| came.as_ref().map(mark))
        })
        .collect();
    assert_eq!(news[0], Ok(None));
    assert_eq!(news[2], Ok(Some("environment wee-1 Running".into())));
    assert_eq!(news[7], Ok(Some("desired hall-1 6".into())));
    for at in [1, 3, 4, 5, 6] {
        assert_eq!(news[at], Err(Foreign::Retained), "{at}");
    }
    for topic in ["reading/pdu-a1/read", "desired/hall-1"] {
        let topic = format!("utakata/v1/{topic}");
        assert!(matches!(event(&topic, b"", false), Ok(None)), "{topic}");
    }
    // An environment without a status is forgotten.
    let taken_away = event("utakata/v1/environment/wee-1", b"", true);
    let taken_away = taken_away.map(|event| event.as_ref().map(mark));
    assert_eq!(taken_away, Ok(Some("forgotten wee-1".into())));
}

#[test]
fn what_is_on_the_topic_of_another_is_foreign() {
    for published in all() {
        let (_, payload) = sent(&published);
        for topic in [
            "reading/pdu-a2/read",
            "reading/pdu-a1/write",
            "outcome/hall-2/apc-pdu",
            "outcome/hall-1/snmp",
            "environment/wee-2",
            "start/wee-2",
            "permit/wee-2",
            "recorded/wee-2",
            "deleted/pdu-a2",
            "desired/hall-2",
        ] {
            let came = event(&format!("utakata/v1/{topic}"), &payload, false);
            let is_foreign = matches!(came, Err(Foreign::Form(_) | Foreign::Topics { .. }));
            assert!(is_foreign, "{topic}: {published:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_foreign_and_says_why() {
    let check = |topic: &str, payload: &[u8], word: &str| {
        let why = event(topic, payload, false).unwrap_err().to_string();
        assert!(why.contains(word), "{topic}: {why}");
    };
    let permit = "utakata/v1/permit/wee-1";
    check(permit, b"", "version");
    check(permit, b"hello", "version");
    check(permit, br#"{"version":2}"#, "version 2");
    check(permit, br#"{"version":1}"#, "cannot be read");
    check("utakata/v1/permit/a b", b"", "name");
    check("utakata/v2/permit/wee-1", b"", "begin");
    check("utakata/v1/kitchen", b"", "meaning");
    check(permit, &vec![b' '; MAX_MESSAGE + 1], "bytes");
}
