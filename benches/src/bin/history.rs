//! History: bytes for each sample, processor time for each value, questions, and a start after a
//! kill, on data like that of devices; beside Debian's VictoriaMetrics on the same numbers.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use tempfile::TempDir;
use utakata_benches::{figures::Figures, process};
use utakata_history::{
    Aggregate, Embedded, History, Query, Range, Record,
    embedded::Config,
    time::{DAY, HOUR, timestamp},
};
use utakata_model::{
    ActionName, Measurand, MetricName, Quality, Reading, ReadingValue, Readings, TargetName,
    TaskId, TaskKey,
};

const MINUTE: i64 = 60_000;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Devices of the comparison of sizes, with 40 numbers each.
    #[arg(long, default_value_t = 50)]
    devices: usize,
    /// Days of the comparison of sizes.
    #[arg(long, default_value_t = 3)]
    days: i64,
    /// Devices of the questions, with three numbers each.
    #[arg(long, default_value_t = 1000)]
    targets: usize,
    /// Days of the questions.
    #[arg(long, default_value_t = 30)]
    question_days: i64,
}

#[derive(Subcommand)]
enum Part {
    /// Appends an hour of a thousand targets, says so, and waits to be killed.
    Child { folder: PathBuf },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match arguments.part {
        Some(Part::Child { folder }) => runtime.block_on(child(&folder)),
        None => runtime.block_on(all(&arguments)),
    }
}

async fn all(arguments: &Arguments) -> Result<()> {
    sizes(arguments.devices, arguments.days).await?;
    questions(arguments.targets, arguments.question_days).await?;
    kills().await
}

/// A room under a clock that is set by hand.
struct Room {
    history: Embedded,
    clock: Arc<AtomicI64>,
}

impl Room {
    fn open(folder: &Path, now: i64) -> Result<Self> {
        let clock = Arc::new(AtomicI64::new(now));
        let shown = Arc::clone(&clock);
        let history = Embedded::open(Config {
            folder: folder.into(),
            raw_days: 400,
            hour_days: 400,
            max_bytes: 100 << 30,
            min_free: 0,
            clock: Arc::new(move || shown.load(Ordering::Acquire)),
        })?;
        Ok(Self { history, clock })
    }

    /// Reads all devices each minute for so many minutes.
    async fn run(&self, devices: &[Device], minutes: i64) -> u64 {
        let mut values = 0;
        for minute in 0..minutes {
            let now = self.clock.fetch_add(MINUTE, Ordering::AcqRel);
            for (at, device) in devices.iter().enumerate() {
                let seen = now + device.jitter(minute) + (at as i64 * 37) % MINUTE / 2;
                let readings = device.read(seen);
                values += readings.readings.len() as u64;
                self.history.append(Record::Readings {
                    readings: Arc::new(readings),
                    heard: timestamp(seen + 3 + seen % 5),
                });
            }
            // The queue holds 65,536.
            if (minute + 1) * devices.len() as i64 % 20_000 < devices.len() as i64 {
                self.history.settle().await;
            }
        }
        self.history.settle().await;
        values
    }
}

