//! Signals: the first requests a drain, the second ends at once; losing the terminal ends nothing.

use std::{
    io::{self, Read},
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// Signals within this time count as one request: shells and `timeout` signal the whole group and
/// then the process again.
const TOGETHER: Duration = Duration::from_millis(300);

/// The signals that end a process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if something else listens to it.
    hangup: Option<Signal>,
    /// Resolves when standard input has closed, where that is of interest.
    closed: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Takes over the signals; from now on none ends the process by itself.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: Some(signal(SignalKind::hangup())?),
            closed: None,
        })
    }

    /// Treats the end of standard input as a signal, too: the parent has gone.
    pub fn and_standard_input(mut self) -> Self {
        self.closed = Some(watch_standard_input());
        self
    }

    /// Hands out SIGHUP to a role that gives it a meaning.
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

    /// Waits for a further signal, ignoring those that arrive together with the first one.
    pub async fn asked_again(&mut self) -> &'static str {
        self.let_pass().await;
        self.end_requested().await
    }

    /// Lets the signals that came with the first one pass.
    pub async fn let_pass(&mut self) {
        let together = tokio::time::Instant::now() + TOGETHER;
        while tokio::time::timeout_at(together, self.end_requested())
            .await
            .is_ok()
        {}
    }
}

/// Resolves at the next SIGHUP, if it is listened to. Cancel safe.
pub async fn hung_up(hangup: &mut Option<Signal>) {
    let came = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Resolves once standard input has closed. Cancel safe.
async fn input_closed(closed: &mut Option<oneshot::Receiver<()>>) {
    let Some(closing) = closed else {
        return std::future::pending().await;
    };
    // An error means that the thread ended silently: that counts as an end as well.
    let _ = closing.await;
    *closed = None;
}

/// Reads in a thread of its own, because a blocking read would delay the end of the runtime.
fn watch_standard_input() -> oneshot::Receiver<()> {
    let (closed, closing) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
        // Nobody listens any more if something else came first.
        let _ = closed.send(());
    });
    closing
}
