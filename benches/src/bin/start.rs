//! Time from start to ready, and idle memory without targets.

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use utakata_benches::{figures::Figures, process, system::System};

/// Time from start to ready, and idle memory without targets.
#[derive(Parser)]
struct Arguments {
    /// Starts, each with its own data directory.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Seconds of idleness before memory is measured.
    #[arg(long, default_value_t = 3)]
    idle: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let [mut ready, mut memory, mut idle] = [(); 3].map(|()| Figures::default());
    for _ in 0..arguments.runs {
        let system = System::start(&[])?;
        ready.add(system.ready_after.as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_secs(arguments.idle));
        memory.add(process::resident_megabytes(system.pid())?);
        let before = process::cpu_seconds(system.pid())?;
        std::thread::sleep(Duration::from_secs(arguments.idle));
        let used = process::cpu_seconds(system.pid())? - before;
        idle.add(used / arguments.idle as f64 * 100.0);
    }
    println!(
        "{} starts on an empty data directory, the bundled kinds, no targets:",
        arguments.runs
    );
    println!("  start of the process to ready, ms       {ready:.0}");
    println!("  memory of utakata when idle, MB         {memory:.1}");
    println!("  processor when idle, % of one core      {idle:.1}");
    Ok(())
}
