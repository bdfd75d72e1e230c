//! All boxes in one process, on one machine.

pub mod bundle;
pub mod claim;
pub mod dead_letters;
pub mod demo;
pub mod descriptors;
pub mod execution;
pub mod folders;
pub mod inter_connect;
pub mod logic;
pub mod profiles;
pub mod replace;
pub mod signals;
pub mod system;
