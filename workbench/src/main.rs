//! The workbench: asked by the command line, one request for each process.

use std::process::ExitCode;

fn main() -> ExitCode {
    utakata_workbench::program::main()
}
