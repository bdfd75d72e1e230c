//! An outlet: a relay, its load, and the number of commands.
//!
//! ```text
//!        Off            Cycle (from on or off)
//!  on ───────► off   ───────────────────────► off ──(cycle delay)──► on
//!     ◄───────
//!        On             On, Off and Cancel end a cycle in progress
//! ```

use std::time::Duration;

use serde::Serialize;

use crate::units::{WattHours, Watts};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Close the relay.
    On,
    /// Open the relay.
    Off,
    /// Open the relay, and close it after the cycle delay.
    Cycle,
    /// Forget pending commands.
    Cancel,
}

#[derive(Debug, Clone)]
pub struct Outlet {
    /// The name given by its users.
    pub name: String,
    /// The time that it stays off in a cycle.
    pub cycle_delay: Duration,
    /// The power it carries now.
    pub power: Watts,
    /// The highest power that it has carried.
    pub peak: Watts,
    /// The energy it has delivered.
    pub energy: WattHours,
    /// The number of commands carried out.
    pub commands: u64,
    pub last_command: Option<Command>,
    on: bool,
    on_again: Option<Duration>,
}

impl Outlet {
    /// Creates an outlet that is on.
    pub fn new(name: String, cycle_delay: Duration) -> Self {
        Self {
            name,
            cycle_delay,
            power: Watts(0.0),
            peak: Watts(0.0),
            energy: WattHours(0.0),
            commands: 0,
            last_command: None,
            on: true,
            on_again: None,
        }
    }

    /// Returns true if the relay is closed.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Returns true if a cycle is in progress.
    pub fn is_pending(&self) -> bool {
        self.on_again.is_some()
    }

    /// Carries out `command` at `clock`.
    pub fn order(&mut self, command: Command, clock: Duration) {
        self.commands += 1;
        self.last_command = Some(command);
        self.on_again = (command == Command::Cycle).then(|| clock + self.cycle_delay);
        self.on = match command {
            Command::On => true,
            Command::Off | Command::Cycle => false,
            Command::Cancel => self.on,
        };
    }

    /// Carries out what is due at `clock`.
    pub fn advance(&mut self, clock: Duration) {
        if self.on_again.is_some_and(|due| due <= clock) {
            self.on_again = None;
            self.on = true;
        }
    }

    /// Meters the energy delivered during `step`.
    pub fn meter(&mut self, step: Duration) {
        self.energy += self.power.over(step);
        if self.power > self.peak {
            self.peak = self.power;
        }
    }
}
