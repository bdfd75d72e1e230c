//! One trial: a story, told twice; once with the policies, once without any.

use std::time::Duration;

use jiff::Timestamp;
use utakata_envelope::InForce;
use utakata_model::{Envelope, Policy};
use utakata_policy::Compiled;
use utakata_room::{
    Blueprint, Room,
    chance::{draw, unit},
};

use crate::{
    audit::audit,
    engine::{Engine, Killed},
    ledger::{Gate, Ledger},
    report::{Broken, Happened, Outcome, Promise, Report},
    site::{Error, Site},
    story::Story,
};

/// The simulated time at which every trial begins: a Wednesday, 08:00 UTC.
const BEGIN: i64 = 1_799_827_200;
/// The longest time after the end in which everything has to be handed back.
const AFTERWARDS: Duration = Duration::from_secs(6 * 3600);
/// The number of things that happened which are listed.
const MAX_STORY: usize = 500;

/// The settings of a trial.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The simulated time.
    pub lasts: Duration,
    /// The seed of everything that goes wrong.
    pub seed: u64,
    /// The mean time between failures of utility feeds; cooling units fail a little less often.
    pub trouble: Duration,
    /// The interval between steps of the physics and of the engine.
    pub step: Duration,
    /// The interval at which devices are read.
    pub poll: Duration,
    /// The deaths of the engine.
    pub kills: Kills,
    /// The gate of the ledger.
    pub gate: Gate,
}

/// The deaths of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kills {
    /// It lives.
    Never,
    /// It dies between any two steps.
    EachStep,
    /// It dies in the middle of one step of so many, or right after it.
    OneIn(u32),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(48 * 3600),
            seed: 1,
            trouble: Duration::from_secs(6 * 3600),
            step: Duration::from_secs(5),
            poll: Duration::from_secs(10),
            kills: Kills::Never,
            gate: Gate::On,
        }
    }
}

/// Tries policies within envelopes in a room.
///
/// # Errors
/// The room or a policy has a mistake, or a policy has nothing to do with the room.
pub fn run(
    blueprint: &Blueprint,
    policies: &[Policy],
    envelopes: &[Envelope],
    config: Config,
) -> Result<Report, Error> {
    let mut trial = Trial::new(blueprint, policies, envelopes, config)?;
    trial.run();
    let mut alone = Trial::new(blueprint, &[], &[], config)?;
    alone.run();
    Ok(trial.report(alone.outcome))
}

/// A trial under way.
pub(crate) struct Trial {
    config: Config,
    pub room: Room,
    site: Site,
    pub engine: Engine,
    pub ledger: Ledger,
    envelopes: Vec<InForce>,
    pub story: Story,
    pub outcome: Outcome,
    now: Duration,
    polled: Option<Duration>,
    steps: u64,
}

impl Trial {
    pub fn new(
        blueprint: &Blueprint,
        policies: &[Policy],
        envelopes: &[Envelope],
        config: Config,
    ) -> Result<Self, Error> {
        let room = Room::build(blueprint)?;
        let site = Site::of(&room)?;
        let mut compiled = Vec::new();
        for policy in policies {
            compiled.push(Compiled::new(policy.clone()).map_err(|wrong| {
                let wrong = wrong
                    .iter()
                    .map(|one| format!("{}: {}", one.field, one.message));
                Error::Policy(
                    policy.name.to_string(),
                    wrong.collect::<Vec<_>>().join("; "),
                )
            })?);
        }
        let of_site = envelopes.iter().map(InForce::from);
        let in_force: Vec<InForce> = of_site.chain(policies.iter().map(InForce::from)).collect();
        Ok(Self {
            engine: Engine::new(&compiled, &site, &room)?,
            ledger: Ledger::new(in_force.clone(), config.gate),
            envelopes: in_force,
            story: Story::draw(&room, config.seed, config.trouble, config.lasts),
            outcome: Outcome {
                inlet_min: f64::INFINITY,
                ..Outcome::default()
            },
            now: Duration::ZERO,
            polled: None,
            steps: 0,
            config,
            room,
            site,
        })
    }

    pub fn run(&mut self) {
        while self.now < self.config.lasts {
            self.step();
        }
        self.story.end(&mut self.room, self.now);
        self.engine.end();
        let end = self.now + AFTERWARDS;
        while self.now < end && !(self.story.is_calm() && self.is_handed_back()) {
            self.step();
        }
        let breakers = self.room.breakers();
        self.outcome.trips = breakers.map(|(_, breaker)| breaker.trips).sum();
    }

