//! A worker without the SDK that does one thing wrong: the setting `fault` of its manifest.

use std::{collections::HashMap, env, net::UdpSocket, path::Path, process, time::Duration};

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{interval, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use utakata_protocol::{
    ENDPOINT_VARIABLE, RELEASE_VARIABLE, TOKEN_VARIABLE,
    clock::Moment,
    v1::{
        AttemptOutcome, FromWorker, GoAttempt, Heartbeat, Hello, Outcomes, Problem, Ready,
        ReadyAttempt, Status, Task, ToWorker, from_worker, manager_client::ManagerClient,
        to_worker,
    },
};
use utakata_worker_sdk::Release;

/// Not a test, but the worker that the other tests start: this program again, with variables that
/// only a worker has.
#[test]
fn worker() {
    if let Ok(endpoint) = env::var(ENDPOINT_VARIABLE) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        process::exit(runtime.block_on(serve(endpoint)));
    }
}

struct Scripted {
    fault: String,
    outgoing: Option<mpsc::Sender<FromWorker>>,
    running: JoinSet<(Task, Status)>,
    handles: HashMap<Vec<u8>, AbortHandle>,
    /// Control that waits for its go, with the time since which it does.
    ready: HashMap<Vec<u8>, (Task, Moment)>,
    draining: bool,
}

async fn serve(endpoint: String) -> i32 {
    let release = env::var(RELEASE_VARIABLE).unwrap();
    let release = Release::read(Path::new(&release)).unwrap();
    let fault = release.manifest.settings["fault"]
        .as_str()
        .unwrap()
        .to_owned();
    match fault.as_str() {
        "exits" => return 3,
        "never connects" => std::future::pending().await,
        _ => {}
    }
    let mut client = ManagerClient::connect(endpoint).await.unwrap();
    let (outgoing, messages) = mpsc::channel(1000);
    let mut worker = Scripted {
        outgoing: (fault != "no hello").then_some(outgoing),
        running: JoinSet::new(),
        handles: HashMap::new(),
        ready: HashMap::new(),
        draining: false,
        fault,
    };
    worker.hello(&release).await;
    let incoming = client.work(ReceiverStream::new(messages)).await;
    let mut incoming = incoming.unwrap().into_inner();
    let mut beat = interval(Duration::from_millis(40));
    loop {
        tokio::select! {
            message = incoming.message() => match message {
                Ok(Some(message)) => if let Some(code) = worker.take(message).await {
                    return code;
                },
                _ if worker.draining => return i32::from(worker.is("exits with 1")),
                _ => worker.end_or_stay("outlives", 1).await,
            },
            _ = beat.tick() => if !worker.is("no heartbeats") {
                worker.say(from_worker::Message::Heartbeat(Heartbeat::default())).await;
            },
            Some(Ok((task, status))) = worker.running.join_next() => {
                worker.answer(&task, status, "deadline").await;
            }
        }
        if worker.draining && worker.running.is_empty() && !worker.is("stays") {
            worker.outgoing = None;
        }
    }
}

impl Scripted {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    async fn say(&self, message: from_worker::Message) {
        if let Some(outgoing) = &self.outgoing {
            let message = Some(message);
            // If the manager is gone, the stream shows it.
            let _ = outgoing.send(FromWorker { message }).await;
        }
    }

    async fn hello(&self, release: &Release) {
        let mut manifest = release.manifest.clone();
        if self.is("heartbeat first") {
            self.say(from_worker::Message::Heartbeat(Heartbeat::default()))
                .await;
        }
        if self.is("other manifest") {
            manifest.version = "2.0.0".into();
        }
        let token = env::var(TOKEN_VARIABLE).unwrap();
        let hello = Hello {
            token: if self.is("wrong token") {
                "?".into()
            } else {
                token
            },
            protocol_versions: match self.fault.as_str() {
                "other protocol" => vec![9],
                "older protocol" => vec![1],
                _ => vec![2],
            },
            manifest: serde_json::to_string(&manifest).unwrap(),
            capacity: if self.is("no capacity") { 0 } else { 100 },
            sdk: "none".into(),
            can_hold: false,
        };
        self.say(from_worker::Message::Hello(hello)).await;
    }

    async fn end_or_stay(&self, fault: &str, code: i32) {
        if self.is(fault) {
            std::future::pending::<()>().await;
        }
        process::exit(code);
    }

