//! Cooling unit: objects under netSnmpPlaypen of NET-SNMP-MIB, which is for experiments and nobody's.
//!
//! ```text
//! 8072.9999.9999.8.1.1.0  INTEGER       status: ok(1), failed(2)
//!                   .1.2.0  INTEGER       fan: on(1), off(2)
//!                   .1.3.0  INTEGER       compressor: running(1), standing(2)
//!                   .1.4.0  INTEGER       supply air, tenths of a degree Celsius
//!                   .1.5.0  INTEGER       return air, tenths of a degree Celsius
//!                   .1.6.0  Counter32     starts of the compressor
//!                   .1.7.0  Gauge32       power that it draws, watts
//!                   .1.8.0  Gauge32       seconds until it takes its setpoint back, 0 if never
//!                   .2.1.0  OCTET STRING  setpoint of the supply air, "21.5": 10 to 40, writable;
//!                                         "21.5;600" holds for 600 seconds, unless it is written again
//! ```

use std::time::Duration;

use async_snmp::{Oid, Value};

use super::system::Agent;
use super::view::{ViewBuilder, gauge, integer, rounded, text};
use super::{Change, Refusal};
use crate::room::{Cooling, CoolingStatus};
use crate::units::Celsius;

const UNIT: [u32; 10] = [1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8];
/// The setpoints that a unit takes.
const SETPOINTS: std::ops::RangeInclusive<f64> = 10.0..=40.0;

/// Adds the objects of `unit`.
pub fn put_objects(unit: &Cooling, builder: &mut ViewBuilder) -> Agent {
    let mut put = |tail: [u32; 3], value| builder.put(&UNIT, &tail, value);
    let one_of = |is_first| integer(if is_first { 1 } else { 2 });
    put([1, 1, 0], one_of(unit.status() == CoolingStatus::Ok));
    put([1, 2, 0], one_of(unit.has_mains()));
    put([1, 3, 0], one_of(unit.tells_running()));
    put([1, 4, 0], rounded(unit.told_supply().0 * 10.0));
    put([1, 5, 0], rounded(unit.return_air.0 * 10.0));
    put([1, 6, 0], Value::Counter32(unit.starts));
    put([1, 7, 0], gauge(unit.power().0));
    let lease = unit.lease().map_or(0.0, |left| left.as_secs_f64().ceil());
    put([1, 8, 0], gauge(lease));
    put([2, 1, 0], text(&format!("{:.1}", unit.setpoint.0)));
    Agent {
        description: "Simulated cooling unit, controller 1.0".to_owned(),
        object: UNIT.to_vec(),
    }
}

/// The object at which a walk of a half table ends.
pub fn middle() -> Oid {
    Oid::new(UNIT.into_iter().chain([1, 3, 0]))
}

/// Returns the change made by writing the setpoint; `None` if `oid` is another object.
pub fn write(oid: &[u32], value: &Value) -> Option<Result<Change, Refusal>> {
    if oid.strip_prefix(&UNIT)? != [2, 1, 0] {
        return None;
    }
    Some(super::text(value, 32).and_then(|text| setpoint(&text).ok_or(Refusal::WrongValue)))
}

/// Reads a setpoint with its lease, if it has one.
fn setpoint(text: &str) -> Option<Change> {
    let (number, lease) = match text.split_once(';') {
        Some((number, seconds)) => (number, Some(seconds.trim().parse().ok()?)),
        None => (text, None),
    };
    let number: f64 = number.trim().parse().ok()?;
    let lease = lease.map(Duration::from_secs);
    let is_right = SETPOINTS.contains(&number) && lease.is_none_or(|lease| !lease.is_zero());
    is_right.then_some(Change::Setpoint(Celsius(number), lease))
}
