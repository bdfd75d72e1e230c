//! A worker and a manager on a real stream.

use std::{
    collections::HashMap,
    error,
    sync::atomic::{AtomicBool, Ordering},
};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use utakata_model::{
    Cure, Measurand, MetricName, OutcomeStatus, Problem, Quality, Reading, ReadingValue, TaskId,
    TaskKey, reading::Attributes,
};
use utakata_protocol::v1::{AttemptOutcome, Cancel, Drain, Hold, Refused, Status, Tasks};
use utakata_tests::wait::{PATIENCE, until};

use super::*;
use crate::{
    Answer, Context, Failure, Task,
    harness::manager::{Call, Listener},
};

const MANIFEST: &str = r#"
kind = "test"
version = "1.0.0"
protocol = 1
run = { program = "x" }
[[action]]
name = "look"
class = "observe"
parameters = { type = "object" }
[[action]]
name = "do"
class = "control"
parameters = { type = "object" }
"#;
const LIMIT: Duration = PATIENCE;
const LONG: u64 = 60_000;

/// A worker that does what `how` says.
struct Scripted {
    ended: Arc<AtomicBool>,
}

impl Worker for Scripted {
    fn build(_: &Release) -> Result<Self, Box<dyn error::Error + Send + Sync>> {
        let ended = Arc::default();
        Ok(Self { ended })
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        match task.parameters["how"].as_str().unwrap_or_default() {
            "at once" => {}
            "panic" => panic!("as asked"),
            "panic later" => {
                tokio::task::yield_now().await;
                panic!("as asked");
            }
            "panic when dropped" => {
                let _bomb = Bomb;
                std::future::pending::<()>().await;
            }
            "say" => {
                context.progress("halfway");
                tokio::task::yield_now().await;
            }
            "until cancelled" => {
                context.cancelled().await;
                let problem = Problem::new("undone", Cure::Operator, "taken back in time");
                let status = OutcomeStatus::Cancelled;
                return Err(Failure { status, problem });
            }
            "brief" => {
                let work = std::future::pending::<()>();
                let _ = timeout(Duration::from_millis(300), work).await;
                self.ended.store(true, Ordering::SeqCst);
            }
            "not a number" => return Ok(not_a_number()),
            _ => std::future::pending().await,
        }
        Ok(Answer::default())
    }

    fn capacity(&self) -> u32 {
        2
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("while it was dropped");
    }
}

fn not_a_number() -> Answer {
    let reading = Reading {
        of: Measurand {
            metric: MetricName::new("hw.power").unwrap(),
            attributes: Attributes::new(),
            unit: "W".into(),
        }
        .into(),
        value: ReadingValue::Number(f64::NAN),
        quality: Quality::Good,
    };
    Answer {
        readings: vec![reading],
        ..Answer::default()
    }
}

/// A manager with one worker.
struct Pair {
    call: Call,
    worker: JoinHandle<Result<(), Error>>,
    ended: Arc<AtomicBool>,
    stop: CancellationToken,
    outcomes: HashMap<TaskKey, AttemptOutcome>,
    progress: Vec<String>,
    /// It has said that it was told to end.
    is_leaving: bool,
    /// The attempts that were reported ready.
    ready: Vec<v1::ReadyAttempt>,
    /// The age that a go may have for ready attempts.
    goes: Option<Duration>,
    listener: Option<Listener>,
    _folder: TempDir,
}

