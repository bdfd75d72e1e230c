//! The life of a pod on its node, from its first image to its last status.
//!
//! ```text
//! waiting ──► running ──► ended by itself ──► final status, stays until it is deleted
//!    │           │ deletion: SIGTERM, grace, SIGKILL ──► final status ──► DELETE
//!    │           └ taken out (grace 0): killed without a word
//!    └ deletion ──► DELETE
//! ```

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::container::{self, Container, NotStarted};
use super::status::{self, Exit};
use super::volumes;
use crate::moment;
use crate::pods;
use crate::processes::Verdict;
use crate::registry::Image;
use crate::store::{Key, Object};
use crate::world::Shared;

/// One pod.
pub struct Life {
    world: Shared,
    key: Key,
    uid: String,
    frozen: watch::Receiver<bool>,
    folder: PathBuf,
    restarts: u32,
}

/// The request of the API for a running pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To end, within so many seconds.
    End(i64),
    /// It is not there any more.
    Gone,
}

/// The containers of a pod: those that run, and how the others ended.
struct Running {
    waits: JoinSet<(usize, Option<ExitStatus>)>,
    pids: Vec<Option<Pid>>,
    exits: Vec<Option<Exit>>,
    started: String,
    deadline: Option<Instant>,
}

/// The progress of ending a pod.
#[derive(Default)]
struct Ending {
    wish: Option<Wish>,
    kill: Option<Instant>,
    is_late: bool,
}

impl Life {
    pub fn new(world: Shared, key: Key, uid: String, frozen: watch::Receiver<bool>) -> Self {
        let folder = super::logs::folder(&world.state, &uid);
        Self {
            world,
            key,
            uid,
            frozen,
            folder,
            restarts: 0,
        }
    }

    /// Lives until the pod is gone; returns its uid.
    pub async fn run(mut self) -> String {
        loop {
            let Some(running) = self.begin().await else {
                break;
            };
            if !self.until_ended(running).await {
                break;
            }
            self.restarts += 1;
        }
        self.leave().await;
        let _ = fs::remove_dir_all(&self.folder);
        self.uid
    }

    fn pod(&self) -> Option<Object> {
        self.world.pod(&self.key, &self.uid)
    }

    async fn thawed(&self) {
        let mut frozen = self.frozen.clone();
        // It fails only when the node is gone: then nothing holds us.
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }

    async fn write(&self, change: impl FnOnce(&mut Value)) {
        self.thawed().await;
        self.world.change(&self.key, &self.uid, change);
    }

    fn tell(&self, kind: &str, reason: &str, message: &str) {
        if let Some(pod) = self.pod() {
            self.world.event(&pod, "kubelet", (kind, reason), message);
        }
    }

    /// Waits for a wish that is another than the one that is known.
    async fn wish(&self, known: Option<Wish>) -> Wish {
        let mut changed = self.world.changed();
        loop {
            let wish = match self.pod() {
                None => Some(Wish::Gone),
                Some(pod) if pod["metadata"]["deletionTimestamp"].is_null() => None,
                Some(pod) => Some(Wish::End(
                    pod["metadata"]["deletionGracePeriodSeconds"]
                        .as_i64()
                        .unwrap_or(30),
                )),
            };
            if let Some(wish) = wish.filter(|wish| Some(*wish) != known) {
                return wish;
            }
            if changed.changed().await.is_err() {
                return Wish::Gone;
            }
        }
    }

    /// From the node to the first process. Nothing: there is no need any more.
    async fn begin(&mut self) -> Option<Running> {
        let timing = self.world.timing.clone();
        tokio::select! {
            () = sleep(timing.start) => {}
            _ = self.wish(None) => return None,
        }
        loop {
            self.thawed().await;
            let pod = self.pod()?;
            match self.start(&pod).await {
                Ok(running) => return Some(running),
                Err((states, reason, message)) => {
                    self.refuse(&pod, states, reason, &message).await;
                    if reason.is_empty() {
                        return None;
                    }
                }
            }
            tokio::select! {
                () = sleep(timing.pull_again) => {}
                _ = self.wish(None) => return None,
            }
        }
    }

