//! A worker that answers what it is given, for tests and benchmarks. It talks to nobody: the
//! address of a target means nothing to it, and every target shows the same count.

mod echo;

use std::process::ExitCode;

fn main() -> ExitCode {
    utakata_worker_sdk::main::<echo::Echo>()
}