impl Pair {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut listener = Listener::start(&socket).unwrap();
        let worker = Scripted {
            ended: Arc::default(),
        };
        let ended = Arc::clone(&worker.ended);
        let release = Release {
            folder: folder.path().into(),
            manifest: utakata_model::Manifest::parse(MANIFEST).unwrap(),
        };
        let stop = CancellationToken::new();
        let config = Config {
            endpoint: Endpoint {
                address: format!("unix:{}", socket.display()),
                authority: None,
            },
            token: "secret".into(),
            stop: stop.clone(),
        };
        let worker = async move { run(Arc::new(worker), &release, config).await };
        let worker = tokio::spawn(worker);
        let mut call = listener.accept(LIMIT).await.unwrap();
        let hello = call.incoming.message().await.unwrap().unwrap().message;
        let Some(from_worker::Message::Hello(hello)) = hello else {
            panic!("{hello:?}");
        };
        assert_eq!((hello.token.as_str(), hello.capacity), ("secret", 2));
        Self {
            call,
            worker,
            ended,
            stop,
            outcomes: HashMap::new(),
            progress: Vec::new(),
            is_leaving: false,
            ready: Vec::new(),
            goes: Some(LIMIT),
            listener: Some(listener),
            _folder: folder,
        }
    }

    async fn welcomed() -> Self {
        let pair = Self::start().await;
        pair.welcome().await;
        pair
    }

    async fn tell(&self, message: to_worker::Message) {
        let message = ToWorker {
            message: Some(message),
        };
        let outgoing = self.call.outgoing.as_ref().unwrap();
        outgoing.send(Ok(message)).await.unwrap();
    }

    /// Gives tasks: (action, how, milliseconds).
    async fn give(&self, orders: &[(&str, &str, u64)]) -> Vec<TaskKey> {
        let (keys, tasks) = orders.iter().map(|order| task(*order)).unzip();
        self.tell(to_worker::Message::Tasks(Tasks { tasks })).await;
        keys
    }

    async fn hear(&mut self) -> bool {
        let message = timeout(LIMIT, self.call.incoming.message()).await;
        let Ok(Some(message)) = message.expect("it says something in time") else {
            self.call.outgoing = None;
            return false;
        };
        match message.message {
            Some(from_worker::Message::Outcomes(outcomes)) => {
                for outcome in outcomes.outcomes {
                    let again = self.outcomes.insert(outcome.key().unwrap(), outcome);
                    assert!(again.is_none(), "answered twice: {again:?}");
                }
            }
            Some(from_worker::Message::Progress(progress)) => self.progress.push(progress.message),
            Some(from_worker::Message::Heartbeat(beat)) => self.is_leaving |= beat.leaving,
            Some(from_worker::Message::Ready(ready)) => {
                self.ready.extend(ready.attempts.iter().cloned());
                if let Some(within) = self.goes {
                    self.go(&ready.attempts, within).await;
                }
            }
            _ => {}
        }
        true
    }

    /// Returns the reported outcome of this attempt: its status and the code of its problem.
    async fn told(&mut self, key: TaskKey) -> (Status, String) {
        while !self.outcomes.contains_key(&key) {
            assert!(self.hear().await, "the stream ended");
        }
        let outcome = &self.outcomes[&key];
        let code = outcome.problem.as_ref().map(|problem| problem.code.clone());
        (outcome.status(), code.unwrap_or_default())
    }

    async fn go(&self, ready: &[v1::ReadyAttempt], within: Duration) {
        let go = |ready: &v1::ReadyAttempt| v1::GoAttempt {
            id: ready.id.clone(),
            attempt: ready.attempt,
            nonce: ready.nonce,
            within_milliseconds: u64::try_from(within.as_millis()).unwrap(),
        };
        let attempts = ready.iter().map(go).collect();
        self.tell(to_worker::Message::Go(v1::Go { attempts })).await;
    }

    /// Waits until that many attempts are reported ready.
    async fn ready(&mut self, count: usize) {
        while self.ready.len() < count {
            assert!(self.hear().await, "the stream ended");
        }
    }

    async fn cancel(&self, key: TaskKey) {
        let tasks = vec![key.into()];
        self.tell(to_worker::Message::Cancel(Cancel { tasks }))
            .await;
    }

    async fn drain(&self, within_milliseconds: u64) {
        let drain = Drain {
            within_milliseconds,
        };
        self.tell(to_worker::Message::Drain(drain)).await;
    }

    /// Makes the worker close its stream and reconnect within that many milliseconds.
    async fn hold(&mut self, within_milliseconds: u64) {
        let hold = Hold {
            token: "again".into(),
            within_milliseconds,
        };
        self.tell(to_worker::Message::Hold(hold)).await;
        while self.hear().await {}
    }

    /// Accepts the worker as the next manager, and returns its first message.
    async fn accept_again(&mut self) -> Hello {
        let listener = self.listener.as_mut().unwrap();
        self.call = listener.accept(LIMIT).await.unwrap();
        let hello = self.call.incoming.message().await.unwrap().unwrap().message;
        let Some(from_worker::Message::Hello(hello)) = hello else {
            panic!("{hello:?}");
        };
        hello
    }

    async fn welcome(&self) {
        let welcome = Welcome {
            protocol_version: WITH_GO,
            worker: "w".into(),
            heartbeat_milliseconds: LONG,
        };
        self.tell(to_worker::Message::Welcome(welcome)).await;
    }

    async fn end(mut self) -> Result<(), Error> {
        while self.hear().await {}
        timeout(LIMIT, self.worker).await.unwrap().unwrap()
    }
}

