//! Whether anybody is let in. Who comes while it is shut waits in the system's queue, and is let
//! in later, also by a successor. Who had come and had not said hello yet is not heard, and keeps
//! the token.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use tokio::{
    net::UnixListener,
    sync::{mpsc, watch},
};
use tokio_stream::wrappers::ReceiverStream;
use utakata_interconnect::admission::{Acceptor, Admission, Limits};

use super::{Doors, guest::Guest};

/// The name of the listener in the log.
const WHAT: &str = "the socket of the workers";

/// Whether anybody is let in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    open: watch::Sender<bool>,
    doors: Doors,
    /// The listener once more, for a successor.
    listener: Arc<OwnedFd>,
}

impl Gate {
    /// Open.
    pub(super) fn build(listener: &UnixListener, doors: Doors) -> io::Result<Self> {
        let listener = std::os::fd::AsFd::as_fd(listener).try_clone_to_owned()?;
        Ok(Self {
            open: watch::Sender::new(true),
            doors,
            listener: Arc::new(listener),
        })
    }

    /// The doors behind it.
    pub(super) fn doors(&self) -> &Doors {
        &self.doors
    }

    /// From now on nobody is let in.
    pub(crate) fn shut(&self) {
        self.doors.set_shut(true);
        self.open.send_replace(false);
    }

    /// From now on everybody is, also who waits.
    pub(crate) fn open(&self) {
        self.doors.set_shut(false);
        self.open.send_replace(true);
    }

    /// Resolves when it is open.
    pub(super) async fn opened(&self) {
        // The sender is here.
        let _ = self.open.subscribe().wait_for(|is_open| *is_open).await;
    }

    /// The listener, for a successor.
    pub(crate) fn listener(&self) -> io::Result<OwnedFd> {
        self.listener.try_clone()
    }

    /// Returns the connections that are let in: so many without a token at a time, and for so long.
    pub(super) fn incoming(
        &self,
        listener: UnixListener,
        unknown: usize,
        within: Duration,
    ) -> ReceiverStream<io::Result<Guest>> {
        let (to, incoming) = mpsc::channel(1);
        let mut open = self.open.subscribe();
        let limits = Limits {
            total: unknown.max(2),
            // A process that floods it leaves others their half.
            per_peer: (unknown / 2).max(1),
        };
        let admission = Admission::new(WHAT, limits);
        tokio::spawn(async move {
            let mut acceptor = Acceptor::new(WHAT);
            // The sender lives as long as the endpoint.
            while open.wait_for(|is_open| *is_open).await.is_ok() {
                admission.settled().await;
                let (stream, process) = tokio::select! {
                    came = acceptor.accept(&listener) => came,
                    _ = open.wait_for(|is_open| !*is_open) => continue,
                    () = to.closed() => return,
                };
                let Some(place) = admission.admit(process) else {
                    continue;
                };
                let guest = Guest::new(stream, place, within);
                if to.send(Ok(guest)).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(incoming)
    }
}
