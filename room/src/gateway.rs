//! Parts between devices and whoever asks: gateways to a serial line, servers that tell of UPSs.

use std::time::Duration;

/// A gateway to the units of a line.
#[derive(Debug)]
pub struct Gateway {
    pub name: String,
    /// The time that it waits for a unit.
    pub patience: Duration,
    /// The number of connections that it takes at one time.
    pub connections: usize,
    pub units: Vec<Unit>,
}

/// A unit on the line.
#[derive(Debug, Clone)]
pub struct Unit {
    pub name: String,
    /// Its number on the line, from 1.
    pub number: u8,
    /// The index of its cooling unit.
    pub cooling: usize,
}

/// A server that tells of UPSs.
#[derive(Debug)]
pub struct Upsd {
    pub name: String,
    /// The indexes of its UPSs.
    pub upses: Vec<usize>,
}
