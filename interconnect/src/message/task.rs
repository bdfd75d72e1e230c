//! Tasks sent together: the payload of one AMQP message. Of credentials it has references, which an
//! environment exchanges for the values ([`super::content`]); version 1 had the values.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utakata_model::{Class, Task};

use super::{
    Message, Version,
    moments::{Moments, agree},
};
use crate::clock::{Clock, Sent};

#[derive(Serialize)]
pub struct TaskFields<'t> {
    tasks: &'t [Task],
}

#[derive(Deserialize)]
pub struct ReceivedTasks {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    left: Vec<i64>,
    tasks: Vec<Task>,
}

impl Message for Vec<Task> {
    const NAME: &'static str = "batch of tasks";
    const VERSION: Version = Version::Two;
    type Fields<'t> = TaskFields<'t>;
    type Received = ReceivedTasks;

    fn fields(&self) -> TaskFields<'_> {
        TaskFields { tasks: self }
    }

    fn moments(&self, clock: &Clock) -> Option<Moments> {
        let left = |task: &Task| clock.left(task.expires).as_millis();
        let left = self
            .iter()
            .map(|task| i64::try_from(left(task)).unwrap_or(i64::MAX))
            .collect();
        Some(Moments::Left { left })
    }

    /// Converts deadlines to our clock.
    fn received(received: ReceivedTasks, clock: Option<&Clock>) -> Self {
        let ReceivedTasks {
            sent,
            left,
            mut tasks,
        } = received;
        let sent = sent.filter(|_| left.len() == tasks.len());
        let (Some(clock), Some(sent)) = (clock, sent) else {
            return tasks;
        };
        let waited = waited(&sent, &tasks, &left, clock);
        if clock.ahead(&sent).is_some_and(agree) {
            return tasks;
        }
        let now = clock.now();
        for (task, left) in tasks.iter_mut().zip(left) {
            let left = match task.class {
                Class::Observe => left.saturating_sub(waited),
                // The time it spent in the queue is an estimate; the ledger decides whether it may
                // begin.
                Class::Control => left,
            };
            let expires = now.checked_add(SignedDuration::from_millis(left));
            task.expires = expires.unwrap_or(task.expires);
        }
        tasks
    }
}

/// Returns the time in milliseconds that reads spent in a queue. No queue hands out a message of
/// reads that have all expired: if they seem to have, the clocks are wrong.
fn waited(sent: &Sent, tasks: &[Task], left: &[i64], clock: &Clock) -> i64 {
    let waited = i64::try_from(clock.receive(sent).waited.as_millis()).unwrap_or(i64::MAX);
    let reads = tasks.iter().zip(left);
    let reads = reads.filter(|(task, _)| task.class == Class::Observe);
    match reads.map(|(_, left)| *left).max() {
        Some(longest) if longest > 0 && waited >= longest => {
            clock.doubt(sent);
            clock.receive(sent);
            0
        }
        _ => waited,
    }
}
