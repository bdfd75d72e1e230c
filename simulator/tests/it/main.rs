//! The simulator as a program, queried with the tools of net-snmp (Debian's package `snmp`).

#[cfg(test)]
mod agents;
#[cfg(test)]
mod bmcs;
#[cfg(test)]
mod counters;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod ipmi;
#[cfg(test)]
mod program;
#[cfg(test)]
mod room;
#[cfg(test)]
mod snmp;
#[cfg(test)]
mod upsd;
