//! The throughput of one worker on one stream: `cargo bench -p utakata-worker-sdk`.
//!
//! A manager and a worker, each a process, on a Unix socket; 300 bytes of parameters in, 200 bytes
//! of result out, at most 4096 tasks under way. The figure is the number of answers that the
//! manager received in three seconds; the CPU time is the worker's alone, from `/proc/PID/stat`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark that goes wrong must stop"
)]

use std::{
    env, fs,
    pin::Pin,
    process::{Child, Command, ExitCode},
    time::{Duration, Instant},
};

use tokio::{net::UnixListener, sync::mpsc};
use tokio_stream::{
    Stream,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use utakata_protocol::{
    ENDPOINT_VARIABLE, RELEASE_VARIABLE, TOKEN_VARIABLE,
    v1::{
        FromWorker, Task, Tasks, ToWorker, Welcome, from_worker,
        manager_server::{Manager, ManagerServer},
        to_worker,
    },
};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, THREADS_VARIABLE, Worker, model::TaskId,
};

const WINDOW: usize = 4096;
const LASTS: Duration = Duration::from_secs(3);
const MANIFEST: &str = r#"
kind = "echo"
version = "1.0.0"
protocol = 1
run = { program = "x" }
[[action]]
name = "echo"
class = "observe"
[action.parameters]
type = "object"
required = ["payload"]
additionalProperties = false
properties.payload = { type = "string" }
properties.later = { type = "boolean" }
"#;

struct Echo;

impl Worker for Echo {
    fn build(_: &Release) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    async fn run(&self, task: utakata_worker_sdk::Task, _: Context) -> Result<Answer, Failure> {
        if task.parameters.get("later").is_some() {
            tokio::task::yield_now().await;
        }
        let payload = task.parameters["payload"].as_str().unwrap_or_default();
        let result = payload.get(..198).unwrap_or_default();
        Ok(Answer {
            result: Some(result.into()),
            ..Answer::default()
        })
    }

    fn capacity(&self) -> u32 {
        4096
    }
}

struct Service(mpsc::Sender<(Streaming<FromWorker>, Outgoing)>);
type Outgoing = mpsc::Sender<Result<ToWorker, Status>>;

#[tonic::async_trait]
impl Manager for Service {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<FromWorker>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let (outgoing, messages) = mpsc::channel(64);
        self.0.send((request.into_inner(), outgoing)).await.unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

fn main() -> ExitCode {
    if env::var_os(ENDPOINT_VARIABLE).is_some() {
        return utakata_worker_sdk::main::<Echo>();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    println!("threads  a message  ends      tasks/s  worker CPU us/task");
    for threads in ["1", "2"] {
        for (batch, later) in [(1, false), (32, false), (128, false), (32, true)] {
            let (count, cpu) = runtime.block_on(measure(threads, batch, later));
            let rate = count as f64 / LASTS.as_secs_f64();
            let each = cpu.as_secs_f64() * 1e6 / count as f64;
            let ends = if later { "later" } else { "at once" };
            println!("{threads:>7}  {batch:>9}  {ends:<7}  {rate:>8.0}  {each:>18.2}");
        }
    }
    ExitCode::SUCCESS
}

async fn measure(threads: &str, batch: usize, later: bool) -> (usize, Duration) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("worker.toml"), MANIFEST).unwrap();
    let socket = folder.path().join("socket");
    let (arrived, mut calls) = mpsc::channel(1);
    let connections = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
    let server = Server::builder()
        .initial_stream_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(2 * 1024 * 1024)
        .add_service(ManagerServer::new(Service(arrived)))
        .serve_with_incoming(connections);
    let server = tokio::spawn(server);
    let mut worker = Command::new(env::current_exe().unwrap())
        .env(ENDPOINT_VARIABLE, format!("unix:{}", socket.display()))
        .env(TOKEN_VARIABLE, "token")
        .env(RELEASE_VARIABLE, folder.path())
        .env(THREADS_VARIABLE, threads)
        .env("RUST_LOG", "error")
        .spawn()
        .unwrap();
    let (mut incoming, outgoing) = calls.recv().await.unwrap();
    incoming.message().await.unwrap();
    let welcome = Welcome {
        protocol_version: 1,
        worker: "w".into(),
        heartbeat_milliseconds: 5000,
    };
    tell(&outgoing, to_worker::Message::Welcome(welcome)).await;
    let figures = exchange(&mut incoming, &outgoing, &worker, batch, later).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    server.abort();
    figures
}

async fn exchange(
    incoming: &mut Streaming<FromWorker>,
    outgoing: &Outgoing,
    worker: &Child,
    batch: usize,
    later: bool,
) -> (usize, Duration) {
    let (began, before) = (Instant::now(), cpu(worker));
    let (mut under_way, mut answered) = (0, 0);
    while began.elapsed() < LASTS {
        while under_way + batch <= WINDOW {
            let tasks = (0..batch).map(|_| task(later)).collect();
            let message = to_worker::Message::Tasks(Tasks { tasks });
            let message = Some(message);
            if outgoing.try_send(Ok(ToWorker { message })).is_err() {
                break;
            }
            under_way += batch;
        }
        let message = incoming.message().await.unwrap().unwrap().message;
        if let Some(from_worker::Message::Outcomes(outcomes)) = message {
            let succeeded = outcomes.outcomes.iter().all(|outcome| outcome.status == 1);
            assert!(succeeded, "{:?}", outcomes.outcomes.first());
            answered += outcomes.outcomes.len();
            under_way -= outcomes.outcomes.len();
        }
    }
    (answered, cpu(worker) - before)
}

fn task(later: bool) -> Task {
    let later = if later { r#","later":true"# } else { "" };
    Task {
        id: TaskId::generate().as_bytes().to_vec(),
        attempt: 1,
        target: "echo-1".into(),
        kind: "echo".into(),
        address: "nowhere".into(),
        action: "echo".into(),
        parameters: format!(r#"{{"payload":"{}"{later}}}"#, "e".repeat(286)).into_bytes(),
        timeout_milliseconds: 10_000,
        ..Task::default()
    }
}

async fn tell(outgoing: &Outgoing, message: to_worker::Message) {
    let message = Some(message);
    outgoing.send(Ok(ToWorker { message })).await.unwrap();
}

/// Returns the CPU time of a process: fields 14 and 15 of its stat, in hundredths of a second.
fn cpu(process: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = [11, 12]
        .map(|at: usize| fields[at].parse::<u64>().unwrap())
        .iter()
        .sum();
    Duration::from_millis(ticks * 10)
}
