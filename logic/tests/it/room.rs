//! A logic environment with a temporary store and a scripted environment.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{self, Body},
    http::{Request, StatusCode},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utakata_api::client::relay::Relay;
use utakata_interconnect::{
    Consumer, Delivery, Event, Events, Interest, OutcomeBatch, Sender, Subscription, Tasks,
    connection::Health, events::bus::Bus, tasks::embedded::Embedded,
};
use utakata_logic::{
    Config, Handle, LogicEnvironment, Parts, history, http,
    peers::Peers,
    secrets::{KeyPlace, Secrets, VaultAccess},
    store::{Store, sqlite::Sqlite},
};
use utakata_model::{
    Action, Class, EnvironmentId, EnvironmentState, EnvironmentStatus, Incarnation, Kind, Manifest,
    Measurand, MetricName, Missing, Outcome, OutcomeStatus, PoolStatus, Problem, Quality, RanBy,
    Reading, ReadingValue, Readings, ReleaseDigest, ReleaseId, Task, WorkerId, Zone,
    action::Rotates, outcome::Timings, target::Secret,
};
use utakata_permit::message::{Ask, StartBatch, Verdict as PermitVerdict};
use utakata_tests::wait::{soon, until};

pub const TOKEN: &str = "test-token";

const MANIFEST: &str = r#"
kind = "pdu"
version = "1.0.0"
protocol = 1
[run]
program = "none"
[credential]
type = "object"
required = ["community"]
properties = { community = { type = "string" } }
additionalProperties = false
[[action]]
name = "read"
class = "observe"
timeout = "1s"
[[action]]
name = "outlet-off"
class = "control"
timeout = "1s"
[action.parameters]
type = "object"
required = ["outlet"]
properties = { outlet = { type = "integer", minimum = 1 } }
additionalProperties = false
[[action]]
name = "feed-off"
class = "control"
timeout = "1s"
risk = "high"
[[action]]
name = "set-power"
class = "control"
timeout = "1s"
undo = { action = "set-power", parameters = { watts = "$prior" } }
verify = { action = "read", metric = "hw.power", value = "$watts", within = "0s", grace = "0s" }
[action.parameters]
type = "object"
required = ["watts"]
properties = { watts = { type = "number" } }
additionalProperties = false
"#;

/// The kinds that can be discovered, each by a program of its own.
const DISCOVERED: [&str; 2] = ["board", "bmc"];

/// The kind with an action that has a secret parameter.
pub const KEEPER: &str = "keeper";
/// The same with one by which the password of its credential is changed.
pub const LOCKER: &str = "locker";

/// The scripted environment's answer to a task; `None` means silence.
pub type Script = dyn Fn(&Task) -> Option<(OutcomeStatus, Option<Problem>)> + Send + Sync;

/// The things that answer to `discover`, by kind and address.
pub type Around = Arc<Mutex<BTreeMap<(String, String), Value>>>;

pub struct Room {
    pub handle: Handle,
    pub router: Router,
    pub bus: Bus,
    pub tasks: Embedded,
    pub folder: TempDir,
    /// The equipment that is there to be discovered.
    pub around: Around,
    background: JoinSet<()>,
}

impl Room {
    /// Starts with the kind `pdu` served by an environment that succeeds.
    pub async fn served() -> Self {
        Self::scripted(Arc::new(|_| Some((OutcomeStatus::Succeeded, None)))).await
    }

    pub async fn scripted(script: Arc<Script>) -> Self {
        let mut room = Self::empty(config()).await;
        room.serve("pdu", script).await;
        room
    }

    pub async fn empty(config: Config) -> Self {
        Self::at(tempfile::tempdir().unwrap(), config).await
    }

    pub async fn at(folder: TempDir, config: Config) -> Self {
        let store = Sqlite::open(folder.path().join("store.sqlite3"))
            .await
            .unwrap();
        Self::with(folder, config, Arc::new(store)).await
    }

    /// Starts with a store of the caller's choice.
    pub async fn with(folder: TempDir, config: Config, store: Arc<dyn Store>) -> Self {
        Self::connected(folder, config, store, Vec::new()).await
    }

    /// The same with connections to brokers.
    pub async fn connected(
        folder: TempDir,
        config: Config,
        store: Arc<dyn Store>,
        connections: Vec<Health>,
    ) -> Self {
        Self::among(folder, config, store, connections, |_, _| None).await
    }

