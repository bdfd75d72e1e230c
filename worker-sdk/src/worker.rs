//! The interface that a worker implements.

use std::error::Error;

use crate::{Answer, Context, Failure, Release, Task};

/// A program that serves one kind of target, many targets at once.
pub trait Worker: Sized + Send + Sync + 'static {
    /// Builds the worker, once, before any task. Called inside the runtime, so that sockets can be
    /// opened.
    ///
    /// # Errors
    /// Anything that keeps it from working. It is shown to people, and the process ends with exit
    /// code 70.
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>>;

    /// Carries out one task. The parameters are valid according to the action's schema.
    ///
    /// At the deadline, and when an observe task is cancelled, the future is dropped. A control
    /// task that is cancelled sees this in [`Context::cancelled`] and has one second to report what
    /// took effect. The first poll happens where messages are read: never block in it.
    fn run(
        &self,
        task: Task,
        context: Context,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Called once, after the last task: says goodbye to equipment that remembers it, such as by
    /// ending sessions. Cut off after two seconds; a worker that is killed is never asked.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Returns the number of tasks that it takes at once.
    fn capacity(&self) -> u32 {
        1024
    }
}
