//! The web UI of a large site that is served: what a viewer is sent, what a hundred of them cost, and in
//! Chromium the first paint, frames, heap, and the time from a device to the screen.
//!
//! Each target is read by a worker that makes its values up; everything from there on is as it is
//! with equipment. `tests/servers/install.sh web` installs what drives the browser.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p utakata-benches --bin web
//! ```

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
};
use utakata_benches::{
    process,
    system::{System, repository},
};
use utakata_model::{Kind, Schedule, Target, TargetName};

/// The kind of the targets: the power of each, and the temperature of the air in front of it.
const RELEASE: &str = r#"
kind = "meter"
version = "0.1.0"
protocol = 2
description = "Readings that are made up, for measuring what follows them"

[run]
program = "utakata-worker-echo"

[[action]]
name = "meter"
class = "observe"
description = "The power and the temperature"
timeout = "5s"
"#;
const IN_RACK: usize = 40;
const IN_ROW: usize = 25;
/// The number of documents that are applied at a time.
const PART: usize = 2000;
/// The interval at which the one device is read whose changes are looked for on the screen.
const POLL: &str = "1s";
/// The longest wait until every target was read.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Measures the web UI of a large site.
#[derive(Parser)]
struct Arguments {
    /// Number of targets
    #[arg(long, default_value_t = 20_000)]
    targets: usize,
    /// Intervals at which all of them are read, one run each
    #[arg(long, value_delimiter = ',', default_value = "60s,10s")]
    intervals: Vec<String>,
    /// Number of viewers beside the one
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// Duration of each part, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Changes at the device that are looked for on the screen
    #[arg(long, default_value_t = 100)]
    changes: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let release = folder.path().join("meter");
    fs::create_dir_all(&release)?;
    fs::write(release.join("worker.toml"), RELEASE)?;
    let device = folder.path().join("device");
    fs::write(&device, "100")?;
    let system = System::start(&[&release])?;
    let client = Client::new(&system.url, &system.token)?;
    wait_until_served(&client).await?;
    declare(&client, arguments.targets, &device).await?;
    for interval in &arguments.intervals {
        schedule(&client, interval).await?;
        wait_until_read(&client, arguments.targets).await?;
        println!("{} targets, each read every {interval}:", arguments.targets);
        viewers(&arguments, &system).await?;
    }
    browser(&arguments, &system, folder.path(), &device).await
}

async fn wait_until_served(client: &Client) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let kinds = client.kinds().await?;
        if kinds.iter().any(|kind| kind.kind.as_str() == "meter") {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("the kind meter is not served after 20 s")
}

async fn declare(client: &Client, count: usize, device: &Path) -> Result<()> {
    let mut documents = Vec::with_capacity(count + 1);
    for number in 0..count {
        let rack = number / IN_RACK;
        let row = rack / IN_ROW;
        let (row, rack) = (format!("R{row:02}-"), rack % IN_ROW + 1);
        let rack = format!("{row}{rack:02}");
        documents.push(target(
            &format!("meter-{number:05}"),
            "nowhere",
            "hall",
            &rack,
        )?);
    }
    let address = device.to_str().context("a folder with a plain name")?;
    documents.push(target("one-device", address, "alone", "Z1")?);
    for part in documents.chunks(PART) {
        let apply = Apply {
            documents: part.to_vec(),
            delete: Vec::new(),
            dry_run: false,
        };
        client.apply(&apply).await?;
    }
    Ok(())
}

fn target(name: &str, address: &str, room: &str, rack: &str) -> Result<Document> {
    let name = TargetName::new(name)?;
    let mut target = Target::new(name, Kind::new("meter")?, address.into());
    let labels = [("room", room), ("rack", rack)];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    target.labels.extend(labels);
    Ok(Document::Target(target))
}

async fn schedule(client: &Client, interval: &str) -> Result<()> {
    let of = |name: &str, selector: &str, interval: &str| -> Result<Document> {
        let schedule = json!({ "name": name, "selector": selector, "interval": interval });
        Ok(Document::Schedule(serde_json::from_value::<Schedule>(
            schedule,
        )?))
    };
    let apply = Apply {
        documents: vec![
            of("all", "room=hall", interval)?,
            of("one", "room=alone", POLL)?,
        ],
        delete: Vec::new(),
        dry_run: false,
    };
    client.apply(&apply).await?;
    Ok(())
}

async fn wait_until_read(client: &Client, count: usize) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        let overview = client.overview().await?;
        let answering = overview.targets.answering;
        if answering as usize > count {
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
    bail!("not all targets were read within {} s", TIMEOUT.as_secs())
}

/// Measures what a viewer is sent, and what many of them take of the processor.
async fn viewers(arguments: &Arguments, system: &System) -> Result<()> {
    let within = Duration::from_secs(arguments.seconds);
    let cpu = || process::cpu_seconds(system.pid());
    let measure = async |count: usize| -> Result<(f64, f64)> {
        let heard = Arc::new(AtomicU64::new(0));
        let mut watching = JoinSet::new();
        for _ in 0..count {
            watching.spawn(watch(
                system.url.clone(),
                system.token.clone(),
                Arc::clone(&heard),
            ));
        }
        // What everybody is sent first is not what they are sent later.
        sleep(Duration::from_secs(5)).await;
        let (before, began) = (cpu()?, Instant::now());
        heard.store(0, Ordering::Relaxed);
        sleep(within).await;
        let seconds = began.elapsed().as_secs_f64();
        let share = (cpu()? - before) * 100.0 / seconds;
        let bytes = heard.load(Ordering::Relaxed) as f64 / seconds;
        ensure!(watching.len() == count, "a viewer was sent away");
        if let Some(ended) = watching.try_join_next() {
            ended??;
            bail!("a viewer was sent away");
        }
        watching.shutdown().await;
        Ok((share, bytes))
    };
    let (alone, _) = measure(0).await?;
    let (one, bytes) = measure(1).await?;
    let (many, all) = measure(arguments.viewers).await?;
    let viewers = arguments.viewers as f64;
    println!(
        "  to one viewer                        {:.2} kB/s",
        bytes / 1000.0
    );
    println!(
        "  to each of {} viewers               {:.2} kB/s",
        arguments.viewers,
        all / viewers / 1000.0
    );
    println!("  utakata without viewers              {alone:.1} % of a core");
    println!("  with one                             {one:.1} %");
    println!(
        "  with {}                             {many:.1} %, {:.1} % for the viewers",
        arguments.viewers,
        many - alone
    );
    Ok(())
}

/// Follows the view as a browser does, and counts its bytes.
async fn watch(url: String, token: String, heard: Arc<AtomicU64>) -> Result<()> {
    let at = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(at).await?;
    let request = format!(
        "GET /v1/view HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\n\
         Accept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => {
                heard.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    }
}

/// Measures in Chromium, by the script beside the sources of the UI.
async fn browser(
    arguments: &Arguments,
    system: &System,
    folder: &Path,
    device: &Path,
) -> Result<()> {
    let token = folder.join("token");
    fs::write(&token, &system.token)?;
    let mut script = Command::new("node");
    script
        .arg(repository().join("web/test/bench.mjs"))
        .args(["--url", &system.url, "--room", "hall"])
        .arg("--token")
        .arg(&token)
        .arg("--device")
        .arg(device)
        .args(["--rack", "Z1", "--alone", "alone"])
        .args(["--changes", &arguments.changes.to_string()]);
    let done = tokio::task::spawn_blocking(move || script.status()).await??;
    ensure!(done.success(), "the browser did not get to its end");
    Ok(())
}
