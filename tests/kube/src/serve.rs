//! The listener: TLS on the loopback, and the ways in which it can be away.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::answer::answer;
use crate::world::Shared;

/// To listen or not; done as soon as it is said.
pub type Order = (bool, Sender<()>);

/// A port that nobody listens on yet.
pub fn bind(address: SocketAddr) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4().context("making a socket")?;
    // Connections of before do not keep their port.
    socket.set_reuseaddr(true)?;
    socket
        .bind(address)
        .with_context(|| format!("binding to {address}"))?;
    Ok(socket)
}

/// Serves until there is nobody left who could order anything.
pub async fn serve(
    world: Shared,
    mut listener: TcpListener,
    mut orders: UnboundedReceiver<Order>,
) -> Result<()> {
    let address = listener.local_addr()?;
    loop {
        let Some(done) = until_closed(&world, listener, &mut orders).await else {
            return Ok(());
        };
        // Bound and deaf: the port stays ours, and whoever connects is refused.
        let socket = bind(address)?;
        let _ = done.send(());
        let done = loop {
            match orders.recv().await {
                None => return Ok(()),
                Some((true, done)) => break done,
                Some((false, done)) => drop(done.send(())),
            }
        };
        listener = listen(socket)?;
        let _ = done.send(());
    }
}

/// From here on the system queues connections.
pub fn listen(socket: TcpSocket) -> Result<TcpListener> {
    socket.listen(1024).context("listening")
}

/// Answers until it is told not to; connections end with the listener.
async fn until_closed(
    world: &Shared,
    listener: TcpListener,
    orders: &mut UnboundedReceiver<Order>,
) -> Option<Sender<()>> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return None,
                Some((true, done)) => drop(done.send(())),
                Some((false, done)) => {
                    drop(listener);
                    connections.shutdown().await;
                    return Some(done);
                }
            },
            accepted = accept(world, &listener) => {
                if let Some(stream) = accepted {
                    connections.spawn(converse(world.clone(), stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// While it is frozen the system accepts, and nobody answers.
async fn accept(world: &Shared, listener: &TcpListener) -> Option<TcpStream> {
    world.faults.thawed().await;
    listener.accept().await.ok().map(|(stream, _)| stream)
}

async fn converse(world: Shared, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(world.authority.server.clone());
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| answer(world.clone(), request));
    // A client that goes away is no fault of ours.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
