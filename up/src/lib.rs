//! The boxes assembled: the configuration, the data directory, and the roles that a process can
//! have.
//!
//! ```text
//! role (up, le, wee, hub) ─► config ─► claim ─► inter_connect ─► logic, execution ─► drain
//! ```
//!
//! The command line and the drill start the same roles; only the drill alters one ([`Alteration`]).

mod alteration;
pub mod bundle;
pub mod claim;
#[cfg(feature = "kubernetes")]
pub mod cluster;
pub mod config;
pub mod confinement;
mod dead_letters;
pub mod demo;
mod descriptors;
pub mod drill;
pub mod enrolment;
mod execution;
pub mod folder;
mod folder_releases;
pub mod hints;
mod inter_connect;
mod join;
mod keys;
mod links;
pub mod log;
mod logic;
mod mqtt_door;
pub mod paths;
pub mod pki;
mod probes;
mod profiles;
pub mod programs;
pub mod release_folder;
mod replace;
pub mod role;
pub mod signals;
mod socket;
mod system;
pub mod unserved;
mod usage;
pub mod workbench;

pub use alteration::Alteration;
pub use links::Links;
pub use usage::Usage;