    /// Starts all containers, or says in which states they are, and why not.
    async fn start(&self, pod: &Object) -> Result<Running, (Vec<Value>, &'static str, String)> {
        let all = pod["spec"]["containers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let stuck = |reason: &'static str, told: &str, message: String| {
            (
                vec![status::waiting(told, &message); all.len()],
                reason,
                message.clone(),
            )
        };
        if self.restarts == 0 && pod["status"]["containerStatuses"].is_null() {
            let states = vec![status::waiting("ContainerCreating", ""); all.len()];
            self.write(|pod| status::set(pod, &states, self.restarts))
                .await;
        }
        let folder = &self.folder;
        let made = fs::create_dir_all(folder).map_err(|error| error.to_string());
        let volumes = made.and_then(|()| volumes::make(&self.world, pod, folder));
        let volumes = volumes.map_err(|why| stuck("FailedMount", "ContainerCreating", why))?;
        let mut images: Vec<Image> = Vec::new();
        for container in &all {
            let reference = container["image"].as_str().unwrap_or_default();
            let image = self
                .world
                .registry
                .pull(reference, pod, &self.world.store());
            let image = image.map_err(|why| stuck("Pull", "ErrImagePull", why))?;
            sleep(image.pull).await;
            images.push(image);
        }
        let started = moment::now();
        let mut running = Running {
            waits: JoinSet::new(),
            pids: vec![None; all.len()],
            exits: vec![None; all.len()],
            started: started.clone(),
            deadline: self.deadline(pod),
        };
        for (number, (spec, image)) in all.iter().zip(&images).enumerate() {
            let container = Container {
                world: &self.world,
                pod,
                spec,
                image,
                volumes: &volumes,
                folder,
            };
            match container.start() {
                Ok(child) => self.watch(&mut running, number, child, pod),
                Err(NotStarted::Waits(reason, message)) => {
                    self.world.processes.signal(&self.uid, Signal::KILL);
                    return Err(stuck("Waits", reason, message));
                }
                Err(NotStarted::Failed {
                    code,
                    reason,
                    message,
                }) => {
                    let started = started.clone();
                    let exit = Exit {
                        code,
                        reason,
                        message,
                        started,
                    };
                    running.exits[number] = Some(exit);
                }
            }
        }
        let states = running.states();
        self.write(|pod| status::set(pod, &states, self.restarts))
            .await;
        Ok(running)
    }

