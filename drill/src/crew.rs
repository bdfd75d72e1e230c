//! All processes of a drill: who is killed, and that everybody comes back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::time::Instant;
use utakata_up::{
    drill::{Permits, Settings},
    programs,
};

use crate::{
    cluster::Pods,
    disaster::{Disaster, Victim},
    disk::Disk,
    engine::Engine,
    link::State,
    member::{self, Clock, Member, Start},
    place::{ENVIRONMENTS, LOGIC, LOGICS, Place, outlasts},
    servers::{self, Servers},
    stall::{Stall, Still},
};

/// The time by which workers go on sooner than their environment, or later.
const STAGGER: Duration = Duration::from_millis(300);
/// A link stays away so many times as long as a process.
const LINK_DOWN: u32 = 4;

/// A disk stays full for so long, and as long as a process is away. SQLite begins its log again
/// after 16 MiB, and needs more room only then: the ledger of a drill writes them within this.
const LOG_FULL: Duration = Duration::from_secs(12);

/// The processes that a drill kills and restarts.
#[derive(Debug)]
pub struct Crew {
    between: Between,
    /// Where workers run that are no processes of their environments.
    boxes: Boxes,
    /// Of the ledger, where it can be filled.
    disk: Option<Disk>,
    logics: Vec<Member>,
    environments: Vec<Member>,
    /// The time at which links are whole again.
    healed_at: Option<Instant>,
    /// Those that stand still: of one disaster at a time, so that the others go on meanwhile.
    stalls: Vec<Stall>,
    /// The events so far.
    pub log: Log,
}

/// Where workers run.
#[derive(Debug)]
pub enum Boxes {
    /// They are processes of their environments.
    None,
    /// In an engine.
    Containers(Box<Engine>),
    /// In a cluster.
    Pods(Pods),
}

/// The inter connect between the processes.
#[derive(Debug)]
enum Between {
    /// The inter connect of one machine.
    Hub {
        hub: Box<Member>,
        /// Its start without faults, for the end.
        calm: Start,
    },
    /// Servers that others made.
    Servers {
        servers: Servers,
        /// The starts of our own processes without faults of messages, for the end: of the logic
        /// environments, and then of the environments.
        calm: Vec<Start>,
    },
}

/// Counts of what happened to the processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The number of kills of each.
    pub kills: BTreeMap<Victim, u64>,
    /// Those that ended without being killed, and how: that is a mistake of theirs.
    pub ended: Vec<String>,
    /// Containers that are left when all environments have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

impl Crew {
    /// Starts everybody, with the inter connect of one machine between them.
    ///
    /// # Errors
    /// A program of ours, or the engine, cannot be started.
    pub fn start(
        place: &Place,
        boxes: Boxes,
        disk: Option<Disk>,
        settings: &Settings,
    ) -> Result<Self> {
        let programs = Programs::find()?;
        let socket = place.socket().display().to_string();
        let hub = ["hub", "--socket", &socket];
        let calm = programs.start(&hub, &[]);
        let wild = programs.start(&hub, &of_messages(settings));
        let member = |name: &str, role: &[&str], faults: &[String]| {
            let data = place.data(name).display().to_string();
            let common = ["--hub", &socket, "--data", &data];
            let start = programs.start(&[role, &common].concat(), faults);
            Member::new(name, start, place.log(name))
        };
        let of_environments = of_permits(settings);
        let environment = |name: &&str| member(name, &["wee", "--id", name], &of_environments);
        let hub = Box::new(Member::new("hub", wild, place.log("hub")));
        Self {
            between: Between::Hub { hub, calm },
            boxes,
            disk,
            logics: vec![member(LOGIC, &["le", "--listen", "127.0.0.1:0"], &[])],
            environments: ENVIRONMENTS.iter().map(environment).collect(),
            healed_at: None,
            stalls: Vec::new(),
            log: Log::default(),
        }
        .started()
    }

    /// From its next start on, each goes by a clock of its own, up to so much ahead or behind.
    pub fn skew(&mut self, library: &Path, by: Duration) {
        let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        let all = self.environments.iter_mut().chain(&mut self.logics);
        for (member, part) in all.zip([1, -1, 0].into_iter().cycle()) {
            member.go_by(Clock::ahead(library, by.saturating_mul(part)));
        }
    }

