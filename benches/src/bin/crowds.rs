//! Control while unknown clients hold thousands of connections, and while an authorized one sends a
//! hundred hostile bodies at a time: the time of a task, and the memory used.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use utakata_api::{client::Client, operation::ControlAnswer};
use utakata_benches::{
    echo,
    figures::Figures,
    load, process,
    system::{System, repository},
};

/// The validity of a permit in milliseconds: a task that takes longer would not be begun.
const WINDOW: f64 = 5_000.0;
/// The largest body accepted.
const BODY: usize = 16 * 1024 * 1024;
/// The pause between two bytes of a slow connection.
const DRIP: Duration = Duration::from_secs(2);

/// Measures control while strangers crowd in.
#[derive(Parser)]
struct Arguments {
    /// Connections without a token: half send nothing, half a byte now and then.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Number of addresses from which they come
    #[arg(long, default_value_t = 40)]
    addresses: u8,
    /// Number of hostile request bodies at a time
    #[arg(long, default_value_t = 100)]
    bodies: usize,
    /// Duration of each part, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Misbehaving clients, until they are stopped.
#[derive(Clone)]
struct Crowd {
    at: SocketAddr,
    is_over: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )?;
    let system = System::start(&[&repository().join("workers/echo/releases/echo")])?;
    let client = Client::new(&system.url, &system.token)?;
    echo::declare(&client, 1, 1).await?;
    let within = Duration::from_secs(arguments.seconds);
    measure("alone", &client, &system, within).await?;

    let crowd = Crowd::at(&system)?;
    let mut strangers = JoinSet::new();
    for number in 0..arguments.connections {
        let from = (number % usize::from(arguments.addresses.max(1))) as u8;
        let from = Ipv4Addr::new(127, 0, 1, from + 1);
        strangers.spawn(crowd.clone().stranger(from, number % 2 == 0));
    }
    let title = format!("with {} connections of strangers", arguments.connections);
    measure(&title, &client, &system, within).await?;
    println!("  connections that were made           {}", crowd.end());
    strangers.shutdown().await;

    for (title, body) in hostile() {
        let crowd = Crowd::at(&system)?;
        let mut senders = JoinSet::new();
        let request: Arc<[u8]> = request(&system.token, &body).into();
        for _ in 0..arguments.bodies {
            senders.spawn(crowd.clone().send(Arc::clone(&request)));
        }
        let title = format!("with {} times {title} at a time", arguments.bodies);
        measure(&title, &client, &system, within).await?;
        crowd.end();
        let answered = crowd.answered.load(Ordering::Relaxed);
        println!("  of them answered                     {answered}");
        senders.shutdown().await;
    }
    Ok(())
}

/// Runs one task after the other for this long.
async fn measure(title: &str, client: &Client, system: &System, within: Duration) -> Result<()> {
    let mut control = load::set("name=echo-0-0", 1)?;
    control.wait = Duration::from_secs(10);
    let mut milliseconds = Figures::default();
    let mut megabytes = Figures::default();
    let begun = Instant::now();
    let mut seen = Vec::new();
    while begun.elapsed() < within {
        let asked = Instant::now();
        let ControlAnswer::Operation(answer) = client.control(&control).await? else {
            bail!("only a plan came");
        };
        ensure!(answer.counts.succeeded == 1, "{title}: {answer:?}");
        seen.push(asked.elapsed().as_secs_f64() * 1000.0);
        megabytes.add(process::resident_megabytes(system.pid())?);
        sleep(Duration::from_millis(10)).await;
    }
    milliseconds.extend(seen);
    println!("{title}: {} tasks", milliseconds.count());
    for share in [0.5, 0.99, 1.0] {
        let value = milliseconds.quantile(share);
        println!(
            "  p{:<4} in milliseconds                 {value:.1}",
            share * 100.0
        );
    }
    println!(
        "  memory of utakata, MB, the most      {:.0}",
        megabytes.quantile(1.0)
    );
    ensure!(
        milliseconds.quantile(1.0) < WINDOW,
        "a task took longer than its permit is good"
    );
    Ok(())
}

/// Bodies that cost the server more than their sender.
fn hostile() -> [(&'static str, String); 3] {
    let ones = "1,".repeat(BODY / 2 - 32);
    let terms = "a,".repeat(BODY / 2 - 64);
    let large = format!("{{\"parameters\":[{}1]}}", "1,".repeat(500_000));
    let large = [large.as_str(); 15].join(",");
    [
        (
            "16 MiB of documents that are none",
            format!("{{\"documents\":[{ones}1]}}"),
        ),
        (
            "16 MiB of a selector in one document",
            format!(
                "{{\"documents\":[{{\"type\":\"schedule\",\"name\":\"s\",\"selector\":\"{terms}a\"}}]}}"
            ),
        ),
        (
            "15 MB in documents of 1 MB",
            format!("{{\"documents\":[{large}]}}"),
        ),
    ]
}

fn request(token: &str, body: &str) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/apply HTTP/1.1\r\nHost: utakata\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body.as_bytes());
    request
}

impl Crowd {
    fn at(system: &System) -> Result<Self> {
        Ok(Self {
            at: system.url.trim_start_matches("http://").parse()?,
            is_over: Arc::default(),
            made: Arc::default(),
            answered: Arc::default(),
        })
    }

    /// Stops all of them; returns the number of connections made.
    fn end(&self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.made.load(Ordering::Relaxed)
    }

    /// Connects again and again without ever completing a request.
    async fn stranger(self, from: Ipv4Addr, is_slow: bool) {
        while !self.is_over.load(Ordering::Relaxed) {
            if let Ok(stream) = self.connect(from).await {
                self.made.fetch_add(1, Ordering::Relaxed);
                hold(stream, is_slow).await;
            }
            sleep(DRIP).await;
        }
    }

    async fn connect(&self, from: Ipv4Addr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(self.at).await
    }

    /// Sends the same request again and again.
    async fn send(self, request: Arc<[u8]>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let sent = async {
                let mut stream = TcpStream::connect(self.at).await?;
                let (mut read, mut write) = stream.split();
                let mut answer = Vec::new();
                // The server may answer before it has read everything.
                let (_, read) = tokio::join!(
                    write.write_all(&request),
                    timeout(Duration::from_secs(90), read.read_to_end(&mut answer))
                );
                read??;
                std::io::Result::Ok(!answer.is_empty())
            };
            if sent.await.unwrap_or(false) {
                self.answered.fetch_add(1, Ordering::Relaxed);
            } else {
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Holds a connection until the other side closes it.
async fn hold(mut stream: TcpStream, is_slow: bool) {
    let mut nothing = [0; 1];
    if !is_slow {
        let _ = stream.read(&mut nothing).await;
        return;
    }
    if stream
        .write_all(b"GET /v1/status HTTP/1.1\r\nX-a: ")
        .await
        .is_err()
    {
        return;
    }
    loop {
        match timeout(DRIP, stream.read(&mut nothing)).await {
            Ok(_) => return,
            Err(_) if stream.write_all(b"a").await.is_err() => return,
            Err(_) => {}
        }
    }
}
