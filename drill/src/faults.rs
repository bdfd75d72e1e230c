//! The faults that a drill builds into the processes that it starts.

use std::sync::Arc;

use clap::Args;
use utakata_interconnect_conformance::faulty::{self, FaultyEvents, FaultyTasks};
use utakata_up::{Alteration, Links, Usage};

/// The faults of one process.
#[derive(Debug, Args)]
pub struct Faults {
    /// Faults of messages, made on purpose
    #[arg(long, value_name = "FAULT=CHANCE,...")]
    faults: Option<faulty::Faults>,
    /// The seed of the faults
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Attempts begin without permits, to show that tasks done twice are found
    #[arg(long)]
    without_permits: bool,
    /// The ledger asks no envelope, to show that acts outside of one are found
    #[arg(long)]
    without_envelopes: bool,
}

/// Refuses faults that there are not.
///
/// # Errors
/// The mistake of whoever typed them.
pub fn check(faults: &str) -> Result<(), Usage> {
    let parsed: Result<faulty::Faults, _> = faults.parse();
    parsed
        .map(|_| ())
        .map_err(|error| Usage(format!("--faults: {error}")))
}

impl Alteration for Faults {
    fn execution(&self, config: &mut utakata_execution::Config) {
        config.without_permits = self.without_permits;
    }

    fn logic(&self, config: &mut utakata_logic::Config) {
        config.control.without_envelopes = self.without_envelopes;
    }

    fn links(&self, links: Links) -> Links {
        let Some(faults) = self.faults.clone() else {
            return links;
        };
        let faults = faulty::Faults {
            seed: self.seed,
            ..faults
        };
        Links {
            tasks: Arc::new(FaultyTasks::new(links.tasks, faults.clone())),
            events: Arc::new(FaultyEvents::new(links.events, faults)),
            ..links
        }
    }
}
