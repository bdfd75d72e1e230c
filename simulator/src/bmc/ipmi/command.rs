//! The commands of a BMC (IPMI 2.0, appendix G).

use std::time::Duration;

use super::message::{Answer, Request};
use super::sensor::{self, Sensor};
use super::session::{ADMINISTRATOR, OPERATOR};
use super::{Ipmi, record, smbios};
use crate::bmc::power::Reset;
use crate::bmc::{Bmc, State};
use crate::fault::Fault;
use crate::room::Condition;

/// Functions (table 5-1).
const CHASSIS: u8 = 0x00;
const SENSORS: u8 = 0x04;
const APPLICATION: u8 = 0x06;
const STORAGE: u8 = 0x0a;
const GROUP: u8 = 0x2c;
const DCMI: u8 = 0xdc;

/// The reasons why something is not done (table 5-2).
const UNKNOWN: u8 = 0xc1;
const UNRESERVED: u8 = 0xc5;
const TOO_MANY: u8 = 0xca;
const ABSENT: u8 = 0xcb;
const WRONG: u8 = 0xcc;
const NO_RIGHTS: u8 = 0xd4;
const NOT_NOW: u8 = 0xd5;
const UNSUPPORTED: u8 = 0x80;

/// The most bytes of a record that one answer has.
const PART_MAX: u8 = 64;
/// The record after the last one.
const LAST: u16 = 0xffff;
const VERSION: u8 = 0x51;
/// Records can be reserved.
const RESERVABLE: u8 = 0x02;
/// The flags of the next start are one of the parameters of booting, which has no other.
const BOOT_FLAGS: u8 = 5;
const VALID: u8 = 0x80;
const LASTING: u8 = 0x40;
/// Devices to start from (table 28-14), in the words of Redfish.
const DEVICES: [(u8, &str); 6] = [
    (0x00, "None"),
    (0x01, "Pxe"),
    (0x02, "Hdd"),
    (0x05, "Cd"),
    (0x06, "BiosSetup"),
    (0x0b, "UefiHttp"),
];
/// The time for which a light shines, unless it is said.
const IDENTIFIED: u8 = 15;

/// Answers what everybody may ask, without a session.
pub fn outside(bmc: &Bmc, request: &Request<'_>) -> Answer {
    match (request.function, request.command) {
        (APPLICATION, 0x37) => Ok(smbios(bmc).to_vec()),
        // This channel: no login of IPMI 1.5, users with names, IPMI 2.0.
        (APPLICATION, 0x38) => Ok(vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0]),
        (APPLICATION, 0x54) => Ok(suites(request.data)),
        _ => Err(NO_RIGHTS),
    }
}

/// The cipher suites, in one list.
fn suites(data: &[u8]) -> Vec<u8> {
    let mut answer = vec![1];
    // A second part is empty.
    if data.get(2).is_none_or(|index| index & 0x3f == 0) {
        for suite in super::secret::Suite::ALL {
            let [authentication, integrity, confidentiality] = suite.algorithms();
            answer.extend([
                0xc0,
                suite.number(),
                authentication,
                0x40 | integrity,
                0x80 | confidentiality,
            ]);
        }
    }
    answer
}

impl Bmc {
    /// Carries out a request of a session with these rights.
    pub(super) fn command(
        &self,
        (state, ipmi): (&mut State, &mut Ipmi),
        privilege: u8,
        request: &Request<'_>,
        (now, time): (Duration, u32),
    ) -> Answer {
        let needs = |wanted: u8| match privilege >= wanted {
            true => Ok(()),
            false => Err(NO_RIGHTS),
        };
        let data = request.data;
        match (request.function, request.command) {
            (APPLICATION, 0x01) => Ok(device()),
            (APPLICATION, 0x42) => Ok(vec![1, 0x04, 0x01, 0x80, 0xf2, 0x1b, 0, 0, 0]),
            (APPLICATION, 0x08 | 0x37 | 0x38 | 0x54) => outside(self, request),
            (CHASSIS, 0x01) => Ok(self.chassis(state)),
            (CHASSIS, 0x02) => needs(OPERATOR).and_then(|()| self.switch(state, data, now)),
            (CHASSIS, 0x04) => needs(OPERATOR).and_then(|()| identify((state, ipmi), data, now)),
            (CHASSIS, 0x08) => needs(OPERATOR).and_then(|()| set_boot(state, data)),
            (CHASSIS, 0x09) => boot(state, data),
            (SENSORS, 0x27 | 0x2d | 0x2f) => {
                let sensor = self.sensor(state, data, now)?;
                Ok(match request.command {
                    0x27 => limits(&sensor),
                    0x2f => vec![sensor.kind, sensor.reading],
                    _ => reading(&sensor),
                })
            }
            (STORAGE, 0x20) => Ok(self.repository(state, now)),
            (STORAGE, 0x22) => Ok(ipmi.reserve()),
            (STORAGE, 0x23) => self.record((state, ipmi), data, now),
            (STORAGE, 0x40) => Ok(ipmi.log.info()),
            (STORAGE, 0x42) => Ok(ipmi.log.reserve()),
            (STORAGE, 0x43) => ipmi.log.entry(data),
            (STORAGE, 0x47) => needs(OPERATOR).and_then(|()| match is_refusing(state) {
                true => Err(NOT_NOW),
                false => ipmi.log.clear(data, time),
            }),
            (STORAGE, 0x48) => Ok(time.to_le_bytes().to_vec()),
            (GROUP, 0x02) if data.first() == Some(&DCMI) => Ok(ipmi.consumption.tell(time)),
            _ => Err(UNKNOWN),
        }
    }

