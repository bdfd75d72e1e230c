//! Observe tasks through the whole path, from API client to subscriber: rate and latency.
//!
//! A closed loop: each group of targets is read again as soon as the subscriber has received the
//! outcomes of all its targets. Everything runs on this machine and shares its processors.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use utakata_api::client::Client;
use utakata_benches::{
    closed_loop, echo,
    figures::Figures,
    load, process,
    system::{System, repository},
};

/// Observe tasks through the whole path.
#[derive(Parser)]
struct Arguments {
    /// Groups of targets, each read with one request.
    #[arg(long, default_value_t = 16)]
    groups: usize,
    #[arg(long, default_value_t = 500)]
    each: usize,
    /// Duration of one run, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measured runs, after one for warming up.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Single reads of one target, one after the other, for measuring latency.
    #[arg(long, default_value_t = 3000)]
    singles: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let release = repository().join("workers/echo/releases/echo");
    let system = System::start(&[&release])?;
    let client = Client::new(&system.url, &system.token)?;
    echo::declare(&client, arguments.groups, arguments.each).await?;
    latency(&client, arguments.singles).await?;
    throughput(&client, &system, &arguments).await
}

/// One task at a time on an idle system: from the request to the answer with its outcome.
async fn latency(client: &Client, singles: usize) -> Result<()> {
    let mut read = echo::read("name=echo-0-0", 300, 200)?;
    read.wait = Duration::from_secs(5);
    let mut milliseconds = Figures::default();
    let mut seen = Vec::with_capacity(singles);
    for _ in 0..singles + 100 {
        let begun = Instant::now();
        let answer = client.read(&read).await?;
        seen.push(begun.elapsed().as_secs_f64() * 1000.0);
        ensure!(
            answer.counts.succeeded == 1,
            "a single read did not succeed: {answer:?}"
        );
    }
    milliseconds.extend(seen.into_iter().skip(100));
    println!("one warm task, HTTP request to its answer, {singles} times, milliseconds:");
    for share in [0.5, 0.9, 0.99, 1.0] {
        println!(
            "  p{:<4} {:.3}",
            share * 100.0,
            milliseconds.quantile(share)
        );
    }
    Ok(())
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
        let done = load::observe(client, size).await?;
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
        "observe tasks through the whole path, {} runs of {} s, {} groups of {} targets:",
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