/// Waits until a folder has so many files, and no more work is visible.
fn wait_for_files(folder: &Path, journal: usize, raw: usize) -> Result<()> {
    let count = |name: &str| fs::read_dir(folder.join(name)).map_or(0, Iterator::count);
    let until = Instant::now() + Duration::from_secs(3600);
    while count("journal") > journal || count("raw") > raw {
        ensure!(Instant::now() < until, "history does not get done");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => size(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes)
}

/// Something like a PDU: loads with noise, voltages that hardly change, counters, temperatures.
struct Device {
    name: TargetName,
    numbers: usize,
    seed: u64,
    series: Vec<(MetricName, &'static str, Arc<str>)>,
}

impl Device {
    fn new(at: usize, numbers: usize) -> Result<Self> {
        let metric = |number: usize| match number % 8 {
            0 | 4 => ("hw.power", "W"),
            1 => ("hw.current", "A"),
            2 => ("hw.voltage", "V"),
            3 => ("hw.energy", "J"),
            5 => ("hw.temperature", "Cel"),
            6 => ("hw.humidity", "%"),
            _ => ("hw.load", "1"),
        };
        let series = (0..numbers).map(|number| {
            let (name, unit) = metric(number);
            Ok((MetricName::new(name)?, unit, format!("{number}").into()))
        });
        Ok(Self {
            name: TargetName::new(format!("pdu-{at:05}"))?,
            numbers,
            seed: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(at as u64 + 1),
            series: series.collect::<Result<_>>()?,
        })
    }

    fn noise(&self, number: usize, tick: i64) -> f64 {
        let mut x = self.seed ^ (number as u64).wrapping_mul(0xd134_2543_de82_ef95);
        x = x.wrapping_add((tick as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn jitter(&self, minute: i64) -> i64 {
        (self.noise(999, minute) * 40.0) as i64
    }

    fn value(&self, number: usize, seen: i64) -> f64 {
        let tick = seen / MINUTE;
        let noise = self.noise(number, tick);
        let day = (seen % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
        let level = self.noise(number, 1) * 300.0;
        match number % 8 {
            0 | 4 => (level + 40.0 * day.sin() + 6.0 * noise).round(),
            1 => ((level / 30.0 + 0.3 * noise) * 10.0).round() / 10.0,
            // It changes now and then.
            2 => 230.0 + (self.noise(number, tick / 17) * 3.0).round(),
            3 => ((seen / 1000) as f64 * (level + 20.0) / 3600.0).round() * 3600.0,
            5 => ((22.0 + 2.0 * day.sin() + 0.4 * noise) * 10.0).round() / 10.0,
            6 => (45.0 + self.noise(number, tick / 5) * 4.0).round(),
            _ => ((0.4 + 0.05 * day.sin() + 0.02 * noise) * 100.0).round() / 100.0,
        }
    }

    fn read(&self, seen: i64) -> Readings {
        let reading = |number: usize| {
            let (metric, unit, id) = &self.series[number];
            Reading {
                of: Measurand {
                    metric: metric.clone(),
                    attributes: [("hw.id".into(), Arc::clone(id))].into(),
                    unit: (*unit).into(),
                }
                .into(),
                value: ReadingValue::Number(self.value(number, seen)),
                quality: Quality::Good,
            }
        };
        Readings {
            target: self.name.clone(),
            #[allow(clippy::unwrap_used, reason = "it is a name")]
            action: ActionName::new("read").unwrap(),
            seen_by: TaskKey {
                task: TaskId::from_bytes([0; 16]),
                attempt: 1,
            },
            time: timestamp(seen),
            readings: (0..self.numbers).map(reading).collect(),
        }
    }
}

fn devices(count: usize, numbers: usize) -> Result<Vec<Device>> {
    (0..count).map(|at| Device::new(at, numbers)).collect()
}

/// Returns the beginning of a day in the past, so that the last day is over.
fn begin(days: i64) -> i64 {
    let today = jiff::Timestamp::now().as_millisecond().div_euclid(DAY);
    (today - days) * DAY
}

async fn sizes(count: usize, days: i64) -> Result<()> {
    let folder = TempDir::new()?;
    let (start, devices) = (begin(days), devices(count, 40)?);
    // What it takes only to make the values.
    let before = process::cpu_seconds(std::process::id())?;
    for minute in 0..days * 1440 {
        for device in &devices {
            std::hint::black_box(device.read(start + minute * MINUTE));
        }
    }
    let made = process::cpu_seconds(std::process::id())? - before;
    let room = Room::open(folder.path(), start)?;
    let before = process::cpu_seconds(std::process::id())?;
    let values = room.run(&devices, days * 1440).await;
    // The first minute of the next day ends the last one.
    let first = room.run(&devices[..1], 1).await;
    ensure!(
        first > 0 && room.history.status().lost == 0,
        "rows were lost"
    );
    let journalled = size(folder.path())?;
    wait_for_files(folder.path(), 1, days as usize)?;
    let used = process::cpu_seconds(std::process::id())? - before - made;
    let kept = size(&folder.path().join("raw"))? + size(&folder.path().join("hour"))?;
    let tier = size(&folder.path().join("hour"))?;
    let all = values as f64;
    println!("{count} devices, 40 numbers each minute, {days} days: {values} values");
    println!(
        "  bytes for each value, days and hours      {:.3}",
        kept as f64 / all
    );
    println!(
        "  of these the tier of hours                {:.3}",
        tier as f64 / all
    );
    println!(
        "  processor for each value, µs              {:.3}",
        used / all * 1e6
    );
    println!("    journalled, sealed, merged to days and hours; without making them");
    println!(
        "  on the disk when the last was written, MB {:.1}",
        journalled as f64 / 1e6
    );
    match victoria(&devices, start, days) {
        Ok(bytes) => {
            println!(
                "  VictoriaMetrics, bytes for each value     {:.3}",
                bytes as f64 / all
            );
            println!(
                "  share of it                               {:.2}",
                kept as f64 / bytes as f64
            );
        }
        Err(error) => println!("  VictoriaMetrics was not measured: {error:#}"),
    }
    Ok(())
}

/// Gives the same numbers to VictoriaMetrics; returns the bytes that it keeps.
fn victoria(devices: &[Device], start: i64, days: i64) -> Result<u64> {
    let folder = TempDir::new()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let mut server = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", folder.path().display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .args(["-retentionPeriod=10y", "-loggerLevel=ERROR"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("victoria-metrics is not here: ./check install")?;
    let done = feed(devices, start, days, port);
    let stopped = stop(&mut server);
    done?;
    stopped?;
    size(folder.path())
}

fn feed(devices: &[Device], start: i64, days: i64, port: u16) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(Instant::now() < until, "VictoriaMetrics does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    for hour in 0..days * 24 {
        let mut body = String::new();
        for minute in hour * 60..hour * 60 + 60 {
            for (at, device) in devices.iter().enumerate() {
                let now = start + minute * MINUTE;
                let seen = now + device.jitter(minute) + (at as i64 * 37) % MINUTE / 2;
                for number in 0..device.numbers {
                    let (metric, _, id) = &device.series[number];
                    let metric = metric.as_str().replace('.', "_");
                    let value = device.value(number, seen);
                    body.push_str(&format!(
                        "{metric}{{target=\"{}\",id=\"{id}\"}} {value} {seen}\n",
                        device.name
                    ));
                }
            }
        }
        request(port, "POST", "/api/v1/import/prometheus", &body)?;
    }
    request(port, "GET", "/internal/force_flush", "")?;
    request(port, "GET", "/internal/force_merge", "")?;
    // Merging goes on behind the answer.
    std::thread::sleep(Duration::from_secs(10));
    Ok(())
}

fn request(port: u16, method: &str, path: &str, body: &str) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let len = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let is_done = answer.starts_with("HTTP/1.1 2");
    ensure!(is_done, "{path}: {answer:.200}");
    Ok(())
}

/// Ends a server in order, so that everything is on the disk.
fn stop(server: &mut Child) -> Result<()> {
    let pid = rustix::process::Pid::from_child(server);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    server.wait()?;
    Ok(())
}

async fn questions(count: usize, days: i64) -> Result<()> {
    let folder = TempDir::new()?;
    let (start, devices) = (begin(days), devices(count, 3)?);
    let room = Room::open(folder.path(), start)?;
    for day in 0..days {
        room.run(&devices, 1440).await;
        wait_for_files(folder.path(), 1, 25 + day as usize)?;
    }
    // Half a day that is not over.
    room.run(&devices, 12 * 60 + 30).await;
    ensure!(room.history.status().lost == 0, "rows were lost");
    wait_for_files(folder.path(), 1, 2 + days as usize)?;
    let bytes = size(folder.path())? as f64 / 1e6;
    println!("{count} targets, 3 numbers each minute, {days} days and a half: {bytes:.0} MB");
    let names: Vec<TargetName> = devices.iter().map(|device| device.name.clone()).collect();
    let now = room.clock.load(Ordering::Acquire);
    let (mut hours, mut day, mut found) =
        (Figures::default(), Figures::default(), Figures::default());
    for run in 0..20 {
        let began = Instant::now();
        let series = room.history.series(&names, "hw.power").await?;
        found.add(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(series.len() == count, "{} series", series.len());
        let query = Query {
            series,
            range: Range {
                from: now - days * DAY,
                to: now,
            },
            step: Some((HOUR, Aggregate::Average)),
            max_values: usize::MAX,
            max_ticks: usize::MAX,
        };
        let tracks = room.history.query(query).await?;
        hours.add(began.elapsed().as_secs_f64() * 1000.0);
        let ticks: usize = tracks.iter().map(|track| track.ticks.len()).sum();
        ensure!(ticks >= count * (days * 24) as usize, "{ticks} ticks");
        let one = std::slice::from_ref(&names[run * 37 % count]);
        let began = Instant::now();
        let series = room.history.series(one, "hw.power").await?;
        let query = Query {
            series,
            range: Range {
                from: now - DAY,
                to: now,
            },
            step: None,
            max_values: usize::MAX,
            max_ticks: usize::MAX,
        };
        let tracks = room.history.query(query).await?;
        day.add(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(
            tracks[0].ticks.len() == 1440,
            "{} values",
            tracks[0].ticks.len()
        );
    }
    println!(
        "  all targets, one metric by the hour, ms   {hours:.1}, p95 {:.1}",
        hours.quantile(0.95)
    );
    println!("    of that finding the series              {found:.1}");
    println!(
        "  one target, the values of a day, ms       {day:.2}, p95 {:.2}",
        day.quantile(0.95)
    );
    let memory = process::resident_megabytes(std::process::id())?;
    println!("  memory of the process, MB                 {memory:.0}");
    drop(room);
    restart(folder.path(), now)
}

/// Measures a start with what is there.
fn restart(folder: &Path, now: i64) -> Result<()> {
    let began = Instant::now();
    let room = Room::open(folder, now)?;
    let opened = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(
        room.history.wait_until_complete(Duration::from_secs(60)),
        "it never gets complete"
    );
    let complete = began.elapsed().as_secs_f64() * 1000.0;
    let mut latest = 0;
    room.history.latest(|_| latest += 1)?;
    let known = began.elapsed().as_secs_f64() * 1000.0;
    println!(
        "  a start with them: appends after {opened:.0} ms, complete after {complete:.0} ms, last values of {latest} targets after {known:.0} ms"
    );
    Ok(())
}

async fn child(folder: &Path) -> Result<()> {
    let devices = devices(1000, 10)?;
    let hour = jiff::Timestamp::now().as_millisecond().div_euclid(HOUR) * HOUR;
    let room = Room::open(folder, hour)?;
    room.run(&devices, 59).await;
    println!("settled");
    loop {
        std::thread::park();
    }
}

async fn kills() -> Result<()> {
    let (mut opened, mut complete) = (Figures::default(), Figures::default());
    for _ in 0..5 {
        let folder = TempDir::new()?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "settled" {
            bail!("the child said {line:?}");
        }
        child.kill()?;
        child.wait()?;
        let began = Instant::now();
        let room = Room::open(folder.path(), jiff::Timestamp::now().as_millisecond())?;
        opened.add(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(
            room.history.wait_until_complete(Duration::from_secs(60)),
            "it never gets complete"
        );
        let mut latest = 0;
        room.history.latest(|_| latest += 1)?;
        complete.add(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(latest == 1000, "{latest} targets");
    }
    println!("kill -9 with an hour of 1,000 targets, 10 numbers each, in the journal:");
    println!("  appends again after, ms                   {opened:.1}");
    println!("  everything found, last values known, ms   {complete:.0}");
    Ok(())
}