fn task((action, how, timeout_milliseconds): (&str, &str, u64)) -> (TaskKey, v1::Task) {
    let key = TaskKey {
        task: TaskId::generate(),
        attempt: 1,
    };
    let task = v1::Task {
        id: key.task.as_bytes().to_vec(),
        attempt: 1,
        target: "t".into(),
        kind: "test".into(),
        action: action.into(),
        parameters: serde_json::json!({ "how": how }).to_string().into_bytes(),
        timeout_milliseconds,
        control: action == "do",
        ..v1::Task::default()
    };
    (key, task)
}

fn said(status: Status, code: &str) -> (Status, String) {
    (status, code.into())
}

#[tokio::test]
async fn a_panic_ends_one_attempt_and_nothing_else() {
    let mut pair = Pair::welcomed().await;
    for how in ["panic", "panic later"] {
        let keys = pair.give(&[("look", how, LONG), ("do", how, LONG)]).await;
        assert_eq!(
            pair.told(keys[0]).await,
            said(Status::Failed, "worker-panic")
        );
        assert_eq!(
            pair.told(keys[1]).await,
            said(Status::Unknown, "worker-panic")
        );
    }
    let dropped = pair.give(&[("look", "panic when dropped", 50)]).await;
    assert_eq!(
        pair.told(dropped[0]).await,
        said(Status::Failed, "worker-panic")
    );
    let fine = pair.give(&[("look", "at once", LONG)]).await;
    assert_eq!(pair.told(fine[0]).await, said(Status::Succeeded, ""));
}

#[tokio::test]
async fn the_deadline_is_kept_for_a_worker_that_does_not() {
    let mut pair = Pair::welcomed().await;
    let keys = pair
        .give(&[("look", "for ever", 50), ("do", "for ever", 500)])
        .await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Failed, "deadline"));
    assert_eq!(pair.told(keys[1]).await, said(Status::Unknown, "deadline"));
    let late = pair.give(&[("do", "at once", 0)]).await;
    assert_eq!(pair.told(late[0]).await, said(Status::Expired, "expired"));
}

#[tokio::test]
async fn a_cancel_is_the_worker_s_to_answer_only_where_something_changes() {
    let mut pair = Pair::welcomed().await;
    let orders = [("look", "for ever", LONG), ("do", "until cancelled", LONG)];
    let running = pair.give(&orders).await;
    let waiting = pair.give(&[("do", "for ever", LONG)]).await;
    pair.cancel(waiting[0]).await;
    assert_eq!(
        pair.told(waiting[0]).await,
        said(Status::Cancelled, "cancelled")
    );
    for key in &running {
        pair.cancel(*key).await;
    }
    assert_eq!(
        pair.told(running[0]).await,
        said(Status::Cancelled, "cancelled")
    );
    assert_eq!(
        pair.told(running[1]).await,
        said(Status::Cancelled, "undone")
    );
    let deaf = pair.give(&[("do", "for ever", LONG)]).await;
    pair.ready(2).await;
    pair.cancel(deaf[0]).await;
    assert_eq!(pair.told(deaf[0]).await, said(Status::Unknown, "cancelled"));
}

