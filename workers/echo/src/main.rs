//! A worker that answers with what it is given, for tests and benchmarks. It contacts no device:
//! the address of a target has no meaning for it, and every target shows the same count.

mod echo;
mod faults;

use std::process::ExitCode;

/// Faster than the C library's with many small allocations: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    utakata_worker_sdk::main::<echo::Echo>()
}
