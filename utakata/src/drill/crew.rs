//! All processes of a drill: who is killed, and that everybody comes back.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    disaster::{Disaster, Victim},
    member::{self, Member},
    place::{ENVIRONMENTS, LOGIC, Place},
};

/// Those that a drill kills.
#[derive(Debug)]
pub struct Crew {
    hub: Member,
    logic: Member,
    environments: Vec<Member>,
    /// The inter connect without faults, for the end.
    calm: Vec<String>,
    /// What happened so far.
    pub log: Log,
}

/// What happened to the processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// How often each was killed.
    pub kills: BTreeMap<Victim, u64>,
    /// Those that ended without being killed, and how: that is a mistake of theirs.
    pub ended: Vec<String>,
}

impl Crew {
    /// Starts everybody.
    ///
    /// # Errors
    /// Our own program cannot be started.
    pub fn start(place: &Place, faults: &str, seed: u64) -> Result<Self> {
        let program = std::env::current_exe().context("our own program cannot be found")?;
        let socket = place.socket().display().to_string();
        let calm = words(&["hub", "--socket", &socket]);
        let seed = seed.to_string();
        let wild = words(&["--faults", faults, "--seed", &seed]);
        let member = |name: &str, role: &[&str]| {
            let data = place.data(name).display().to_string();
            let common = ["--hub", &socket, "--data", &data];
            let arguments = words(&[role, &common].concat());
            Member::new(name, &program, arguments, place.log(name))
        };
        let environment = |name: &&str| member(name, &["wee", "--id", name]);
        let hub = [calm.clone(), wild].concat();
        let mut crew = Self {
            hub: Member::new("hub", &program, hub, place.log("hub")),
            logic: member(LOGIC, &["le", "--listen", "127.0.0.1:0"]),
            environments: ENVIRONMENTS.iter().map(environment).collect(),
            calm,
            log: Log::default(),
        };
        for member in crew.all() {
            let started = member.start();
            started.with_context(|| format!("{} cannot be started", member.name))?;
        }
        Ok(crew)
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
            Victim::Logic => kill(&mut self.logic, down),
            Victim::Everything => {
                // The workers too, and at once: so they are found before.
                let workers = self.workers();
                for member in self.all() {
                    kill(member, down);
                }
                workers.into_iter().for_each(member::kill);
                true
            }
        };
        if is_struck {
            *self.log.kills.entry(victim).or_default() += 1;
        }
    }

    /// Starts whoever is to come back; those that ended by themselves are noted.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn keep(&mut self) -> Result<()> {
        let mut ended = Vec::new();
        for member in self.all() {
            let kept = member.keep();
            let kept = kept.with_context(|| format!("{} cannot be started", member.name))?;
            ended.extend(kept.map(|how| format!("{} ended by itself: {how}", member.name)));
        }
        self.log.ended.extend(ended);
        Ok(())
    }

    /// From now on nothing goes wrong: the inter connect is another one, without faults.
    pub fn calm(&mut self) {
        let calm = self.calm.clone();
        self.hub.say(calm);
        self.hub.kill(Duration::ZERO);
    }

    /// Lets everybody end, those who need others first.
    pub async fn end(&mut self) {
        for member in &mut self.environments {
            member.end().await;
        }
        self.logic.end().await;
        self.hub.end().await;
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Member> {
        [&mut self.hub, &mut self.logic]
            .into_iter()
            .chain(&mut self.environments)
    }

    fn workers(&self) -> Vec<rustix::process::Pid> {
        let environments = self.environments.iter();
        environments.flat_map(Member::children).collect()
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

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
