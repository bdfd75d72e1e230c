//! What a real API server and kubelet do, and ours, too.

mod eviction;
mod objects;
mod owners;
mod pods;
mod rights;
mod watch;
