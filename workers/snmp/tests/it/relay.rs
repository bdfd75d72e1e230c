//! A relay in front of a device that loses, replaces or counts messages.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, task::JoinHandle};

/// The fate of a message.
pub enum Fate {
    /// It arrives.
    Pass,
    /// It is lost.
    Lose,
    /// This message arrives instead.
    Replace(Vec<u8>),
    /// It arrives this much later.
    Late(Duration),
}

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the device.
    There,
    /// Back to the worker.
    Back,
}

/// A relay; it ends when dropped.
pub struct Relay {
    /// The address at which it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A relay to a device, for one worker.
    pub async fn start(
        device: SocketAddr,
        mut fate: impl FnMut(Way, &[u8]) -> Fate + Send + 'static,
    ) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        back.connect(device).await.unwrap();
        let address = front.local_addr().unwrap();
        let (front, back) = (Arc::new(front), Arc::new(back));
        let task = tokio::spawn(async move {
            let mut worker = None;
            let (mut asked, mut answered) = (vec![0; 65_535], vec![0; 65_535]);
            loop {
                tokio::select! {
                    Ok((length, from)) = front.recv_from(&mut asked) => {
                        worker = Some(from);
                        match fate(Way::There, &asked[..length]) {
                            Fate::Pass => { back.send(&asked[..length]).await.ok(); }
                            Fate::Lose => {}
                            Fate::Replace(other) => { front.send_to(&other, from).await.ok(); }
                            Fate::Late(after) => {
                                later(Arc::clone(&back), None, asked[..length].to_vec(), after);
                            }
                        }
                    }
                    Ok(length) = back.recv(&mut answered) => {
                        let Some(to) = worker else { continue };
                        match fate(Way::Back, &answered[..length]) {
                            Fate::Pass => { front.send_to(&answered[..length], to).await.ok(); }
                            Fate::Lose => {}
                            Fate::Replace(other) => { front.send_to(&other, to).await.ok(); }
                            Fate::Late(after) => {
                                let message = answered[..length].to_vec();
                                later(Arc::clone(&front), Some(to), message, after);
                            }
                        }
                    }
                }
            }
        });
        Self { address, task }
    }
}

fn later(socket: Arc<UdpSocket>, to: Option<SocketAddr>, message: Vec<u8>, after: Duration) {
    tokio::spawn(async move {
        // The message is in transit: nothing else can affect it meanwhile.
        let _ = tokio::time::timeout(after, std::future::pending::<()>()).await;
        match to {
            Some(to) => socket.send_to(&message, to).await.ok(),
            None => socket.send(&message).await.ok(),
        };
    });
}

/// Returns true if a v2c message contains this PDU: 0xa0 GET, 0xa3 SET, 0xa5 GETBULK.
pub fn is(message: &[u8], pdu: u8) -> bool {
    // Version, community, then the PDU: the lengths of short messages are one byte each.
    let at = match message {
        [0x30, length, 0x02, 0x01, _, 0x04, community, ..] if *length < 0x80 => {
            7 + usize::from(*community)
        }
        [0x30, 0x81, _, 0x02, 0x01, _, 0x04, community, ..] => 8 + usize::from(*community),
        [0x30, 0x82, _, _, 0x02, 0x01, _, 0x04, community, ..] => 9 + usize::from(*community),
        _ => return false,
    };
    message.get(at) == Some(&pdu)
}
