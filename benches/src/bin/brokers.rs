//! Tasks over RabbitMQ and Mosquitto, compared with a raw client that sends one message per task,
//! and with Celery, on the same broker and in the same run.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde::Deserialize;
use utakata_api::{client::Client, operation::ControlAnswer};
use utakata_benches::{
    closed_loop::Size,
    echo,
    figures::Figures,
    load, process,
    raw::{self, Queue},
    site::Site,
    system::repository,
};

/// Compares tasks over RabbitMQ and Mosquitto.
#[derive(Parser)]
struct Arguments {
    /// Groups of targets, each requested as a whole.
    #[arg(long, default_value_t = 16)]
    groups: usize,
    #[arg(long, default_value_t = 250)]
    each: usize,
    /// Duration of one run, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measured runs, after one for warming up.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Single tasks, one after the other, for measuring latency.
    #[arg(long, default_value_t = 500)]
    singles: usize,
}

/// The measurements of each side.
#[derive(Default)]
struct Measured {
    raw_transient: Figures,
    raw_kept: Figures,
    observe: Figures,
    control: Figures,
    observe_cpu: Figures,
    control_cpu: Figures,
    celery: Figures,
    celery_cpu: Figures,
    celery_p50: Figures,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let release = repository().join("workers/echo/releases/echo");
    let site = Site::start(&[&release])?;
    let client = Client::new(&site.logic.url, &site.logic.token)?;
    echo::declare(&client, arguments.groups, arguments.each).await?;
    latency(&client, arguments.singles).await?;
    let celery = Celery::start(&site.rabbitmq.url("%2F"))?;
    let mut measured = Measured::default();
    for run in 0..=arguments.runs {
        let mut one = Measured::default();
        let measuring = measure(&client, &site, celery.as_ref(), &arguments, &mut one);
        measuring.await?;
        if run > 0 {
            measured.add(&one);
        }
    }
    measured.print(&arguments);
    Ok(())
}