    /// The same among other logic environments.
    pub async fn among(
        folder: TempDir,
        config: Config,
        store: Arc<dyn Store>,
        connections: Vec<Health>,
        join: impl FnOnce(&Arc<dyn Store>, &Arc<Secrets>) -> Option<Peers>,
    ) -> Self {
        let (bus, tasks) = (Bus::default(), Embedded::default());
        let place = KeyPlace::of(&config, folder.path(), None);
        let vault = VaultAccess::of(&config.vault).unwrap();
        let mut connections = connections;
        connections.extend(vault.as_ref().map(|vault| vault.health().clone()));
        let secrets = Secrets::begin(place, vault, &*store, Timestamp::now()).await;
        let secrets = Arc::new(secrets.unwrap());
        let parts = Parts {
            signatures: None,
            peers: join(&store, &secrets),
            store,
            secrets,
            tasks: Arc::new(tasks.clone()),
            events: Arc::new(bus.clone()),
            mqtt: None,
            connections,
            folder: None,
            engine: None,
            history: history::open(&config.history, &folder.path().join("history")),
        };
        let handle = LogicEnvironment::start(config, parts).await.unwrap();
        let router = http::router(
            handle.clone(),
            Secret::new(TOKEN),
            Relay::new().unwrap(),
            CancellationToken::new(),
        );
        Self {
            handle,
            router,
            bus,
            tasks,
            folder,
            around: Around::default(),
            background: JoinSet::new(),
        }
    }

    /// Serves a kind, in batches, by a script.
    pub async fn serve(&mut self, kind: &str, script: Arc<Script>) {
        self.announce(&[kind]).await;
        let kind = Kind::new(kind).unwrap();
        let consumer = self.tasks.consume(&Zone::default(), &kind).await.unwrap();
        let interest = Interest {
            answers: Some(environment()),
            ..Interest::NONE
        };
        let desk = Desk {
            answers: self.bus.subscribe(interest).await.unwrap(),
            consumer,
            bus: self.bus.clone(),
            release: Arc::new(release(&kind)),
            kind,
            script,
            requested: HashMap::new(),
            next: 1,
            power: HashMap::new(),
            around: Arc::clone(&self.around),
        };
        self.background.spawn(desk.run());
    }

    /// Announces that an environment serves exactly these kinds.
    pub async fn announce(&self, kinds: &[&str]) {
        self.announce_one(kinds, |_| {}).await;
    }

    /// The same of an environment that differs in something.
    pub async fn announce_one(&self, kinds: &[&str], change: impl FnOnce(&mut EnvironmentStatus)) {
        let pools = kinds.iter().map(|kind| pool(&Kind::new(kind).unwrap()));
        let mut status = EnvironmentStatus {
            id: environment(),
            incarnation: incarnation(),
            zone: Zone::default(),
            over: Vec::new(),
            key: None,
            labels: Default::default(),
            state: EnvironmentState::Running,
            version: "1".into(),
            time: Timestamp::now(),
            clock_ahead_ms: None,
            pools: pools.collect(),
            refused: Vec::new(),
            connections: Vec::new(),
            breakers: Vec::new(),
            desired: None,
            needs_networks: false,
            stopped: Default::default(),
            rollouts: Vec::new(),
            workers: None,
            invariants_broken: 0,
            restarted: Vec::new(),
        };
        change(&mut status);
        let mut changes = self.handle.kinds().follow();
        self.bus
            .publish(vec![Event::Environment(Arc::new(status))])
            .await
            .unwrap();
        soon("the status is heard", changes.changed())
            .await
            .unwrap();
    }

    /// Publishes an outcome, and waits until it is processed.
    pub async fn publish(&self, outcome: Outcome) {
        let mut items = self.handle.dispatch().follow();
        let batch = OutcomeBatch {
            zone: Zone::default(),
            kind: Kind::new("pdu").unwrap(),
            from: Some(sender()),
            outcomes: vec![outcome],
        };
        let event = Event::Outcomes(Arc::new(batch));
        self.bus.publish(vec![event]).await.unwrap();
        items.recv().await.unwrap();
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send("POST", path, Some(body)).await
    }

    /// Sends a request with the token of somebody other than `admin`.
    pub async fn post_as(&self, token: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        self.answer(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.answer(request.body(body).unwrap()).await
    }

    pub async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        let json = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        (status, json)
    }

    /// Applies documents, which must succeed.
    pub async fn apply(&self, documents: Value) -> Value {
        let (status, answer) = self
            .post("/v1/apply", json!({ "documents": documents }))
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Creates a credential and this many targets `pdu-0`, `pdu-1`, … in the rack A1.
    pub async fn furnish(&self, targets: usize) {
        let mut documents = vec![json!({
            "type": "credential", "name": "lab", "values": { "community": "public" },
        })];
        documents.extend((0..targets).map(|at| target(&format!("pdu-{at}"))));
        self.apply(documents.into()).await;
    }

    /// Polls until the answer satisfies a condition.
    pub async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let mut answer = Value::Null;
        until(format!("{path} is as wanted"), async || {
            answer = self.get(path).await.1;
            is_wanted(&answer)
        })
        .await;
        answer
    }

