//! Carries out a disaster.

use std::time::Duration;

use tokio::time::Instant;

use super::{Between, Boxes, Crew};
use crate::{
    disaster::{Disaster, Victim},
    link::State,
    member::{self, Member},
    place::outlasts,
    servers,
    stall::{Stall, Still},
};

/// The time by which workers resume sooner or later than their environment.
const STAGGER: Duration = Duration::from_millis(300);
/// A link stays away this many times as long as a process.
const LINK_DOWN: u32 = 4;
/// The time for which a disk stays full at least. SQLite restarts its log after 16 MiB, and needs
/// more space only then: the ledger of a drill writes that much within this time.
const LOG_FULL: Duration = Duration::from_secs(12);

impl Crew {
    /// Strikes the victim of a disaster, if it is running.
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
            Victim::Key => self.revoke_key(which, down),
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

    /// Kills our own processes and the workers at once; but not servers started by others.
    fn kill_everything(&mut self, down: Duration) -> bool {
        // The workers too, and at once: they are listed beforehand.
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

    fn revoke_key(&mut self, which: usize, down: Duration) -> bool {
        let environment = &self.environments[which % self.environments.len()];
        match (&mut self.keys, environment.name.parse()) {
            (Some(keys), Ok(id)) => keys.revoke(id, down),
            _ => false,
        }
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

    /// Cuts, breaks or slows down a link, until it is healed.
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

    /// Freezes processes for longer than anybody waits for an attempt. Messages to workers whose
    /// environment is frozen too stay unread in their sockets; the workers resume before it, after
    /// it, or with it.
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
                Err(error) => eprintln!("no process can be frozen: {error}"),
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

fn kill(member: &mut Member, down: Duration) -> bool {
    let was_up = member.is_up();
    member.kill(down);
    was_up
}
