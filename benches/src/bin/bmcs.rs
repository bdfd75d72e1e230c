//! BMCs by schedule with default settings: how late healthy ones are read while some are dead and some
//! answer only after half a minute, what that takes of the machine, and what the BMCs themselves have
//! counted.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p utakata-benches --bin bmcs
//! ```

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use futures::StreamExt;
use serde::Deserialize;
use utakata_api::{
    apply::{Apply, Document},
    client::{Client, Followed},
    event::Event,
};
use utakata_benches::{figures::Figures, process, system::System};
use utakata_model::{
    Credential, Kind, Schedule, ScheduleName, Selector, Target, TargetName, target::Secret,
};

/// The most BMCs of a process: a connection to each is an open file.
const BMCS_OF_A_PROCESS: u32 = 6_000;
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 60, 0, 1);
/// A read that comes later than this after its time is late.
const LATE: f64 = 5.0;

/// Measures how late healthy BMCs are read, and how politely.
#[derive(Parser)]
struct Arguments {
    /// Numbers of BMCs, one run each
    #[arg(long, value_delimiter = ',', default_value = "18000")]
    bmcs: Vec<u32>,
    /// Percentage of BMCs that never answer
    #[arg(long, default_value_t = 5)]
    dead: u32,
    /// Percentage of BMCs that answer after 30 s
    #[arg(long, default_value_t = 5)]
    slow: u32,
    /// Interval of the schedule, in seconds
    #[arg(long, default_value_t = 60)]
    interval: u64,
    /// Intervals that are measured, after the first in which all healthy BMCs were read
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// HTTP instead of HTTPS
    #[arg(long)]
    plain: bool,
    /// Sensors and subsystems instead of Thermal and Power
    #[arg(long)]
    modern: bool,
}

/// A BMC, as printed by the simulator.
#[derive(Deserialize)]
struct Entry {
    name: TargetName,
    address: String,
    user: String,
    password: String,
    faults: Vec<String>,
}

/// The counts of a BMC.
#[derive(Deserialize)]
struct Counts {
    connections: u64,
    connections_max: u64,
    requests: u64,
    conversations_max: u64,
    requests_per_second_max: u64,
    logins: u64,
    sessions_max: u64,
    sessions_refused: u64,
    wrong_logins: u64,
    lockouts: u64,
}

/// The processor time and memory that were spent.
#[derive(Clone, Copy, Default)]
struct Spent {
    workers: f64,
    all: f64,
}

/// The reads of healthy BMCs.
#[derive(Default)]
struct Reads {
    last: HashMap<TargetName, Instant>,
    /// The intervals between consecutive ones, in seconds.
    gaps: Vec<f64>,
    /// The number of reads, and of their values, since the measurement began.
    polls: usize,
    values: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{} % dead, {} % answering after 30 s, every {} s, default settings, {}, {}:",
        arguments.dead,
        arguments.slow,
        arguments.interval,
        if arguments.plain { "HTTP" } else { "HTTPS" },
        if arguments.modern {
            "sensors and subsystems"
        } else {
            "Thermal and Power"
        },
    );
    for count in &arguments.bmcs {
        run(&arguments, *count)?;
    }
    Ok(())
}

