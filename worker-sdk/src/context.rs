//! The services of the SDK for one attempt.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_model::{TaskId, TaskKey};
use utakata_protocol::clock::Moment;

/// The services of the SDK for one attempt: its deadline, its cancellation, and progress reports.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    key: TaskKey,
    deadline: Instant,
    limit: Limit,
    cancelled: CancellationToken,
    progress: mpsc::Sender<(TaskKey, String)>,
}

/// The time that an attempt has, by a clock that continues while the machine is suspended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    began: Moment,
    within: Duration,
}

impl Limit {
    /// Returns the deadline that lies this far in the future.
    pub(crate) fn from_now(within: Duration) -> Self {
        Self {
            began: Moment::now(),
            within,
        }
    }

    /// Returns true if the deadline has passed.
    pub(crate) fn is_over(self) -> bool {
        self.began.elapsed() >= self.within
    }
}

impl Context {
    /// Creates the context of one attempt.
    pub(crate) fn build(
        key: TaskKey,
        deadline: Instant,
        limit: Limit,
        cancelled: CancellationToken,
        progress: mpsc::Sender<(TaskKey, String)>,
    ) -> Self {
        Self {
            key,
            deadline,
            limit,
            cancelled,
            progress,
        }
    }

    /// Creates a context without a manager, for testing a worker alone.
    pub fn alone(timeout: Duration) -> Self {
        let key = TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        };
        let deadline = Instant::now() + timeout;
        let limit = Limit::from_now(timeout);
        let (cancelled, progress) = (CancellationToken::new(), mpsc::channel(1).0);
        Self::build(key, deadline, limit, cancelled, progress)
    }

    /// Returns the time at which the attempt ends, whatever it is doing then.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns true if there is time left, by a clock that continues even while this process is
    /// stopped or its machine suspended. The SDK checks this before each step of a control future.
    /// Code that talks to equipment from a thread of its own must check it immediately before every
    /// message, and send nothing once it returns false.
    pub fn is_in_time(&self) -> bool {
        !self.limit.is_over()
    }

    /// Returns when the task is cancelled.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Reports progress, for people. Never waits: reports are dropped if there are too many.
    pub fn progress(&self, text: impl Into<String>) {
        // Progress is expendable; outcomes are not, and must not wait behind it.
        let _ = self.progress.try_send((self.key, text.into()));
    }
}