    fn chassis(&self, state: &State) -> Vec<u8> {
        let measured = self.machine.measure(self.now());
        let is_on = measured.is_on;
        let has_failed = |fault: Fault| state.faults.has(fault);
        let has_input = measured.inputs.iter().all(|input| input.volts > 0.0);
        let is_short = has_failed(Fault::Condition(Condition::SupplyFailed)) || !has_input;
        // After a loss of power the machine is what it was before.
        let power = u8::from(is_on) | u8::from(is_short) << 3 | 0x20;
        let light = if state.settings.indicator { 0x10 } else { 0 };
        let misc = 0x40 | light | u8::from(has_failed(Fault::FanFailed)) << 3;
        vec![power, 0, misc]
    }

    fn switch(&self, state: &mut State, data: &[u8], now: Duration) -> Answer {
        let reset = match data.first().map(|order| order & 0x0f) {
            Some(0) => Reset::ForceOff,
            Some(1) => Reset::On,
            Some(2) => Reset::PowerCycle,
            Some(3) => Reset::ForceRestart,
            Some(5) => Reset::GracefulShutdown,
            _ => return Err(WRONG),
        };
        state.power.receive(reset);
        if is_refusing(state) {
            return Err(NOT_NOW);
        }
        let is_done =
            state.faults.has(Fault::Lying) || state.power.order(reset, self.machine.is_on(), now);
        match is_done {
            true => Ok(Vec::new()),
            false => Err(NOT_NOW),
        }
    }

    fn sensor(&self, state: &State, data: &[u8], now: Duration) -> Result<Sensor, u8> {
        let wanted = data.first().ok_or(WRONG)?;
        let mut all = self.sensors(state, now).into_iter();
        all.find(|one| one.number == *wanted).ok_or(ABSENT)
    }

    /// Returns the sensors as they are now.
    pub(super) fn sensors(&self, state: &State, now: Duration) -> Vec<Sensor> {
        let measured = self.machine.measure(now);
        sensor::all(&state.view(self, &measured))
    }

    fn repository(&self, state: &State, now: Duration) -> Vec<u8> {
        let mut answer = vec![VERSION];
        answer.extend((self.sensors(state, now).len() as u16).to_le_bytes());
        // No space is left, and nothing was ever added or removed.
        answer.extend([0; 10]);
        answer.push(RESERVABLE);
        answer
    }

    fn record(&self, (state, ipmi): (&State, &Ipmi), data: &[u8], now: Duration) -> Answer {
        let [r0, r1, n0, n1, offset, count] = data else {
            return Err(WRONG);
        };
        if *offset > 0 && u16::from_le_bytes([*r0, *r1]) != ipmi.reservation {
            return Err(UNRESERVED);
        }
        let sensors = self.sensors(state, now);
        let place = match u16::from_le_bytes([*n0, *n1]) {
            0 => 0,
            LAST => sensors.len() - 1,
            number => usize::from(number) - 1,
        };
        let sensor = sensors.get(place).ok_or(ABSENT)?;
        let record = record::of(place as u16 + 1, sensor);
        let rest = record.get(usize::from(*offset)..).ok_or(WRONG)?;
        let count = usize::from(*count).min(rest.len());
        if count > usize::from(PART_MAX) {
            return Err(TOO_MANY);
        }
        let next = match place + 1 < sensors.len() {
            true => place as u16 + 2,
            false => LAST,
        };
        let mut answer = next.to_le_bytes().to_vec();
        let is_truncated = *offset > 0 && state.faults.has(Fault::Truncated);
        let told = if is_truncated { count / 2 } else { count };
        answer.extend(&rest[..told]);
        Ok(answer)
    }
}