    /// Shuts it down cleanly; nothing is left running. Returns the folder.
    pub async fn end(mut self) -> TempDir {
        self.handle.drain(Duration::from_millis(200)).await;
        self.background.shutdown().await;
        self.folder
    }
}

fn environment() -> EnvironmentId {
    EnvironmentId::new("env-1").unwrap()
}

fn incarnation() -> Incarnation {
    Incarnation::from_bytes([7; 16])
}

fn sender() -> Sender {
    Sender {
        environment: environment(),
        incarnation: incarnation(),
    }
}

/// A scripted environment: requests permits, and answers as its script says.
struct Desk {
    consumer: Box<dyn Consumer>,
    answers: Box<dyn Subscription>,
    bus: Bus,
    kind: Kind,
    release: Arc<ReleaseId>,
    script: Arc<Script>,
    requested: HashMap<u64, Task>,
    next: u64,
    /// The power that targets draw since they were set.
    power: HashMap<String, f64>,
    around: Around,
}

impl Desk {
    async fn run(mut self) {
        loop {
            tokio::select! {
                deliveries = self.consumer.fetch(1000) => match deliveries {
                    Ok(deliveries) => self.begin(deliveries).await,
                    Err(_) => return,
                },
                events = self.answers.next() => match events {
                    Ok(events) => self.answered(events).await,
                    Err(_) => return,
                },
            }
        }
    }

    async fn begin(&mut self, deliveries: Vec<Delivery>) {
        let tags: Vec<_> = deliveries.iter().map(|one| one.tag).collect();
        let (control, observe): (Vec<Task>, Vec<Task>) = deliveries
            .into_iter()
            .map(|one| one.task)
            .partition(|task| task.class == Class::Control);
        self.consumer.acknowledge(&tags).await.unwrap();
        let asks = control.into_iter().map(|task| {
            let (key, ask) = (task.key(), self.next);
            self.next += 1;
            self.requested.insert(ask, task);
            Ask { key, ask }
        });
        let asks: Vec<Ask> = asks.collect();
        if !asks.is_empty() {
            let start = StartBatch {
                environment: environment(),
                incarnation: incarnation(),
                kind: self.kind.clone(),
                asks,
            };
            let _ = self.bus.publish(vec![Event::Start(Arc::new(start))]).await;
        }
        self.end(observe.into_iter().map(|task| (task, None)).collect())
            .await;
    }

    async fn answered(&mut self, events: Vec<Event>) {
        let mut permitted = Vec::new();
        for event in events {
            let Event::Permits(batch) = event else {
                continue;
            };
            for answer in &batch.answers {
                let task = self.requested.remove(&answer.ask.ask);
                if let (Some(task), PermitVerdict::Permitted(_)) = (task, answer.verdict) {
                    permitted.push((task, Some(answer.ask.ask)));
                }
            }
        }
        self.end(permitted).await;
    }

    fn readings(&self, task: &Task) -> Readings {
        let mut readings = readings(task);
        if let Some(watts) = self.power.get(task.target.name.as_str()) {
            readings.readings[0].value = ReadingValue::Number(*watts);
        }
        readings
    }

    /// The result of a task to discover: what is there at its addresses.
    fn discovered(&self, task: &Task) -> Option<Arc<RawValue>> {
        let parameters = task.parameters.to_json();
        let addresses = parameters["addresses"].as_array()?;
        let around = self.around.lock();
        let found = addresses.iter().filter_map(|address| {
            let key = (self.kind.to_string(), address.as_str()?.to_owned());
            let mut found = around.get(&key)?.clone();
            found["address"] = address.clone();
            Some(found)
        });
        let found: Vec<Value> = found.collect();
        let answer = json!({ "asked": addresses.len(), "found": found });
        let text = serde_json::value::to_raw_value(&answer).unwrap();
        Some(text.into())
    }

    async fn end(&mut self, tasks: Vec<(Task, Option<u64>)>) {
        let answers = tasks.into_iter().filter_map(|(task, permit)| {
            let answer = (self.script)(&task)?;
            Some((task, permit, answer))
        });
        let answers: Vec<_> = answers.collect();
        for (task, _, (status, _)) in &answers {
            let watts = task.parameters.to_json()["watts"].as_f64();
            if let Some(watts) = watts.filter(|_| *status == OutcomeStatus::Succeeded) {
                self.power.insert(task.target.name.to_string(), watts);
            }
        }
        let mut events: Vec<Event> = answers
            .iter()
            .filter(|(task, _, (status, _))| {
                task.class == Class::Observe && *status != OutcomeStatus::Failed
            })
            .map(|(task, ..)| Event::Readings(Arc::new(self.readings(task))))
            .collect();
        let outcomes = answers.into_iter().map(|(task, permit, answer)| Outcome {
            permit,
            result: self.discovered(&task),
            ..outcome(&task, answer, &self.release)
        });
        events.push(Event::Outcomes(Arc::new(OutcomeBatch {
            zone: Zone::default(),
            kind: self.kind.clone(),
            from: Some(sender()),
            outcomes: outcomes.collect(),
        })));
        let _ = self.bus.publish(events).await;
    }
}

