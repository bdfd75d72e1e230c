//! The workbench: started by the command line, one request per process.

use std::process::ExitCode;

fn main() -> ExitCode {
    utakata_workbench::program::main()
}
