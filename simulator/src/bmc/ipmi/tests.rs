use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::message::checksum;
use super::secret::{Keys, Rakp, Suite};
use super::*;
use crate::blueprint::{Blueprint, BmcModel};
use crate::bmc::account::{Checked, Limits, PASSWORD, USER};
use crate::bmc::machine::Machine;
use crate::control::Equipment as _;
use crate::fault::Order;
use crate::room::{Command, Room};

const POWER_OFF: (u8, u8, &[u8]) = (0, 2, &[0]);
const POWER_ON: (u8, u8, &[u8]) = (0, 2, &[1]);
const STATUS: (u8, u8, &[u8]) = (0, 1, &[]);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn alone() -> Bmc {
    let machine = Machine::alone("bmc".to_owned());
    let with = (Limits::default(), None);
    let model = BmcModel::Classic;
    let bmc = Bmc::new(
        "bmc".to_owned(),
        model,
        machine,
        at(60),
        with,
        Instant::now(),
    );
    bmc.with_ipmi()
}

/// The BMC of the default room that answers IPMI.
fn in_room() -> (Arc<Mutex<Room>>, Arc<Bmc>) {
    let room = Room::build(&Blueprint::load(None).unwrap()).unwrap();
    let room = Arc::new(Mutex::new(room));
    let mut bmcs = Bmc::build_all(&room, Instant::now()).unwrap().into_iter();
    let found = bmcs.find(|bmc| bmc.has_ipmi()).unwrap();
    (room, found)
}

/// The other side of a session.
struct Client {
    keys: Keys,
    bmc: u32,
    number: u32,
}

/// Sends a packet that opens a session, and returns the status and the rest of the answer.
fn step(bmc: &Bmc, payload: u8, data: &[u8], now: Duration) -> Result<Vec<u8>, u8> {
    let reply = bmc.receive_packet(&packet::opening(payload, data), now);
    let bytes = reply.unwrap().bytes;
    let Some(Packet::Plus(plus)) = packet::decode(&bytes) else {
        panic!("no packet: {bytes:x?}");
    };
    assert_eq!(plus.payload, payload + 1);
    match plus.data[1] {
        0 => Ok(plus.data.to_vec()),
        status => Err(status),
    }
}

