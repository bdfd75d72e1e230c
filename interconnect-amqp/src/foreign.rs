//! The content of a message: tasks, or something that is not for us. Pure.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use utakata_interconnect::{Message as _, clock::Clock};
use utakata_model::{Class, Task};

use super::topology::{self, Route};

/// The size of the largest message that is read, in bytes.
pub(super) const LARGEST: usize = 64 << 20;

/// Returns the tasks in a message of one queue.
///
/// # Errors
/// The reason why it is not for us.
pub(super) fn tasks(
    payload: &[u8],
    route: &Route,
    class: Class,
    clock: &Clock,
) -> Result<Vec<Task>, String> {
    if payload.len() > LARGEST {
        return Err(format!(
            "it has {} bytes, and {LARGEST} are the most",
            payload.len()
        ));
    }
    let tasks = Vec::<Task>::decode_stamped(payload, clock);
    let tasks = tasks.map_err(|error| error.to_string())?;
    if tasks.is_empty() {
        return Err("there is no task in it".into());
    }
    match tasks
        .iter()
        .find(|task| !(route.is_of(task) && task.class == class))
    {
        None => Ok(tasks),
        Some(task) => Err(format!(
            "the task {} in it is for {} of the kind {} in the zone {}",
            task.id,
            topology::word(task.class),
            task.target.kind,
            task.target.zone
        )),
    }
}

/// Returns true if the sender marked it as delivered before.
pub(super) fn is_again(properties: &BasicProperties) -> bool {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let again = headers.and_then(|headers| headers.get(topology::REDELIVERED));
    matches!(again, Some(AMQPValue::Boolean(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use utakata_interconnect_conformance::sample::Queue;

    #[test]
    fn what_is_not_for_us_is_reported_with_the_reason() {
        let queue = Queue::new("hall-1", "snmp").unwrap();
        let route = Route {
            zone: queue.zone.clone(),
            kind: queue.kind.clone(),
        };
        let other = Queue::new("hall-2", "snmp").unwrap();
        let encode = |tasks: Vec<Task>| tasks.encode().unwrap();
        let read = |payload: &[u8]| tasks(payload, &route, Class::Control, &Clock::default());

        let good = encode(queue.tasks(Class::Control, 0..3));
        assert_eq!(read(&good).unwrap().len(), 3);
        for (payload, expect) in [
            (b"no JSON".to_vec(), "not ours"),
            (br#"{"version":7,"tasks":[]}"#.to_vec(), "version 7"),
            (encode(Vec::new()), "no task"),
            (encode(queue.tasks(Class::Observe, 0..1)), "for observe"),
            (encode(other.tasks(Class::Control, 0..1)), "zone hall-2"),
        ] {
            let refused = read(&payload).unwrap_err();
            assert!(refused.contains(expect), "{refused}");
        }
    }
}
