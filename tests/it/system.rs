//! The whole system: the built programs as processes, real protocols, simulated equipment.

mod alarms;
mod api;
mod backup;
mod counters;
mod crowds;
mod discovery;
mod disk;
mod faults;
mod hands;
mod kills;
mod kinds;
mod mqtt;
mod pdus;
pub mod place;
mod protocols;
mod releases;
mod room;
