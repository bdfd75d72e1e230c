//! One connection to a hub: requests go out under numbers, answers come in under them.

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

/// Room for every request that may be under way, and for the farewell of everything open.
const OUTGOING: usize = MAX_REQUESTS + 2 * MAX_OPEN + 2;

/// One connection. When it is lost, everything that waits for an answer gets [`Error::Away`].
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

/// A request that waits for its answer. The place stays taken until the answer comes, even if
/// nobody waits any more: the hub is still at it.
#[derive(Debug)]
struct PendingReply {
    answer: oneshot::Sender<Answer>,
    place: Option<OwnedSemaphorePermit>,
}

/// Something that is open at the hub. When it is dropped, the hub drops it as well, before it
/// does whatever is asked later.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) link: Arc<Link>,
    pub(super) open: u64,
    farewell: Option<mpsc::OwnedPermit<Vec<u8>>>,
}

/// An answer that will arrive.
pub(super) type Coming = oneshot::Receiver<Answer>;

impl Link {
    /// A link, and the frames that are to be written.
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

    /// Asks, and waits for the answer. When it is cancelled, nobody knows what came of it.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Answer, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| self.away())?;
        let coming = self.send(ask, Some(place)).await?;
        coming.await.map_err(|_| self.away())
    }

    /// Asks for what may take long. Cancel safe: it was asked when this returns.
    pub(super) async fn pull(&self, ask: Ask) -> Result<Coming, Error> {
        self.send(ask, None).await
    }

    async fn send(&self, ask: Ask, place: Option<OwnedSemaphorePermit>) -> Result<Coming, Error> {
        let id = self.number();
        let frame = frame::encode(&Request { id, ask }).map_err(|error| Error::Away {
            reason: error.to_string(),
        })?;
        // Nothing is awaited between the registering and the sending.
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

    /// Sends what nobody waits for the answer of, if there is room.
    pub(super) fn mention(&self, ask: Ask) {
        let id = self.number();
        if let Ok(frame) = frame::encode(&Request { id, ask }) {
            let _ = self.outgoing.try_send(frame);
        }
    }

    /// A place for something that is to be opened.
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

    /// Gives answers to those who wait for them, until the hub goes. Not cancel safe.
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
                // Whoever asked may have lost interest.
                let _ = to.send(answer);
            }
        }
    }

    /// It is no more: tells everybody who waits, and who will ask.
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

    /// Forgets pulls that nobody waits for: to what was left, no answer comes.
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
