//! The stage on which a worker is tried: started, welcomed, given tasks, observed.

use std::{
    collections::HashMap,
    env, fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, timeout_at};
use utakata_model::{Action, Class, TaskId, TaskKey};
use utakata_protocol::{
    negotiate,
    v1::{self, AttemptOutcome, Hello, ToWorker, Welcome, from_worker, to_worker},
};

use super::{
    Options,
    host::Subject,
    manager::{Call, Listener},
    not_passed::NotPassed,
    parameters,
    process::Process,
};
use crate::Release;

/// The token given to a worker.
pub const TOKEN: &str = "token-of-the-harness";
/// The time within which a worker must say hello.
pub const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// The time after its deadline, or a cancellation, within which an attempt must be answered.
pub const GRACE: Duration = Duration::from_secs(2);
/// The default age that a go may have: that of a permit.
const GO_WINDOW: Duration = Duration::from_secs(5);
/// The default interval at which a worker must send something.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The longest path of a folder for a socket: the path of a socket has at most 107 bytes.
const FOLDER_MAX: usize = 70;

/// A release, and the options for testing it.
pub struct Stage {
    pub release: Release,
    /// The options of the trial.
    pub options: Options,
}

/// An order to carry out an action on an address.
pub struct Order<'a> {
    /// The name of the action, which need not be in the manifest.
    pub action: &'a str,
    pub class: Class,
    pub parameters: &'a Value,
    pub address: &'a str,
    /// The time that it may take.
    pub timeout: Duration,
}

