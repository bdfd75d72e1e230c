//! What the SDK offers to one attempt.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_model::{TaskId, TaskKey};

/// What the SDK offers to one attempt: its deadline, whether it was cancelled, and a way to say
/// how far it is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    key: TaskKey,
    deadline: Instant,
    cancelled: CancellationToken,
    progress: mpsc::Sender<(TaskKey, String)>,
}

impl Context {
    /// The context of one attempt.
    pub(crate) fn build(
        key: TaskKey,
        deadline: Instant,
        cancelled: CancellationToken,
        progress: mpsc::Sender<(TaskKey, String)>,
    ) -> Self {
        Self {
            key,
            deadline,
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
        Self::build(key, deadline, CancellationToken::new(), mpsc::channel(1).0)
    }

    /// When the attempt ends, whatever it is doing then.
    pub fn deadline(&self) -> Instant {
        self.deadline
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
