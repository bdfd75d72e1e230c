//! What a worker implements.

use std::error::Error;

use crate::{Answer, Context, Failure, Release, Task};

/// A program that serves one kind of target, many targets at once.
pub trait Worker: Sized + Send + Sync + 'static {
    /// Makes the worker, once, before any task. Called inside the runtime: sockets can be
    /// opened here. Errors: whatever keeps it from working; shown to people, then the process
    /// ends with exit code 70.
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>>;

    /// Carries out one task. The parameters are valid by the action's schema.
    ///
    /// At the deadline, and when an observe task is cancelled, the future is dropped. A control
    /// task that is cancelled sees it in [`Context::cancelled`] and has a second to say what
    /// took effect. The first poll happens where messages are read: never block in it.
    fn run(
        &self,
        task: Task,
        context: Context,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Returns how many tasks it takes at once.
    fn capacity(&self) -> u32 {
        1024
    }
}