pub fn config() -> Config {
    Config::default()
}

pub fn target(name: &str) -> Value {
    json!({
        "type": "target", "name": name, "kind": "pdu", "address": "192.0.2.1",
        "labels": { "rack": "A1" }, "credential": "lab",
    })
}

fn release(kind: &Kind) -> ReleaseId {
    ReleaseId {
        kind: kind.clone(),
        version: "1.0.0".into(),
        digest: ReleaseDigest(format!("digest-of-{kind}").into()),
    }
}

fn pool(kind: &Kind) -> PoolStatus {
    let mut manifest = Manifest::parse(MANIFEST).unwrap();
    manifest.kind = kind.clone();
    if DISCOVERED.contains(&kind.as_str()) {
        manifest.run.program = kind.to_string();
        let discover = Action {
            name: "discover".parse().unwrap(),
            class: Class::Observe,
            parameters: json!({ "type": "object" }),
            ..manifest.actions[0].clone()
        };
        manifest.actions.push(discover);
    }
    if kind.as_str() == KEEPER || kind.as_str() == LOCKER {
        let set = Action {
            name: "set-password".parse().unwrap(),
            parameters: json!({
                "type": "object", "required": ["password"], "additionalProperties": false,
                "properties": {
                    "password": { "type": "string", "writeOnly": true, "pattern": "^[a-z0-9-]+$" },
                    "user": { "type": "string" },
                },
            }),
            rotates: (kind.as_str() == LOCKER).then(|| Rotates {
                field: "password".into(),
                parameter: "password".into(),
                length: 16,
                characters: "abcdefghij0123456789-".into(),
                login: "read".parse().unwrap(),
                login_parameters: BTreeMap::new(),
            }),
            ..manifest.actions[2].clone()
        };
        let properties = json!({ "password": { "type": "string" } });
        let credential = json!({ "type": "object", "properties": properties });
        manifest.credential = (kind.as_str() == LOCKER).then_some(credential);
        manifest.actions.push(set);
    }
    PoolStatus {
        release: release(kind),
        manifest: manifest.into(),
        active: true,
        starting: 0,
        ready: 1,
        draining: 0,
        running: 0,
        waiting: 0,
        lost: 0,
        problem: None,
        memory: None,
        ended: utakata_model::environment::EndedTasks::default(),
    }
}

pub fn readings(task: &Task) -> Readings {
    let reading = |metric: &str, value: f64, unit: &str| Reading {
        of: Measurand {
            metric: MetricName::new(metric).unwrap(),
            attributes: Default::default(),
            unit: unit.into(),
        }
        .into(),
        value: ReadingValue::Number(value),
        quality: Quality::Good,
    };
    Readings {
        target: task.target.name.clone(),
        action: task.action.clone(),
        seen_by: task.key(),
        time: Timestamp::now(),
        readings: vec![
            reading("hw.power", 120.0, "W"),
            reading("hw.temperature", 24.5, "Cel"),
        ],
    }
}

pub fn outcome(
    task: &Task,
    (status, problem): (OutcomeStatus, Option<Problem>),
    release: &Arc<ReleaseId>,
) -> Outcome {
    // An environment adds this problem to the list of what is missing.
    let is_partial = |problem: &Problem| &*problem.code == "incomplete";
    let missing = problem.iter().filter(|problem| is_partial(problem));
    let missing = missing.map(|problem| Missing::rest("1.2.3", "no-answer", &problem.message));
    Outcome {
        task: task.id,
        attempt: task.attempt,
        origin: task.origin.clone(),
        target: task.target.name.clone(),
        action: task.action.clone(),
        class: task.class,
        status,
        missing: missing.collect(),
        problem,
        result: None,
        recognition: None,
        ran_by: Some(RanBy {
            environment: environment(),
            worker: WorkerId::new("pdu-1").unwrap(),
            release: Arc::clone(release),
        }),
        permit: None,
        is_over: false,
        timings: Timings {
            ended: Timestamp::now(),
            waited: Duration::ZERO,
            ran: Duration::from_millis(1),
        },
    }
}
