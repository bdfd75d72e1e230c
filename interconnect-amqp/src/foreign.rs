//! The content of a message: tasks, or something that is not for us. Pure.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use thiserror::Error;
use utakata_interconnect::{Distrust, Message as _, Signatures, clock::Clock, message, signatures};
use utakata_model::{Class, Task, TaskKey};

use super::topology::{self, Route};

/// The size of the largest message that is read, in bytes.
pub(super) const LARGEST: usize = 64 << 20;

/// The reason why a message is not for us.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Foreign {
    #[error("it has {0} bytes, and {LARGEST} are the most")]
    Size(usize),
    #[error(transparent)]
    Form(#[from] message::Error),
    #[error("there is no task in it")]
    Empty,
    #[error("the task {id} in it is for {class} of the kind {kind} in the zone {zone}")]
    Elsewhere {
        id: String,
        class: &'static str,
        kind: String,
        zone: String,
    },
    #[error(transparent)]
    Distrusted(#[from] Distrust),
}

/// The parts of this process by which it reads messages of one queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) route: &'r Route,
    pub(super) class: Class,
    pub(super) clock: &'r Clock,
    pub(super) signatures: Option<&'r dyn Signatures>,
}

/// The bytes of a message of control, to be published again if some of its tasks are left.
#[derive(Debug, Clone, Default)]
pub(super) struct Original {
    pub(super) payload: Vec<u8>,
    keys: Vec<TaskKey>,
}

impl Original {
    pub(super) fn new(payload: Vec<u8>, tasks: &[Task]) -> Self {
        let keys = tasks.iter().map(Task::key).collect();
        Self { payload, keys }
    }

    /// Returns the positions of tasks in the message.
    pub(super) fn positions(&self, tasks: &[Task]) -> Vec<usize> {
        let left: Vec<TaskKey> = tasks.iter().map(Task::key).collect();
        let all = self.keys.iter().enumerate();
        let left = all.filter(|(_, key)| left.contains(key));
        left.map(|(at, _)| at).collect()
    }
}

impl Reader<'_> {
    /// Returns the tasks in a message.
    ///
    /// # Errors
    /// The reason why it is not for us.
    pub(super) fn tasks(&self, payload: &[u8]) -> Result<Vec<Task>, Foreign> {
        if payload.len() > LARGEST {
            return Err(Foreign::Size(payload.len()));
        }
        let Self { route, class, .. } = *self;
        let tasks = match self.signatures {
            Some(signatures) if class == Class::Control => {
                let place = signatures::control(&route.zone, &route.kind);
                let message = signatures.admit_tasks(&place, payload)?;
                Vec::<Task>::decode_stamped(&message, self.clock)?
            }
            _ => Vec::<Task>::decode_stamped(payload, self.clock)?,
        };
        if tasks.is_empty() {
            return Err(Foreign::Empty);
        }
        let is_ours = |task: &&Task| route.is_of(task) && task.class == class;
        match tasks.iter().find(|task| !is_ours(task)) {
            None => Ok(tasks),
            Some(task) => Err(Foreign::Elsewhere {
                id: task.id.to_string(),
                class: topology::word(task.class),
                kind: task.target.kind.to_string(),
                zone: task.target.zone.to_string(),
            }),
        }
    }
}

/// Returns the positions of the tasks that are left of a message, if not all of them are.
pub(super) fn left(properties: &BasicProperties) -> Option<Vec<usize>> {
    let headers = properties.headers().as_ref().map(FieldTable::inner)?;
    let AMQPValue::LongString(text) = headers.get(topology::LEFT)? else {
        return None;
    };
    let text = text.to_string();
    text.split(',').map(|at| at.parse().ok()).collect()
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
        let clock = Clock::default();
        let reader = Reader {
            route: &route,
            class: Class::Control,
            clock: &clock,
            signatures: None,
        };
        let read = |payload: &[u8]| reader.tasks(payload);

        let good = encode(queue.tasks(Class::Control, 0..3));
        assert_eq!(read(&good).unwrap().len(), 3);
        for (payload, expect) in [
            (b"no JSON".to_vec(), "not ours"),
            (br#"{"version":7,"tasks":[]}"#.to_vec(), "version 7"),
            (encode(Vec::new()), "no task"),
            (encode(queue.tasks(Class::Observe, 0..1)), "for observe"),
            (encode(other.tasks(Class::Control, 0..1)), "zone hall-2"),
        ] {
            let refused = read(&payload).unwrap_err().to_string();
            assert!(refused.contains(expect), "{refused}");
        }
    }

    #[test]
    fn what_is_left_of_a_message_is_known_by_its_positions() {
        let queue = Queue::new("hall-1", "snmp").unwrap();
        let tasks = queue.tasks(Class::Control, 0..4);
        let original = Original::new(Vec::new(), &tasks);
        let rest = [tasks[3].clone(), tasks[1].clone()];
        let positions = original.positions(&rest);
        assert_eq!(positions, [1, 3]);
        let again = BasicProperties::default().with_headers(topology::again(&positions));
        assert!(is_again(&again));
        assert_eq!(left(&again), Some(vec![1, 3]));
        assert_eq!(left(&BasicProperties::default()), None);
    }
}
