//! From the start of the process to its exit code.

use std::process::ExitCode;

use crate::Worker;

/// All of a worker's `main`.
pub fn main<W: Worker>() -> ExitCode {
    ExitCode::SUCCESS
}