    /// Starts everybody, with servers between them.
    ///
    /// # Errors
    /// A program of ours or a script cannot be started.
    pub fn start_with(
        place: &Place,
        servers: Servers,
        disk: Option<Disk>,
        settings: &Settings,
    ) -> Result<Self> {
        let programs = Programs::find()?;
        let start = |name: &str, role: &[&str], faults: &[String]| {
            let data = place.data(name).display().to_string();
            programs.start(&[role, &["--data", &data]].concat(), faults)
        };
        let logic =
            |name: &str, faults: &[String]| start(name, &["le", "--listen", "127.0.0.1:0"], faults);
        let environment =
            |name: &str, faults: &[String]| start(name, &["wee", "--id", name], faults);
        let (of_messages, of_permits) = (of_messages(settings), of_permits(settings));
        let calm_logics = LOGICS.iter().map(|name| logic(name, &[]));
        let calm_environments = ENVIRONMENTS
            .iter()
            .map(|name| environment(name, &of_permits));
        let calm = calm_logics.chain(calm_environments).collect();
        let of_environments = [&of_messages[..], &of_permits].concat();
        let wild = |name: &&str, start: Start| Member::new(name, start, place.log(name));
        Self {
            between: Between::Servers { servers, calm },
            boxes: Boxes::None,
            disk,
            logics: LOGICS
                .iter()
                .map(|name| wild(name, logic(name, &of_messages)))
                .collect(),
            environments: ENVIRONMENTS
                .iter()
                .map(|name| wild(name, environment(name, &of_environments)))
                .collect(),
            healed_at: None,
            stalls: Vec::new(),
            log: Log::default(),
        }
        .started()
    }

    fn started(mut self) -> Result<Self> {
        for member in self.everybody() {
            let started = member.start();
            started.with_context(|| format!("{} cannot be started", member.name))?;
        }
        Ok(self)
    }

    /// Kills whom a disaster means, if he is there.
    pub fn strike(&mut self, disaster: &Disaster) {
        let Disaster {
            victim,
            which,
            down,
            ..
        } = *disaster;
        let is_struck = match victim {
            Victim::Worker => self.kill_worker(which),
            Victim::Environment => {
                let at = which % self.environments.len();
                kill(&mut self.environments[at], down)
            }
            Victim::Program => {
                let at = which % self.environments.len();
                self.environments[at].replace()
            }
            Victim::Logic => {
                let at = which % self.logics.len();
                kill(&mut self.logics[at], down)
            }
            Victim::Everything => self.kill_everything(down),
            Victim::StalledWorker
            | Victim::StalledEnvironment
            | Victim::StalledHost
            | Victim::StalledLogic
            | Victim::StalledBetween => self.stall(victim, which, down),
            Victim::Disk => self.fill_disk(down),
            Victim::Engine => self.kill_engine(down),
            Victim::Eviction | Victim::Node | Victim::Cluster => match &mut self.boxes {
                Boxes::Pods(pods) => pods.strike(victim, which, down),
                _ => false,
            },
            Victim::Link => self.strike_link(which, down),
            Victim::Mosquitto | Victim::Postgres | Victim::Rabbitmq => {
                self.kill_server(victim, down)
            }
        };
        if is_struck {
            *self.log.kills.entry(victim).or_default() += 1;
        }
    }

    /// Returns true if all servers between the processes serve, or if there are none.
    pub fn servers_are_up(&self) -> bool {
        match &self.between {
            Between::Servers { servers, .. } => servers.are_up(),
            Between::Hub { .. } => true,
        }
    }

