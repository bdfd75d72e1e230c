//! The latest statuses of the environments of this process.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_interconnect::{Event, Message as _, topic};
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus};

use super::{outgoing::Writer, session::Message};

/// The largest size that MQTT permits for a will, in bytes.
const MAX_WILL_BYTES: usize = 65_535;

/// The latest statuses, which are published again after each connecting, and the will.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    last: Mutex<BTreeMap<EnvironmentId, Arc<EnvironmentStatus>>>,
    /// The environment that the broker reports as gone.
    will: Option<EnvironmentStatus>,
}

impl Statuses {
    pub(super) fn new(will: Option<EnvironmentStatus>) -> Self {
        Self {
            last: Mutex::default(),
            will,
        }
    }

    /// Records published statuses. One of an environment that has ended is not repeated.
    pub(super) fn note(&self, events: &[Event]) {
        for event in events {
            let Event::Environment(status) = event else {
                continue;
            };
            let mut last = self.last.lock();
            if status.state == EnvironmentState::Gone {
                last.remove(&status.id);
            } else {
                last.insert(status.id.clone(), Arc::clone(status));
            }
        }
    }

    /// Returns those of environments that have not ended.
    pub(super) fn all(&self) -> Vec<Event> {
        let last = self.last.lock();
        last.values().cloned().map(Event::Environment).collect()
    }

    /// Returns the message that the broker publishes when we are cut off.
    pub(super) fn will(&self, writer: &Writer<'_>) -> Option<Message> {
        let gone = gone(self.will.as_ref()?, writer.clock.now());
        let topic = topic::environment(&gone.id);
        let payload = gone.encode_stamped(writer.clock).ok()?;
        let payload = match writer.signatures {
            Some(signatures) => signatures.sign(&topic, payload),
            None => payload,
        };
        if payload.len() > MAX_WILL_BYTES {
            tracing::warn!(environment = %gone.id, "the last will is too long: it has none");
            return None;
        }
        Some(Message {
            topic,
            payload: payload.into(),
            is_kept: true,
            is_retained: true,
        })
    }
}

fn gone(status: &EnvironmentStatus, now: Timestamp) -> EnvironmentStatus {
    EnvironmentStatus {
        state: EnvironmentState::Gone,
        time: now,
        pools: Vec::new(),
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        ..status.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utakata_interconnect::clock::Clock;
    use utakata_interconnect_conformance::sample::Queue;

    fn status(id: &str, state: EnvironmentState) -> Event {
        let samples = Queue::new("hall-1", "apc-pdu").unwrap();
        samples.status(id, state).unwrap()
    }

    #[test]
    fn the_last_status_is_kept_until_the_environment_has_ended() {
        let statuses = Statuses::default();
        statuses.note(&[
            status("wee-1", EnvironmentState::Running),
            status("wee-2", EnvironmentState::Running),
            status("wee-1", EnvironmentState::Draining),
            status("wee-2", EnvironmentState::Gone),
        ]);
        let all = statuses.all();
        let [Event::Environment(last)] = all.as_slice() else {
            panic!("{all:?}");
        };
        assert_eq!(last.state, EnvironmentState::Draining);
        assert_eq!(statuses.will(&Writer::new(&Clock::default())), None);
    }

    #[test]
    fn the_will_says_of_the_same_life_that_it_has_gone() {
        let Event::Environment(status) = status("wee-1", EnvironmentState::Running) else {
            panic!("no status");
        };
        let now = Timestamp::now();
        let statuses = Statuses::new(Some((*status).clone()));
        let will = statuses
            .will(&Writer::new(&Clock::new(move || now)))
            .unwrap();
        assert!(will.is_retained && will.is_kept);
        assert_eq!(will.topic, "utakata/v1/environment/wee-1");
        let said = EnvironmentStatus::decode(&will.payload).unwrap();
        assert_eq!(said.incarnation, status.incarnation);
        assert_eq!((said.state, said.time), (EnvironmentState::Gone, now));
    }
}
