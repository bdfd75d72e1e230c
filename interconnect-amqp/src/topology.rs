//! Names and limits of what is at the broker.
//!
//! ```text
//!                         <zone>.<kind>.control ──► utakata.<zone>.<kind>.control ─┐ rejected,
//! utakata.tasks (topic) ──┤                         (quorum, durable)              │ or back
//!                         │                                                        │ too often
//!                         <zone>.<kind>.observe ──► utakata.<zone>.<kind>.observe  ▼
//!                                                   (classic)               utakata.dead
//! ```
//!
//! Whoever consumes declares the queues of its zone and kind; what all share is made by whoever
//! finds it missing.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, ShortString};
use utakata_model::{Class, Kind, Task, Zone};

use super::Config;

/// The exchange to which tasks are published.
pub(super) const EXCHANGE: &str = "utakata.tasks";
/// The queue of what could not be delivered, and the exchange before it. Without that exchange,
/// who has queues would need a right to publish to all queues.
pub(super) const DEAD: &str = "utakata.dead";
/// The header of a message that holds what was delivered before.
pub(super) const REDELIVERED: &str = "utakata-redelivered";
/// A queue of observation that nobody has used for this goes.
const UNUSED: Duration = Duration::from_secs(3_600);
/// Dead letters beyond this push out the oldest.
const DEAD_LIMIT: u32 = 100_000;

/// The zone and kind of the tasks in a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) zone: Zone,
    pub(super) kind: Kind,
}

impl Route {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            zone: task.target.zone.clone(),
            kind: task.target.kind.clone(),
        }
    }

    pub(super) fn is_of(&self, task: &Task) -> bool {
        task.target.kind == self.kind && task.target.zone == self.zone
    }

    /// The routing key. `None`: the names are too long together for AMQP.
    pub(super) fn key(&self, class: Class) -> Option<ShortString> {
        short(self.dotted(class))
    }

    /// The queue. `None`: the names are too long together for AMQP.
    pub(super) fn queue(&self, class: Class) -> Option<ShortString> {
        short(format!("utakata.{}", self.dotted(class)))
    }

    /// A dot divides the words of a routing key, so one within a name is written `~`, which no
    /// name has.
    fn dotted(&self, class: Class) -> String {
        let [zone, kind] = [self.zone.as_str(), self.kind.as_str()].map(|n| n.replace('.', "~"));
        format!("{zone}.{kind}.{}", word(class))
    }
}

pub(super) fn word(class: Class) -> &'static str {
    match class {
        Class::Control => "control",
        Class::Observe => "observe",
    }
}

/// Of a queue for control: nothing in it is lost, what is too much is refused.
pub(super) fn control(config: &Config) -> FieldTable {
    let mut arguments = quorum();
    put(
        &mut arguments,
        "x-delivery-limit",
        int(config.delivery_limit),
    );
    put(&mut arguments, "x-max-length", int(config.control_limit));
    put(&mut arguments, "x-overflow", text("reject-publish"));
    put(&mut arguments, "x-dead-letter-exchange", text(DEAD));
    put(
        &mut arguments,
        "x-dead-letter-strategy",
        text("at-least-once"),
    );
    arguments
}

/// Of a queue for observation: what is old goes.
pub(super) fn observe(config: &Config) -> FieldTable {
    let mut arguments = FieldTable::default();
    put(
        &mut arguments,
        "x-message-ttl",
        millis(config.observe_lifetime),
    );
    put(&mut arguments, "x-max-length", int(config.observe_limit));
    put(&mut arguments, "x-overflow", text("drop-head"));
    put(&mut arguments, "x-expires", millis(UNUSED));
    arguments
}

/// Of the queue of dead letters.
pub(super) fn dead() -> FieldTable {
    let mut arguments = quorum();
    put(&mut arguments, "x-max-length", int(DEAD_LIMIT));
    put(&mut arguments, "x-overflow", text("drop-head"));
    arguments
}

/// The headers of a message that holds what was delivered before.
pub(super) fn again() -> FieldTable {
    let mut headers = FieldTable::default();
    put(&mut headers, REDELIVERED, AMQPValue::Boolean(true));
    headers
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    put(&mut arguments, "x-queue-type", text("quorum"));
    arguments
}

fn put(table: &mut FieldTable, key: &'static str, value: AMQPValue) {
    table.insert(key.into(), value);
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn int(value: u32) -> AMQPValue {
    AMQPValue::LongLongInt(value.into())
}

fn millis(value: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(
        value
            .as_millis()
            .clamp(1, u32::MAX.into())
            .try_into()
            .unwrap_or(1),
    )
}

fn short(text: String) -> Option<ShortString> {
    ShortString::try_new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(zone: &str, kind: &str) -> Route {
        Route {
            zone: zone.parse().unwrap(),
            kind: kind.parse().unwrap(),
        }
    }

    #[test]
    fn names_with_dots_have_keys_and_queues_of_their_own() {
        let keys = [("a.b", "c"), ("a", "b.c"), ("a", "b")].map(|(zone, kind)| {
            let route = route(zone, kind);
            let key = route.key(Class::Control).unwrap();
            assert_eq!(
                route.queue(Class::Control).unwrap().as_str(),
                format!("utakata.{key}")
            );
            key.as_str().to_owned()
        });
        assert_eq!(keys, ["a~b.c.control", "a.b~c.control", "a.b.control"]);
        assert_eq!(
            route("a", "b").key(Class::Observe).unwrap().as_str(),
            "a.b.observe"
        );
    }

    #[test]
    fn names_that_are_too_long_together_have_no_key() {
        let long = "a".repeat(128);
        assert_eq!(route(&long, &long).key(Class::Control), None);
        assert!(route(&long, "snmp").key(Class::Control).is_some());
    }
}