    /// Returns the exit code if this is the end.
    async fn take(&mut self, message: ToWorker) -> Option<i32> {
        match message.message {
            Some(to_worker::Message::Refused(_)) if self.is("content when refused") => {
                return Some(0);
            }
            Some(to_worker::Message::Refused(_)) => self.end_or_stay("ignores refusal", 78).await,
            Some(to_worker::Message::Tasks(tasks)) => {
                for task in tasks.tasks {
                    self.begin(task).await;
                }
            }
            Some(to_worker::Message::Go(go)) => {
                for go in go.attempts {
                    self.go(&go).await;
                }
            }
            Some(to_worker::Message::Cancel(cancel)) if !self.is("deaf") => {
                for key in cancel.tasks {
                    self.cancel(key.id, key.attempt).await;
                }
            }
            Some(to_worker::Message::Drain(_)) => {
                self.draining = true;
                if self.is("drops") {
                    self.running.shutdown().await;
                }
            }
            _ => {}
        }
        None
    }

    async fn begin(&mut self, task: Task) {
        if self.handles.contains_key(&task.id) && !self.is("answers twice") {
            return;
        }
        if task.action == "set" && task.parameters == b"{}" && !self.is("begins by itself") {
            return self.be_ready(task).await;
        }
        if !["read", "set"].contains(&task.action.as_str()) && !self.is("does anything") {
            return self.answer(&task, Status::Failed, "no-such-action").await;
        }
        if task.parameters != b"{}" {
            return self.refuse(&task).await;
        }
        if self.draining {
            return self.answer(&task, Status::Expired, "draining").await;
        }
        if self.is("begins no more") && self.running.len() > 5 {
            return self.answer(&task, Status::Expired, "expired").await;
        }
        let mut wait = Duration::from_millis(task.timeout_milliseconds);
        if self.is("one at a time") {
            wait += wait * u32::try_from(self.running.len()).unwrap();
        }
        if self.is("no deadline") {
            wait = Duration::from_secs(3600);
        }
        let status = if self.is("guesses") {
            Status::Unknown
        } else {
            Status::Failed
        };
        let id = task.id.clone();
        let handle = self.running.spawn(async move {
            let _ = timeout(wait, std::future::pending::<()>()).await;
            (task, status)
        });
        self.handles.insert(id, handle);
    }

    async fn refuse(&self, task: &Task) {
        if self.is("takes anything") {
            return self.answer(task, Status::Succeeded, "").await;
        }
        if self.is("touches") {
            touch(task);
        }
        self.answer(task, Status::Failed, "bad-parameters").await;
    }

    async fn be_ready(&mut self, task: Task) {
        if self.is("answers before its go") {
            return self.answer(&task, Status::Succeeded, "").await;
        }
        let ready = ReadyAttempt {
            id: task.id.clone(),
            attempt: task.attempt,
            nonce: 1,
        };
        if self.is("touches before its go") {
            touch(&task);
        }
        self.ready.insert(task.id.clone(), (task, Moment::now()));
        let attempts = vec![ready];
        self.say(from_worker::Message::Ready(Ready { attempts }))
            .await;
    }

    async fn go(&mut self, go: &GoAttempt) {
        let Some((task, said)) = self.ready.remove(&go.id) else {
            return;
        };
        let within = Duration::from_millis(go.within_milliseconds);
        if said.elapsed() > within && !self.is("believes any go") {
            return self.answer(&task, Status::Expired, "go-late").await;
        }
        touch(&task);
        self.answer(&task, Status::Succeeded, "").await;
    }

    async fn cancel(&mut self, id: Vec<u8>, attempt: u32) {
        let was_ready = self.ready.remove(&id).is_some();
        let handle = self.handles.get(&id).inspect(|handle| handle.abort());
        if handle.is_some() || was_ready {
            let task = Task {
                id,
                attempt,
                ..Task::default()
            };
            self.answer(&task, Status::Cancelled, "cancelled").await;
        }
    }

    async fn answer(&self, task: &Task, status: Status, code: &str) {
        let problem = Problem {
            code: code.into(),
            ..Problem::default()
        };
        let outcome = AttemptOutcome {
            id: task.id.clone(),
            attempt: task.attempt,
            status: status.into(),
            problem: (status != Status::Succeeded).then_some(problem),
            ..AttemptOutcome::default()
        };
        let outcomes = vec![outcome];
        self.say(from_worker::Message::Outcomes(Outcomes { outcomes }))
            .await;
    }
}

fn touch(task: &Task) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"?", &task.address).unwrap();
}