#[tokio::test]
async fn more_than_it_takes_at_once_waits_expires_or_is_turned_away() {
    let mut pair = Pair::welcomed().await;
    let running = pair.give(&[("look", "for ever", LONG); 2]).await;
    let short = pair.give(&[("look", "at once", 50)]).await;
    let waiting = pair.give(&[("look", "at once", LONG); 7]).await;
    let flood = pair.give(&[("look", "at once", LONG); 2]).await;
    assert_eq!(
        pair.told(flood[1]).await,
        said(Status::Expired, "over-capacity")
    );
    assert_eq!(pair.told(short[0]).await, said(Status::Expired, "expired"));
    pair.cancel(running[0]).await;
    for key in waiting {
        assert_eq!(pair.told(key).await, said(Status::Succeeded, ""));
    }
}

#[tokio::test]
async fn an_attempt_that_comes_twice_runs_once() {
    let mut pair = Pair::welcomed().await;
    let (key, task) = task(("do", "at once", LONG));
    let tasks = Tasks {
        tasks: vec![task.clone(), task.clone()],
    };
    pair.tell(to_worker::Message::Tasks(tasks)).await;
    assert_eq!(pair.told(key).await, said(Status::Succeeded, ""));
    let tasks = Tasks { tasks: vec![task] };
    pair.tell(to_worker::Message::Tasks(tasks)).await;
    pair.drain(0).await;
    pair.end().await.unwrap();
}

#[tokio::test]
async fn a_task_that_cannot_be_read_is_answered_as_it_came() {
    let mut pair = Pair::welcomed().await;
    let (_, mut wrong) = task(("look", "at once", LONG));
    wrong.id = b"short".to_vec();
    let tasks = Tasks { tasks: vec![wrong] };
    pair.tell(to_worker::Message::Tasks(tasks)).await;
    let message = timeout(LIMIT, pair.call.incoming.message()).await.unwrap();
    let Some(from_worker::Message::Outcomes(outcomes)) = message.unwrap().unwrap().message else {
        panic!("no outcomes");
    };
    let outcome = &outcomes.outcomes[0];
    assert_eq!(
        (outcome.id.as_slice(), outcome.status()),
        (&b"short"[..], Status::Failed)
    );
}

#[tokio::test]
async fn progress_and_impossible_numbers_are_reported() {
    let mut pair = Pair::welcomed().await;
    let keys = pair
        .give(&[("do", "say", LONG), ("look", "not a number", LONG)])
        .await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Succeeded, ""));
    assert_eq!(
        pair.told(keys[1]).await,
        said(Status::Failed, "bad-reading")
    );
    while pair.progress.is_empty() {
        assert!(pair.hear().await);
    }
    assert_eq!(pair.progress, ["halfway"]);
}

#[tokio::test]
async fn draining_ends_what_is_there_and_turns_away_what_comes() {
    let mut pair = Pair::welcomed().await;
    let before = pair.give(&[("do", "brief", LONG)]).await;
    pair.drain(0).await;
    let after = pair.give(&[("do", "at once", LONG)]).await;
    assert_eq!(pair.told(after[0]).await, said(Status::Expired, "draining"));
    assert_eq!(pair.told(before[0]).await, said(Status::Succeeded, ""));
    pair.end().await.unwrap();
}

#[tokio::test]
async fn at_the_limit_of_draining_what_is_left_is_given_up() {
    let mut pair = Pair::welcomed().await;
    let running = [("look", "for ever", LONG), ("do", "for ever", LONG)];
    let running = pair.give(&running).await;
    pair.ready(1).await;
    let waiting = pair.give(&[("do", "at once", LONG)]).await;
    pair.drain(50).await;
    assert_eq!(
        pair.told(running[0]).await,
        said(Status::Cancelled, "drain-limit")
    );
    assert_eq!(
        pair.told(running[1]).await,
        said(Status::Unknown, "drain-limit")
    );
    assert_eq!(
        pair.told(waiting[0]).await,
        said(Status::Cancelled, "cancelled")
    );
    pair.end().await.unwrap();
}

#[tokio::test]
async fn told_to_stop_by_the_system_it_drains_by_itself() {
    let pair = Pair::welcomed().await;
    pair.stop.cancel();
    pair.end().await.unwrap();
}

