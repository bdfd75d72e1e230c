//! A network between the worker and a BMC, which counts and loses packets.

use std::{net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use serde_json::json;
use tokio::net::UdpSocket;
use utakata_tests::servers::Ipmi;
use utakata_worker_sdk::model::missing;

use crate::bmc::Target;

/// The type of a packet of RMCP+, and of one outside of sessions.
const PLUS: u8 = 6;
const OPEN: u8 = 0x10;

/// The packets to the BMC so far, and those to be lost: so many, after so many within sessions.
#[derive(Debug, Default)]
struct Traffic {
    packets: Vec<Vec<u8>>,
    within: usize,
    lost: Option<(usize, usize)>,
}

struct Relay {
    address: SocketAddr,
    traffic: Arc<Mutex<Traffic>>,
}

impl Relay {
    async fn to(bmc: &Ipmi) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        far.connect(bmc.address()).await.unwrap();
        let address = near.local_addr().unwrap();
        let traffic: Arc<Mutex<Traffic>> = Arc::default();
        let seen = Arc::clone(&traffic);
        tokio::spawn(async move {
            let (mut there, mut back) = ([0; 2048], [0; 2048]);
            let mut client = None;
            loop {
                tokio::select! {
                    Ok((length, from)) = near.recv_from(&mut there) => {
                        client = Some(from);
                        if seen.lock().passes(&there[..length]) {
                            let _ = far.send(&there[..length]).await;
                        }
                    }
                    Ok(length) = far.recv(&mut back) => {
                        if let Some(client) = client {
                            let _ = near.send_to(&back[..length], client).await;
                        }
                    }
                }
            }
        });
        Self { address, traffic }
    }

    fn target(&self) -> Target {
        let credential = [("user", Ipmi::USER), ("password", Ipmi::PASSWORD)];
        Target::at(self.address, &credential)
    }

    /// The number of packets within sessions since the last time.
    fn within(&self) -> usize {
        std::mem::take(&mut self.traffic.lock().within)
    }
}

impl Traffic {
    fn passes(&mut self, packet: &[u8]) -> bool {
        self.packets.push(packet.to_vec());
        let is_within = packet.get(4) == Some(&PLUS) && packet.get(6..10) != Some(&[0; 4]);
        self.within += usize::from(is_within);
        match self.lost {
            Some((after, count)) if is_within => {
                !(after + 1..=after + count).contains(&self.within)
            }
            _ => true,
        }
    }
}

#[tokio::test]
async fn a_session_is_opened_at_once_without_asking_which_suites_there_are() {
    let bmc = Ipmi::sha256().unwrap();
    let relay = Relay::to(&bmc).await;
    relay.target().run("read", json!({})).await.unwrap();
    let traffic = relay.traffic.lock();
    let first = traffic.packets.first().unwrap();
    assert_eq!((first[4], first[5]), (PLUS, OPEN));
    let is_plus = |packet: &Vec<u8>| packet.get(4) == Some(&PLUS);
    assert!(traffic.packets.iter().all(is_plus));
}

#[tokio::test]
async fn a_sensor_that_is_silent_ends_the_read_and_is_named() {
    /// The number of times that a request is sent.
    const SENT: usize = 4;
    let bmc = Ipmi::sha1().unwrap();
    let relay = Relay::to(&bmc).await;
    let target = relay.target();
    target.run("read", json!({})).await.unwrap();
    relay.within();
    // With the records known, most of a read are its thirteen sensors.
    target.run("read", json!({})).await.unwrap();
    let all = relay.within();
    let before = all / 2;
    relay.traffic.lock().lost = Some((before, SENT));
    let answer = target.run("read", json!({})).await.unwrap();
    let entries = answer.missing.into_entries();
    let [one] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(one.reason.as_ref(), missing::NO_ANSWER, "{one}");
    assert!(one.to_string().contains("were not asked for"), "{one}");
    assert!(!answer.readings.is_empty());
    // What was lost, and the end of the session.
    assert_eq!(relay.within(), before + SENT + 1);
}
