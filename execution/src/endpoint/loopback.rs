//! The listener on the loopback interface, for workers that may not make a unix socket.
//!
//! Every user of the machine can connect to it, and gets nowhere without the token of a worker that
//! was just started. Nobody else can listen there while it is open, nor between a program and its
//! successor, which is given the listener itself.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use tokio::net::TcpListener;

/// Listens at a port that is free.
pub(super) fn bind() -> io::Result<TcpListener> {
    let places: [SocketAddr; 2] = [
        (Ipv4Addr::LOCALHOST, 0).into(),
        (Ipv6Addr::LOCALHOST, 0).into(),
    ];
    listen(std::net::TcpListener::bind(&places[..])?)
}

/// Continues to listen where this process listened before it was replaced.
pub(super) fn take_over(left: OwnedFd) -> io::Result<TcpListener> {
    listen(left.into())
}

fn listen(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
