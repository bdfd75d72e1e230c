//! Tasks: from the logic environment to whichever environment of the zone has room.
//!
//! There is a queue for each zone and kind. Control tasks are kept until somebody acknowledges
//! them, and are served before observe tasks. Observe tasks are expendable: they go when they
//! expire, and the oldest go when there are too many.

pub mod embedded;

use async_trait::async_trait;
use utakata_model::{Kind, Task, TaskKey, Zone};

use crate::Error;

/// The sending and the fetching side of the task queues.
#[async_trait]
pub trait Tasks: Send + Sync + 'static {
    /// Hands tasks over, to the queues of their targets' zones and kinds. When it returns, the
    /// inter connect keeps them. What it could not take comes back with the reason.
    /// Errors: nothing is known of any of them; publishing again may double them.
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error>;

    /// Begins to fetch the tasks of a kind in a zone. There may be many consumers of one queue:
    /// each task goes to one of them.
    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error>;
}

/// One who fetches. When it is dropped, what it has not acknowledged goes to others, marked as
/// redelivered.
#[async_trait]
pub trait Consumer: Send {
    /// Waits until there is a task, then gives up to `most` of them, control first, each class
    /// in the order in which they came. Cancel safe: what was not returned is not lost.
    async fn fetch(&mut self, most: usize) -> Result<Vec<Delivery>, Error>;

    /// These are dealt with: never deliver them again. Unknown tags are ignored.
    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error>;

    /// These are for somebody else, now: they go back to the front of the queue. Unknown tags
    /// are ignored.
    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error>;
}

/// Names a delivery to the consumer that got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// A task that was fetched.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The tag by which it is acknowledged.
    pub tag: Tag,
    pub task: Task,
    /// True if it may have been delivered before.
    pub redelivered: bool,
}

/// A task that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub key: TaskKey,
    /// The reason, in a sentence.
    pub reason: String,
}