#[tokio::test]
async fn told_to_stop_by_the_system_it_says_so_and_does_what_is_on_its_way() {
    let mut pair = Pair::welcomed().await;
    pair.stop.cancel();
    while !pair.is_leaving {
        assert!(pair.hear().await);
    }
    let on_its_way = pair.give(&[("do", "at once", LONG)]).await;
    assert_eq!(pair.told(on_its_way[0]).await, said(Status::Succeeded, ""));
    pair.drain(0).await;
    pair.end().await.unwrap();
}

#[tokio::test]
async fn without_a_manager_control_work_comes_to_its_end_and_the_rest_is_dropped() {
    let mut pair = Pair::welcomed().await;
    let orders = [("look", "for ever", LONG), ("do", "brief", LONG)];
    pair.give(&orders).await;
    pair.ready(1).await;
    let answered = pair.give(&[("look", "no room", 1)]).await;
    assert_eq!(
        pair.told(answered[0]).await,
        said(Status::Expired, "expired")
    );
    assert!(!pair.ended.load(Ordering::SeqCst));
    let Pair {
        call,
        worker,
        ended,
        ..
    } = pair;
    drop(call);
    let result = timeout(LIMIT, worker).await.unwrap().unwrap();
    assert!(matches!(result, Err(Error::Broken(_))), "{result:?}");
    assert!(
        ended.load(Ordering::SeqCst),
        "what was begun came to its end"
    );
}

#[tokio::test]
async fn a_refusal_is_reported_with_its_reason() {
    let pair = Pair::start().await;
    let refused = Refused {
        code: "token".into(),
        message: "the token was used before".into(),
    };
    pair.tell(to_worker::Message::Refused(refused)).await;
    let error = pair.end().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the manager refused this worker (token): the token was used before"
    );
}

#[tokio::test]
async fn a_worker_that_is_held_continues_and_tells_the_next_manager_what_came_of_it() {
    let mut pair = Pair::welcomed().await;
    let keys = pair
        .give(&[("do", "brief", LONG), ("do", "until cancelled", LONG)])
        .await;
    pair.ready(2).await;
    for _ in 0..2 {
        pair.hold(LONG).await;
        assert!(pair.outcomes.is_empty(), "{:?}", pair.outcomes);
        let hello = pair.accept_again().await;
        assert_eq!((hello.token.as_str(), hello.can_hold), ("again", true));
        pair.welcome().await;
    }
    assert_eq!(pair.told(keys[0]).await, said(Status::Succeeded, ""));
    pair.cancel(keys[1]).await;
    assert_eq!(pair.told(keys[1]).await, said(Status::Cancelled, "undone"));
    let more = pair.give(&[("look", "at once", LONG)]).await;
    assert_eq!(pair.told(more[0]).await, said(Status::Succeeded, ""));
    pair.drain(0).await;
    pair.end().await.unwrap();
}

#[tokio::test]
async fn what_ends_while_a_worker_is_held_waits_to_be_told() {
    let mut pair = Pair::welcomed().await;
    let keys = pair.give(&[("do", "brief", LONG)]).await;
    pair.ready(1).await;
    let ended = Arc::clone(&pair.ended);
    pair.hold(LONG).await;
    let hello = pair.accept_again().await;
    assert_eq!(hello.token, "again");
    // It is welcomed only after that has ended.
    until("that has ended", async || ended.load(Ordering::SeqCst)).await;
    pair.welcome().await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Succeeded, ""));
}

