//! The tools for writing a profile for the SNMP worker, behind `utakata profile`.
//!
//! [`walk`] reads a recording of a device, [`agent`] replays it; [`trial`] runs the worker itself
//! against the replay with given profiles, [`draft`] makes a profile from a walk and MIBs.
//! [`program`] is the interface to the command line.

pub mod agent;
pub mod draft;
pub mod files;
mod known;
pub mod origin;
pub mod program;
pub mod rest;
pub mod trial;
pub mod walk;