    fn is_handed_back(&self) -> bool {
        self.engine
            .left()
            .iter()
            .all(|(_, is_for_a_person)| *is_for_a_person)
    }

    fn step(&mut self) {
        let step = self.config.step;
        self.now += step;
        self.steps += 1;
        self.room.advance(step);
        self.story.advance(&mut self.room, self.now);
        let wall = wall(self.now);
        let is_due = |polled: Duration| self.now.saturating_sub(polled) >= self.config.poll;
        if self.polled.is_none_or(is_due) {
            self.engine.poll(&self.room, wall);
            self.polled = Some(self.now);
        }
        let polled = self.polled.unwrap_or(self.now);
        let times = (self.now, polled);
        self.ledger.advance(&self.site, &mut self.room, times, wall);
        let (kills, seed, steps) = (self.config.kills, self.config.seed, self.steps);
        let mut asked = 0;
        let killed = || {
            asked += 1;
            killed(kills, draw(seed, "kill", steps * 1000 + asked))
        };
        let place = (&mut self.ledger, &self.site, &self.room);
        self.engine.step(place, (self.now, wall), killed);
        self.measure(step);
    }

    /// Adds a step to what happened: what comes after the end is no part of it.
    fn measure(&mut self, step: Duration) {
        if self.now > self.config.lasts {
            return;
        }
        let hours = step.as_secs_f64() / 3600.0;
        for rack in &self.room.racks {
            self.outcome.inlet_min = self.outcome.inlet_min.min(rack.inlet.0);
            self.outcome.inlet_max = self.outcome.inlet_max.max(rack.inlet.0);
        }
        self.outcome.dark_hours += f64::from(self.room.dark()) * hours;
        let units = self.room.cooling.iter();
        self.outcome.cooling_kwh += units.map(|unit| unit.power().0).sum::<f64>() * hours / 1e3;
    }

    pub fn report(&self, without: Outcome) -> Report {
        let counts = &self.engine.counts;
        let mut broken = audit(&self.ledger.received, &self.envelopes, &self.site);
        let (for_a_person, left): (Vec<_>, Vec<_>) = self
            .engine
            .left()
            .into_iter()
            .partition(|(_, is_for_a_person)| *is_for_a_person);
        for (key, _) in left {
            let what = format!("{key} is not handed back");
            broken.push(Broken::new(self.now, Promise::HandedBack, what));
        }
        let mut story: Vec<&(Duration, String)> =
            self.story.told.iter().chain(&counts.told).collect();
        story.sort_by_key(|(at, _)| *at);
        Report {
            room: self.room.name.clone(),
            seed: self.config.seed,
            hours: self.config.lasts.as_secs_f64() / 3600.0,
            with: self.outcome,
            without,
            decisions: counts.decisions,
            blind: counts.blind,
            acts: counts.acts,
            backs: counts.backs,
            held_back: u64::try_from(self.ledger.held_back.len()).unwrap_or(u64::MAX),
            refused: self.ledger.refused,
            kills: counts.kills,
            stops: counts
                .stops
                .iter()
                .map(|(name, why)| format!("{name}: {why}"))
                .collect(),
            for_a_person: for_a_person.into_iter().map(|(key, _)| key).collect(),
            impossible: counts.impossible.clone(),
            broken,
            story: story
                .into_iter()
                .take(MAX_STORY)
                .map(|(at, what)| Happened {
                    at: at.as_secs_f64(),
                    what: what.clone(),
                })
                .collect(),
        }
    }
}

/// Returns the wall clock of a simulated time.
fn wall(now: Duration) -> Timestamp {
    let begin = Timestamp::from_second(BEGIN).unwrap_or(Timestamp::UNIX_EPOCH);
    begin.checked_add(now).unwrap_or(Timestamp::MAX)
}

fn killed(kills: Kills, bits: u64) -> Killed {
    match kills {
        Kills::Never => Killed::No,
        Kills::EachStep => Killed::AfterIt,
        Kills::OneIn(steps) if unit(bits) * f64::from(steps) < 1.0 => match bits % 2 {
            0 => Killed::BeforeItIsRecorded,
            _ => Killed::AfterIt,
        },
        Kills::OneIn(_) => Killed::No,
    }
}
