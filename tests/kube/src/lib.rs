//! A Kubernetes API server and kubelet of our own, for tests and the drill: HTTPS on the loopback,
//! objects in memory, pods as processes of this machine.
//!
//! It behaves like a real one, as far as it goes: the contract suite next to it runs against both.
//! The README describes its scope and its differences.

mod admission;
mod answer;
mod authority;
mod cluster;
mod controllers;
mod discovery;
mod fault;
mod identity;
mod kubelet;
mod moment;
mod patch;
mod pods;
mod processes;
mod protobuf;
mod refusal;
mod registry;
mod request;
mod resource;
mod select;
mod serve;
mod store;
mod timing;
mod tokens;
mod validate;
mod verbs;
mod watching;
mod world;

pub use cluster::{Cluster, Options};
pub use fault::{Fault, Scope};
pub use registry::{Credentials, Image};
pub use timing::Timing;
