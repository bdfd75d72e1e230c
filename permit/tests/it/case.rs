//! A case to explore: an action, the times of the site, and the faults that may happen.

use std::time::Duration;

use utakata_model::manifest::{Proves, Repeat};
use utakata_permit::{
    asks::Times,
    life::{ReadBack, Rule},
};

use super::{
    mutant::Mutant,
    world::{Faults, STEP},
};

/// A case to explore.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub rule: Rule,
    pub times: Times,
    /// The number of tasks of the one target.
    pub tasks: usize,
    pub environments: usize,
    pub faults: Faults,
    /// The number of steps after which time stands still.
    pub horizon: u32,
    /// The number of steps after which nothing is permitted.
    pub expires: u32,
    /// The timeout of the worker, in steps.
    pub timeout: u32,
    /// The device does whatever it reports as done.
    pub is_truthful: bool,
    /// An environment may be declared gone, rightly or wrongly.
    pub may_seem_gone: bool,
    /// An environment may refuse a delivery, give up asking, and report that a permit was too late.
    pub is_choosy: bool,
    /// The ledger looks at the clock whenever something is due, and publishes at once.
    pub is_punctual: bool,
    /// Outcomes are repeated until the environment learns that they are recorded; otherwise for
    /// ever.
    pub is_recorded: bool,
    /// All tasks ask for the same, so that the device shows the work of one as that of another that
    /// was permitted before.
    pub is_alike: bool,
    /// The fault that is built in on purpose.
    pub mutant: Option<Mutant>,
}

impl Case {
    /// Returns a case with no particular faults.
    pub fn new(name: &'static str, repeat: Repeat, proves: Option<Proves>) -> Self {
        let (window, timeout, end) = (STEP, STEP, STEP);
        let rule = Rule {
            repeat,
            read_back: proves.map(|proves| ReadBack {
                proves,
                within: STEP,
                grace: Duration::ZERO,
                is_through: false,
            }),
            window,
            acts_for: window + timeout + end,
            settling: STEP,
            read_back_within: STEP,
            late_within: STEP * 2,
            late_every: STEP,
            publish_again: STEP * 2,
            max_attempts: 2,
        };
        Self {
            name,
            rule,
            // Every message may be delivered again anyway: asks need not be repeated.
            times: Times {
                repeat_after: STEP * 2,
                void_after: STEP * 2,
            },
            tasks: 1,
            environments: 2,
            faults: Faults {
                ledger_crashes: 0,
                environment_crashes: 0,
                deliveries: 2,
                cancels: 0,
                recalls: 0,
                stalls: 0,
                stops: 0,
                people: 0,
            },
            horizon: 6,
            expires: 5,
            timeout: 1,
            is_truthful: true,
            may_seem_gone: false,
            is_choosy: false,
            is_punctual: false,
            is_recorded: false,
            is_alike: false,
            mutant: None,
        }
    }

    pub fn once(name: &'static str, proves: Option<Proves>) -> Self {
        Self::new(name, Repeat::Once, proves)
    }

    pub fn repeatable(name: &'static str, proves: Option<Proves>) -> Self {
        Self::new(name, Repeat::Repeatable, proves)
    }

    pub fn crashes(mut self, ledger: u8, environments: u8) -> Self {
        self.faults.ledger_crashes = ledger;
        self.faults.environment_crashes = environments;
        self
    }

    pub fn deliveries(mut self, deliveries: u8) -> Self {
        self.faults.deliveries = deliveries;
        self
    }

    pub fn second_thoughts(mut self) -> Self {
        self.faults.cancels = 1;
        self.faults.recalls = 1;
        self
    }

    /// Lets workers stall that many times, where no look at a clock helps any more.
    pub fn stalling(mut self, stalls: u8) -> Self {
        self.faults.stalls = stalls;
        self
    }

    /// Lets the clocks of hosts stand still for that many steps.
    pub fn stopping(mut self, stops: u8) -> Self {
        self.faults.stops = stops;
        self
    }

    pub fn until(mut self, expires: u32, horizon: u32) -> Self {
        self.expires = expires;
        self.horizon = horizon;
        self
    }

    /// Makes permits good for that many steps.
    pub fn window(mut self, steps: u32) -> Self {
        self.rule.acts_for = self.rule.acts_for - self.rule.window + STEP * steps;
        self.rule.window = STEP * steps;
        self.times.void_after = self.rule.window;
        self
    }

    pub fn tasks(mut self, tasks: usize) -> Self {
        self.tasks = tasks;
        self
    }

    pub fn lying(mut self) -> Self {
        self.is_truthful = false;
        self
    }

    /// Makes the device go through another state and back to its own.
    pub fn passing_through(mut self) -> Self {
        if let Some(read_back) = &mut self.rule.read_back {
            read_back.is_through = true;
            read_back.grace = STEP;
        }
        self
    }

    pub fn is_through(&self) -> bool {
        self.rule.is_through()
    }

    pub fn seeming_gone(mut self) -> Self {
        self.may_seem_gone = true;
        self
    }

    pub fn choosy(mut self) -> Self {
        self.is_choosy = true;
        self
    }

    pub fn asking_again(mut self) -> Self {
        self.times.repeat_after = STEP;
        self
    }

    pub fn punctual(mut self) -> Self {
        self.is_punctual = true;
        self
    }

    /// Makes the device act and show its effects late, by up to that many steps.
    pub fn settling(mut self, steps: u32) -> Self {
        self.rule.settling = STEP * steps;
        self
    }

    pub fn recorded(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// Lets a person settle what may be settled, that many times.
    pub fn people(mut self, people: u8) -> Self {
        self.faults.people = people;
        self
    }

    pub fn alike(mut self) -> Self {
        self.is_alike = true;
        self
    }

    pub fn one_environment(mut self) -> Self {
        self.environments = 1;
        self
    }

    pub fn broken(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn proves(&self) -> Option<Proves> {
        self.rule.read_back.map(|read_back| read_back.proves)
    }
}