async fn latency(client: &Client, singles: usize) -> Result<()> {
    let mut read = echo::read("name=echo-0-0", 300, 200)?;
    read.wait = Duration::from_secs(5);
    let mut control = load::set("name=echo-0-0", 1)?;
    control.wait = Duration::from_secs(5);
    let (mut reads, mut controls) = (Figures::default(), Figures::default());
    for at in 0..singles + 50 {
        let begun = Instant::now();
        let answer = client.read(&read).await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        ensure!(
            answer.counts.succeeded == 1,
            "a read went wrong: {answer:?}"
        );
        let begun = Instant::now();
        let ControlAnswer::Operation(answer) = client.control(&control).await? else {
            bail!("only a plan came");
        };
        ensure!(
            answer.counts.succeeded == 1,
            "control went wrong: {answer:?}"
        );
        if at >= 50 {
            reads.add(took);
            controls.add(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    println!(
        "one warm task through real brokers, HTTP request to its answer, {singles} times, ms:"
    );
    for (name, figures) in [("observe", &reads), ("control", &controls)] {
        let [p50, p99] = [0.5, 0.99].map(|share| figures.quantile(share));
        println!("  {name}  p50 {p50:.2}  p99 {p99:.2}");
    }
    Ok(())
}

async fn measure(
    client: &Client,
    site: &Site,
    celery: Option<&Celery>,
    arguments: &Arguments,
    into: &mut Measured,
) -> Result<()> {
    let duration = Duration::from_secs(arguments.seconds);
    let url = site.rabbitmq.url("%2F");
    into.raw_transient
        .add(raw::rate(&url, Queue::Transient, duration).await?);
    into.raw_kept
        .add(raw::rate(&url, Queue::Kept, duration).await?);
    let size = Size {
        groups: arguments.groups,
        each: arguments.each,
        duration,
    };
    for is_control in [false, true] {
        let (before, begun) = (cpu()?, Instant::now());
        let done = match is_control {
            true => load::control(client, size).await?,
            false => load::observe(client, size).await?,
        } as f64;
        let rate = done / begun.elapsed().as_secs_f64();
        let cost = (cpu()? - before) / done * 1000.0;
        let (rates, costs) = match is_control {
            true => (&mut into.control, &mut into.control_cpu),
            false => (&mut into.observe, &mut into.observe_cpu),
        };
        rates.add(rate);
        costs.add(cost);
    }
    if let Some(celery) = celery {
        let before = named(&["beam.smp", "celery", "python"])?;
        let result = celery.load(arguments.seconds)?;
        let after = named(&["beam.smp", "celery", "python"])?;
        into.celery.add(result.done / result.took);
        let cost = (after - before + result.cpu) / result.done * 1000.0;
        into.celery_cpu.add(cost);
        into.celery_p50.add(result.p50_ms);
    }
    Ok(())
}

/// Processor seconds of utakata, its workers and both brokers.
fn cpu() -> Result<f64> {
    named(&["beam.smp", "mosquitto", "utakata"])
}

fn named(names: &[&str]) -> Result<f64> {
    names
        .iter()
        .map(|name| process::named_cpu_seconds(name))
        .sum()
}

impl Measured {
    fn add(&mut self, one: &Self) {
        for (all, one) in [
            (&mut self.raw_transient, &one.raw_transient),
            (&mut self.raw_kept, &one.raw_kept),
            (&mut self.observe, &one.observe),
            (&mut self.control, &one.control),
            (&mut self.observe_cpu, &one.observe_cpu),
            (&mut self.control_cpu, &one.control_cpu),
            (&mut self.celery, &one.celery),
            (&mut self.celery_cpu, &one.celery_cpu),
            (&mut self.celery_p50, &one.celery_p50),
        ] {
            all.add(one.quantile(0.5));
        }
    }

    fn print(&self, arguments: &Arguments) {
        println!(
            "{} runs of {} s, {} groups of {} targets, tasks per second:",
            arguments.runs, arguments.seconds, arguments.groups, arguments.each
        );
        println!("  raw client, transient queue   {:.0}", self.raw_transient);
        println!("  observe, whole path           {:.0}", self.observe);
        println!("  raw client, quorum, confirmed {:.0}", self.raw_kept);
        println!("  control, whole path, ledger   {:.0}", self.control);
        println!("  Celery                        {:.0}", self.celery);
        println!("CPU seconds for 1,000 tasks, brokers and workers counted in:");
        println!("  observe {:.3}", self.observe_cpu);
        println!("  control {:.3}", self.control_cpu);
        println!(
            "  Celery  {:.3} (p50 of one task {:.1} ms)",
            self.celery_cpu, self.celery_p50
        );
        let ratio = |a: &Figures, b: &Figures| a.quantile(0.5) / b.quantile(0.5);
        println!("ratios of medians:");
        println!(
            "  observe / raw transient  {:.2}",
            ratio(&self.observe, &self.raw_transient)
        );
        println!(
            "  control / raw quorum     {:.2}",
            ratio(&self.control, &self.raw_kept)
        );
        println!(
            "  observe / Celery         {:.0}",
            ratio(&self.observe, &self.celery)
        );
        println!(
            "  control / Celery         {:.1}",
            ratio(&self.control, &self.celery)
        );
        println!(
            "  CPU, Celery / observe    {:.0}",
            ratio(&self.celery_cpu, &self.observe_cpu)
        );
        println!(
            "  CPU, Celery / control    {:.0}",
            ratio(&self.celery_cpu, &self.control_cpu)
        );
    }
}

/// A Celery worker on the same broker; see benches/celery.
struct Celery {
    url: String,
    worker: Child,
}

/// The output of its client.
#[derive(Debug, Deserialize)]
struct CeleryResult {
    done: f64,
    took: f64,
    cpu: f64,
    p50_ms: f64,
}

impl Celery {
    /// `None` if it is not installed: see `tests/servers/install.sh bench`.
    fn start(url: &str) -> Result<Option<Self>> {
        let programs = repository().join(".tools/bench/bin");
        if !programs.join("celery").is_file() {
            eprintln!("without Celery, which is not here: tests/servers/install.sh bench");
            return Ok(None);
        }
        let worker = Command::new(programs.join("celery"))
            .args(["-A", "tasks", "worker", "-c", "2", "-l", "ERROR"])
            .current_dir(repository().join("benches/celery"))
            .env("BROKER", url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("Celery cannot be started")?;
        Ok(Some(Self {
            url: url.to_owned(),
            worker,
        }))
    }

    fn load(&self, seconds: u64) -> Result<CeleryResult> {
        let done = Command::new(repository().join(".tools/bench/bin/python"))
            .args(["load.py", &seconds.to_string(), "256", "100"])
            .current_dir(repository().join("benches/celery"))
            .env("BROKER", &self.url)
            .output()?;
        ensure!(
            done.status.success(),
            "Celery's client: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(serde_json::from_slice(&done.stdout)?)
    }
}

impl Drop for Celery {
    fn drop(&mut self) {
        utakata_benches::system::end(&mut self.worker);
    }
}