    /// Starts whoever is to come back; those that ended by themselves are noted.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn keep(&mut self) -> Result<()> {
        self.stalls.retain(|stall| !stall.is_over());
        if self.healed_at.is_some_and(|at| at <= Instant::now())
            && let Between::Servers { servers, .. } = &self.between
        {
            servers.heal();
            self.healed_at = None;
        }
        if let Some(disk) = &mut self.disk {
            disk.keep();
        }
        if let Boxes::Pods(pods) = &mut self.boxes {
            pods.keep();
        }
        let was_full = self.disk.as_ref().is_some_and(Disk::was_full);
        let mut ended = Vec::new();
        for member in self.everybody() {
            let kept = member.keep();
            let kept = kept.with_context(|| format!("{} cannot be started", member.name))?;
            // Nobody starts where he cannot write.
            let kept = kept.filter(|_| !(was_full && needs_disk(&member.name)));
            ended.extend(kept.map(|how| format!("{} ended by itself: {how}", member.name)));
        }
        self.log.ended.extend(ended);
        Ok(())
    }

    /// Nothing comes through between the environments and the servers any more.
    pub fn cut_environments(&mut self) {
        if let Between::Servers { servers, .. } = &self.between {
            servers.cut(&ENVIRONMENTS);
        }
        self.healed_at = None;
    }

    /// Makes all links whole.
    pub fn heal(&self) {
        if let Between::Servers { servers, .. } = &self.between {
            servers.heal();
        }
    }

    /// Returns the running processes that are ours.
    pub fn processes(&self) -> impl Iterator<Item = (&str, u32)> {
        let ours = self.logics.iter().chain(&self.environments);
        ours.filter_map(|member| Some((member.name.as_str(), member.process()?)))
    }

    /// From now on nothing goes wrong with messages: the inter connect is another one, or links
    /// are whole and our own processes are started anew, as users start them.
    pub fn calm(&mut self) {
        self.stalls.clear();
        if let Some(disk) = &mut self.disk {
            disk.clear();
        }
        if let Boxes::Pods(pods) = &mut self.boxes {
            pods.calm();
        }
        match &mut self.between {
            Between::Hub { hub, calm } => {
                hub.start_by(calm.clone());
                hub.kill(Duration::ZERO);
            }
            Between::Servers { servers, calm } => {
                servers.heal();
                let ours = self.logics.iter_mut().chain(&mut self.environments);
                for (member, start) in ours.zip(calm.iter()) {
                    member.start_by(start.clone());
                    member.kill(Duration::ZERO);
                }
            }
        }
    }

    /// Lets everybody end, those who need others first.
    pub async fn end(&mut self) {
        self.stalls.clear();
        for member in self.environments.iter_mut().chain(&mut self.logics) {
            member.end().await;
        }
        match &mut self.boxes {
            Boxes::None => {}
            Boxes::Containers(engine) => {
                match engine.left().await {
                    Ok(left) => self.log.left = Some(left),
                    Err(error) => self.log.ended.push(format!("{error:#}")),
                }
                engine.end().await;
            }
            Boxes::Pods(pods) => self.log.left = Some(pods.left().await),
        }
        match &mut self.between {
            Between::Hub { hub, .. } => hub.end().await,
            Between::Servers { servers, .. } => {
                servers.heal();
                for member in servers.members() {
                    member.end().await;
                }
            }
        }
    }

    fn everybody(&mut self) -> impl Iterator<Item = &mut Member> {
        let between: Vec<&mut Member> = match &mut self.between {
            Between::Hub { hub, .. } => vec![hub],
            Between::Servers { servers, .. } => servers.members().collect(),
        };
        let ours = self.logics.iter_mut().chain(&mut self.environments);
        let engine = self.boxes.engine().map(|engine| &mut engine.member);
        between.into_iter().chain(engine).chain(ours)
    }

    /// Our own processes and the workers at once; but not servers of others.
    fn kill_everything(&mut self, down: Duration) -> bool {
        // The workers too, and at once: so they are found before.
        let workers = self.workers();
        if let Between::Hub { hub, .. } = &mut self.between {
            kill(hub, down);
        }
        for member in self.logics.iter_mut().chain(&mut self.environments) {
            kill(member, down);
        }
        self.kill_engine(down);
        workers.into_iter().for_each(member::kill);
        true
    }

    fn fill_disk(&mut self, down: Duration) -> bool {
        let disk = self.disk.as_mut();
        disk.is_some_and(|disk| disk.fill(LOG_FULL + down))
    }

    fn kill_engine(&mut self, down: Duration) -> bool {
        let engine = self.boxes.engine();
        engine.is_some_and(|engine| kill(&mut engine.member, down))
    }

    fn kill_server(&mut self, victim: Victim, down: Duration) -> bool {
        match (&mut self.between, servers::Kind::of(victim)) {
            (Between::Servers { servers, .. }, Some(kind)) => servers.kill(kind, down),
            _ => false,
        }
    }

    /// A third each is cut, broken and slow, until it is healed.
    fn strike_link(&mut self, which: usize, down: Duration) -> bool {
        let Between::Servers { servers, .. } = &self.between else {
            return false;
        };
        let state = match which % 3 {
            0 => State::Cut,
            1 => State::Broken,
            _ => State::Slow(down / 10),
        };
        servers.strike(which / 3, state);
        self.healed_at = Some(Instant::now() + down * LINK_DOWN);
        true
    }

    /// Some stand still for longer than anybody waits for an attempt. What goes to workers before
    /// their environment stands still, too, lies unread in their sockets; and they go on before
    /// it, after it, or with it.
    fn stall(&mut self, victim: Victim, which: usize, down: Duration) -> bool {
        if !self.stalls.is_empty() {
            return false;
        }
        let until = Instant::now() + outlasts() + down;
        let environment = &self.environments[which % self.environments.len()];
        let logic = &self.logics[which % self.logics.len()];
        let alone = |process: Option<u32>| {
            let process = process.and_then(member::pid).map(Still::Process);
            vec![(process.into_iter().collect(), until)]
        };
        let still: Vec<(Vec<Still>, Instant)> = match victim {
            Victim::StalledWorker => {
                let workers = self.workers();
                let worker = workers.get(which % workers.len().max(1));
                let worker = worker.copied().map(Still::Process);
                vec![(worker.into_iter().collect(), until)]
            }
            Victim::StalledEnvironment => alone(environment.process()),
            Victim::StalledLogic => alone(logic.process()),
            Victim::StalledHost => {
                let workers = environment.children().into_iter().map(Still::Process);
                let (mine, its) = match which / self.environments.len() % 3 {
                    0 => (STAGGER, Duration::ZERO),
                    1 => (Duration::ZERO, STAGGER),
                    _ => (Duration::ZERO, Duration::ZERO),
                };
                let process = environment.process().and_then(member::pid);
                let itself = process.map(Still::Process).into_iter().collect();
                vec![(workers.collect(), until + its), (itself, until + mine)]
            }
            _ => {
                let process = match &self.between {
                    Between::Hub { hub, .. } => hub.process(),
                    Between::Servers { servers, .. } => servers.process(which),
                };
                let group = process.and_then(member::pid).map(Still::Group);
                vec![(group.into_iter().collect(), until)]
            }
        };
        let still = still.into_iter().filter(|(still, _)| !still.is_empty());
        for (still, until) in still.collect::<Vec<_>>() {
            match Stall::begin(&still, until) {
                Ok(stall) => self.stalls.push(stall),
                Err(error) => eprintln!("nobody can be made to stand still: {error}"),
            }
        }
        !self.stalls.is_empty()
    }

    fn workers(&self) -> Vec<rustix::process::Pid> {
        let environments = self.environments.iter();
        let processes = environments.flat_map(Member::children);
        let boxed = match &self.boxes {
            Boxes::None => Vec::new(),
            Boxes::Containers(engine) => engine.containers(),
            Boxes::Pods(pods) => pods.processes(),
        };
        processes.chain(boxed).collect()
    }

    fn kill_worker(&self, which: usize) -> bool {
        let workers = self.workers();
        let worker = workers.get(which % workers.len().max(1));
        worker.copied().map(member::kill).is_some()
    }
}