/// Listens in a folder of its own, which is open: a container sees only that, as a user of its own.
fn listen_for_a_host(folder: &Path) -> io::Result<(Listener, PathBuf)> {
    let door = folder.join("door");
    fs::create_dir(&door)?;
    let socket = door.join("worker.socket");
    let listener = Listener::start(&socket)?;
    for (path, mode) in [(&door, 0o755), (&socket, 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok((listener, socket))
}

impl Stage {
    /// Creates the stage for a release.
    pub fn build(release: Release, options: Options) -> Self {
        Self { release, options }
    }

    /// Returns a limit multiplied by the time scale.
    pub fn limit(&self, limit: Duration) -> Duration {
        let scaled = Duration::try_from_secs_f64(limit.as_secs_f64() * self.options.time_scale);
        scaled.unwrap_or(limit)
    }

    /// Starts a worker and receives its hello.
    pub async fn start(&self) -> Result<Guest, NotPassed> {
        let failed = |error: io::Error| {
            NotPassed::failed(format!("the harness cannot create its socket: {error}"))
        };
        let folder = tempfile::Builder::new()
            .prefix("utakata-")
            .tempdir_in(temporary())
            .map_err(failed)?;
        let (mut listener, mut process) = match &self.options.host {
            Some(host) => {
                let (listener, socket) = listen_for_a_host(folder.path()).map_err(failed)?;
                let subject = Subject::start(&**host, &self.release, &socket, TOKEN).await?;
                (listener, subject)
            }
            None => {
                // As an environment does, whose workers make no unix sockets.
                let listening = Listener::start_on_loopback().await;
                let (listener, address) = listening.map_err(failed)?;
                (listener, self.launch(address, folder.path())?)
            }
        };
        let until = Instant::now() + self.limit(HELLO_LIMIT);
        let call = tokio::select! {
            call = listener.accept(self.limit(HELLO_LIMIT)) => call,
            // One that still runs at the limit did not end: it did not connect.
            Some(status) = process.wait(self.limit(HELLO_LIMIT)) => {
                let words = process.last_words();
                return Err(NotPassed::failed(format!("it ended without a hello ({status}){words}")));
            }
        };
        let mut guest = Guest {
            call: call.ok_or_else(|| NotPassed::failed("it did not connect"))?,
            hello: Hello::default(),
            outcomes: HashMap::new(),
            heard: Vec::new(),
            ready: Vec::new(),
            gives_go: true,
            process,
            _listener: listener,
            _folder: folder,
        };
        match guest.hear(until).await {
            Heard::Message(from_worker::Message::Hello(hello)) => guest.hello = hello,
            Heard::Message(_) => return Err(NotPassed::failed("its first message is no hello")),
            Heard::End => return Err(NotPassed::failed("it ended the stream without a hello")),
            Heard::Late => return Err(NotPassed::failed("it connected and said no hello")),
        }
        Ok(guest)
    }

    fn launch(&self, at: SocketAddr, folder: &Path) -> Result<Subject, NotPassed> {
        let endpoint = format!("http://{at}");
        let programs = &self.options.programs;
        let process = Process::start(&self.release, programs, &endpoint, TOKEN, folder)?;
        Ok(Subject::new(Box::new(process)))
    }

    /// Starts a worker and welcomes it.
    pub async fn enter(&self) -> Result<Guest, NotPassed> {
        self.enter_with_heartbeat(self.limit(HEARTBEAT)).await
    }

    /// Starts a worker and welcomes it, with this heartbeat interval.
    pub async fn enter_with_heartbeat(&self, heartbeat: Duration) -> Result<Guest, NotPassed> {
        let guest = self.start().await?;
        let version = negotiate(&guest.hello.protocol_versions);
        let welcome = Welcome {
            protocol_version: version.map_err(|error| NotPassed::failed(error.to_string()))?,
            worker: "on-trial".into(),
            heartbeat_milliseconds: milliseconds(heartbeat),
        };
        guest.tell(to_worker::Message::Welcome(welcome)).await?;
        Ok(guest)
    }

    /// Creates a task for an order, with a key of its own.
    pub fn task(&self, order: &Order<'_>) -> (TaskKey, v1::Task) {
        let key = TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        };
        let task = v1::Task {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
            target: format!("target-{}", key.task),
            kind: self.release.manifest.kind.to_string(),
            address: order.address.into(),
            credential: self.credential(),
            action: order.action.into(),
            parameters: order.parameters.to_string().into_bytes(),
            timeout_milliseconds: milliseconds(order.timeout),
            control: order.class == Class::Control,
        };
        (key, task)
    }

    /// Returns the example's credential, or one made up from the manifest.
    fn credential(&self) -> HashMap<String, String> {
        if let Some(example) = &self.options.example {
            let secrets = example.credential.iter();
            return secrets
                .map(|(name, secret)| (name.clone(), secret.reveal().into()))
                .collect();
        }
        let schema = self.release.manifest.credential.as_ref();
        let made_up = schema.and_then(parameters::good);
        let values = made_up.as_ref().and_then(Value::as_object);
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let values = values.into_iter().flatten();
        values
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// Returns an observe action, and parameters for it, that take long on a silent address.
    pub fn slow(&self) -> Result<(&Action, Value), NotPassed> {
        let manifest = &self.release.manifest;
        if let Some((name, parameters)) = &self.options.slow {
            let action = manifest
                .action(name)
                .filter(|action| action.class == Class::Observe);
            let wrong = || {
                NotPassed::failed(format!(
                    "the slow action \"{name}\" is not an observe action"
                ))
            };
            return Ok((action.ok_or_else(wrong)?, parameters.clone()));
        }
        let observe = manifest
            .actions
            .iter()
            .filter(|a| a.class == Class::Observe);
        let mut able = observe.filter_map(|action| Some((action, self.parameters(action)?)));
        let none = "no observe action whose parameters can be made up: give the harness a slow one";
        able.next().ok_or_else(|| NotPassed::Skipped(none.into()))
    }

    /// Returns valid parameters for an action: the example's, or made-up ones.
    pub fn parameters(&self, action: &Action) -> Option<Value> {
        let example = self.options.example.as_ref();
        let given = example.and_then(|example| example.parameters.get(&action.name));
        given
            .cloned()
            .or_else(|| parameters::good(&action.parameters))
    }
}

/// A worker that was started, and everything received from it. When dropped, it is killed.
pub struct Guest {
    /// The hello with which it began.
    pub hello: Hello,
    /// Its outcomes by attempt, each with the time of its arrival.
    pub outcomes: HashMap<TaskKey, Vec<(AttemptOutcome, Instant)>>,
    /// The times at which anything arrived.
    pub heard: Vec<Instant>,
    /// The attempts that it reported ready.
    pub ready: Vec<v1::ReadyAttempt>,
    /// True if attempts get their go as soon as they are reported ready.
    pub gives_go: bool,
    /// The worker itself.
    pub process: Subject,
    call: Call,
    _listener: Listener,
    _folder: TempDir,
}

/// An event from the worker.
pub enum Heard {
    /// A message of the stream.
    Message(from_worker::Message),
    /// The worker ended the stream.
    End,
    /// Nothing arrived in time.
    Late,
}

impl Guest {
    /// Sends the worker a message.
    pub async fn tell(&self, message: to_worker::Message) -> Result<(), NotPassed> {
        let message = ToWorker {
            message: Some(message),
        };
        let sent = match &self.call.outgoing {
            Some(outgoing) => outgoing.send(Ok(message)).await.is_ok(),
            None => false,
        };
        if sent {
            Ok(())
        } else {
            Err(self.lost("it ended the stream"))
        }
    }

    /// Gives the worker tasks.
    pub async fn give(&self, tasks: Vec<v1::Task>) -> Result<(), NotPassed> {
        self.tell(to_worker::Message::Tasks(v1::Tasks { tasks }))
            .await
    }

    /// Receives the next event, and keeps outcomes.
    pub async fn hear(&mut self, until: Instant) -> Heard {
        loop {
            let message = match timeout_at(until, self.call.incoming.message()).await {
                Err(_) => return Heard::Late,
                Ok(Ok(Some(message))) => message.message,
                Ok(Ok(None) | Err(_)) => {
                    // As a manager does: a stream that one side ends is ended by the other.
                    self.call.outgoing = None;
                    return Heard::End;
                }
            };
            let now = Instant::now();
            self.heard.push(now);
            if let Some(message) = message {
                self.keep(&message, now);
                if let from_worker::Message::Ready(ready) = &message {
                    self.on_ready(&ready.attempts).await;
                }
                return Heard::Message(message);
            }
        }
    }

    async fn on_ready(&mut self, attempts: &[v1::ReadyAttempt]) {
        self.ready.extend_from_slice(attempts);
        if self.gives_go {
            // A worker that has gone meanwhile is reported where it is waited for.
            let _ = self.go(attempts, GO_WINDOW).await;
        }
    }

    /// Sends the go for these attempts, good for this time after they were reported ready.
    pub async fn go(&self, ready: &[v1::ReadyAttempt], within: Duration) -> Result<(), NotPassed> {
        let go = |ready: &v1::ReadyAttempt| v1::GoAttempt {
            id: ready.id.clone(),
            attempt: ready.attempt,
            nonce: ready.nonce,
            within_milliseconds: milliseconds(within),
        };
        let attempts = ready.iter().map(go).collect();
        self.tell(to_worker::Message::Go(v1::Go { attempts })).await
    }

    fn keep(&mut self, message: &from_worker::Message, now: Instant) {
        if let from_worker::Message::Outcomes(outcomes) = message {
            for outcome in &outcomes.outcomes {
                if let Ok(key) = outcome.key() {
                    self.outcomes
                        .entry(key)
                        .or_default()
                        .push((outcome.clone(), now));
                }
            }
        }
    }

    /// Receives until all of these are answered.
    ///
    /// # Errors
    /// One was not answered in time.
    pub async fn wait_for(&mut self, keys: &[TaskKey], until: Instant) -> Result<(), NotPassed> {
        loop {
            let missing = keys.iter().filter(|key| !self.outcomes.contains_key(key));
            let missing = missing.count();
            if missing == 0 {
                return Ok(());
            }
            match self.hear(until).await {
                Heard::Message(_) => {}
                Heard::End => return Err(self.lost("it ended the stream with tasks unanswered")),
                Heard::Late => {
                    let of = keys.len();
                    let why = format!("{missing} of {of} tasks were not answered in time");
                    return Err(self.lost(&why));
                }
            }
        }
    }

    /// Returns the first answer to this attempt.
    pub fn answer(&self, key: TaskKey) -> Option<&AttemptOutcome> {
        let answers = self.outcomes.get(&key)?;
        answers.first().map(|(outcome, _)| outcome)
    }

    /// Receives until the worker ends the stream. Returns true if it did in time.
    pub async fn hear_to_the_end(&mut self, until: Instant) -> bool {
        loop {
            match self.hear(until).await {
                Heard::Message(_) => {}
                Heard::End => return true,
                Heard::Late => return false,
            }
        }
    }

    /// Disconnects the manager; the worker is left.
    pub fn disconnect(self) -> (Subject, TempDir) {
        (self.process, self._folder)
    }

    /// Creates a failure with the latest output of the worker.
    pub fn lost(&self, why: &str) -> NotPassed {
        NotPassed::failed(format!("{why}{}", self.process.last_words()))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn temporary() -> PathBuf {
    let folder = env::temp_dir();
    if folder.as_os_str().len() > FOLDER_MAX {
        PathBuf::from("/tmp")
    } else {
        folder
    }
}
