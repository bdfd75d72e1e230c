//! The same BMC by IPMI 2.0 over LAN: RMCP+ with the cipher suites 3 and 17, one account with the other
//! face, the same machine, and a log of events.
//!
//! ```text
//! client ──UDP──► serve ──► packet ──► session: RAKP, keys ──► message ──► command ──► State, Machine
//!                                                                            └─► sensor, record, log
//! ```

mod command;
mod log;
mod message;
mod packet;
mod record;
mod secret;
mod sensor;
pub mod serve;
mod session;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use super::account::Taken;
use super::machine::Surroundings;
use super::{Bmc, State, tree};
use crate::chance::draw;
use crate::fault::{self, Fault};
use log::Log;
use message::Request;
use packet::{Packet, Plus};
use session::Sessions;

/// Set Session Privilege Level, and Close Session: what concerns the session itself.
const APPLICATION: u8 = 0x06;
const SET_PRIVILEGE: u8 = 0x3b;
const CLOSE: u8 = 0x3c;
/// Functions and commands of measurements: sensors, and the power by DCMI.
const MEASURED: [(u8, u8); 2] = [(0x04, 0x2d), (0x2c, 0x02)];
/// There is no such session.
const NO_SESSION: u8 = 0x87;

/// The part of a BMC that only IPMI has.
#[derive(Debug)]
pub struct Ipmi {
    sessions: Sessions,
    log: Log,
    consumption: Consumption,
    /// The number of the last reservation of its records.
    reservation: u16,
    /// The end of the time for which it shows its light.
    identified_until: Option<Duration>,
    counts: Counts,
}

/// The counts of a BMC of those who talk to it by IPMI.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Counts {
    /// Packets that reached it.
    requests: u64,
    answers: u64,
}

/// The ground truth about it.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    #[serde(flatten)]
    counts: Counts,
    /// Sessions that are open now, that were opened, the most at one time, and those that were refused.
    sessions: usize,
    logins: u64,
    sessions_max: u64,
    sessions_refused: u64,
    log_entries: usize,
}

/// A packet to be sent, after a delay.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub delay: Duration,
    pub bytes: Vec<u8>,
}

/// The power that was drawn since the start, in watts.
#[derive(Debug, Default)]
struct Consumption {
    now: f64,
    least: f64,
    most: f64,
    sum: f64,
    samples: u32,
}

impl Consumption {
    fn add(&mut self, watts: f64) {
        self.now = watts;
        self.least = if self.samples == 0 {
            watts
        } else {
            self.least.min(watts)
        };
        self.most = self.most.max(watts);
        self.sum += watts;
        self.samples += 1;
    }

    /// Answers Get Power Reading (DCMI 1.5, 6.6.1).
    fn tell(&self, time: u32) -> Vec<u8> {
        const PERIOD_MS: u32 = 1000;
        const MEASURES: u8 = 0x40;
        let mean = self.sum / f64::from(self.samples.max(1));
        let mut answer = vec![0xdc];
        for watts in [self.now, self.least, self.most, mean] {
            answer.extend((watts.round() as u16).to_le_bytes());
        }
        answer.extend(time.to_le_bytes());
        answer.extend(PERIOD_MS.to_le_bytes());
        answer.push(MEASURES);
        answer
    }
}

impl Ipmi {
    /// Creates the face of a BMC with this name.
    pub fn new(name: &str) -> Self {
        Self {
            sessions: Sessions::new(smbios_of(name), draw(0, name, u64::MAX - 1)),
            log: Log::default(),
            consumption: Consumption::default(),
            reservation: 0,
            identified_until: None,
            counts: Counts::default(),
        }
    }

    /// Ends all sessions, as a restart does.
    pub fn restart(&mut self) {
        self.sessions.clear();
    }

    fn reserve(&mut self) -> Vec<u8> {
        self.reservation = self.reservation.wrapping_add(1).max(1);
        self.reservation.to_le_bytes().to_vec()
    }

    pub fn truth(&self) -> Truth {
        Truth {
            counts: self.counts.clone(),
            sessions: self.sessions.count(),
            logins: self.sessions.opened,
            sessions_max: self.sessions.max,
            sessions_refused: self.sessions.refused,
            log_entries: self.log.count(),
        }
    }
}

impl Bmc {
    /// Writes down what has changed, and puts out a light whose time is over.
    pub(super) fn look(
        &self,
        state: &mut State,
        measured: &Surroundings,
        (now, time): (Duration, u32),
    ) {
        let Some(mut ipmi) = state.ipmi.take() else {
            return;
        };
        ipmi.consumption.add(measured.watts);
        ipmi.log
            .look(&sensor::all(&state.view(self, measured)), time);
        if ipmi.identified_until.is_some_and(|until| until <= now) {
            ipmi.identified_until = None;
            state.settings.indicator = false;
            state.settings.version += 1;
        }
        state.ipmi = Some(ipmi);
    }