/// Answers Set Session Privilege Level.
pub fn privilege(session: &mut super::session::Session, data: &[u8]) -> Answer {
    match data.first() {
        Some(0) => {}
        Some(wanted @ 1..=ADMINISTRATOR) if *wanted <= session.highest() => {
            session.privilege = *wanted;
        }
        Some(1..=ADMINISTRATOR) => return Err(0x81),
        _ => return Err(UNSUPPORTED),
    }
    Ok(vec![session.privilege])
}

fn is_refusing(state: &State) -> bool {
    state.faults.has(Fault::Refusing)
}

/// Answers Get Device ID: IPMI 2.0; sensors, records and a log of events; of no make.
fn device() -> Vec<u8> {
    vec![0x20, 0x01, 0x02, 0x31, 0x02, 0x87, 0, 0, 0, 0x01, 0]
}

fn reading(sensor: &Sensor) -> Vec<u8> {
    const SCANNED: u8 = 0xc0;
    const UNAVAILABLE: u8 = 0x20;
    // The bits that say nothing are set.
    let above = if sensor.reading == sensor::THRESHOLDS {
        0x00c0
    } else {
        0x8000
    };
    let [low, high] = (sensor.states | above).to_le_bytes();
    match sensor.raw {
        None => vec![0, SCANNED | UNAVAILABLE, 0xc0],
        Some(raw) if sensor.reading == sensor::THRESHOLDS => vec![raw, SCANNED, low],
        Some(raw) => vec![raw, SCANNED, low, high],
    }
}

fn limits(sensor: &Sensor) -> Vec<u8> {
    let limits = sensor.limits;
    let at = |limit: Option<u8>| limit.unwrap_or(0);
    vec![
        limits.mask(),
        0,
        at(limits.lower_critical),
        0,
        0,
        at(limits.upper_critical),
        at(limits.upper_fatal),
    ]
}

fn identify((state, ipmi): (&mut State, &mut Ipmi), data: &[u8], now: Duration) -> Answer {
    state.tally.counts.changes += 1;
    if is_refusing(state) {
        return Err(NOT_NOW);
    }
    let seconds = data.first().copied().unwrap_or(IDENTIFIED);
    let is_forever = data.get(1).is_some_and(|force| force & 1 != 0);
    if !state.faults.has(Fault::Lying) {
        state.settings.indicator = is_forever || seconds > 0;
        state.settings.version += 1;
        let until = now + Duration::from_secs(seconds.into());
        ipmi.identified_until = (!is_forever && seconds > 0).then_some(until);
    }
    Ok(Vec::new())
}

fn set_boot(state: &mut State, data: &[u8]) -> Answer {
    let [parameter, values @ ..] = data else {
        return Err(WRONG);
    };
    if *parameter & 0x7f != BOOT_FLAGS {
        // Who is changing them, and whom they concern: nothing follows from it.
        return Ok(Vec::new());
    }
    state.tally.counts.changes += 1;
    let [flags, device, ..] = values else {
        return Err(WRONG);
    };
    if is_refusing(state) {
        return Err(NOT_NOW);
    }
    let device = device >> 2 & 0x0f;
    let (_, word) = DEVICES
        .iter()
        .find(|(number, _)| *number == device)
        .ok_or(WRONG)?;
    if !state.faults.has(Fault::Lying) {
        let settings = &mut state.settings;
        let enabled = match (flags & VALID != 0 && *word != "None", flags & LASTING != 0) {
            (false, _) => "Disabled",
            (true, false) => "Once",
            (true, true) => "Continuous",
        };
        enabled.clone_into(&mut settings.boot_enabled);
        let word = if enabled == "Disabled" { "None" } else { word };
        word.clone_into(&mut settings.boot_target);
        settings.version += 1;
    }
    Ok(Vec::new())
}

fn boot(state: &State, data: &[u8]) -> Answer {
    let parameter = data.first().ok_or(WRONG)? & 0x7f;
    if parameter != BOOT_FLAGS {
        return Err(UNSUPPORTED);
    }
    let settings = &state.settings;
    let mut known = DEVICES.iter();
    let device = known.find(|(_, word)| *word == settings.boot_target);
    let device = device.map_or(0, |(number, _)| *number);
    let flags = match settings.boot_enabled.as_str() {
        "Once" => VALID,
        "Continuous" => VALID | LASTING,
        _ => 0,
    };
    Ok(vec![1, BOOT_FLAGS, flags, device << 2, 0, 0, 0])
}