#[tokio::test]
async fn a_worker_that_nobody_takes_over_brings_control_to_its_end_and_ends() {
    let mut pair = Pair::welcomed().await;
    pair.give(&[("do", "brief", LONG), ("look", "for ever", LONG)])
        .await;
    pair.ready(1).await;
    let ended = Arc::clone(&pair.ended);
    pair.listener = None;
    pair.hold(100).await;
    let error = pair.end().await.unwrap_err();
    assert!(!matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_worker_that_the_next_manager_does_not_want_ends() {
    let mut pair = Pair::welcomed().await;
    pair.hold(LONG).await;
    pair.accept_again().await;
    let refused = Refused {
        code: "token".into(),
        message: "unknown".into(),
    };
    pair.tell(to_worker::Message::Refused(refused)).await;
    pair.call.outgoing = None;
    let error = pair.end().await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn control_begins_on_its_go_and_not_before() {
    let mut pair = Pair::welcomed().await;
    pair.goes = None;
    let keys = pair.give(&[("do", "brief", LONG)]).await;
    pair.ready(1).await;
    let wrong = v1::ReadyAttempt {
        nonce: pair.ready[0].nonce + 1,
        ..pair.ready[0].clone()
    };
    pair.go(&[wrong], LIMIT).await;
    // A later message is answered: so this one was read, and had no effect.
    let look = pair.give(&[("look", "at once", LONG)]).await;
    assert_eq!(pair.told(look[0]).await, said(Status::Succeeded, ""));
    assert!(!pair.ended.load(Ordering::SeqCst));
    pair.go(&pair.ready, LIMIT).await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Succeeded, ""));
    // A repeated go begins nothing twice.
    pair.go(&pair.ready, LIMIT).await;
    pair.drain(0).await;
    pair.end().await.unwrap();
}

#[tokio::test]
async fn a_go_that_is_too_old_begins_nothing_and_what_waits_has_the_slot() {
    let mut pair = Pair::welcomed().await;
    pair.goes = None;
    let keys = pair.give(&[("do", "brief", LONG); 3]).await;
    pair.ready(2).await;
    let said_ready = Moment::now();
    until("the go is too old", async || {
        said_ready.elapsed() >= Duration::from_millis(20)
    })
    .await;
    pair.go(&pair.ready, Duration::from_millis(10)).await;
    for key in &keys[..2] {
        assert_eq!(pair.told(*key).await, said(Status::Expired, "go-late"));
    }
    assert!(!pair.ended.load(Ordering::SeqCst));
    pair.ready(3).await;
    pair.go(&pair.ready[2..], LIMIT).await;
    assert_eq!(pair.told(keys[2]).await, said(Status::Succeeded, ""));
}

#[tokio::test]
async fn what_is_ready_and_gets_no_go_ends_by_its_time_or_when_it_is_taken_back() {
    let mut pair = Pair::welcomed().await;
    pair.goes = None;
    let keys = pair
        .give(&[("do", "brief", 50), ("do", "brief", LONG)])
        .await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Expired, "expired"));
    pair.cancel(keys[1]).await;
    assert_eq!(
        pair.told(keys[1]).await,
        said(Status::Cancelled, "cancelled")
    );
    assert!(!pair.ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_is_ready_is_said_to_the_next_manager_too() {
    let mut pair = Pair::welcomed().await;
    pair.goes = None;
    let keys = pair.give(&[("do", "brief", LONG)]).await;
    pair.ready(1).await;
    pair.hold(LONG).await;
    pair.accept_again().await;
    pair.welcome().await;
    pair.ready(2).await;
    assert_ne!(pair.ready[0].nonce, pair.ready[1].nonce);
    // A go of the first manager does not fit the report to the second.
    pair.go(&pair.ready[..1], LIMIT).await;
    let look = pair.give(&[("look", "at once", LONG)]).await;
    assert_eq!(pair.told(look[0]).await, said(Status::Succeeded, ""));
    assert!(!pair.ended.load(Ordering::SeqCst));
    pair.go(&pair.ready[1..], LIMIT).await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Succeeded, ""));
}

#[tokio::test]
async fn a_manager_that_knows_no_go_has_no_control_done() {
    let mut pair = Pair::start().await;
    let welcome = Welcome {
        protocol_version: 1,
        worker: "w".into(),
        heartbeat_milliseconds: LONG,
    };
    pair.tell(to_worker::Message::Welcome(welcome)).await;
    let keys = pair
        .give(&[("do", "at once", LONG), ("look", "at once", LONG)])
        .await;
    assert_eq!(pair.told(keys[0]).await, said(Status::Failed, "protocol"));
    assert_eq!(pair.told(keys[1]).await, said(Status::Succeeded, ""));
}
