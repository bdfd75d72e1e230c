//! Events: what is published for whoever wants it.

pub mod bus;

use std::sync::Arc;

use async_trait::async_trait;
use utakata_model::{Class, EnvironmentStatus, Kind, Outcome, Readings, TargetName, Zone};

use crate::Error;

/// The publishing and the subscribing side of events.
#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// Publishes, in this order. When it returns, every subscriber of this process has what is
    /// not expendable. It may wait for a slow subscriber, but never for one that only wants
    /// what is expendable.
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error>;

    /// Begins to follow. The last status of each environment comes first; everything else
    /// comes as it is published from now on.
    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error>;
}

/// One who follows.
#[async_trait]
pub trait Subscription: Send {
    /// Waits until there is something, then gives all that there is, oldest first. Cancel safe.
    async fn next(&mut self) -> Result<Vec<Event>, Error>;

    /// How many expendable events were dropped since it was last asked, because they were not
    /// fetched fast enough.
    fn missed(&mut self) -> u64;
}

/// What is published. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Event {
    /// What an attempt saw.
    Readings(Arc<Readings>),
    /// How attempts ended.
    Outcomes(Arc<OutcomeBatch>),
    /// How an environment is.
    Environment(Arc<EnvironmentStatus>),
    /// A target is no more: what is retained of it goes.
    Deleted(TargetName),
}

impl Event {
    /// Whether it may be dropped under load: readings, and outcomes of observation alone.
    pub fn is_expendable(&self) -> bool {
        match self {
            Self::Readings(_) => true,
            Self::Outcomes(batch) => batch.outcomes.iter().all(|o| o.class == Class::Observe),
            Self::Environment(_) | Self::Deleted(_) => false,
        }
    }
}

/// Outcomes that were published together.
#[derive(Debug, Clone)]
pub struct OutcomeBatch {
    /// The zone of the environment.
    pub zone: Zone,
    /// The kind of the targets.
    pub kind: Kind,
    /// The outcomes, in the order in which they were seen.
    pub outcomes: Vec<Outcome>,
}

/// What a subscriber wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Readings, and that a target is no more.
    pub readings: bool,
    /// Outcomes.
    pub outcomes: bool,
    /// Statuses of environments.
    pub environments: bool,
}

impl Interest {
    /// Everything.
    pub const ALL: Self = Self {
        readings: true,
        outcomes: true,
        environments: true,
    };

    /// Whether it includes this event.
    pub fn includes(self, event: &Event) -> bool {
        match event {
            Event::Readings(_) | Event::Deleted(_) => self.readings,
            Event::Outcomes(_) => self.outcomes,
            Event::Environment(_) => self.environments,
        }
    }
}
