//! A room by schedule with default settings: how late healthy targets are read while some are dead
//! and some answer only after half a minute, and what that takes of the machine.
//!
//! A room of 100,000 targets against responders that are fast, with alarm rules of its own (in
//! several processes of 15,000 responders, each with so many open files):
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p utakata-benches --bin room -- \
//!     --targets 1000,10000,100000 --dead 0 --slow 0 --interfaces 1 --rules 10 --rounds 5
//! ```

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use futures::StreamExt;
use utakata_api::{
    apply::{Apply, Document},
    client::{Client, Followed},
    event::Event,
};
use utakata_benches::{process, system::System};
use utakata_model::{AlarmRule, Kind, Schedule, ScheduleName, Selector, Target, TargetName};

/// The most agents of a process: each has a socket. A multiple of 100, so that the dead and the slow
/// are the same as in one process.
const AGENTS_OF_A_PROCESS: u32 = 15_000;
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 30, 0, 1);

/// Measures how late the healthy targets of a room are read.
#[derive(Parser)]
struct Arguments {
    /// Numbers of targets, one run each
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,18000")]
    targets: Vec<u32>,
    /// Percentage of targets that never answer
    #[arg(long, default_value_t = 5)]
    dead: u32,
    /// Percentage of targets that answer after 30 s
    #[arg(long, default_value_t = 5)]
    slow: u32,
    /// Interval of the schedule, in seconds
    #[arg(long, default_value_t = 60)]
    interval: u64,
    /// Intervals that are measured, after the first in which all healthy targets were read
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Interfaces of each target
    #[arg(long, default_value_t = 1)]
    interfaces: u32,
    /// Alarm rules on what is read, besides those that are shipped
    #[arg(long, default_value_t = 0)]
    rules: u32,
}

/// The result of a run.
struct Taken {
    targets: u32,
    healthy: usize,
    /// The intervals between consecutive readings of healthy targets, in seconds, sorted.
    gaps: Vec<f64>,
    /// The time from the start until every healthy target was read once.
    first_round: Duration,
    cpu: f64,
    /// The memory of everything, and of `utakata up` alone, in megabytes.
    memory: f64,
    memory_alone: f64,
    values: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{} % dead, {} % answering after 30 s, every {} s, default settings:",
        arguments.dead, arguments.slow, arguments.interval
    );
    for targets in &arguments.targets {
        let taken = run(&arguments, *targets)?;
        print(&arguments, &taken);
    }
    Ok(())
}

fn print(arguments: &Arguments, taken: &Taken) {
    let at = |share: f64| -> f64 {
        let last = taken.gaps.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        taken.gaps.get(place).copied().unwrap_or(f64::NAN)
    };
    let interval = arguments.interval as f64;
    let late = taken
        .gaps
        .iter()
        .filter(|gap| **gap > interval + 5.0)
        .count();
    let share = late as f64 * 100.0 / taken.gaps.len().max(1) as f64;
    let per_target = f64::from(taken.targets);
    println!(
        "{} targets ({} healthy): first round {:.1} s; lateness p50 {:.2} s, p99 {:.2} s, most {:.2} s; \
         later than 5 s: {share:.3} % of {}; room refreshed within {:.1} s; {:.1} % of a core, \
         {:.0} µs a target and round; {:.0} MB ({:.0} without workers), {:.1} kB a target; {:.1} \
         values a read",
        taken.targets,
        taken.healthy,
        taken.first_round.as_secs_f64(),
        at(0.5) - interval,
        at(0.99) - interval,
        at(1.0) - interval,
        taken.gaps.len(),
        at(1.0),
        taken.cpu * 100.0 / (interval * f64::from(arguments.rounds)),
        taken.cpu * 1e6 / per_target / f64::from(arguments.rounds),
        taken.memory,
        taken.memory_alone,
        taken.memory * 1024.0 / per_target,
        taken.values as f64 / taken.gaps.len().max(1) as f64,
    );
}

