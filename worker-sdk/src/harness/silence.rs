//! Addresses on the loopback that accept everything and never answer.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

/// An address that never answers, by UDP or TCP.
pub struct Silence {
    address: SocketAddr,
    datagrams: UdpSocket,
    /// Absent if another process has the port.
    connections: Option<TcpListener>,
}

impl Silence {
    /// Opens that many, each with an IP address of its own if the system has all of 127.0.0.0/8.
    pub fn many(count: usize) -> io::Result<Vec<Self>> {
        (0..count).map(Self::open).collect()
    }

    fn open(at: usize) -> io::Result<Self> {
        let part = |number: usize| u8::try_from(number).unwrap_or(1);
        let own = Ipv4Addr::new(127, 7, part(at / 250), part(at % 250 + 1));
        let bind = |ip| UdpSocket::bind((IpAddr::V4(ip), 0));
        let datagrams = bind(own).or_else(|_| bind(Ipv4Addr::LOCALHOST))?;
        datagrams.set_nonblocking(true)?;
        let address = datagrams.local_addr()?;
        let connections = TcpListener::bind(address).ok();
        if let Some(connections) = &connections {
            connections.set_nonblocking(true)?;
        }
        Ok(Self {
            address,
            datagrams,
            connections,
        })
    }

    /// Returns the address, such as `127.7.0.1:40123`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns true if anything was sent to it or connected.
    pub fn was_touched(&self) -> bool {
        let came = self.datagrams.recv_from(&mut [0; 1]).is_ok();
        let connections = self.connections.as_ref();
        came || connections.is_some_and(|connections| connections.accept().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_address_knows_whether_it_was_touched() {
        let silent = Silence::many(3).unwrap();
        assert!(silent.iter().all(|silence| !silence.was_touched()));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"anyone?", silent[0].address()).unwrap();
        let _connection = std::net::TcpStream::connect(silent[1].address()).unwrap();
        let touched: Vec<_> = silent.iter().map(Silence::was_touched).collect();
        assert_eq!(touched, [true, true, false]);
    }
}
