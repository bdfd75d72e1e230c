//! A worker in this process: it speaks the real protocol, does what a test says, and records what
//! it receives.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Endpoint};
use utakata_execution::runtime::{Exit, Spec, scripted::Scripted};
use utakata_model::{Class, Kind, Manifest, Target, Task, TaskKey};
use utakata_protocol::v1::{
    self, AttemptOutcome, FromWorker, Heartbeat, Hello, Outcomes, Problem, Status, ToWorker,
    from_worker::Message, manager_client::ManagerClient, to_worker,
};

pub type Line = mpsc::Sender<FromWorker>;

/// The tasks that workers were given, and the number that they have at a time.
#[derive(Debug, Default)]
pub struct Score {
    /// Every attempt received, with its target and time.
    pub given: Vec<(TaskKey, String, Instant)>,
    running: HashMap<String, usize>,
    /// The largest number at once.
    pub max: usize,
    max_on: HashMap<String, usize>,
}

impl Score {
    fn begin(&mut self, key: TaskKey, target: &str) {
        self.given.push((key, target.to_owned(), Instant::now()));
        let running = self.running.entry(target.to_owned()).or_default();
        *running += 1;
        let max_on = self.max_on.entry(target.to_owned()).or_default();
        *max_on = (*max_on).max(*running);
        self.max = self.max.max(self.running.values().sum());
    }

    fn end(&mut self, target: &str) {
        *self.running.get_mut(target).unwrap() -= 1;
    }

    /// Returns the most attempts at the same time on a target.
    pub fn max_on(&self, target: &str) -> usize {
        self.max_on[target]
    }

    /// Returns the number of times that an attempt was given to a worker.
    pub fn times(&self, key: TaskKey) -> usize {
        self.given
            .iter()
            .filter(|(given, ..)| *given == key)
            .count()
    }

    /// Returns the times at which attempts on a target arrived.
    pub fn at(&self, target: &str) -> Vec<Instant> {
        let given = self.given.iter().filter(|(_, name, _)| name == target);
        given.map(|(.., at)| *at).collect()
    }
}

