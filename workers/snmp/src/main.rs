//! The worker for everything that speaks SNMP.

use std::process::ExitCode;

fn main() -> ExitCode {
    utakata_worker_sdk::main::<utakata_worker_snmp::SnmpWorker>()
}
