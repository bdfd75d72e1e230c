//! The socket of one counter.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::{Answer, answer};
use super::counter::Counter;
use crate::fault::{GARBAGE, Reply};

/// Longer requests are truncated, and thereby invalid.
const LONGEST_REQUEST: usize = 8_192;
/// The most late answers and late effects in progress; further requests are dropped, as by a full
/// socket.
const MAX_UNDER_WAY: usize = 512;

/// Serves `socket` until dropped.
pub async fn serve(device: Arc<Counter>, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let mut buffer = vec![0; LONGEST_REQUEST];
    let mut under_way = JoinSet::new();
    loop {
        // An error is an ICMP message about an earlier answer; the socket itself is sound.
        let Ok((length, manager)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        while under_way.try_join_next().is_some() {}
        let delay = match device.receive() {
            Reply::Never => continue,
            Reply::Garbage => {
                send(&device, &socket, GARBAGE, manager).await;
                continue;
            }
            Reply::After(_) if under_way.len() >= MAX_UNDER_WAY => continue,
            Reply::After(delay) => delay,
        };
        let Some(Answer { message, late }) = answer(&device, &buffer[..length]) else {
            continue;
        };
        if let Some((after, changes)) = late {
            let device = device.clone();
            under_way.spawn(async move {
                sleep(after).await;
                device.obey_late(&changes);
            });
        }
        let Some(message) = message else { continue };
        if delay.is_zero() {
            send(&device, &socket, &message, manager).await;
            continue;
        }
        let (device, socket) = (device.clone(), socket.clone());
        under_way.spawn(async move {
            sleep(delay).await;
            send(&device, &socket, &message, manager).await;
        });
    }
}

async fn send(device: &Counter, socket: &UdpSocket, message: &[u8], manager: SocketAddr) {
    // A manager that has gone needs no answer.
    if socket.send_to(message, manager).await.is_ok() {
        device.answered();
    }
}
