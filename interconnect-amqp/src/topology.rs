//! Names and limits of everything on the broker.
//!
//! ```text
//!                         <zone>.<kind>.control ──► utakata.<zone>.<kind>.control ─┐ rejected,
//! utakata.tasks (topic) ──┤                         (quorum, durable)              │ or returned
//!                         │                                                        │ too often
//!                         <zone>.<kind>.observe ──► utakata.<zone>.<kind>.observe  ▼
//!                                                   (classic)               utakata.dead
//! ```
//!
//! Consumers declare the queues of their zone and kind; everything shared is made by whoever finds
//! it missing.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, ShortString};
use utakata_model::{Class, Kind, Task, Zone};

use super::Config;

/// The exchange to which tasks are published.
pub(super) const EXCHANGE: &str = "utakata.tasks";
/// The queue of undeliverable messages, and the exchange in front of it. Without that exchange,
/// owners of queues would need a right to publish to all queues.
pub(super) const DEAD: &str = "utakata.dead";
/// The header of a message that was delivered before.
pub(super) const REDELIVERED: &str = "utakata-redelivered";
/// The header with the positions of the tasks that are left of a message that was delivered before.
pub(super) const LEFT: &str = "utakata-left";
/// The time after which an unused queue of observation is deleted.
const UNUSED: Duration = Duration::from_secs(3_600);
/// The largest number of dead letters; beyond it the oldest are dropped.
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

    /// Returns the routing key. `None` if the names together are too long for AMQP.
    pub(super) fn key(&self, class: Class) -> Option<ShortString> {
        short(self.dotted(class))
    }

    /// Returns the name of the queue. `None` if the names together are too long for AMQP.
    pub(super) fn queue(&self, class: Class) -> Option<ShortString> {
        short(format!("utakata.{}", self.dotted(class)))
    }

    /// Replaces dots, which separate the words of a routing key, by `~`, which no name contains.
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

/// Returns the arguments of a queue for control: nothing in it is lost, and the excess is refused.
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

/// Returns the arguments of a queue for observation: old messages expire.
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

/// Returns the arguments of the queue of dead letters.
pub(super) fn dead() -> FieldTable {
    let mut arguments = quorum();
    put(&mut arguments, "x-max-length", int(DEAD_LIMIT));
    put(&mut arguments, "x-overflow", text("drop-head"));
    arguments
}

/// Returns the headers of a message that was delivered before.
/// Returns the headers of a message that was delivered before, and of which these tasks are left.
pub(super) fn again(left: &[usize]) -> FieldTable {
    let mut headers = FieldTable::default();
    put(&mut headers, REDELIVERED, AMQPValue::Boolean(true));
    let left: Vec<String> = left.iter().map(usize::to_string).collect();
    put(&mut headers, LEFT, text(&left.join(",")));
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
