//! The tools of whoever writes a profile for the SNMP worker, behind `utakata profile`.
//!
//! [`walk`] reads what a device said, [`agent`] says it again; [`trial`] has the worker itself
//! read that with profiles, [`draft`] makes a profile of it and of MIBs. [`program`] is what the
//! command line talks to.

pub mod agent;
pub mod draft;
pub mod files;
mod known;
pub mod origin;
pub mod program;
pub mod rest;
pub mod trial;
pub mod walk;
