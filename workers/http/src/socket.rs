//! A connected socket that is closed at once when its owner lets go of it, whoever else still has
//! it: many devices take one connection at a time, and the next one is opened after this one.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, ready},
};

use rustix::net::{Shutdown, shutdown};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A socket, for whoever reads and writes it.
#[derive(Debug)]
pub struct Socket(Arc<TcpStream>);

/// The owner of a socket. The socket is closed when this is dropped: a task that reads and writes
/// it would close it only when it ends, some time after it was told to.
#[derive(Debug)]
pub struct Owner(Weak<TcpStream>);

impl Socket {
    pub fn new(stream: TcpStream) -> (Self, Owner) {
        let stream = Arc::new(stream);
        let owner = Owner(Arc::downgrade(&stream));
        (Self(stream), owner)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(stream) = self.0.upgrade() {
            // Its error is that it is closed already.
            let _ = shutdown(&*stream, Shutdown::Both);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = shutdown(&*self.0, Shutdown::Write);
        Poll::Ready(ended.map_err(io::Error::from))
    }
}