#[tokio::main]
async fn run(arguments: &Arguments, count: u32) -> Result<()> {
    let bmcs = Bmcs::start(arguments, count)?;
    let system = System::start(&[])?;
    let client = Client::new(&system.url, &system.token)?;
    let mut events = client
        .events(&Selector::default(), &[Followed::Readings])
        .await?;
    let begun = Instant::now();
    declare(&client, arguments, &bmcs.entries).await?;
    let healthy = bmcs.entries.iter().filter(|one| one.faults.is_empty());
    let healthy = healthy.count();
    let interval = Duration::from_secs(arguments.interval);
    let mut reads = Reads::default();
    let mut first_round = None;
    let (mut before, mut asked_before) = (Spent::default(), Vec::new());
    let mut sockets = 0;
    let mut looked = begun;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
        let now = Instant::now();
        let since = first_round.map(|took| begun + took);
        if let Ok(next) = next {
            match next.context("the server has ended the events")?? {
                Event::Readings(seen) => {
                    reads.note(&seen.target, now, since, seen.readings.len());
                }
                Event::Missed(count) => anyhow::bail!("this program missed {count} events"),
                _ => {}
            }
        }
        if looked.elapsed() >= Duration::from_secs(5) {
            looked = now;
            sockets = sockets.max(open_sockets(&system)?);
        }
        if first_round.is_none() && reads.last.len() >= healthy {
            first_round = Some(begun.elapsed());
            before = spent(&system)?;
            asked_before = bmcs.counts()?;
        }
        if since.is_some_and(|since| now >= since + interval * arguments.rounds) {
            break;
        }
        ensure!(
            first_round.is_some() || begun.elapsed() < interval * 10,
            "after ten intervals {} of {healthy} healthy BMCs were read",
            reads.last.len()
        );
    }
    let polls = reads.polls;
    reads.silent(Instant::now(), arguments.interval);
    let mut gaps = Figures::default();
    gaps.extend(std::mem::take(&mut reads.gaps));
    let after = spent(&system)?;
    let counts = bmcs.counts()?;
    println!(
        "{count} BMCs ({healthy} healthy): first round {:.1} s; {:.1} values a read",
        first_round.unwrap_or_default().as_secs_f64(),
        reads.values as f64 / polls.max(1) as f64,
    );
    print_lateness(&gaps, arguments.interval);
    print_spent(before, after, polls, arguments);
    print_memory(&system, sockets)?;
    print_counts(&counts, &asked_before, polls);
    Ok(())
}

impl Reads {
    fn note(&mut self, target: &TargetName, now: Instant, since: Option<Instant>, values: usize) {
        let previous = self.last.insert(target.clone(), now);
        if let (Some(previous), Some(since)) = (previous, since)
            && previous >= since
        {
            self.gaps.push(now.duration_since(previous).as_secs_f64());
        }
        if since.is_some() {
            self.polls += 1;
            self.values += values;
        }
    }

    /// Counts what was not read again with its silence so far.
    fn silent(&mut self, now: Instant, interval: u64) {
        let silences = self.last.values();
        let silences: Vec<f64> = silences
            .map(|at| now.duration_since(*at).as_secs_f64())
            .filter(|gap| *gap > interval as f64 + LATE)
            .collect();
        self.gaps.extend(silences);
    }
}

fn print_lateness(gaps: &Figures, interval: u64) {
    let interval = interval as f64;
    let late = gaps.above(interval + LATE);
    println!(
        "  lateness p50 {:.2} s, p99 {:.2} s, most {:.2} s; later than {LATE:.0} s: {late} of {}",
        gaps.quantile(0.5) - interval,
        gaps.quantile(0.99) - interval,
        gaps.quantile(1.0) - interval,
        gaps.count(),
    );
}

fn print_spent(before: Spent, after: Spent, polls: usize, arguments: &Arguments) {
    let seconds = arguments.interval as f64 * f64::from(arguments.rounds);
    let (workers, all) = (after.workers - before.workers, after.all - before.all);
    let per_poll = |spent: f64| spent * 1e3 / polls.max(1) as f64;
    println!(
        "  worker: {:.3} ms a poll of a healthy BMC, {:.1} % of a core; whole path: {:.3} ms, {:.1} %",
        per_poll(workers),
        workers * 100.0 / seconds,
        per_poll(all),
        all * 100.0 / seconds,
    );
}

fn print_memory(system: &System, sockets: usize) -> Result<()> {
    let alone = process::resident_megabytes(system.pid())?;
    let workers = process::descendants(system.pid())?;
    let workers: f64 = workers
        .keys()
        .filter_map(|worker| process::resident_megabytes(*worker).ok())
        .sum();
    println!(
        "  memory: {:.0} MB in all, {alone:.0} of utakata, {workers:.0} of workers; at most {sockets} sockets of workers",
        alone + workers,
    );
    Ok(())
}

fn print_counts(counts: &[Counts], before: &[Counts], polls: usize) {
    let most = |of: fn(&Counts) -> u64| counts.iter().map(of).max().unwrap_or_default();
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>();
    let requests_before: u64 = before.iter().map(|one| one.requests).sum();
    println!(
        "  a BMC has seen at most: {} sessions, {} connections, {} conversations at once, {} logins, {} requests in a second",
        most(|one| one.sessions_max),
        most(|one| one.connections_max),
        most(|one| one.conversations_max),
        most(|one| one.logins),
        most(|one| one.requests_per_second_max),
    );
    println!(
        "  all BMCs have seen: {} logins, {} without a free session, {} wrong ones, {} lockouts; {} connections; {:.2} requests a poll of a healthy BMC",
        sum(|one| one.logins),
        sum(|one| one.sessions_refused),
        sum(|one| one.wrong_logins),
        sum(|one| one.lockouts),
        sum(|one| one.connections),
        (sum(|one| one.requests) - requests_before) as f64 / polls.max(1) as f64,
    );
}

