//! SNMP polls of the system group and 20 interfaces on 200 agents: utakata, Prometheus' SNMP
//! exporter and collectd, in turn, against the same real `snmpd`.
//!
//! The measure is the processor time of each poller's own processes, in seconds per 1,000 polls.
//! The agents and this program do not count.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::Map;
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
    operation::Read as ReadRequest,
};
use utakata_benches::{figures::Figures, process, system::System};
use utakata_model::{Kind, Selector, Target, TargetName};
use utakata_tests::servers::{Server, Snmpd, Transport};

/// Compares SNMP polls with those of other pollers.
#[derive(Parser)]
struct Arguments {
    /// Agents: one real snmpd on this many addresses.
    #[arg(long, default_value_t = 200)]
    agents: u16,
    /// Number of interfaces per agent
    #[arg(long, default_value_t = 20)]
    interfaces: u16,
    /// Polls of each agent in one run.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measured runs, after one for warming up.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// The polling times of one poller in one run.
struct Taken {
    polls: usize,
    values: usize,
    cpu: Vec<(&'static str, f64)>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let snmpd = Snmpd::start_many(arguments.agents, arguments.interfaces)?;
    let agents: Vec<SocketAddr> = (0..arguments.agents)
        .map(|at| snmpd.address_of(at))
        .collect();
    let mut table = Table::default();
    for run in 0..=arguments.runs {
        let taken = [
            utakata(&agents, arguments.rounds).context("utakata")?,
            exporter(&agents, arguments.rounds).context("snmp exporter")?,
            collectd(&agents, arguments.rounds).context("collectd")?,
        ];
        if run > 0 {
            taken.iter().for_each(|taken| table.add(taken));
        }
    }
    println!(
        "{} agents, system group and {} interfaces, {} runs of {} polls each:",
        arguments.agents,
        arguments.interfaces,
        arguments.runs,
        usize::from(arguments.agents) * arguments.rounds
    );
    table.print();
    Ok(())
}

#[derive(Default)]
struct Table(Vec<(&'static str, usize, Figures)>);

impl Table {
    fn add(&mut self, taken: &Taken) {
        for (name, seconds) in &taken.cpu {
            let figure = seconds * 1000.0 / taken.polls as f64;
            match self.0.iter_mut().find(|(known, ..)| known == name) {
                Some((_, _, figures)) => figures.add(figure),
                None => {
                    let mut figures = Figures::default();
                    figures.add(figure);
                    self.0.push((name, taken.values / taken.polls, figures));
                }
            }
        }
    }

    fn print(&self) {
        println!(
            "  {:<34} {:>12}  CPU seconds for 1,000 polls",
            "", "values a poll"
        );
        for (name, values, figures) in &self.0 {
            println!("  {name:<34} {values:>12}  {figures:.3}");
        }
    }
}

/// On-demand reads of all agents at once, round by round.
#[tokio::main]
async fn utakata(agents: &[SocketAddr], rounds: usize) -> Result<Taken> {
    let system = System::start(&[])?;
    let client = Client::new(&system.url, &system.token)?;
    let documents = agents.iter().enumerate().map(|(at, address)| {
        let name = TargetName::new(format!("agent-{at}"))?;
        Ok(Document::Target(Target::new(
            name,
            Kind::new("snmp")?,
            address.to_string(),
        )))
    });
    let documents = documents.collect::<Result<_>>()?;
    client
        .apply(&Apply {
            documents,
            delete: Vec::new(),
            dry_run: false,
        })
        .await?;
    let read = ReadRequest {
        selector: Selector::default(),
        action: None,
        parameters: Map::new(),
        wait: Duration::from_secs(30),
        max_age: None,
    };
    wait_for_first(&client, &read, agents.len()).await?;
    let mut values = 0;
    let (worker, whole) = cpu(&system)?;
    for _ in 0..rounds {
        let answer = client.read(&read).await?;
        ensure!(
            answer.counts.succeeded as usize == agents.len(),
            "{:?}",
            answer.counts
        );
        values += answer
            .tasks
            .iter()
            .map(|task| task.readings.len())
            .sum::<usize>();
    }
    let (worker_after, whole_after) = cpu(&system)?;
    let worker = worker_after - worker;
    let cpu = vec![
        ("utakata: worker", worker),
        ("utakata: whole path", whole_after - whole),
    ];
    Ok(Taken {
        polls: rounds * agents.len(),
        values,
        cpu,
    })
}

/// Waits until the kind is served, and the worker has recognised the agents.
async fn wait_for_first(client: &Client, read: &ReadRequest, all: usize) -> Result<()> {
    for _ in 0..100 {
        if let Ok(answer) = client.read(read).await
            && answer.counts.succeeded as usize == all
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no round of reads succeeded in 100 tries")
}

fn cpu(system: &System) -> Result<(f64, f64)> {
    let workers = process::descendants_cpu_seconds(system.pid())?;
    Ok((workers, workers + process::cpu_seconds(system.pid())?))
}

/// Scrapes of all agents, 32 at a time, round by round.
fn exporter(agents: &[SocketAddr], rounds: usize) -> Result<Taken> {
    let server = Server::start::<&str>("snmp-exporter.sh", Transport::Tcp, &[])?;
    let address = server.address();
    scrape(address, &agents[..1])?;
    let before = process::named_cpu_seconds("prometheus-snmp")?;
    let mut values = 0;
    for _ in 0..rounds {
        let shares: Vec<&[SocketAddr]> = agents.chunks(agents.len().div_ceil(32)).collect();
        values += thread::scope(|scope| {
            let scrapes: Vec<_> = shares
                .into_iter()
                .map(|share| scope.spawn(move || scrape(address, share)))
                .collect();
            scrapes.into_iter().try_fold(0, |sum, scrape| {
                Ok::<_, anyhow::Error>(sum + scrape.join().map_err(|_| anyhow::anyhow!("panic"))??)
            })
        })?;
    }
    let cpu = process::named_cpu_seconds("prometheus-snmp")? - before;
    Ok(Taken {
        polls: rounds * agents.len(),
        values,
        cpu: vec![("prometheus-snmp-exporter", cpu)],
    })
}

/// Scrapes each of these agents once; returns the number of values.
fn scrape(exporter: SocketAddr, agents: &[SocketAddr]) -> Result<usize> {
    let mut values = 0;
    for agent in agents {
        let mut stream = TcpStream::connect(exporter)?;
        write!(
            stream,
            "GET /snmp?module=interfaces&target={agent} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{agent}: {answer:.200}");
        values += answer
            .lines()
            .filter(|line| line.starts_with("sys") || line.starts_with("if"))
            .count();
    }
    Ok(values)
}

/// Runs that many intervals of a collectd that polls all agents.
fn collectd(agents: &[SocketAddr], rounds: usize) -> Result<Taken> {
    const INTERVAL: u16 = 3;
    let folder = tempfile::tempdir()?;
    let targets = folder.path().join("targets");
    fs::write(
        &targets,
        agents
            .iter()
            .map(|agent| format!("{agent}\n"))
            .collect::<String>(),
    )?;
    let server = Server::start_on("collectd.sh", INTERVAL, &[&targets])?;
    let socket = server.state().join("socket");
    let mut values = 0;
    let patience = Instant::now();
    while values < agents.len() * 100 {
        ensure!(
            patience.elapsed() < Duration::from_secs(60),
            "only {values} values came"
        );
        thread::sleep(Duration::from_millis(500));
        values = listed(&socket)?;
    }
    let before = process::named_cpu_seconds("collectd")?;
    thread::sleep(Duration::from_secs(u64::from(INTERVAL) * rounds as u64));
    let cpu = process::named_cpu_seconds("collectd")? - before;
    let values = listed(&socket)? * rounds;
    Ok(Taken {
        polls: rounds * agents.len(),
        values,
        cpu: vec![("collectd", cpu)],
    })
}

/// Returns the number of series in collectd (its `LISTVAL`); a series of two values counts once.
fn listed(socket: &Path) -> Result<usize> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"LISTVAL\n")?;
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first)?;
    Ok(first
        .split_whitespace()
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(0))
}
