//! Signals: the first asks for a drain, the second ends at once; a lost terminal ends nothing.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that come together are one wish: shells and `timeout` signal the whole group and then
/// the process again.
const TOGETHER: Duration = Duration::from_millis(300);

/// The signals that end a process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over; from now on none ends the process by itself.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGINT or SIGTERM, and gives its name.
    pub async fn asked_to_end(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => tracing::debug!("the terminal is gone"),
            }
        }
    }

    /// The same, for somebody who was asked just now: what came with the first signal is no
    /// second one.
    pub async fn asked_again(&mut self) -> &'static str {
        let together = tokio::time::Instant::now() + TOGETHER;
        while tokio::time::timeout_at(together, self.asked_to_end())
            .await
            .is_ok()
        {}
        self.asked_to_end().await
    }
}
