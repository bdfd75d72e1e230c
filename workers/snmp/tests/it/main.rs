//! The worker against real devices: Debian's snmpd, and recordings played back by snmpsim.

mod control;
mod device;
mod read;
mod recordings;
mod releases;
mod trouble;
