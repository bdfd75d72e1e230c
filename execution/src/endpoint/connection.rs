//! A connection of a worker, from near or far: until it has presented a valid token, it has to say
//! hello in time, and makes room for others.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tonic::transport::server::Connected;
use utakata_interconnect::admission::Slot;

use crate::runtime::door;

/// A connection of somebody.
pub(super) struct Connection {
    stream: Stream,
    place: Unproven,
    must_go: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The way by which somebody has come.
pub(super) enum Stream {
    /// Through the socket.
    Near(UnixStream),
    /// By the loopback interface.
    Loopback(TcpStream),
    /// Through the door.
    Far(Box<door::Stream>),
}

/// Somebody who connects, as far as the system says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    Process(i32),
    Address(IpAddr),
}

/// The place of a connection among those without a token.
#[derive(Debug, Clone)]
pub(super) struct Unproven(Arc<Slot<Peer>>);

impl Connection {
    /// Gives a connection this long to present a token.
    pub(super) fn new(stream: Stream, place: Slot<Peer>, within: Duration) -> Self {
        let place = Unproven(Arc::new(place));
        Self {
            stream,
            must_go: Box::pin(place.clone().must_go(within)),
            place,
        }
    }
}

impl Unproven {
    /// Records that it has presented a valid token: it no longer makes room for others.
    pub(super) fn prove(&self) {
        self.0.leave();
    }

    async fn must_go(self, within: Duration) {
        let pushed_out = tokio::time::timeout(within, self.0.pushed_out()).await;
        if pushed_out.is_err() && !self.0.is_stranger() {
            // It is a worker, which leaves when it likes.
            std::future::pending::<()>().await;
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Unproven;

    fn connect_info(&self) -> Unproven {
        self.place.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.must_go.as_mut().poll(context).is_ready() {
            let gone = io::Error::new(io::ErrorKind::TimedOut, "no token was presented");
            return Poll::Ready(Err(gone));
        }
        match &mut self.stream {
            Stream::Near(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Loopback(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Far(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Near(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Loopback(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Far(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Near(stream) => Pin::new(stream).poll_flush(context),
            Stream::Loopback(stream) => Pin::new(stream).poll_flush(context),
            Stream::Far(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Near(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Loopback(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Far(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Near(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Stream::Loopback(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Stream::Far(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Near(stream) => stream.is_write_vectored(),
            Stream::Loopback(stream) => stream.is_write_vectored(),
            Stream::Far(stream) => stream.is_write_vectored(),
        }
    }
}
