//! The connections that are open at one time, as those who open them see it.
//!
//! One that its other end has closed is over, even where that has not been read here yet: whoever
//! closes a connection and then opens another has one.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The connections to one thing.
#[derive(Default)]
pub struct Connections(Vec<Weak<TcpStream>>);

impl Connections {
    /// Returns the number of connections that are open now.
    pub fn count(&mut self) -> u64 {
        self.0.retain(is_open);
        self.0.len() as u64
    }

    /// Adds one, for as long as somebody has it. Returns the number that are open now.
    pub fn add(&mut self, stream: &Arc<TcpStream>) -> u64 {
        self.0.retain(is_open);
        self.0.push(Arc::downgrade(stream));
        self.0.len() as u64
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections", self.0.len())
    }
}

fn is_open(stream: &Weak<TcpStream>) -> bool {
    stream.upgrade().is_some_and(|stream| !is_closed(&stream))
}

/// Returns true if the other end has closed it. The system knows that before anybody has read it,
/// and whatever is still to be read before it.
fn is_closed(stream: &TcpStream) -> bool {
    const AT_ONCE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut one = [PollFd::new(stream, PollFlags::RDHUP)];
    let is_told = poll(&mut one, Some(&AT_ONCE)).is_ok_and(|told| told > 0);
    is_told && !one[0].revents().is_empty()
}

/// A stream that is read and written here, and looked at by those who count.
pub struct Shared(pub Arc<TcpStream>);

impl AsyncRead for Shared {
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

impl AsyncWrite for Shared {
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
        let ended = rustix::net::shutdown(&*self.0, rustix::net::Shutdown::Write);
        Poll::Ready(ended.map_err(io::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream as Client;

    use tokio::net::TcpListener;

    use super::*;

    /// Nothing is read, and nobody else runs meanwhile: only the system knows who has closed.
    #[tokio::test]
    async fn one_that_was_closed_before_the_next_was_opened_is_not_open_with_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = Connections::default();
        let mut kept = Vec::new();
        let mut open = async || {
            let client = Client::connect(address).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let stream = Arc::new(stream);
            let count = connections.add(&stream);
            kept.push(stream);
            (client, count)
        };
        let (mut first, count) = open().await;
        assert_eq!(count, 1);
        // What was sent before the end is still to be read, such as the last word of TLS.
        first.write_all(b"bye").unwrap();
        drop(first);
        let (second, count) = open().await;
        assert_eq!(count, 1);
        let (third, count) = open().await;
        assert_eq!(count, 2);
        drop((second, third));
        assert_eq!(connections.count(), 0);
        drop(kept);
    }
}