/// The delay of a worker's answer, and its problem, if any. `None`: it never answers.
pub type Behaviour = Arc<dyn Fn(&v1::Task) -> Option<(Duration, &'static str)> + Send + Sync>;

/// Workers of the kind `play`.
#[derive(Clone)]
pub struct Player {
    pub score: Arc<Mutex<Score>>,
    capacity: u32,
    behaviour: Behaviour,
}

impl Player {
    pub fn new(
        capacity: u32,
        behaviour: impl Fn(&v1::Task) -> Option<(Duration, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            score: Arc::default(),
            capacity,
            behaviour: Arc::new(behaviour),
        }
    }

    /// Returns a runtime of such workers.
    pub fn runtime(&self) -> Arc<Scripted> {
        let player = self.clone();
        Arc::new(Scripted::new(move |spec| {
            let player = player.clone();
            Some(Box::pin(async move { player.act(spec).await }))
        }))
    }

    async fn act(self, spec: Spec) -> Exit {
        let (line, heard) = connect(&spec, self.capacity).await;
        tokio::select! {
            () = self.play(&line, heard) => Exit::Code(0),
            () = beat(&line) => Exit::Code(1),
        }
    }

    async fn play(&self, line: &Line, mut heard: Streaming<ToWorker>) {
        let mut ready = Vec::new();
        while let Ok(Some(message)) = heard.message().await {
            match message.message {
                Some(to_worker::Message::Tasks(tasks)) => {
                    for task in tasks.tasks {
                        if task.control {
                            can_begin(line, &task).await;
                            ready.push(task);
                        } else {
                            self.take(line, task);
                        }
                    }
                }
                Some(to_worker::Message::Go(go)) => {
                    let has_go = |task: &mut v1::Task| {
                        let mut goes = go.attempts.iter();
                        goes.any(|go| go.id == task.id && go.attempt == task.attempt)
                    };
                    for task in ready.extract_if(.., has_go) {
                        self.take(line, task);
                    }
                }
                Some(to_worker::Message::Drain(_)) => {
                    until(|| self.score.lock().running.values().sum::<usize>() == 0).await;
                    // The last message is still on its way.
                    pass(Duration::from_millis(200)).await;
                    return;
                }
                _ => {}
            }
        }
    }

    fn take(&self, line: &Line, task: v1::Task) {
        {
            let mut score = self.score.lock();
            score.begin(task.key().unwrap(), &task.target);
        }
        let (player, line) = (self.clone(), line.clone());
        tokio::spawn(async move {
            let Some((delay, code)) = (player.behaviour)(&task) else {
                return;
            };
            pass(delay).await;
            player.score.lock().end(&task.target);
            let outcomes = vec![answer(task, code)];
            say(&line, Message::Outcomes(Outcomes { outcomes })).await;
        });
    }
}

fn answer(task: v1::Task, code: &str) -> AttemptOutcome {
    let problem = Problem {
        code: code.into(),
        message: "as the test says".into(),
        cure: v1::Cure::Retry.into(),
    };
    let status = if code.is_empty() {
        Status::Succeeded
    } else {
        Status::Failed
    };
    AttemptOutcome {
        id: task.id,
        attempt: task.attempt,
        status: status.into(),
        problem: (!code.is_empty()).then_some(problem),
        ..AttemptOutcome::default()
    }
}

/// Says hello as the release in the spec, and is welcomed.
pub async fn connect(spec: &Spec, capacity: u32) -> (Line, Streaming<ToWorker>) {
    let manifest = std::fs::read_to_string(spec.folder.join("worker.toml")).unwrap();
    let (line, messages) = mpsc::channel(16);
    let hello = Hello {
        token: spec.token.clone(),
        protocol_versions: vec![2],
        manifest: serde_json::to_string(&Manifest::parse(&manifest).unwrap()).unwrap(),
        capacity,
        sdk: "played".into(),
        can_hold: false,
    };
    say(&line, Message::Hello(hello)).await;
    let channel = Endpoint::from_shared(format!("unix:{}", spec.socket.display())).unwrap();
    let mut client =
        ManagerClient::new(channel.connect().await.unwrap()).max_encoding_message_size(64 << 20);
    let heard = client.work(ReceiverStream::new(messages)).await;
    (line, heard.unwrap().into_inner())
}

pub async fn say(line: &Line, message: Message) -> bool {
    let message = FromWorker {
        message: Some(message),
    };
    line.send(message).await.is_ok()
}

/// Reports that control could begin.
pub async fn can_begin(line: &Line, task: &v1::Task) {
    let ready = v1::ReadyAttempt {
        id: task.id.clone(),
        attempt: task.attempt,
        nonce: 1,
    };
    let attempts = vec![ready];
    say(line, Message::Ready(v1::Ready { attempts })).await;
}

pub async fn beat(line: &Line) {
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    while say(line, Message::Heartbeat(Heartbeat::default())).await {
        tick.tick().await;
    }
}

/// Lets simulated time pass: the clock of these tests is paused.
pub async fn pass(time: Duration) {
    tokio::time::sleep_until(Instant::now() + time).await;
}

/// Waits until the condition holds.
pub async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !is_so() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), waited)
        .await
        .unwrap();
}

/// The manifest of such a kind.
pub fn manifest(kind: &str, argument: &str) -> String {
    format!(
        "kind = \"{kind}\"\nversion = \"1\"\nprotocol = 1\n\
         [run]\nprogram = \"worker.sh\"\narguments = [\"{argument}\"]\n[pool]\nmax = 1\n\
         [[action]]\nname = \"echo\"\nclass = \"observe\"\n\
         [[action]]\nname = \"set\"\nclass = \"control\"\n"
    )
}

/// A task for the kind `play`.
pub fn play(target: &str, class: Class) -> Task {
    of_kind("play", target, class)
}

/// Returns a task for a kind.
pub fn of_kind(kind: &str, target: &str, class: Class) -> Task {
    let mut task = crate::site::echo(target, "x");
    let name = task.target.name.clone();
    task.target = Target::new(name, Kind::new(kind).unwrap(), "nowhere".into()).into();
    task.class = class;
    task
}
