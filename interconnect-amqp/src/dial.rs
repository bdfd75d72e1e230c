//! One attempt to connect, leaving nothing behind if it fails.
//!
//! The library connects in a thread of its own, which waits for a broker that accepts and says
//! nothing for as long as that one holds its socket. So a handle of the socket is kept here: giving
//! up shuts it down, and the thread ends.

use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    runtime::default_runtime,
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};
use tokio::time::timeout;

/// An error that keeps a connection from being made.
#[derive(Debug)]
pub(super) enum Failure {
    /// The broker, or the network, refuses.
    Refused(lapin::Error),
    /// No answer arrived in time.
    Silent,
}

/// A socket that can be shut down while the library has it.
#[derive(Debug, Default)]
struct Socket(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    None,
    Open(TcpStream),
    GivenUp,
}

/// Connects to a broker, for no longer than `within`.
pub(super) async fn dial(
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    properties: ConnectionProperties,
    within: Duration,
) -> Result<Connection, Failure> {
    let runtime = default_runtime().map_err(Failure::Refused)?;
    let socket = Arc::new(Socket::default());
    let hold = Arc::clone(&socket);
    let connecting = Connection::connector(
        uri,
        runtime,
        async move |uri: AMQPUri, runtime| {
            let stream = async {
                let host = uri.authority.host.as_str();
                let address = runtime.to_socket_addrs((host.to_owned(), uri.authority.port));
                let stream = AsyncTcpStream::connect(&runtime, address).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    hold.keep(plain.get_ref())?;
                }
                match uri.scheme {
                    AMQPScheme::AMQP => Ok(stream),
                    AMQPScheme::AMQPS => stream.into_tls(host, tls.as_ref()).await,
                }
            };
            // Perhaps no packet is ever answered: the operating system alone would wait for
            // minutes.
            let stream = timeout(within, stream).await;
            let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            stream.map_err(lapin::Error::from)
        },
        properties,
    );
    match timeout(within, connecting).await {
        Ok(connected) => connected.map_err(Failure::Refused),
        Err(_) => {
            socket.give_up();
            Err(Failure::Silent)
        }
    }
}

impl Socket {
    /// Keeps a second handle of the socket; fails if it was given up already.
    fn keep(&self, stream: &impl AsFd) -> io::Result<()> {
        let mut state = self.state();
        if matches!(*state, State::GivenUp) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let handle = stream.as_fd().try_clone_to_owned()?;
        *state = State::Open(handle.into());
        Ok(())
    }

    fn give_up(&self) {
        if let State::Open(stream) = std::mem::replace(&mut *self.state(), State::GivenUp) {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_broker_that_accepts_and_says_nothing_leaves_no_thread_behind() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        for _ in 0..5 {
            let uri = format!("amqp://{address}").parse().unwrap();
            let (tls, properties) = (OwnedTLSConfig::default(), ConnectionProperties::default());
            let dialled = dial(uri, tls, properties, Duration::from_millis(200)).await;
            assert!(matches!(dialled, Err(Failure::Silent)), "{dialled:?}");
        }
        let ended = async || threads_of_the_library() == 0;
        utakata_tests::wait::until("no thread waits any more", ended).await;
        accepting.abort();
    }

    fn threads_of_the_library() -> usize {
        let threads = fs::read_dir("/proc/self/task").unwrap();
        let names = threads.filter_map(|thread| {
            let thread = thread.unwrap().path().join("comm");
            fs::read_to_string(thread).ok()
        });
        names.filter(|name| name.starts_with("lapin-io")).count()
    }
}
