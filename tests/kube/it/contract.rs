//! The behaviour shared by a real API server and kubelet, and ours.

mod eviction;
mod objects;
mod owners;
mod pods;
mod rights;
mod watch;
