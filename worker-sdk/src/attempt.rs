//! One attempt: guarded against panics, ended by its deadline, cancelled on request.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{self, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use utakata_model::{Class, TaskKey};

use crate::{
    Answer, Failure,
    context::Limit,
    ending::{Ending, Subject},
    packed::Packed,
};

/// The time that a cancelled control task has to report what took effect.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// An attempt that has begun.
pub struct Attempt<F> {
    subject: Subject,
    cancelled: CancellationToken,
    run: Guarded<F>,
}

/// A future whose panic is an ending like any other. One of control takes no further step once its
/// time is over, however long this process stood still before that step.
struct Guarded<F> {
    run: Pin<Box<F>>,
    limit: Option<Limit>,
}

impl<F: Future<Output = Result<Answer, Failure>>> Future for Guarded<F> {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Ending> {
        if self.limit.is_some_and(Limit::is_over) {
            return Poll::Ready(Ending::Deadline);
        }
        let run = self.run.as_mut();
        // Anything that a panic leaves behind is dropped with the future and seen by nobody.
        match catch_unwind(AssertUnwindSafe(|| run.poll(cx))) {
            Ok(poll) => poll.map(Ending::Answered),
            // The text of the panic goes only to the log, because it might contain a secret.
            Err(_) => Poll::Ready(Ending::Panicked),
        }
    }
}

impl<F: Future<Output = Result<Answer, Failure>>> Attempt<F> {
    /// Creates an attempt, not yet polled.
    pub fn build(subject: Subject, cancelled: CancellationToken, limit: Limit, run: F) -> Self {
        let run = Guarded {
            run: Box::pin(run),
            limit: (subject.class == Class::Control).then_some(limit),
        };
        Self {
            subject,
            cancelled,
            run,
        }
    }

    /// Polls the attempt once, in place: one that ends at once needs neither a task nor a timer of
    /// its own.
    ///
    /// # Errors
    /// It has not ended, and must be run by [`Attempt::rest`].
    #[allow(
        clippy::result_large_err,
        reason = "the attempt itself goes on, by value; a box would cost each of them an allocation"
    )]
    pub fn begin(mut self) -> Result<Packed, Self> {
        // Nobody is woken: an attempt that continues is polled again by its own task.
        let mut nobody = task::Context::from_waker(Waker::noop());
        match Pin::new(&mut self.run).poll(&mut nobody) {
            Poll::Ready(ending) => Ok(self.subject.outcome(ending, Instant::now())),
            Poll::Pending => Err(self),
        }
    }

    /// Runs it to its end.
    pub async fn rest(mut self) -> (TaskKey, Packed) {
        let deadline = self.subject.deadline();
        let ending = tokio::select! {
            biased;
            ending = &mut self.run => ending,
            () = self.cancelled.cancelled() => self.wind_up().await,
            () = sleep_until(deadline) => Ending::Deadline,
        };
        let outcome = self.subject.outcome(ending, Instant::now());
        (self.subject.key, outcome)
    }

    /// Waits after a cancellation: an observe task owes nothing, a control task may still report
    /// what took effect.
    async fn wind_up(&mut self) -> Ending {
        if self.subject.class == Class::Observe {
            return Ending::CancelledWhileRunning;
        }
        let grace = (Instant::now() + CANCEL_GRACE).min(self.subject.deadline());
        timeout_at(grace, &mut self.run)
            .await
            .unwrap_or(Ending::CancelledWhileRunning)
    }
}
