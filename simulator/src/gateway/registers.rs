//! The registers of a cooling unit's controller, which is of no make. Pure.
//!
//! ```text
//! holding  0        setpoint of the supply air, tenths of a degree Celsius: 100 to 400, writable
//!          100..107 "UTAKATA CU-1", by which it is recognised
//! input    0        status: ok(1), failed(2)
//!          1        fan: off(0), on(1)
//!          2        compressor: standing(0), running(1)
//!          3        supply air, tenths of a degree Celsius, with a sign
//!          4        return air, as that
//!          10, 11   power that it draws, watts, the greater word first
//!          12, 13   starts of the compressor, as that
//! discrete 0        an alarm
//! ```
//!
//! There is nothing between and behind these: exception 2. It says who made it (function 43, 14).

use crate::room::{Cooling, CoolingStatus};
use crate::units::Celsius;

/// The codes of exceptions.
const NO_FUNCTION: u8 = 1;
const NO_ADDRESS: u8 = 2;
const NO_VALUE: u8 = 3;
/// A gateway says it of a unit that does not answer.
pub const NO_ANSWER: u8 = 11;

const READ_DISCRETE: u8 = 2;
const READ_HOLDING: u8 = 3;
const READ_INPUT: u8 = 4;
const WRITE_ONE: u8 = 6;
const WRITE_MANY: u8 = 16;
const IDENTIFY: u8 = 43;
const IDENTIFICATION: u8 = 14;
const BASIC: u8 = 1;

/// The most registers of one request.
const MOST: u16 = 125;
/// The address of the setpoint, and the setpoints that it takes, in tenths of a degree.
const SETPOINT: u16 = 0;
const SETPOINTS: std::ops::RangeInclusive<u16> = 100..=400;
/// The place of its name.
const NAMED_AT: u16 = 100;
const NAME: &[u8; 16] = b"UTAKATA CU-1    ";
/// The objects of its identification: maker, model, version.
const OBJECTS: [&str; 3] = ["utakata", "CU-1", "1.0"];

/// The registers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    setpoint: u16,
    is_failed: bool,
    has_fan: bool,
    is_running: bool,
    supply: u16,
    return_air: u16,
    power: u32,
    starts: u32,
}

impl Registers {
    /// Returns the registers of a cooling unit, as it tells its state.
    pub fn of(unit: &Cooling) -> Self {
        Self {
            setpoint: tenths(unit.setpoint),
            is_failed: unit.status() == CoolingStatus::Failed,
            has_fan: unit.has_mains(),
            is_running: unit.tells_running(),
            supply: tenths(unit.told_supply()),
            return_air: tenths(unit.return_air),
            power: unit.power().0.round() as u32,
            starts: unit.starts,
        }
    }

    /// Answers a request: from the function on, without the frame. Returns the setpoint that was told,
    /// too.
    pub fn answer(&self, request: &[u8]) -> (Vec<u8>, Option<Celsius>) {
        let answered = match *request {
            [READ_DISCRETE, ref at @ ..] => self.bits(at).map(|bits| (bits, None)),
            [READ_HOLDING, ref at @ ..] => {
                let read = read(READ_HOLDING, at, |at| self.holding(at));
                read.map(|read| (read, None))
            }
            [READ_INPUT, ref at @ ..] => {
                let read = read(READ_INPUT, at, |at| self.input(at));
                read.map(|read| (read, None))
            }
            [WRITE_ONE, a, b, c, d] => {
                let told = setpoint(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                told.map(|told| (request.to_vec(), Some(told)))
            }
            [WRITE_MANY, a, b, 0, 1, 2, c, d] => {
                let told = setpoint(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                told.map(|told| (vec![WRITE_MANY, a, b, 0, 1], Some(told)))
            }
            // One register is all that can be written.
            [WRITE_MANY, _, _, _, _, length, ref values @ ..]
                if usize::from(length) == values.len() =>
            {
                Err(NO_ADDRESS)
            }
            [IDENTIFY, IDENTIFICATION, BASIC, 0] => Ok((identification(), None)),
            [WRITE_ONE | WRITE_MANY | IDENTIFY, ..] => Err(NO_VALUE),
            _ => Err(NO_FUNCTION),
        };
        answered.unwrap_or_else(|code| (exception(request, code), None))
    }

    fn holding(&self, at: u16) -> Option<u16> {
        if at == SETPOINT {
            return Some(self.setpoint);
        }
        let place = usize::from(at.checked_sub(NAMED_AT)?) * 2;
        let letters = NAME.get(place..place + 2)?;
        Some(u16::from_be_bytes([letters[0], letters[1]]))
    }

    fn input(&self, at: u16) -> Option<u16> {
        let [power, starts] = [self.power, self.starts].map(words);
        Some(match at {
            0 => 1 + u16::from(self.is_failed),
            1 => self.has_fan.into(),
            2 => self.is_running.into(),
            3 => self.supply,
            4 => self.return_air,
            10 => power[0],
            11 => power[1],
            12 => starts[0],
            13 => starts[1],
            _ => return None,
        })
    }

    fn bits(&self, at: &[u8]) -> Result<Vec<u8>, u8> {
        match place(at)? {
            (0, 1) => Ok(vec![READ_DISCRETE, 1, self.is_failed.into()]),
            _ => Err(NO_ADDRESS),
        }
    }
}

/// Returns the answer that a request is refused.
pub fn exception(request: &[u8], code: u8) -> Vec<u8> {
    let function = request.first().copied().unwrap_or_default();
    vec![function | 0x80, code]
}

fn place(at: &[u8]) -> Result<(u16, u16), u8> {
    let &[a, b, c, d] = at else {
        return Err(NO_VALUE);
    };
    match u16::from_be_bytes([c, d]) {
        count @ 1..=MOST => Ok((u16::from_be_bytes([a, b]), count)),
        _ => Err(NO_VALUE),
    }
}

fn read(function: u8, at: &[u8], register: impl Fn(u16) -> Option<u16>) -> Result<Vec<u8>, u8> {
    let (first, count) = place(at)?;
    let mut answer = vec![function, count.to_be_bytes()[1] * 2];
    for offset in 0..count {
        let at = first.checked_add(offset);
        let value = at.and_then(&register).ok_or(NO_ADDRESS)?;
        answer.extend(value.to_be_bytes());
    }
    Ok(answer)
}

fn setpoint(at: u16, value: u16) -> Result<Celsius, u8> {
    match (at, SETPOINTS.contains(&value)) {
        (SETPOINT, true) => Ok(Celsius(f64::from(value) / 10.0)),
        (SETPOINT, false) => Err(NO_VALUE),
        _ => Err(NO_ADDRESS),
    }
}

fn identification() -> Vec<u8> {
    // Nothing follows, and these are all.
    let mut answer = vec![IDENTIFY, IDENTIFICATION, BASIC, BASIC, 0, 0];
    answer.push(OBJECTS.len() as u8);
    for (number, text) in (0..).zip(OBJECTS) {
        answer.extend([number, text.len() as u8]);
        answer.extend(text.as_bytes());
    }
    answer
}

/// A temperature as a register with a sign.
fn tenths(degrees: Celsius) -> u16 {
    let tenths = (degrees.0 * 10.0).round() as i16;
    u16::from_be_bytes(tenths.to_be_bytes())
}

fn words(number: u32) -> [u16; 2] {
    let [a, b, c, d] = number.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}
