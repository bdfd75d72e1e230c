//! Tasks: from the logic environment to any environment of the zone that has room.
//!
//! There is one queue for each zone and kind. Control tasks are kept until they are acknowledged,
//! and are served before observe tasks. Observe tasks are expendable: they are dropped when they
//! expire, and the oldest are dropped when there are too many.

pub mod embedded;

use async_trait::async_trait;
use utakata_model::{Kind, Task, TaskKey, Zone};

use crate::Error;

/// The publishing and the fetching side of the task queues.
#[async_trait]
pub trait Tasks: Send + Sync + 'static {
    /// Publishes tasks to the queues of their targets' zones and kinds. Once it returns, the inter
    /// connect keeps them. Refused tasks are returned with the reason. After an error the fate of
    /// all of them is unknown; publishing again may duplicate them.
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error>;

    /// Starts fetching the tasks of a kind in a zone. One queue may have many consumers: each task
    /// goes to one of them.
    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error>;
}

/// A consumer of a queue. When it is dropped, what it has not acknowledged goes to others, marked
/// as redelivered.
#[async_trait]
pub trait Consumer: Send {
    /// Waits until there is a task, then gives up to `max` of them, control first, each class
    /// in the order in which they came. Cancel safe: what was not returned is not lost.
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error>;

    /// Acknowledges deliveries: they are never delivered again. Unknown tags are ignored.
    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error>;

    /// Gives deliveries back at once: they return to the front of the queue, for others. Unknown
    /// tags are ignored.
    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error>;
}

/// Identifies a delivery to the consumer that received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// A task that was fetched.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The tag by which it is acknowledged.
    pub tag: Tag,
    pub task: Task,
    /// True if the task may have been delivered before.
    pub redelivered: bool,
}

/// A task that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub key: TaskKey,
    /// The reason, in a sentence.
    pub reason: String,
}