    /// Receives a packet, acts on it at once, and returns what becomes of it. `None`: no answer, ever.
    pub fn receive_packet(&self, bytes: &[u8], now: Duration) -> Option<Reply> {
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        if !state.is_there() {
            return None;
        }
        let delay = match state.faults.reply(now) {
            fault::Reply::Never => return None,
            fault::Reply::Garbage => {
                let bytes = fault::GARBAGE.to_vec();
                let delay = Duration::ZERO;
                return Some(Reply { delay, bytes });
            }
            fault::Reply::After(delay) => delay,
        };
        let mut ipmi = state.ipmi.take()?;
        ipmi.counts.requests += 1;
        let reply = self.answer_packet((&mut state, &mut ipmi), bytes, now);
        ipmi.counts.answers += u64::from(reply.is_some());
        state.ipmi = Some(ipmi);
        let mut reply = reply?;
        reply.delay = reply.delay.max(delay);
        Some(reply)
    }

    fn answer_packet(
        &self,
        (state, ipmi): (&mut State, &mut Ipmi),
        bytes: &[u8],
        now: Duration,
    ) -> Option<Reply> {
        let at_once = |bytes: Vec<u8>| Reply {
            delay: Duration::ZERO,
            bytes,
        };
        match packet::decode(bytes)? {
            Packet::Ping(tag) => Some(at_once(packet::pong(tag))),
            Packet::Bare(message) => {
                let request = Request::decode(message)?;
                let answer = request.answer(command::outside(self, &request));
                Some(at_once(packet::bare(&answer)))
            }
            Packet::Plus(plus) if plus.session == 0 => {
                let (payload, answer) = self.opening((state, ipmi), &plus, now)?;
                Some(at_once(packet::opening(payload, &answer)))
            }
            Packet::Plus(plus) => self.within((state, ipmi), &plus, now),
        }
    }

    /// Answers what is said outside of sessions in RMCP+: mostly, how to open one.
    fn opening(
        &self,
        (state, ipmi): (&mut State, &mut Ipmi),
        plus: &Plus<'_>,
        now: Duration,
    ) -> Option<(u8, Vec<u8>)> {
        let (account, sessions) = (&mut state.account, &mut ipmi.sessions);
        let answer = match plus.payload {
            packet::OPEN => {
                let taken = match state.faults.has(Fault::SessionsFull) {
                    true => Taken::ByOthers,
                    false => Taken::ByUs,
                };
                sessions.open(plus.data, account.limits().sessions, taken, now)
            }
            packet::RAKP_1 => {
                let is_moody = state.faults.moody();
                let is_moody = is_moody
                    .is_some_and(|chance| chance.falls(draw(3, &self.name, ipmi.counts.requests)));
                sessions.introduce(plus.data, is_moody, account, now)
            }
            packet::RAKP_3 => sessions.prove(plus.data, account, now),
            packet::MESSAGE => {
                let request = Request::decode(plus.data)?;
                let answer = request.answer(command::outside(self, &request));
                return Some((packet::MESSAGE, answer));
            }
            _ => return None,
        };
        Some((plus.payload + 1, answer?))
    }

    fn within(
        &self,
        (state, ipmi): (&mut State, &mut Ipmi),
        plus: &Plus<'_>,
        now: Duration,
    ) -> Option<Reply> {
        let session = ipmi.sessions.find(plus.session, now)?;
        let keys = session.keys()?.clone();
        let said = plus.open(&keys)?;
        if plus.payload != packet::MESSAGE || !session.receive(plus.number, now) {
            return None;
        }
        let request = Request::decode(&said)?;
        let place = session.next();
        let is_measured = MEASURED.contains(&(request.function, request.command));
        let answer = match session.repeated(&said) {
            Some(answer) => answer,
            None => {
                let answer = match (request.function, request.command) {
                    (APPLICATION, SET_PRIVILEGE) => command::privilege(session, request.data),
                    (APPLICATION, CLOSE) => {
                        let id = request.data.first_chunk().copied().map(u32::from_le_bytes);
                        match id.is_some_and(|id| ipmi.sessions.close(id)) {
                            true => Ok(Vec::new()),
                            false => Err(NO_SESSION),
                        }
                    }
                    _ => {
                        let privilege = session.privilege;
                        let time = (now, seconds());
                        self.command((&mut *state, &mut *ipmi), privilege, &request, time)
                    }
                };
                let answer = request.answer(answer);
                if let Some(session) = ipmi.sessions.find(plus.session, now) {
                    session.remember(said.clone(), answer.clone());
                }
                answer
            }
        };
        let slow = state.faults.slow_part().filter(|_| is_measured);
        let vector = ipmi.sessions.vector("vector");
        Some(Reply {
            delay: slow.unwrap_or_default(),
            bytes: packet::within(&keys, place, &answer, vector),
        })
    }
}

/// The seconds since 1970 UTC, as the clock of the BMC has them.
pub fn seconds() -> u32 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_secs() as u32
}

/// The UUID of a machine in the order of SMBIOS, as most BMCs tell it.
fn smbios(bmc: &Bmc) -> [u8; 16] {
    smbios_of(&bmc.name)
}

fn smbios_of(name: &str) -> [u8; 16] {
    let text = tree::uuid(name);
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = (pair[0] << 4 | pair[1]) as u8;
    }
    for (from, to) in [(0, 4), (4, 6), (6, 8)] {
        bytes[from..to].reverse();
    }
    bytes
}