impl Boxes {
    /// The settings of an environment whose workers run there.
    pub fn settings(&self) -> String {
        match self {
            Self::Pods(pods) => pods.settings(),
            _ => String::new(),
        }
    }

    fn engine(&mut self) -> Option<&mut Engine> {
        match self {
            Self::Containers(engine) => Some(engine),
            _ => None,
        }
    }
}

/// Returns whether a process of this name ends where the disk of the ledger is full.
fn needs_disk(name: &str) -> bool {
    name == LOGIC || LOGICS.contains(&name) || name == servers::Kind::Postgres.name()
}

/// The programs whose processes are drilled.
struct Programs {
    /// The program that users run.
    utakata: PathBuf,
    /// This one, which has the same roles with faults in them.
    faulty: PathBuf,
}

impl Programs {
    fn find() -> Result<Self> {
        let missing = "the program utakata must lie beside utakata-drill";
        Ok(Self {
            utakata: programs::find("utakata").context(missing)?,
            faulty: std::env::current_exe().context("our own program cannot be found")?,
        })
    }

    /// A role, of the program that users run unless there are faults in it.
    fn start(&self, role: &[&str], faults: &[String]) -> Start {
        let role = role.iter().map(|word| (*word).to_owned());
        let program = match faults {
            [] => &self.utakata,
            _ => &self.faulty,
        };
        Start {
            program: program.clone(),
            arguments: role.chain(faults.iter().cloned()).collect(),
        }
    }
}

/// Returns the arguments for faults of messages.
fn of_messages(settings: &Settings) -> Vec<String> {
    let (faults, seed) = (settings.faults.as_str(), settings.seed.to_string());
    ["--faults", faults, "--seed", &seed]
        .map(str::to_owned)
        .into()
}

/// Returns the arguments for faults of permits.
fn of_permits(settings: &Settings) -> Vec<String> {
    match settings.permits {
        Permits::Asked => Vec::new(),
        Permits::Ignored => vec!["--without-permits".to_owned()],
    }
}

fn kill(member: &mut Member, down: Duration) -> bool {
    let was_up = member.is_up();
    member.kill(down);
    was_up
}
