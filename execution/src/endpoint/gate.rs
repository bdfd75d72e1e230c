//! Whether anybody is let in. Who comes while it is shut waits in the system's queue, and is let
//! in later, also by a successor. Who had come and had not said hello yet is not heard, and keeps
//! the token.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::{mpsc, watch},
};
use tokio_stream::wrappers::ReceiverStream;

use super::Doors;

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

    /// Those who are let in.
    pub(super) fn incoming(
        &self,
        listener: UnixListener,
    ) -> ReceiverStream<io::Result<UnixStream>> {
        let (to, incoming) = mpsc::channel(1);
        let mut open = self.open.subscribe();
        tokio::spawn(async move {
            // The sender lives as long as the endpoint.
            while open.wait_for(|is_open| *is_open).await.is_ok() {
                let came = tokio::select! {
                    came = listener.accept() => came.map(|(stream, _)| stream),
                    _ = open.wait_for(|is_open| !*is_open) => continue,
                    () = to.closed() => return,
                };
                if to.send(came).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(incoming)
    }
}
