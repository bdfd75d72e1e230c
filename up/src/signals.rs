//! Signals: the first asks for a drain, the second ends at once; a lost terminal ends nothing.

use std::{
    io::{self, Read},
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// Signals that come together are one wish: shells and `timeout` signal the whole group and then
/// the process again.
const TOGETHER: Duration = Duration::from_millis(300);

/// The signals that end a process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: somebody else listens to it.
    hangup: Option<Signal>,
    /// Says that standard input has closed, where that is of interest.
    closed: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Takes the signals over; from now on none ends the process by itself.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: Some(signal(SignalKind::hangup())?),
            closed: None,
        })
    }

    /// The end of standard input counts as a signal, too: whoever holds the other end has gone.
    pub fn and_standard_input(mut self) -> Self {
        self.closed = Some(watch_standard_input());
        self
    }

    /// SIGHUP, for somebody to whom it means something.
    pub fn take_hangup(&mut self) -> Option<Signal> {
        self.hangup.take()
    }

    /// Waits for SIGINT or SIGTERM, and gives its name.
    pub async fn end_requested(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                () = input_closed(&mut self.closed) => return "end of input",
                () = hung_up(&mut self.hangup) => tracing::info!(
                    "SIGHUP ends nothing and replaces nothing here: another program, or other \
                     settings, are for a restart"
                ),
            }
        }
    }

    /// The same, for somebody who was asked just now: what came with the first signal is no
    /// second one.
    pub async fn asked_again(&mut self) -> &'static str {
        self.let_pass().await;
        self.end_requested().await
    }

    /// Lets what came with the first signal pass.
    pub async fn let_pass(&mut self) {
        let together = tokio::time::Instant::now() + TOGETHER;
        while tokio::time::timeout_at(together, self.end_requested())
            .await
            .is_ok()
        {}
    }
}

/// Resolves with the next SIGHUP, if somebody listens. Cancel safe.
pub async fn hung_up(hangup: &mut Option<Signal>) {
    let came = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Resolves once when standard input has closed. Cancel safe.
async fn input_closed(closed: &mut Option<oneshot::Receiver<()>>) {
    let Some(closing) = closed else {
        return std::future::pending().await;
    };
    // An error says that the thread has ended without a word: that is an end as well.
    let _ = closing.await;
    *closed = None;
}

/// Reads in a thread of its own, because a blocking read would hold the runtime up at its end.
fn watch_standard_input() -> oneshot::Receiver<()> {
    let (closed, closing) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
        // Nobody listens any more when something else came first.
        let _ = closed.send(());
    });
    closing
}
