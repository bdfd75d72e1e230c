//! Signals: the first asks for a drain, the second ends at once; a lost terminal ends nothing.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
}
