//! The socket of a BMC that answers IPMI.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Bmc, Reply};

/// The largest packet that is read.
const PACKET_MAX: usize = 1024;

/// Answers what is asked at a socket, until dropped.
pub async fn serve(socket: UdpSocket, bmc: Arc<Bmc>) {
    let socket = Arc::new(socket);
    let mut buffer = [0; PACKET_MAX];
    let mut late = JoinSet::new();
    loop {
        // A datagram that could not be delivered is reported here: it concerns nobody.
        if let Ok((length, from)) = socket.recv_from(&mut buffer).await
            && let Some(reply) = bmc.receive_packet(&buffer[..length], bmc.now())
        {
            match reply.delay.is_zero() {
                true => send(&socket, reply, from).await,
                false => {
                    let socket = Arc::clone(&socket);
                    late.spawn(async move {
                        sleep(reply.delay).await;
                        send(&socket, reply, from).await;
                    });
                }
            }
        }
        while late.try_join_next().is_some() {}
    }
}

async fn send(socket: &UdpSocket, reply: Reply, to: SocketAddr) {
    let _ = socket.send_to(&reply.bytes, to).await;
}
