//! One connection to a hub: requests carry ids, and answers refer to them.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::super::{
    frame,
    message::{Answer, Ask, MAX_OPEN, MAX_REQUESTS, Reply, Request},
};
use crate::Error;

/// Room for every request in flight, and for closing everything that is open.
const OUTGOING: usize = MAX_REQUESTS + 2 * MAX_OPEN + 2;

/// One connection. When it is lost, everything waiting for an answer gets [`Error::Away`].
#[derive(Debug)]
pub(super) struct Link {
    outgoing: mpsc::Sender<Vec<u8>>,
    places: Arc<Semaphore>,
    next: AtomicU64,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    lost: Option<String>,
    waiting: HashMap<u64, PendingReply>,
}

/// A request waiting for its answer. Its slot stays taken until the answer arrives, even if the
/// caller has given up: the hub is still working on it.
#[derive(Debug)]
struct PendingReply {
    answer: oneshot::Sender<Answer>,
    place: Option<OwnedSemaphorePermit>,
}

/// Something opened at the hub. Dropping it makes the hub drop it as well, before the hub handles
/// any later request.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) link: Arc<Link>,
    pub(super) open: u64,
    farewell: Option<mpsc::OwnedPermit<Vec<u8>>>,
}

/// An answer that will arrive.
pub(super) type Coming = oneshot::Receiver<Answer>;

impl Link {
    /// A link, and the frames to be written.
    pub(super) fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (outgoing, frames) = mpsc::channel(OUTGOING);
        let link = Self {
            outgoing,
            places: Arc::new(Semaphore::new(MAX_REQUESTS)),
            next: AtomicU64::new(1),
            state: Mutex::default(),
        };
        (link, frames)
    }

    /// Sends a request and waits for the answer. When cancelled, the outcome is unknown.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Answer, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| self.away())?;
        let coming = self.send(ask, Some(place)).await?;
        coming.await.map_err(|_| self.away())
    }

    /// Sends a request that may take long. Cancel safe: the request has been sent when this
    /// returns.
    pub(super) async fn pull(&self, ask: Ask) -> Result<Coming, Error> {
        self.send(ask, None).await
    }

    async fn send(&self, ask: Ask, place: Option<OwnedSemaphorePermit>) -> Result<Coming, Error> {
        let id = self.number();
        let frame = frame::encode(&Request { id, ask }).map_err(|error| Error::Away {
            reason: error.to_string(),
        })?;
        // Nothing is awaited between registering and sending.
        let slot = self.outgoing.reserve().await.map_err(|_| self.away())?;
        let (answer, coming) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.lost.is_none() {
                state.waiting.insert(id, PendingReply { answer, place });
            }
        }
        slot.send(frame);
        Ok(coming)
    }

    /// Sends a message to which nobody waits for an answer, if there is room.
    pub(super) fn mention(&self, ask: Ask) {
        let id = self.number();
        if let Ok(frame) = frame::encode(&Request { id, ask }) {
            let _ = self.outgoing.try_send(frame);
        }
    }

    /// Reserves a number for something about to be opened.
    pub(super) async fn lease(self: Arc<Self>) -> Result<Lease, Error> {
        let farewell = self.outgoing.clone().reserve_owned().await;
        Ok(Lease {
            open: self.number(),
            farewell: Some(farewell.map_err(|_| self.away())?),
            link: self,
        })
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Passes answers to the callers waiting for them, until the hub goes. Not cancel safe.
    pub(super) async fn hear(
        &self,
        read: &mut (impl tokio::io::AsyncRead + Unpin),
        max_silent: std::time::Duration,
    ) -> io::Result<()> {
        loop {
            let reply = frame::read_message(read, frame::MAX_LENGTH);
            let reply = tokio::time::timeout(max_silent, reply).await;
            let reply = reply.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            let Some(Reply { id, answer }) = reply else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let waiting = self.state.lock().waiting.remove(&id);
            if let Some(PendingReply { answer: to, place }) = waiting {
                drop(place);
                // The caller may have lost interest.
                let _ = to.send(answer);
            }
        }
    }

    /// Marks the link as lost: everybody waiting, now or later, gets an error.
    pub(super) fn lose(&self, reason: &str) {
        self.places.close();
        let waiting = {
            let mut state = self.state.lock();
            state.lost.get_or_insert_with(|| reason.into());
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
    }

    pub(super) fn away(&self) -> Error {
        let lost = self.state.lock().lost.clone();
        Error::Away {
            reason: lost.unwrap_or_else(|| "the connection to the hub was lost".into()),
        }
    }

    /// Forgets pulls that nobody waits for: no answer follows once their consumer has been left.
    fn forget_abandoned(&self) {
        let mut state = self.state.lock();
        state
            .waiting
            .retain(|_, waiting| waiting.place.is_some() || !waiting.answer.is_closed());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.link.forget_abandoned();
        let id = self.link.number();
        let ask = Ask::Leave { open: self.open };
        if let Some(farewell) = self.farewell.take()
            && let Ok(frame) = frame::encode(&Request { id, ask })
        {
            farewell.send(frame);
        }
    }
}
