//! The sockets shared by all targets: one for IPv4, one for IPv6.
//!
//! An answer finds its request by the id. An unmatched one is kept for a while under its source
//! address: a wrong answer is not the same as none.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::{
    net::UdpSocket,
    sync::{Notify, OnceCell},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::message;

/// The kernel buffer requested for unread answers: with a thousand targets in flight, the usual 200
/// KiB lose some.
const RECEIVE_BUFFER: usize = 8 << 20;
/// The largest UDP message.
const MESSAGE_MAX: usize = 65_535;
/// Answers queued for one request; more are duplicates.
const WAITING_MAX: usize = 16;
/// The most addresses with a stray answer kept.
const STRAYS_MAX: usize = 4_096;

/// The sockets, opened on demand.
#[derive(Default)]
pub struct Sockets {
    v4: OnceCell<Owner>,
    v6: OnceCell<Owner>,
}

/// A socket and its reading task, which ends when this is dropped.
struct Owner(Arc<Socket>, AbortHandle);

impl Drop for Owner {
    fn drop(&mut self) {
        self.1.abort();
    }
}

/// A socket shared by many targets.
pub struct Socket {
    socket: UdpSocket,
    local: SocketAddr,
    waiting: Mutex<HashMap<i32, Arc<Slot>, RandomState>>,
    strays: Mutex<HashMap<SocketAddr, Stray, RandomState>>,
}

/// A request waiting for its answer.
#[derive(Default)]
struct Slot {
    came: Mutex<VecDeque<(Bytes, SocketAddr)>>,
    notify: Notify,
}

/// A message that matches no request.
#[derive(Debug, Clone)]
pub struct Stray {
    /// The time at which it arrived.
    pub at: Instant,
    /// The bytes of the message.
    pub bytes: Bytes,
    /// True if it arrived for a waiting request, but was not its answer.
    pub is_rejected: bool,
}

/// A request waiting for its answer, until this is dropped.
pub struct Registration {
    socket: Arc<Socket>,
    ids: Vec<i32>,
    slot: Arc<Slot>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut waiting = self.socket.waiting.lock();
        for id in &self.ids {
            waiting.remove(id);
        }
    }
}

impl Sockets {
    /// Returns the socket for a target. Errors: it cannot be opened for this address family.
    pub async fn to(&self, target: SocketAddr) -> io::Result<Arc<Socket>> {
        let (cell, bind) = match target {
            SocketAddr::V4(_) => (&self.v4, "0.0.0.0:0"),
            SocketAddr::V6(_) => (&self.v6, "[::]:0"),
        };
        let owner = cell.get_or_try_init(|| Socket::open(bind)).await?;
        Ok(Arc::clone(&owner.0))
    }
}

impl Socket {
    async fn open(bind: &str) -> io::Result<Owner> {
        let socket = UdpSocket::bind(bind).await?;
        if let Err(error) = enlarge(&socket) {
            tracing::info!(
                bytes = RECEIVE_BUFFER,
                %error,
                "receive buffer refused, using the system's; raise net.core.rmem_max for many targets"
            );
        }
        let socket = Arc::new(Self {
            local: socket.local_addr()?,
            socket,
            waiting: Mutex::default(),
            strays: Mutex::default(),
        });
        let reader = tokio::spawn(read(Arc::clone(&socket)));
        Ok(Owner(socket, reader.abort_handle()))
    }

    /// Returns the local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub async fn send(&self, target: SocketAddr, message: &[u8]) -> io::Result<()> {
        self.socket.send_to(message, target).await.map(|_| ())
    }

    /// Keeps answers with these ids for the caller from now on.
    pub fn register(self: &Arc<Self>, ids: Vec<i32>) -> Registration {
        let slot = Arc::new(Slot::default());
        let mut waiting = self.waiting.lock();
        for id in &ids {
            waiting.insert(*id, Arc::clone(&slot));
        }
        drop(waiting);
        Registration {
            socket: Arc::clone(self),
            ids,
            slot,
        }
    }

    /// Keeps a message that matches no request.
    pub fn keep_stray(&self, from: SocketAddr, bytes: Bytes, is_rejected: bool) {
        let mut strays = self.strays.lock();
        if strays.len() >= STRAYS_MAX {
            strays.clear();
        }
        let at = Instant::now();
        let stray = Stray {
            at,
            bytes,
            is_rejected,
        };
        strays.insert(from, stray);
    }

    /// Returns the last stray message from an address, once.
    pub fn take_stray(&self, from: SocketAddr) -> Option<Stray> {
        let mut strays = self.strays.lock();
        match strays.is_empty() {
            true => None,
            false => strays.remove(&from),
        }
    }

    fn deliver(&self, from: SocketAddr, bytes: Bytes) {
        let id = message::envelope(&bytes).map(|envelope| envelope.id);
        let slot = id.and_then(|id| self.waiting.lock().get(&id).cloned());
        let Some(slot) = slot else {
            return self.keep_stray(from, bytes, false);
        };
        let mut came = slot.came.lock();
        if came.len() < WAITING_MAX {
            came.push_back((bytes, from));
            drop(came);
            slot.notify.notify_one();
        }
    }
}

impl Registration {
    /// Returns the next message with one of the ids. `None` if there is none until then.
    pub async fn next(&self, until: Instant) -> Option<(Bytes, SocketAddr)> {
        loop {
            if let Some(came) = self.slot.came.lock().pop_front() {
                return Some(came);
            }
            let notified = timeout_at(until, self.slot.notify.notified());
            notified.await.ok()?;
        }
    }
}

async fn read(socket: Arc<Socket>) {
    let mut buffer = vec![0; MESSAGE_MAX];
    loop {
        match socket.socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                socket.deliver(from, bytes);
            }
            // The kernel reports an earlier message to somebody else, or a shortage of memory: the
            // next message may arrive.
            Err(error) => {
                tracing::debug!(%error, "no message");
                tokio::task::yield_now().await;
            }
        }
    }
}

fn enlarge(socket: &UdpSocket) -> io::Result<()> {
    rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER)?;
    Ok(())
}