fn spent(system: &System) -> Result<Spent> {
    let workers = process::descendants_cpu_seconds(system.pid())?;
    let all = workers + process::cpu_seconds(system.pid())?;
    Ok(Spent { workers, all })
}

fn open_sockets(system: &System) -> Result<usize> {
    let workers = process::descendants(system.pid())?;
    let counts = workers.keys();
    Ok(counts
        .filter_map(|worker| process::open_sockets(*worker).ok())
        .sum())
}

/// Declares the BMCs as targets, and the schedule that reads them.
async fn declare(client: &Client, arguments: &Arguments, entries: &[Entry]) -> Result<()> {
    let mut documents = Vec::new();
    for entry in entries {
        let kind = Kind::new("redfish")?;
        documents.push(Document::Target(Target {
            credential: Some("bmc".parse()?),
            ..Target::new(entry.name.clone(), kind, entry.address.clone())
        }));
    }
    let first = entries.first().context("there are BMCs")?;
    let values = [("user", &first.user), ("password", &first.password)];
    documents.insert(
        0,
        Document::Credential(Credential {
            name: "bmc".parse()?,
            values: values
                .map(|(key, text)| (key.to_owned(), Secret::new(text.clone())))
                .into(),
        }),
    );
    // The schedule comes last: it reads all of them from the first on.
    documents.push(Document::Schedule(Schedule {
        name: ScheduleName::new("bmcs")?,
        selector: "kind=redfish".parse()?,
        action: None,
        interval: Duration::from_secs(arguments.interval),
        parameters: serde_json::json!({}),
    }));
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

/// The simulated BMCs, in as many processes as their open files take.
struct Bmcs {
    processes: Vec<Child>,
    controls: Vec<String>,
    entries: Vec<Entry>,
}

impl Bmcs {
    fn start(arguments: &Arguments, count: u32) -> Result<Self> {
        let mut bmcs = Self {
            processes: Vec::new(),
            controls: Vec::new(),
            entries: Vec::new(),
        };
        for begun in (0..count).step_by(BMCS_OF_A_PROCESS as usize) {
            let first = Ipv4Addr::from(u32::from(FIRST_ADDRESS) + begun);
            bmcs.start_some(arguments, first, BMCS_OF_A_PROCESS.min(count - begun))?;
        }
        for (number, entry) in (1..).zip(&mut bmcs.entries) {
            entry.name = TargetName::new(format!("bmc-{number:05}"))?;
        }
        Ok(bmcs)
    }

    fn start_some(&mut self, arguments: &Arguments, first: Ipv4Addr, count: u32) -> Result<()> {
        let program = utakata_benches::system::programs()?.join("utakata-simulator");
        let mut command = Command::new(program);
        command
            .args(["bmcs", "--exit-with-stdin", "--port", "0"])
            .args(["--control-port", "0"])
            .args(["--count", &count.to_string()])
            .args(["--first-address", &first.to_string()])
            .args(["--dead", &arguments.dead.to_string()])
            .args(["--slow", &arguments.slow.to_string()])
            .args(arguments.plain.then_some("--plain"))
            .args(arguments.modern.then_some("--modern"));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("it has an output")?;
        self.processes.push(process);
        for line in BufReader::new(output).lines() {
            let line: serde_json::Value = serde_json::from_str(&line?)?;
            if line["ready"] == true {
                let control = line["control"].as_str().context("it has a control port")?;
                self.controls.push(control.to_owned());
                return Ok(());
            }
            self.entries.push(serde_json::from_value(line)?);
        }
        anyhow::bail!("the simulator ended before it was ready")
    }

    /// Returns what the BMCs have counted.
    fn counts(&self) -> Result<Vec<Counts>> {
        #[derive(Deserialize)]
        struct Answer {
            devices: Vec<Counts>,
        }
        let mut all = Vec::new();
        for control in &self.controls {
            let mut stream = TcpStream::connect(control)?;
            stream.write_all(b"{\"command\":\"show\"}\n")?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            let answer: Answer = serde_json::from_str(&line)?;
            all.extend(answer.devices);
        }
        Ok(all)
    }
}

impl Drop for Bmcs {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
