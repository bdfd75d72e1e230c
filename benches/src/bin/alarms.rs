//! From a fault at a device to the one who is told: a UPS of the simulated room loses its input, is
//! read once a second, and a webhook in the form of Alertmanager hears of it; beside Prometheus and
//! Alertmanager, which read the same UPS as often and tell the same webhook.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p utakata-benches --bin alarms
//! ```

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use utakata_api::{
    apply::Apply,
    client::{Client, Followed},
    event::Event,
};
use utakata_benches::{
    alertmanager::{ALERT, Peers},
    figures::Figures,
    process,
    system::{System, programs},
};
use utakata_model::{ReadingValue, Selector};

/// The UPS that loses its input.
const UPS: &str = "ups-a";
/// The rule that tells of it.
const RULE: &str = "bench-on-battery";
/// The longest wait for one thing.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Measures the time from a fault to the one who is told.
#[derive(Parser)]
struct Arguments {
    /// Number of faults
    #[arg(long, default_value_t = 100)]
    faults: u32,
}

/// Something that is waited for.
enum Seen {
    /// The source of the UPS, as a follower of the events hears it.
    Source { is_battery: bool, at: Instant },
    /// A message of the webhook.
    Told {
        by: Teller,
        is_over: bool,
        at: Instant,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    Utakata,
    Peers,
}

/// The figures of a run: milliseconds, and seconds of the processor.
#[derive(Default)]
struct Measured {
    /// From the fault to told.
    told: Figures,
    /// From heard to told.
    heard: Figures,
    /// From the fault to told by the peers.
    told_by_peers: Figures,
    cpu: f64,
    cpu_of_peers: f64,
}

/// The times of one change.
struct Times {
    heard: Instant,
    told: Instant,
    told_by_peers: Instant,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let measured = run(&arguments)?;
    println!(
        "{} faults, read every second, milliseconds:",
        measured.told.count()
    );
    for (what, figures) in [
        ("from the fault to told", &measured.told),
        ("from heard to told", &measured.heard),
        ("Prometheus and Alertmanager", &measured.told_by_peers),
    ] {
        println!(
            "  {what:<28} p50 {:>6.1}, p99 {:>7.1}, most {:>7.1}",
            figures.median(),
            figures.quantile(0.99),
            figures.quantile(1.0),
        );
    }
    println!(
        "  processor, seconds: utakata and its workers {:.1}, Prometheus, exporter and Alertmanager {:.1}",
        measured.cpu, measured.cpu_of_peers
    );
    Ok(())
}

#[tokio::main]
async fn run(arguments: &Arguments) -> Result<Measured> {
    let room = Room::start()?;
    let (seen, mut all) = unbounded_channel();
    let port = listen(seen.clone())?;
    let webhook = format!("http://127.0.0.1:{port}/api/v2/alerts");
    let settings = format!("[logic.alarms]\nwebhooks = [\"{webhook}\"]\n");
    let system = System::start_with(&[], &settings)?;
    let client = Client::new(&system.url, &system.token)?;
    client.apply(&room.observed()?).await?;
    follow(&client, seen).await?;
    until(&mut all, |seen| matches!(seen, Seen::Source { .. })).await?;
    let peers = Peers::start(&room.address, &webhook)?;
    let own_cpu = || -> Result<f64> {
        let workers = process::descendants_cpu_seconds(system.pid())?;
        Ok(workers + process::cpu_seconds(system.pid())?)
    };
    let (cpu, cpu_of_peers) = (own_cpu()?, peers.cpu_seconds()?);
    let mut measured = Measured::default();
    for number in 0..arguments.faults {
        // Anywhere between two reads.
        tokio::time::sleep(Duration::from_millis(u64::from(number * 37 % 100) * 10)).await;
        let begun = Instant::now();
        room.fault("input-lost")?;
        let times = each(&mut all, true).await?;
        let since = |later: Instant, earlier: Instant| {
            milliseconds(later.saturating_duration_since(earlier))
        };
        measured.told.add(since(times.told, begun));
        measured.heard.add(since(times.told, times.heard));
        measured
            .told_by_peers
            .add(since(times.told_by_peers, begun));
        room.fault("none")?;
        each(&mut all, false).await?;
    }
    measured.cpu = own_cpu()? - cpu;
    measured.cpu_of_peers = peers.cpu_seconds()? - cpu_of_peers;
    Ok(measured)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Waits until the source was heard, and both have told that its alarm begins or is over.
async fn each(all: &mut UnboundedReceiver<Seen>, begins: bool) -> Result<Times> {
    let (mut heard, mut told, mut told_by_peers) = (None, None, None);
    until(all, |seen| {
        match seen {
            Seen::Source { is_battery, at } if *is_battery == begins => {
                heard.get_or_insert(*at);
            }
            Seen::Told { by, is_over, at } if *is_over != begins => {
                let of = match by {
                    Teller::Utakata => &mut told,
                    Teller::Peers => &mut told_by_peers,
                };
                of.get_or_insert(*at);
            }
            _ => {}
        }
        heard.is_some() && told.is_some() && told_by_peers.is_some()
    })
    .await?;
    Ok(Times {
        heard: heard.context("it was heard")?,
        told: told.context("it was told")?,
        told_by_peers: told_by_peers.context("they told it")?,
    })
}

async fn until(
    all: &mut UnboundedReceiver<Seen>,
    mut is_there: impl FnMut(&Seen) -> bool,
) -> Result<()> {
    let wait = async {
        loop {
            let seen = all.recv().await.context("nobody tells anything any more")?;
            if is_there(&seen) {
                return Ok(());
            }
        }
    };
    let found = tokio::time::timeout(TIMEOUT, wait).await;
    found.context("nothing was told for half a minute")?
}

/// Follows the readings of the UPS from now on.
async fn follow(client: &Client, seen: UnboundedSender<Seen>) -> Result<()> {
    let selector: Selector = format!("name={UPS}").parse()?;
    let mut events = client.events(&selector, &[Followed::Readings]).await?;
    tokio::spawn(async move {
        while let Some(Ok(event)) = events.next().await {
            let at = Instant::now();
            let Event::Readings(readings) = event else {
                continue;
            };
            let mut readings = readings.readings.iter();
            let source = readings.find(|one| one.metric.as_str() == "utakata.ups.source");
            if let Some(ReadingValue::Text(source)) = source.map(|one| &one.value) {
                let is_battery = &**source == "battery";
                if seen.send(Seen::Source { is_battery, at }).is_err() {
                    return;
                }
            }
        }
    });
    Ok(())
}

/// Listens for what a webhook is sent, on a port of its own.
fn listen(seen: UnboundedSender<Seen>) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = seen.clone();
            // A connection that ends is followed by another one.
            thread::spawn(move || take(stream, &seen).ok());
        }
    });
    Ok(port)
}

