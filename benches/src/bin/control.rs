//! Control tasks through the whole path, with the ledger on disk, from API client to subscriber:
//! rate and latency. Also measures the disk's time for a flush, for comparison.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use utakata_api::{client::Client, operation::ControlAnswer};
use utakata_benches::{
    closed_loop, echo,
    figures::Figures,
    load, process,
    system::{System, repository},
};

/// Control tasks through the whole path.
#[derive(Parser)]
struct Arguments {
    /// Groups of targets, each controlled as one operation.
    #[arg(long, default_value_t = 16)]
    groups: usize,
    #[arg(long, default_value_t = 250)]
    each: usize,
    /// Duration of one run, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measured runs, after one for warming up.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Single tasks, one after the other, for measuring latency.
    #[arg(long, default_value_t = 1000)]
    singles: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    flush()?;
    let release = repository().join("workers/echo/releases/echo");
    let system = System::start(&[&release])?;
    let client = Client::new(&system.url, &system.token)?;
    echo::declare(&client, arguments.groups, arguments.each).await?;
    latency(&client, arguments.singles).await?;
    throughput(&client, &system, &arguments).await
}

/// Measures the time the disk takes to write a page of 4 KiB.
fn flush() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut file = File::create(folder.path().join("flushed"))?;
    let mut milliseconds = Figures::default();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        milliseconds.add(begun.elapsed().as_secs_f64() * 1000.0);
    }
    println!("the disk alone, 4 KiB written and flushed, 200 times, milliseconds:");
    print(&milliseconds);
    Ok(())
}

/// One task at a time on an idle system: from the request to the answer with its outcome.
async fn latency(client: &Client, singles: usize) -> Result<()> {
    let mut control = load::set("name=echo-0-0", 1)?;
    control.wait = Duration::from_secs(5);
    let mut seen = Vec::with_capacity(singles);
    for _ in 0..singles + 50 {
        let begun = Instant::now();
        let ControlAnswer::Operation(answer) = client.control(&control).await? else {
            bail!("only a plan came");
        };
        seen.push(begun.elapsed().as_secs_f64() * 1000.0);
        ensure!(answer.counts.succeeded == 1, "it went wrong: {answer:?}");
    }
    let mut milliseconds = Figures::default();
    milliseconds.extend(seen.into_iter().skip(50));
    println!("one warm control task, HTTP request to its answer, {singles} times, milliseconds:");
    print(&milliseconds);
    Ok(())
}

fn print(milliseconds: &Figures) {
    for share in [0.5, 0.9, 0.99, 1.0] {
        let value = milliseconds.quantile(share);
        println!("  p{:<4} {value:.3}", share * 100.0);
    }
}

async fn throughput(client: &Client, system: &System, arguments: &Arguments) -> Result<()> {
    let mut rates = Figures::default();
    let [mut product, mut workers, mut bench] = [(); 3].map(|()| Figures::default());
    let size = closed_loop::Size {
        groups: arguments.groups,
        each: arguments.each,
        duration: Duration::from_secs(arguments.seconds),
    };
    for run in 0..=arguments.runs {
        let before = cpu(system)?;
        let begun = Instant::now();
        let done = load::control(client, size).await?;
        let (took, after) = (begun.elapsed().as_secs_f64(), cpu(system)?);
        if run == 0 {
            continue;
        }
        rates.add(done as f64 / took);
        let share = |at: usize| (after[at] - before[at]) / done as f64 * 1e6;
        product.add(share(0));
        workers.add(share(1));
        bench.add(share(2));
    }
    println!(
        "control tasks through the whole path, ledger flushed, {} runs of {} s, {} groups of {} \
         targets:",
        arguments.runs, arguments.seconds, arguments.groups, arguments.each
    );
    println!("  tasks per second                        {rates:.0}");
    println!("  utakata, microseconds of CPU a task     {product}");
    println!("  worker, the same                        {workers}");
    println!("  this client and subscriber, the same    {bench}");
    println!(
        "  memory of utakata, MB                   {:.0}",
        process::resident_megabytes(system.pid())?
    );
    Ok(())
}

fn cpu(system: &System) -> Result<[f64; 3]> {
    Ok([
        process::cpu_seconds(system.pid())?,
        process::descendants_cpu_seconds(system.pid())?,
        process::cpu_seconds(std::process::id())?,
    ])
}
