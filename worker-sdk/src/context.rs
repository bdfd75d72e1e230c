//! What the SDK offers to one attempt.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_model::{TaskId, TaskKey};
use utakata_protocol::clock::Moment;

/// The services of the SDK for one attempt: its deadline, whether it was cancelled, and a way to
/// say how far it is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    key: TaskKey,
    deadline: Instant,
    limit: Limit,
    cancelled: CancellationToken,
    progress: mpsc::Sender<(TaskKey, String)>,
}

/// The time that an attempt has, by a clock that goes on while the machine is suspended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    began: Moment,
    within: Duration,
}

impl Limit {
    /// So long from now on.
    pub(crate) fn from_now(within: Duration) -> Self {
        Self {
            began: Moment::now(),
            within,
        }
    }

    /// Returns whether it is over.
    pub(crate) fn is_over(self) -> bool {
        self.began.elapsed() >= self.within
    }
}

impl Context {
    /// The context of one attempt.
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

    /// A context that nobody listens to, for a test of a worker alone.
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

    /// Returns whether there is time left, by a clock that also goes on while this process is
    /// stopped or its machine suspended. The SDK looks at it before each step of a control future;
    /// whoever talks to equipment from a thread of its own looks immediately before each thing that
    /// it says, and says no more when this is false.
    pub fn is_in_time(&self) -> bool {
        !self.limit.is_over()
    }

    /// Ends when the task is cancelled.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Says how far it is, for people. Never waits: dropped when too much is said at once.
    pub fn progress(&self, text: impl Into<String>) {
        // Progress is expendable: outcomes are not, and must not wait behind it.
        let _ = self.progress.try_send((self.key, text.into()));
    }
}
