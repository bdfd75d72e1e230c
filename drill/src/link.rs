//! A connection of a drill that can be cut: everything that a process sends to a server passes
//! through here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

/// The number of bytes that are passed on at once.
const PIECE: usize = 16 * 1024;

/// The state of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    #[default]
    Whole,
    /// As when a cable is pulled: nothing passes, and nobody is notified.
    Cut,
    /// Every connection breaks, and new ones are made.
    Broken,
    /// Every piece is delayed by this.
    Slow(Duration),
}

/// The link of one process to one server. When dropped, it breaks.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    _passing: JoinSet<()>,
}

impl Link {
    /// Creates a link to a server on this machine, on a port of its own.
    ///
    /// # Errors
    /// No port is available.
    pub async fn to(port: u16) -> Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).await.context("no port for a link")?;
        let address = listener.local_addr().context("a link has no address")?;
        let (state, watched) = watch::channel(State::Whole);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut passing = JoinSet::new();
        passing.spawn(serve(listener, server, watched));
        Ok(Self {
            address,
            state,
            _passing: passing,
        })
    }

    /// Returns the port that the process is given in place of the server's.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the state of the link.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(connections.spawn(pass(client, server, state.clone()))),
                // Too many files are open, for a moment.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes one connection, until either side ends or the link breaks.
async fn pass(client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    // As a cable that is pulled before the first packet.
    if through(&mut state).await.is_none() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let back = state.clone();
    tokio::select! {
        () = copy(from_client, to_server, state.clone()) => {}
        () = copy(from_server, to_client, back) => {}
        _ = state.wait_for(|state| *state == State::Broken) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut piece = vec![0; PIECE];
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 {
            return;
        }
        let Some(longer) = through(&mut state).await else {
            return;
        };
        sleep(longer).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// Waits until something may pass, and returns the delay; none when it is over.
async fn through(state: &mut watch::Receiver<State>) -> Option<Duration> {
    let found = *state.wait_for(|state| *state != State::Cut).await.ok()?;
    match found {
        State::Slow(longer) => Some(longer),
        _ => Some(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn what_is_sent_over_a_cut_link_comes_when_it_is_healed() {
        let link = Link::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(link.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
        link.set(State::Cut);
        let asked = tokio::time::timeout(Duration::from_millis(100), ask(&mut stream)).await;
        assert!(asked.is_err(), "nothing gets through");
        link.set(State::Whole);
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_broken_link_ends_connections_and_lets_new_ones_be_made() {
        let link = Link::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(link.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
        link.set(State::Broken);
        assert!(stream.read_u8().await.is_err());
        link.set(State::Whole);
        let mut stream = TcpStream::connect(link.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
    }
}
