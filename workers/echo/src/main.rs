//! A worker that answers what it is given, for tests and benchmarks. It talks to nobody: the
//! address of a target means nothing to it, and every target shows the same count.

mod echo;
mod faults;

use std::process::ExitCode;

/// Faster than the C library's where many small things come and go: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    utakata_worker_sdk::main::<echo::Echo>()
}
