//! The admission of workers: a token for each worker that was started, good for one hello, and the
//! suspension of all admission.
//!
//! A worker that connects while admission is suspended waits in the operating system's queue, and
//! is admitted later, possibly by a successor. One that has connected and not yet said hello is not
//! heard, and keeps its token.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    sync::{mpsc, watch},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::admission::{self, Acceptor, Limits, Listener};
use utakata_model::{Manifest, WorkerId};

use super::{
    Listeners, ListenersLeft,
    connection::{Connection, Peer, Stream},
};
use crate::{
    runtime::door::{self, OpenDoor},
    worker::{Number, Report},
};

/// The name of the listener in the log.
const LISTENER: &str = "the socket of the workers";
/// The name of the other listener on this machine in the log.
const LOOPBACK: &str = "the loopback address of the workers";
/// The name of the door in the log.
const DOOR: &str = "the door of the workers";

/// An expected worker, and the channels that await it.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) number: Number,
    pub(crate) worker: WorkerId,
    pub(crate) manifest: Arc<Manifest>,
    /// The queue of its events.
    pub(crate) reports: mpsc::Sender<Report>,
    /// Cuts the stream.
    pub(crate) cut: CancellationToken,
}

/// The admission of workers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// The tickets by their tokens.
    tickets: Arc<Mutex<HashMap<String, Ticket>>>,
    is_open: watch::Sender<bool>,
    /// Duplicates of the listeners on this machine, for a successor.
    listener: Arc<OwnedFd>,
    loopback: Option<Arc<OwnedFd>>,
}

/// The result of presenting a token.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Admitted with this ticket, which cannot be used again.
    Admitted(Box<Ticket>),
    /// The token is unknown.
    Stranger,
    /// Nobody is admitted now: the token stays good.
    Suspended,
}

impl Admission {
    /// Admits connections to these listeners that have a token.
    pub(crate) fn build(
        listener: &UnixListener,
        loopback: Option<&TcpListener>,
    ) -> io::Result<Self> {
        let listener = listener.as_fd().try_clone_to_owned()?;
        let loopback = loopback.map(|one| one.as_fd().try_clone_to_owned());
        Ok(Self {
            tickets: Arc::default(),
            is_open: watch::Sender::new(true),
            listener: Arc::new(listener),
            loopback: loopback.transpose()?.map(Arc::new),
        })
    }

    /// Returns a token for a worker that is about to be started.
    pub(crate) fn issue(&self, ticket: Ticket) -> String {
        // Two random identifiers: 244 bits that nobody can guess.
        let token = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        self.reissue(token.clone(), ticket);
        token
    }

    /// Makes the present token of a worker good again.
    pub(crate) fn reissue(&self, token: String, ticket: Ticket) {
        self.tickets.lock().insert(token, ticket);
    }

    /// Redeems a token, which is used up by that.
    pub(crate) fn redeem(&self, token: &str) -> Entry {
        let mut tickets = self.tickets.lock();
        if !*self.is_open.borrow() {
            return Entry::Suspended;
        }
        match tickets.remove(token) {
            Some(ticket) => Entry::Admitted(Box::new(ticket)),
            None => Entry::Stranger,
        }
    }

    /// Returns true if nobody has used this token yet.
    pub(crate) fn is_outstanding(&self, token: &str) -> bool {
        self.tickets.lock().contains_key(token)
    }

    /// Revokes the token of a worker that will not come any more.
    pub(crate) fn revoke(&self, token: &str) {
        self.tickets.lock().remove(token);
    }

    pub(crate) fn suspend(&self) {
        self.set_open(false);
    }

    /// Resumes admission, also for those who wait.
    pub(crate) fn resume(&self) {
        self.set_open(true);
    }

    fn set_open(&self, is_open: bool) {
        // Nobody is admitted any more once this returns: tokens are redeemed under this lock.
        let _tickets = self.tickets.lock();
        self.is_open.send_replace(is_open);
    }

    /// Waits until it is not suspended.
    pub(super) async fn resumed(&self) {
        // The sender lives as long as this.
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }

