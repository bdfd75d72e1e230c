//! All processes of a drill, and their returns after being killed.

mod programs;
mod strike;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::time::Instant;
use utakata_up::drill::{Envelopes, Permits, Settings};

use self::programs::Programs;
use crate::{
    cluster::Pods,
    disaster::Victim,
    disk::Disk,
    engine::Engine,
    keys::Keys,
    member::{Clock, Member, Start},
    place::{ENVIRONMENTS, LOGIC, LOGICS, Place},
    servers::{self, Servers},
    stall::Stall,
};

/// The processes that a drill kills and restarts.
#[derive(Debug)]
pub struct Crew {
    between: Between,
    /// The place of workers that are no processes of their environments.
    boxes: Boxes,
    /// The disk of the ledger, if it can be filled.
    disk: Option<Disk>,
    logics: Vec<Member>,
    environments: Vec<Member>,
    /// The time at which links are whole again.
    healed_at: Option<Instant>,
    /// The processes that stand still: of one disaster at a time, so that the others continue
    /// meanwhile.
    stalls: Vec<Stall>,
    /// The keys of the environments, if they are revoked now and then.
    keys: Option<Keys>,
    /// The events so far.
    pub log: Log,
}

/// The place where workers run.
#[derive(Debug)]
pub enum Boxes {
    /// They are processes of their environments.
    None,
    /// They are containers of this engine.
    Containers(Box<Engine>),
    /// They are pods of this cluster.
    Pods(Pods),
}

/// The inter connect between the processes.
#[derive(Debug)]
enum Between {
    /// The hub of one machine.
    Hub {
        hub: Box<Member>,
        /// Its start without faults, for the end.
        calm: Start,
    },
    /// Servers that others made.
    Servers {
        servers: Servers,
        /// The starts of our own processes without faults of messages, for the end: first the logic
        /// environments, then the environments.
        calm: Vec<Start>,
    },
}

/// Counts of what happened to the processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The number of kills of each victim.
    pub kills: BTreeMap<Victim, u64>,
    /// The processes that ended without being killed, and how: a fault of theirs.
    pub ended: Vec<String>,
    /// The number of containers left after all environments have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

impl Crew {
    /// Starts all processes, with the inter connect of one machine between them.
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
            logics: vec![member(
                LOGIC,
                &["le", "--listen", "127.0.0.1:0"],
                &of_envelopes(settings),
            )],
            environments: ENVIRONMENTS.iter().map(environment).collect(),
            healed_at: None,
            stalls: Vec::new(),
            keys: None,
            log: Log::default(),
        }
        .started()
    }

    /// Gives each process a clock of its own from its next start on, wrong by up to this much.
    pub fn skew(&mut self, library: &Path, by: Duration) {
        let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        let all = self.environments.iter_mut().chain(&mut self.logics);
        for (member, part) in all.zip([1, -1, 0].into_iter().cycle()) {
            member.go_by(Clock::ahead(library, by.saturating_mul(part)));
        }
    }

    /// Has keys of environments revoked now and then.
    pub fn hold(&mut self, keys: Keys) {
        self.keys = Some(keys);
    }

    /// Returns true if the key of every environment is accepted.
    pub fn keys_are_accepted(&self) -> bool {
        self.keys.as_ref().is_none_or(Keys::are_accepted)
    }

    /// Starts all processes, with servers between them.
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
            keys: None,
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

    /// Returns true if all servers between the processes serve, or if there are none.
    pub fn servers_are_up(&self) -> bool {
        match &self.between {
            Between::Servers { servers, .. } => servers.are_up(),
            Between::Hub { .. } => true,
        }
    }

    /// Returns true if every process runs and moves, the disk of the ledger has room, and every
    /// environment may work.
    pub fn is_whole(&self) -> bool {
        let between = match &self.between {
            Between::Hub { hub, .. } => hub.is_up(),
            Between::Servers { servers, .. } => servers.are_up(),
        };
        let mut ours = self.logics.iter().chain(&self.environments);
        let is_full = self.disk.as_ref().is_some_and(Disk::is_full);
        between
            && ours.all(Member::is_up)
            && self.stalls.is_empty()
            && !is_full
            && self.keys_are_accepted()
    }

    /// Starts processes that are to return, and records those that ended by themselves.
    ///
    /// # Errors
    /// A process cannot be started.
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
            // A process that cannot write is not started.
            let kept = kept.filter(|_| !(was_full && needs_disk(&member.name)));
            ended.extend(kept.map(|how| format!("{} ended by itself: {how}", member.name)));
        }
        self.log.ended.extend(ended);
        Ok(())
    }

    /// Cuts the environments off from the servers.
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

    /// Ends all faults of messages: the inter connect is replaced, or links become whole and our
    /// own processes are restarted as users start them.
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

    /// Ends all processes, those that need others first.
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
}

impl Boxes {
    /// Returns the settings of an environment whose workers run there.
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

/// Returns true if a process of this name ends when the disk of the ledger is full.
fn needs_disk(name: &str) -> bool {
    name == LOGIC || LOGICS.contains(&name) || name == servers::Kind::Postgres.name()
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

/// Returns the arguments for faults of envelopes.
fn of_envelopes(settings: &Settings) -> Vec<String> {
    match settings.envelopes {
        Envelopes::Asked => Vec::new(),
        Envelopes::Ignored => vec!["--without-envelopes".to_owned()],
    }
}