    fn watch(&self, running: &mut Running, number: usize, mut child: Child, pod: &Value) {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
            self.world.processes.add(pid, &self.uid, node);
        }
        running.pids[number] = pid;
        running
            .waits
            .spawn(async move { (number, child.wait().await.ok()) });
    }

    fn deadline(&self, pod: &Value) -> Option<Instant> {
        let seconds = pod["spec"]["activeDeadlineSeconds"].as_i64()?;
        Some(Instant::now() + self.world.timing.grace(seconds))
    }

    /// Why a pod does not start, as its status and its events tell it.
    async fn refuse(&self, pod: &Value, mut states: Vec<Value>, reason: &str, message: &str) {
        let image = pod["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let was = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        let event = match reason {
            "Pull" if *was == "ErrImagePull" || *was == "ImagePullBackOff" => {
                let told = format!("Back-off pulling image \"{image}\": ErrImagePull: {message}");
                let count = states.len();
                states = vec![status::waiting("ImagePullBackOff", &told); count];
                ("BackOff", format!("Back-off pulling image \"{image}\""))
            }
            "Pull" => (
                "Failed",
                format!("Failed to pull image \"{image}\": {message}"),
            ),
            "FailedMount" => ("FailedMount", message.to_owned()),
            _ => ("Failed", format!("Error: {message}")),
        };
        self.write(|pod| status::set(pod, &states, self.restarts))
            .await;
        self.tell("Warning", event.0, &event.1);
    }

    /// Until all containers have ended. True: they are to be started again.
    async fn until_ended(&self, mut running: Running) -> bool {
        let mut ending = Ending::default();
        let far = Instant::now() + std::time::Duration::from_secs(86_400 * 365);
        while !running.waits.is_empty() {
            let is_asked = ending.wish != Some(Wish::Gone);
            tokio::select! {
                Some(ended) = running.waits.join_next() => {
                    if let Ok((number, status)) = ended {
                        self.ended(&mut running, number, status);
                    }
                }
                wish = self.wish(ending.wish), if is_asked => {
                    self.thawed().await;
                    self.obey(wish, &mut ending);
                }
                () = sleep_until(ending.kill.unwrap_or(far)) => {
                    self.thawed().await;
                    ending.kill = None;
                    self.world.processes.signal(&self.uid, Signal::KILL);
                }
                () = sleep_until(running.deadline.unwrap_or(far)) => {
                    self.thawed().await;
                    running.deadline = None;
                    ending.is_late = true;
                    ending.kill = Some(Instant::now() + self.world.timing.grace(1));
                    self.world.processes.signal(&self.uid, Signal::TERM);
                }
            }
        }
        if ending.wish == Some(Wish::Gone) {
            return false;
        }
        sleep(self.world.timing.exit_seen).await;
        self.conclude(&running, &ending).await
    }

    fn obey(&self, wish: Wish, ending: &mut Ending) {
        let timing = &self.world.timing;
        // A pod that was taken out has a second, as with a real kubelet.
        let grace = match wish {
            Wish::End(seconds) => timing.grace(seconds),
            Wish::Gone => timing.grace(1),
        };
        let kill = Instant::now() + grace;
        if ending.wish.is_none() {
            self.tell("Normal", "Killing", "Stopping container");
        }
        ending.wish = Some(wish);
        ending.kill = Some(ending.kill.map_or(kill, |earlier| earlier.min(kill)));
        self.world.processes.signal(&self.uid, Signal::TERM);
    }

    fn ended(&self, running: &mut Running, number: usize, status: Option<ExitStatus>) {
        if let Some(pid) = running.pids[number].take() {
            self.world.processes.remove(pid);
        }
        let mut exit = match status {
            Some(status) => Exit::of(status, &running.started),
            None => Exit {
                code: 255,
                reason: "ContainerStatusUnknown",
                message: String::new(),
                started: running.started.clone(),
            },
        };
        let pod = self.pod();
        let spec = pod
            .as_ref()
            .map(|pod| pod["spec"]["containers"][number].clone());
        if self.world.processes.verdict(&self.uid) == Some(Verdict::OutOfMemory) {
            exit.reason = "OOMKilled";
        }
        exit.message = container::message(&self.folder, &spec.unwrap_or_default(), exit.code);
        running.exits[number] = Some(exit);
    }

    /// Writes the last status. True: it is to be started again.
    async fn conclude(&self, running: &Running, ending: &Ending) -> bool {
        let verdict = self.world.processes.verdict(&self.uid);
        let codes: Vec<i32> = running
            .exits
            .iter()
            .flatten()
            .map(|exit| exit.code)
            .collect();
        let Some(pod) = self.pod() else {
            return false;
        };
        let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or_default();
        let is_wanted = match policy {
            "Always" => true,
            "OnFailure" => codes.iter().any(|code| *code != 0),
            _ => false,
        };
        let is_evicted = matches!(verdict, Some(Verdict::Evicted(_)));
        let restarts = is_wanted && ending.wish.is_none() && !ending.is_late && !is_evicted;
        let states = running.states();
        self.write(|pod| {
            status::set(pod, &states, self.restarts);
            if restarts {
                pod["status"]["phase"] = json!("Running");
            }
            if ending.is_late {
                let message = "Pod was active on the node longer than the specified deadline";
                fail(pod, "DeadlineExceeded", message);
            }
            if let Some(Verdict::Evicted(message)) = &verdict {
                fail(pod, "Evicted", message);
                let why = ("TerminationByKubelet", message.as_str());
                pods::set_condition(pod, "DisruptionTarget", "True", Some(why));
            }
        })
        .await;
        if restarts {
            sleep(self.world.timing.pull_again).await;
        }
        restarts
    }

    /// Takes a deleted pod out; one that is not, stays until it is.
    async fn leave(&self) {
        if self.wish(None).await == Wish::Gone {
            return;
        }
        sleep(self.world.timing.deleted).await;
        self.thawed().await;
        self.world.remove(&self.key, &self.uid);
    }
}

impl Running {
    fn states(&self) -> Vec<Value> {
        let state = |exit: &Option<Exit>| match exit {
            Some(exit) => exit.state(),
            None => status::running(&self.started),
        };
        self.exits.iter().map(state).collect()
    }
}

fn fail(pod: &mut Value, reason: &str, message: &str) {
    pod["status"]["phase"] = json!("Failed");
    pod["status"]["reason"] = json!(reason);
    pod["status"]["message"] = json!(message);
}