#[tokio::main]
async fn run(arguments: &Arguments, targets: u32) -> Result<Taken> {
    let agents = Agents::start(arguments, targets)?;
    let system = System::start(&[])?;
    let client = Client::new(&system.url, &system.token)?;
    let mut events = client
        .events(&Selector::default(), &[Followed::Readings])
        .await?;
    let begun = Instant::now();
    declare(&client, arguments, &agents.addresses).await?;
    let healthy = targets as usize - sick(arguments, targets);
    let interval = Duration::from_secs(arguments.interval);
    let mut last: HashMap<TargetName, Instant> = HashMap::new();
    let (mut gaps, mut values) = (Vec::new(), 0);
    let mut first_round = None;
    let mut before = 0.0;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
        let now = Instant::now();
        let measured_since = first_round.map(|took| begun + took);
        if let Ok(next) = next {
            match next.context("the server has ended the events")?? {
                Event::Readings(readings) => {
                    let previous = last.insert(readings.target.clone(), now);
                    if let (Some(previous), Some(since)) = (previous, measured_since)
                        && previous >= since
                    {
                        gaps.push(now.duration_since(previous).as_secs_f64());
                        values += readings.readings.len();
                    }
                }
                Event::Missed(count) => anyhow::bail!("this program missed {count} events"),
                _ => {}
            }
        }
        if first_round.is_none() && last.len() >= healthy {
            first_round = Some(begun.elapsed());
            before = cpu(&system)?;
        }
        let end = measured_since.map(|since| since + interval * arguments.rounds);
        if end.is_some_and(|end| now >= end) {
            break;
        }
        ensure!(
            first_round.is_some() || begun.elapsed() < interval * 10,
            "after ten intervals {} of {healthy} healthy targets were read",
            last.len()
        );
    }
    // A target that was not read again counts with its silence so far.
    let now = Instant::now();
    gaps.extend(
        last.values()
            .map(|at| now.duration_since(*at).as_secs_f64())
            .filter(|gap| *gap > arguments.interval as f64),
    );
    gaps.sort_by(f64::total_cmp);
    let workers = process::descendants(system.pid())?;
    let memory_alone = process::resident_megabytes(system.pid())?;
    let mut memory = memory_alone;
    for worker in workers.keys() {
        memory += process::resident_megabytes(*worker).unwrap_or_default();
    }
    Ok(Taken {
        targets,
        healthy,
        gaps,
        first_round: first_round.unwrap_or_default(),
        cpu: cpu(&system)? - before,
        memory,
        memory_alone,
        values,
    })
}

/// Returns the number of targets that are not healthy.
fn sick(arguments: &Arguments, targets: u32) -> usize {
    let is_sick = |index: &u32| index.wrapping_mul(37) % 100 < arguments.dead + arguments.slow;
    (0..targets).filter(is_sick).count()
}

fn cpu(system: &System) -> Result<f64> {
    Ok(process::descendants_cpu_seconds(system.pid())? + process::cpu_seconds(system.pid())?)
}

/// Declares the agents as targets, and the schedule that reads them.
async fn declare(client: &Client, arguments: &Arguments, addresses: &[String]) -> Result<()> {
    let mut documents = vec![Document::Schedule(Schedule {
        name: ScheduleName::new("room")?,
        selector: "kind=snmp".parse()?,
        action: None,
        interval: Duration::from_secs(arguments.interval),
        parameters: serde_json::json!({}),
    })];
    for (at, address) in addresses.iter().enumerate() {
        let name = TargetName::new(format!("agent-{at}"))?;
        let target = Target::new(name, Kind::new("snmp")?, address.clone());
        documents.push(Document::Target(target));
    }
    // The schedule comes last: it reads all of them from the first on.
    documents.rotate_left(1);
    for number in 0..arguments.rules {
        documents.insert(0, Document::Alarm(Box::new(rule(number)?)));
    }
    for part in documents.chunks(5_000) {
        client
            .apply(&Apply {
                documents: part.to_vec(),
                delete: Vec::new(),
                dry_run: false,
            })
            .await?;
    }
    Ok(())
}

/// Returns a rule that is about every target, and decides something at each read: a threshold with
/// hysteresis, or a trend.
fn rule(number: u32) -> Result<AlarmRule> {
    let raise = match number % 2 {
        0 => "value > 1e15".to_owned(),
        _ => format!("slope('10m') > {number}e12"),
    };
    let rule = serde_json::json!({
        "name": format!("bench-{number}"), "on": { "metric": "hw.network.io", "unit": "By" },
        "raise": raise, "hold": "30s", "severity": "notice",
    });
    serde_json::from_value(rule).context("a rule of the bench")
}

/// The simulated agents, in as many processes as their open files take.
struct Agents {
    processes: Vec<Child>,
    addresses: Vec<String>,
}

impl Agents {
    fn start(arguments: &Arguments, count: u32) -> Result<Self> {
        let mut agents = Self {
            processes: Vec::new(),
            addresses: Vec::new(),
        };
        for begun in (0..count).step_by(AGENTS_OF_A_PROCESS as usize) {
            let first = u32::from(FIRST_ADDRESS) + begun;
            let count = AGENTS_OF_A_PROCESS.min(count - begun);
            agents.start_some(arguments, Ipv4Addr::from(first), count)?;
        }
        Ok(agents)
    }

    fn start_some(&mut self, arguments: &Arguments, first: Ipv4Addr, count: u32) -> Result<()> {
        let program = utakata_benches::system::programs()?.join("utakata-simulator");
        let mut process = Command::new(program)
            .args(["agents", "--exit-with-stdin", "--port", "0"])
            .args(["--count", &count.to_string()])
            .args(["--first-address", &first.to_string()])
            .args(["--interfaces", &arguments.interfaces.to_string()])
            .args(["--dead", &arguments.dead.to_string()])
            .args(["--slow", &arguments.slow.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("it has an output")?;
        self.processes.push(process);
        for line in BufReader::new(output).lines() {
            let line: serde_json::Value = serde_json::from_str(&line?)?;
            if line["ready"] == true {
                return Ok(());
            }
            let address = line["address"]
                .as_str()
                .context("an agent has an address")?;
            self.addresses.push(address.to_owned());
        }
        anyhow::bail!("the simulator ended: is `ulimit -n` above {count}?")
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
