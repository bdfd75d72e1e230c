//! The environment with real workers: the echo worker as a process, and a shell script that is
//! a bad one.

mod faults;
mod releases;
mod site;
mod thread;