fn request(suite: Suite) -> Vec<u8> {
    let mut data = vec![9, 0, 0, 0, 1, 0, 0, 0];
    for (kind, algorithm) in (0..).zip(suite.algorithms()) {
        data.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
    data
}

fn open(bmc: &Bmc, suite: Suite, password: &str, now: Duration) -> Result<Client, u8> {
    let opened = step(bmc, packet::OPEN, &request(suite), now)?;
    let id = opened[8..12].to_vec();
    let mut rakp = Rakp {
        suite,
        console: 1,
        bmc: u32::from_le_bytes(id.clone().try_into().unwrap()),
        console_random: [7; 16],
        bmc_random: [0; 16],
        guid: [0; 16],
        role: 0x14,
        user: USER.as_bytes().to_vec(),
    };
    let mut first = [vec![9, 0, 0, 0], id.clone(), vec![7; 16]].concat();
    first.extend([rakp.role, 0, 0, USER.len() as u8]);
    first.extend(USER.as_bytes());
    let second = step(bmc, packet::RAKP_1, &first, now)?;
    rakp.bmc_random.copy_from_slice(&second[8..24]);
    rakp.guid.copy_from_slice(&second[24..40]);
    assert_eq!(second[40..], rakp.own_proof(PASSWORD.as_bytes()));
    let proof = rakp.proof_of_client(password.as_bytes());
    let third = [vec![9, 0, 0, 0], id, proof].concat();
    let fourth = step(bmc, packet::RAKP_3, &third, now)?;
    let keys = rakp.keys(password.as_bytes());
    assert_eq!(fourth[8..], rakp.last_proof(&keys));
    let (bmc_id, number) = (rakp.bmc, 0);
    let mut client = Client {
        keys,
        bmc: bmc_id,
        number,
    };
    client.ask(bmc, (6, 0x3b, &[4]), now).unwrap();
    Ok(client)
}

fn message((function, command, data): (u8, u8, &[u8]), sequence: u8) -> Vec<u8> {
    let head = [0x20, function << 2];
    let mut bytes = vec![head[0], head[1], checksum(&head)];
    let mut body = vec![0x81, sequence << 2, command];
    body.extend(data);
    body.push(checksum(&body));
    bytes.extend(body);
    bytes
}

impl Client {
    fn send(&mut self, bmc: &Bmc, message: &[u8], now: Duration) -> Option<Result<Vec<u8>, u8>> {
        self.number += 1;
        let bytes = packet::within(&self.keys, (self.bmc, self.number), message, [5; 16]);
        let reply = bmc.receive_packet(&bytes, now)?;
        let Some(Packet::Plus(plus)) = packet::decode(&reply.bytes) else {
            panic!("no packet");
        };
        let said = plus.open(&self.keys).unwrap();
        assert_eq!(plus.session, 1);
        Some(match said[6] {
            0 => Ok(said[7..said.len() - 1].to_vec()),
            code => Err(code),
        })
    }

    fn ask(&mut self, bmc: &Bmc, asked: (u8, u8, &[u8]), now: Duration) -> Result<Vec<u8>, u8> {
        let message = message(asked, (self.number & 0x3f) as u8);
        self.send(bmc, &message, now).unwrap()
    }
}

#[test]
fn a_session_of_each_suite_is_opened_by_who_knows_the_password() {
    let bmc = alone();
    for suite in Suite::ALL {
        let mut client = open(&bmc, suite, PASSWORD, at(1)).unwrap();
        let status = client.ask(&bmc, STATUS, at(1)).unwrap();
        assert_eq!(status[0] & 1, 1);
        let close = client.bmc.to_le_bytes();
        client.ask(&bmc, (6, 0x3c, &close), at(1)).unwrap();
        // It is over.
        assert!(client.send(&bmc, &message(STATUS, 1), at(1)).is_none());
    }
    let mut other = request(Suite::Sha1);
    other[12] = 2;
    assert_eq!(step(&bmc, packet::OPEN, &other, at(1)), Err(0x11));
}

#[test]
fn a_message_that_comes_twice_is_carried_out_once() {
    let bmc = alone();
    let mut client = open(&bmc, Suite::Sha256, PASSWORD, at(1)).unwrap();
    let off = message(POWER_OFF, 7);
    assert_eq!(client.send(&bmc, &off, at(1)), Some(Ok(vec![])));
    assert_eq!(client.send(&bmc, &off, at(1)), Some(Ok(vec![])));
    let received = bmc.state.lock().power.counts[&crate::bmc::power::Reset::ForceOff].received;
    assert_eq!(received, 1);
    // By the machine's own time.
    let power = |client: &mut Client, now| client.ask(&bmc, STATUS, now).unwrap()[0] & 1;
    assert_eq!(power(&mut client, at(1)), 1);
    assert_eq!(power(&mut client, at(3)), 0);
    assert_eq!(client.ask(&bmc, POWER_OFF, at(3)), Err(0xd5));
    assert_eq!(client.ask(&bmc, POWER_ON, at(3)), Ok(vec![]));
    assert_eq!(power(&mut client, at(7)), 1);
}

#[test]
fn it_has_few_sessions_and_those_that_nobody_uses_end() {
    let bmc = alone();
    let limit = Limits::default().sessions;
    let mut open_ones = Vec::new();
    for _ in 0..limit {
        open_ones.push(open(&bmc, Suite::Sha1, PASSWORD, at(1)).unwrap());
    }
    assert_eq!(open(&bmc, Suite::Sha1, PASSWORD, at(2)).err(), Some(0x01));
    open_ones[0].ask(&bmc, STATUS, at(50)).unwrap();
    assert!(open(&bmc, Suite::Sha1, PASSWORD, at(62)).is_ok());
    let truth = bmc.state.lock().ipmi.as_ref().unwrap().truth();
    assert_eq!((truth.sessions, truth.sessions_refused), (2, 1));
    // Others have them all.
    bmc.order("sessions-full".parse().unwrap()).unwrap();
    assert_eq!(open(&bmc, Suite::Sha1, PASSWORD, at(63)).err(), Some(0x01));
    bmc.order(Order::Clear).unwrap();
    // One that nobody goes on opening does not take a place for long.
    for _ in 0..8 {
        let _ = step(&bmc, packet::OPEN, &request(Suite::Sha1), at(64));
    }
    assert_eq!(open(&bmc, Suite::Sha1, PASSWORD, at(64)).err(), Some(0x01));
    assert!(open(&bmc, Suite::Sha1, PASSWORD, at(70)).is_ok());
}

#[test]
fn wrong_proofs_lock_the_account_of_both_faces() {
    let bmc = alone();
    let limits = Limits::default();
    for _ in 0..limits.wrong {
        assert_eq!(open(&bmc, Suite::Sha256, "wrong", at(1)).err(), Some(0x0f));
    }
    assert_eq!(open(&bmc, Suite::Sha256, PASSWORD, at(2)).err(), Some(0x0d));
    let checked = bmc.state.lock().account.check(USER, PASSWORD, at(2));
    assert_eq!(checked, Checked::Locked);
    let later = at(2) + limits.lockout;
    assert!(open(&bmc, Suite::Sha256, PASSWORD, later).is_ok());
    assert_eq!(bmc.state.lock().account.lockouts, 1);
}

#[test]
fn who_has_fewer_rights_looks_and_does_nothing() {
    let bmc = alone();
    let mut client = open(&bmc, Suite::Sha1, PASSWORD, at(1)).unwrap();
    assert_eq!(client.ask(&bmc, (6, 0x3b, &[2]), at(1)), Ok(vec![2]));
    assert!(client.ask(&bmc, (4, 0x2d, &[1]), at(1)).is_ok());
    assert_eq!(client.ask(&bmc, POWER_OFF, at(1)), Err(0xd4));
    // Who is in no session does even less, and nothing without a proof is believed within one.
    let bare = packet::bare(&message(STATUS, 1));
    let reply = bmc.receive_packet(&bare, at(1)).unwrap();
    let Some(Packet::Bare(told)) = packet::decode(&reply.bytes) else {
        panic!("no packet");
    };
    assert_eq!(told[6], 0xd4);
    let mut forged = packet::within(&client.keys, (client.bmc, 9), &message(STATUS, 2), [5; 16]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(bmc.receive_packet(&forged, at(1)), None);
}

#[test]
fn faults_are_those_of_the_other_face() {
    let bmc = alone();
    let mut client = open(&bmc, Suite::Sha1, PASSWORD, at(1)).unwrap();
    let mut with = |fault: &str, asked| {
        bmc.order(fault.parse().unwrap()).unwrap();
        let message = message(asked, (client.number & 0x3f) as u8);
        let answered = client.send(&bmc, &message, at(1));
        bmc.order(Order::Clear).unwrap();
        answered
    };
    assert_eq!(with("silent", STATUS), None);
    assert_eq!(with("refusing", POWER_OFF), Some(Err(0xd5)));
    assert_eq!(with("lying", POWER_OFF), Some(Ok(vec![])));
    assert!(bmc.machine.is_on());
    bmc.order("slow-part=3s".parse().unwrap()).unwrap();
    let delay = |client: &mut Client, asked| {
        client.number += 1;
        let place = (client.bmc, client.number);
        let bytes = packet::within(&client.keys, place, &message(asked, 3), [5; 16]);
        bmc.receive_packet(&bytes, at(1)).unwrap().delay
    };
    assert_eq!(delay(&mut client, (4, 0x2d, &[1][..])), at(3));
    assert_eq!(delay(&mut client, STATUS), Duration::ZERO);
    bmc.order("restart=5s".parse().unwrap()).unwrap();
    assert!(client.send(&bmc, &message(STATUS, 4), at(1)).is_none());
    assert_eq!(bmc.state.lock().ipmi.as_ref().unwrap().truth().sessions, 0);
}

#[test]
fn what_happens_in_the_room_is_in_the_log_and_outlives_the_power() {
    let (room, bmc) = in_room();
    bmc.tick(at(1));
    let cord = |number: usize, command| {
        let mut room = room.lock();
        let server = room
            .servers
            .iter()
            .position(|one| one.name == "a2-compute-01");
        let cord = room.servers[server.unwrap()].cords[number];
        room.switch(cord.pdu, cord.outlet, command);
        room.advance(at(1));
    };
    cord(0, Command::Off);
    bmc.tick(at(2));
    let mut client = open(&bmc, Suite::Sha256, PASSWORD, at(2)).unwrap();
    // The first supply has lost its input: an event of a supply, by its sensor.
    let entry = client.ask(&bmc, (0x0a, 0x43, &[0, 0, 0xff, 0xff, 0, 0xff]), at(2));
    let entry = entry.unwrap();
    assert_eq!(entry[2..].len(), 16);
    assert_eq!(
        (entry[12], entry[13], entry[14], entry[15]),
        (0x08, 60, 0x6f, 3)
    );
    let status = client.ask(&bmc, (4, 0x2d, &[60]), at(2)).unwrap();
    assert_eq!(status[2] & 0b1001, 0b1001);
    cord(1, Command::Off);
    bmc.tick(at(3));
    assert!(client.send(&bmc, &message(STATUS, 1), at(3)).is_none());
    cord(0, Command::On);
    cord(1, Command::On);
    bmc.tick(at(4));
    bmc.tick(at(100));
    let mut client = open(&bmc, Suite::Sha256, PASSWORD, at(100)).unwrap();
    let info = client.ask(&bmc, (0x0a, 0x40, &[]), at(100)).unwrap();
    // It was lost, and it is back.
    assert!(info[1] >= 2, "{info:?}");
    // Only who has reserved it empties it.
    let clear = (0x0a, 0x47, &[9, 9, b'C', b'L', b'R', 0xaa][..]);
    assert_eq!(client.ask(&bmc, clear, at(100)), Err(0xc5));
    let held = client.ask(&bmc, (0x0a, 0x42, &[]), at(100)).unwrap();
    let clear = [held[0], held[1], b'C', b'L', b'R', 0xaa];
    client.ask(&bmc, (0x0a, 0x47, &clear), at(100)).unwrap();
    let empty = client.ask(&bmc, (0x0a, 0x43, &[0, 0, 0, 0, 0, 0xff]), at(100));
    assert_eq!(empty, Err(0xcb));
}

#[test]
fn each_sensor_has_a_record_that_is_read_in_parts() {
    let bmc = alone();
    let mut client = open(&bmc, Suite::Sha1, PASSWORD, at(1)).unwrap();
    let held = client.ask(&bmc, (0x0a, 0x22, &[]), at(1)).unwrap();
    let (mut id, mut names) = ([0, 0], Vec::new());
    while id != [0xff, 0xff] {
        let mut part = |offset: u8, count: u8| {
            let asked = [held[0], held[1], id[0], id[1], offset, count];
            client.ask(&bmc, (0x0a, 0x23, &asked), at(1))
        };
        let head = part(0, 5).unwrap();
        let length = head[2 + 4];
        let body = part(5, length).unwrap();
        assert_eq!(body.len(), 2 + usize::from(length));
        // No answer is longer than a small BMC's.
        assert_eq!(part(0, 200).is_ok(), length + 5 <= 64);
        let at = if head[2 + 3] == 1 { 42 } else { 26 };
        let name = &body[2 + at..];
        assert_eq!(usize::from(name[0] & 0x1f), name.len() - 1);
        names.push(String::from_utf8(name[1..].to_vec()).unwrap());
        id = [head[0], head[1]];
    }
    assert_eq!(names.len(), 22 + 7 + 8 + 2);
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{names:?}");
}

#[test]
fn bytes_that_are_no_packet_harm_nobody() {
    let bmc = alone();
    let client = open(&bmc, Suite::Sha1, PASSWORD, at(1)).unwrap();
    let whole = [
        packet::bare(&message(STATUS, 1)),
        packet::opening(packet::OPEN, &request(Suite::Sha1)),
        packet::opening(packet::RAKP_1, &[0; 40]),
        packet::opening(packet::RAKP_3, &[0; 40]),
        packet::within(&client.keys, (client.bmc, 1), &message(STATUS, 1), [5; 16]),
        vec![6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 1, 0, 0],
    ];
    for turn in 0..4000 {
        let mut bytes = whole[turn as usize % whole.len()].clone();
        let place = draw(1, "place", turn) as usize % bytes.len();
        bytes[place] = draw(1, "byte", turn) as u8;
        bytes.truncate(draw(1, "length", turn) as usize % (bytes.len() + 1));
        let _ = bmc.receive_packet(&bytes, at(1));
    }
}
