//! Groups of tasks that travel together.

use jiff::Timestamp;
use utakata_interconnect::{Message as _, clock::Clock, message};
use utakata_model::{Class, Task};

use super::topology::Route;

/// The size above which a message is halved, in bytes: brokers refuse messages of many megabytes.
const LARGEST: usize = 4 << 20;

/// Tasks of one queue, in order.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) route: Route,
    pub(super) class: Class,
    pub(super) tasks: Vec<Task>,
}

/// A message: its bytes, and the tasks in it.
#[derive(Debug)]
pub(super) struct EncodedBatch {
    pub(super) payload: Vec<u8>,
    pub(super) tasks: Vec<Task>,
}

/// Divides tasks by their queues, up to `max` in a batch, each queue's in their order. What is
/// for a queue that came earlier travels earlier.
pub(super) fn group(tasks: Vec<Task>, max: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for task in tasks {
        // Neighbours mostly go to the same queue.
        let open = batches
            .iter_mut()
            .rev()
            .find(|batch| batch.class == task.class && batch.route.is_of(&task));
        match open {
            Some(batch) if batch.tasks.len() < max => batch.tasks.push(task),
            _ => batches.push(Batch {
                route: Route::of(&task),
                class: task.class,
                tasks: vec![task],
            }),
        }
    }
    batches
}

/// Returns the messages of a batch: one, unless it is too large.
pub(super) fn messages(
    tasks: Vec<Task>,
    clock: &Clock,
) -> Result<Vec<EncodedBatch>, message::Error> {
    let mut messages = Vec::with_capacity(1);
    let mut parts = vec![tasks];
    while let Some(mut tasks) = parts.pop() {
        let payload = tasks.encode_stamped(clock)?;
        if payload.len() > LARGEST && tasks.len() > 1 {
            let rest = tasks.split_off(tasks.len() / 2);
            parts.extend([rest, tasks]);
        } else {
            messages.push(EncodedBatch { payload, tasks });
        }
    }
    Ok(messages)
}

/// Returns the time for which a message of observation is worth keeping, in milliseconds: until its
/// last task has expired. `None` if that has passed.
pub(super) fn worth(tasks: &[Task], now: Timestamp) -> Option<u64> {
    let last = tasks.iter().map(|task| task.expires).max()?;
    let left = last.as_millisecond() - now.as_millisecond();
    u64::try_from(left).ok().filter(|left| *left > 0)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;
    use utakata_model::Parameters;

    use super::*;
    use utakata_interconnect_conformance::sample::{self, Queue};

    fn numbers(tasks: &[Task]) -> Vec<usize> {
        tasks.iter().filter_map(sample::number).collect()
    }

    #[test]
    fn tasks_travel_with_those_of_their_queue_and_class_in_their_order() {
        let [one, two] = ["snmp", "ups"].map(|kind| Queue::new("hall-1", kind).unwrap());
        let tasks = vec![
            one.task(Class::Control, 0),
            two.task(Class::Control, 1),
            one.task(Class::Observe, 2),
            one.task(Class::Control, 3),
            one.task(Class::Control, 4),
            two.task(Class::Control, 5),
        ];
        let seen: Vec<_> = group(tasks, 2)
            .iter()
            .map(|b| (b.route.kind.to_string(), b.class, numbers(&b.tasks)))
            .collect();
        let expect = [
            ("snmp", Class::Control, vec![0, 3]),
            ("ups", Class::Control, vec![1, 5]),
            ("snmp", Class::Observe, vec![2]),
            ("snmp", Class::Control, vec![4]),
        ];
        assert_eq!(seen, expect.map(|(kind, c, n)| (kind.to_owned(), c, n)));
    }

    #[test]
    fn a_message_that_is_too_large_is_halved_in_its_order() {
        let queue = Queue::new("hall-1", "snmp").unwrap();
        let mut tasks = queue.tasks(Class::Control, 0..4);
        for (number, task) in tasks.iter_mut().enumerate() {
            let much = "x".repeat(LARGEST / 3);
            task.parameters = Parameters::new(&json!({ "number": number, "much": much }));
        }
        let messages = messages(tasks, &Clock::default()).unwrap();
        let seen: Vec<_> = messages.iter().map(|m| numbers(&m.tasks)).collect();
        assert_eq!(seen, [[0, 1], [2, 3]]);
    }

    #[test]
    fn a_message_is_worth_keeping_until_its_last_task_has_expired() {
        let queue = Queue::new("hall-1", "snmp").unwrap();
        let now = Timestamp::now();
        let left = |seconds: &[i64]| {
            let expire = |seconds: &i64| now + SignedDuration::from_secs(*seconds);
            let tasks = seconds.iter().map(|s| Task {
                expires: expire(s),
                ..queue.task(Class::Observe, 0)
            });
            worth(&tasks.collect::<Vec<_>>(), now)
        };
        assert_eq!(left(&[-1, 3, 2]), Some(3_000));
        assert_eq!(left(&[-1, 0]), None);
        assert_eq!(left(&[]), None);
    }
}