    /// Returns the listeners, for a successor.
    pub(crate) fn listeners(&self) -> io::Result<ListenersLeft> {
        let loopback = self.loopback.as_ref().map(|one| one.try_clone());
        Ok(ListenersLeft {
            near: self.listener.try_clone()?,
            loopback: loopback.transpose()?,
        })
    }

    /// Returns the accepted connections, limited in number and time while they have no token.
    pub(super) fn connections(
        &self,
        listeners: Listeners,
        unknown: usize,
        within: Duration,
    ) -> ReceiverStream<io::Result<Connection>> {
        let (to, connections) = mpsc::channel(1);
        let limits = Limits {
            total: unknown.max(2),
            // A process that floods it leaves half of the connections to others.
            per_peer: (unknown / 2).max(1),
        };
        let entrance = Entrance {
            is_open: self.is_open.subscribe(),
            limits,
            within,
            to,
        };
        if let Some(OpenDoor {
            listener, acceptor, ..
        }) = listeners.far
        {
            tokio::spawn(entrance.clone().let_in_from_far(listener, acceptor));
        }
        if let Some(loopback) = listeners.loopback {
            let came = |(stream, address): (TcpStream, SocketAddr)| {
                // Without it a message waits for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                let peer = Peer::Address(admission::peer(address.ip()));
                (Stream::Loopback(stream), peer)
            };
            tokio::spawn(entrance.clone().let_in(LOOPBACK, loopback, came));
        }
        let came = |(stream, process)| (Stream::Near(stream), Peer::Process(process));
        tokio::spawn(entrance.let_in(LISTENER, listeners.near, came));
        ReceiverStream::new(connections)
    }
}

/// The way in for those who connect. Cheap to clone.
#[derive(Clone)]
struct Entrance {
    is_open: watch::Receiver<bool>,
    limits: Limits,
    within: Duration,
    to: mpsc::Sender<io::Result<Connection>>,
}

impl Entrance {
    /// Lets in who comes to a listener on this machine.
    async fn let_in<L: Listener>(
        mut self,
        what: &'static str,
        listener: L,
        came: impl Fn((L::Stream, L::Peer)) -> (Stream, Peer),
    ) {
        let places = admission::Admission::new(what, self.limits);
        let mut acceptor = Acceptor::new(what);
        // The sender lives as long as the endpoint.
        while self.is_open.wait_for(|is_open| *is_open).await.is_ok() {
            places.settled().await;
            let (stream, peer) = tokio::select! {
                accepted = acceptor.accept(&listener) => came(accepted),
                _ = self.is_open.wait_for(|is_open| !*is_open) => continue,
                () = self.to.closed() => return,
            };
            let Some(place) = places.admit(peer) else {
                continue;
            };
            let connection = Connection::new(stream, place, self.within);
            if self.to.send(Ok(connection)).await.is_err() {
                return;
            }
        }
    }

    /// Lets in who comes to the door, each after it was agreed how to speak.
    async fn let_in_from_far(mut self, listener: TcpListener, tls: door::Acceptor) {
        let places = admission::Admission::new(DOOR, self.limits);
        let mut acceptor = Acceptor::new(DOOR);
        while self.is_open.wait_for(|is_open| *is_open).await.is_ok() {
            places.settled().await;
            let (stream, address) = tokio::select! {
                came = acceptor.accept(&listener) => came,
                _ = self.is_open.wait_for(|is_open| !*is_open) => continue,
                () = self.to.closed() => return,
            };
            let peer = Peer::Address(admission::peer(address.ip()));
            let Some(place) = places.admit(peer) else {
                continue;
            };
            let (tls, to, within) = (tls.clone(), self.to.clone(), self.within);
            // It ends by itself: agreeing has a limit.
            tokio::spawn(async move {
                match tls.accept(stream).await {
                    Ok(stream) => {
                        let stream = Stream::Far(Box::new(stream));
                        // Nobody takes it any more only when the environment ends.
                        let _ = to.send(Ok(Connection::new(stream, place, within))).await;
                    }
                    Err(error) => tracing::debug!(?peer, %error, "no agreement with a worker"),
                }
            });
        }
    }
}