/// Takes the requests of one connection.
fn take(stream: TcpStream, seen: &UnboundedSender<Seen>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            ensure!(reader.read_line(&mut line)? > 0, "the connection has ended");
            let line = line.trim().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let at = Instant::now();
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        let body: Value = serde_json::from_slice(&body)?;
        // Alertmanager tells its receivers of a group of alerts.
        let alerts = body.as_array().or(body["alerts"].as_array());
        let now = jiff::Timestamp::now().to_string();
        for alert in alerts.into_iter().flatten() {
            let (by, is_over) = match alert["labels"]["alertname"].as_str() {
                Some(RULE) => (Teller::Utakata, alert["endsAt"].as_str() < Some(&now)),
                Some(ALERT) => (Teller::Peers, alert["status"] == "resolved"),
                _ => continue,
            };
            seen.send(Seen::Told { by, is_over, at })?;
        }
    }
}

/// The simulated room, as a process.
struct Room {
    process: Child,
    address: String,
    control: String,
}

impl Room {
    fn start() -> Result<Self> {
        let mut process = Command::new(programs()?.join("utakata-simulator"))
            .args(["room", "--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("it has an output")?;
        let mut room = Self {
            process,
            address: String::new(),
            control: String::new(),
        };
        for line in BufReader::new(output).lines() {
            let line: Value = serde_json::from_str(&line?)?;
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            if line["name"] == UPS {
                room.address = text("address");
            }
            if line["ready"] == true {
                room.control = text("control");
                return Ok(room);
            }
        }
        bail!("the simulator ended")
    }

    /// Returns the documents by which the UPS is read each second, with a rule without a hold.
    fn observed(&self) -> Result<Apply> {
        let documents = json!([
            { "type": "credential", "name": "room",
              "values": { "version": "2c", "community": "public" } },
            { "type": "alarm", "name": RULE,
              "on": { "metric": "utakata.ups.source" }, "raise": "value == 'battery'",
              "severity": "major", "flap": "100 in 1s" },
            // The shipped rule would be heard as well.
            { "type": "alarm", "name": "ups-on-battery",
              "on": { "metric": "utakata.ups.source" }, "raise": "value == 'battery'",
              "severity": "major", "off": true },
            { "type": "target", "name": UPS, "kind": "ups", "address": self.address,
              "credential": "room" },
            { "type": "schedule", "name": "bench", "selector": format!("name={UPS}"),
              "interval": "1s" },
        ]);
        let apply = json!({ "documents": documents });
        serde_json::from_value(apply).context("the documents of the bench")
    }

    fn fault(&self, fault: &str) -> Result<()> {
        let done = Command::new(programs()?.join("utakata-simulator"))
            .args(["fault", "--control", &self.control, UPS, fault])
            .stdout(Stdio::null())
            .status()?;
        ensure!(done.success(), "the simulator refused the fault {fault}");
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
