//! The connections of a gateway, and the frames on them (Modbus Messaging on TCP/IP V1.0b).

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Gateway;
use crate::connections::Shared;
use crate::fault::{GARBAGE, Reply};

/// The length of the part of a frame that says how long the rest is, and the lengths of the rest.
const HEAD: usize = 6;
const REST: std::ops::RangeInclusive<usize> = 2..=254;

/// A request: its frame's head, the number of the unit, and what is asked.
struct Asked {
    transaction: [u8; 2],
    unit: u8,
    request: Vec<u8>,
}

/// Serves a gateway until dropped.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let stream = Arc::new(stream);
                // Whoever is one too many is closed at once.
                if takes(&gateway, &stream) {
                    connections.spawn(converse(gateway.clone(), stream));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to a gateway failed");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(gateway: Arc<Gateway>, stream: Arc<TcpStream>) {
    let _ = stream.set_nodelay(true);
    let mut stream = Shared(stream);
    // The end of a connection, or of its sense.
    while let Ok(asked) = receive(&mut stream).await {
        let under_way = UnderWay::of(&gateway);
        let answer = match gateway.reply() {
            Reply::Never => continue,
            Reply::Garbage => GARBAGE.to_vec(),
            Reply::After(delay) => {
                let answer = gateway.ask(asked.unit, &asked.request).await;
                sleep(delay).await;
                frame(&asked, &answer)
            }
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
        under_way.answered();
    }
}

async fn receive(stream: &mut Shared) -> io::Result<Asked> {
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await?;
    let [a, b, protocol_a, protocol_b, length_a, length_b] = head;
    let length = usize::from(u16::from_be_bytes([length_a, length_b]));
    if [protocol_a, protocol_b] != [0, 0] || !REST.contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let unit = stream.read_u8().await?;
    let mut request = vec![0; length - 1];
    stream.read_exact(&mut request).await?;
    Ok(Asked {
        transaction: [a, b],
        unit,
        request,
    })
}

fn frame(asked: &Asked, answer: &[u8]) -> Vec<u8> {
    let [a, b] = asked.transaction;
    // An answer has at most 252 bytes.
    let [c, d] = (answer.len() as u16 + 1).to_be_bytes();
    [&[a, b, 0, 0, c, d, asked.unit], answer].concat()
}

/// Counts a connection. Returns false if the gateway has enough.
fn takes(gateway: &Gateway, stream: &Arc<TcpStream>) -> bool {
    let mut state = gateway.state.lock();
    if state.open.count() >= gateway.connections {
        state.counts.connections_refused += 1;
        return false;
    }
    let open = state.open.add(stream);
    let counts = &mut state.counts;
    counts.connections += 1;
    counts.connections_max = counts.connections_max.max(open);
    true
}

/// A request, until it is answered or given up.
struct UnderWay<'a>(&'a Gateway);

impl<'a> UnderWay<'a> {
    fn of(gateway: &'a Gateway) -> Self {
        let mut state = gateway.state.lock();
        state.waiting += 1;
        let waiting = state.waiting;
        state.counts.requests += 1;
        state.counts.requests_max = state.counts.requests_max.max(waiting);
        Self(gateway)
    }

    fn answered(self) {
        self.0.state.lock().counts.answers += 1;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state.lock().waiting -= 1;
    }
}
