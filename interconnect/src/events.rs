//! Events: messages published for whoever wants them.

pub mod bus;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utakata_model::{
    Class, Desired, EnvironmentId, EnvironmentStatus, Notification, Readings, TargetName, Zone,
};
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

use crate::{
    Error,
    message::{
        alarm::AlarmNews,
        content::{ContentReply, FetchBatch},
        notification::{DatagramBatch, ReplyBatch},
        outcome::OutcomeBatch,
    },
};

/// The publishing and the subscribing side of events.
#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// Publishes events in this order. When it returns, every subscriber of this process has those
    /// that are not expendable. It may wait for a slow subscriber, but never for one that only
    /// wants expendable events.
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error>;

    /// Begins to follow. The latest status of each environment and the latest desired state of each
    /// zone come first, if they are of interest; everything else arrives as it is published from
    /// now on.
    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error>;
}

/// A subscriber's stream of events.
#[async_trait]
pub trait Subscription: Send {
    /// Waits until there is something, then returns everything, oldest first. Cancel safe.
    async fn next(&mut self) -> Result<Vec<Event>, Error>;

    /// Returns the number of expendable events dropped since the last call, because they were not
    /// fetched fast enough.
    fn missed(&mut self) -> u64;
}

/// A published event. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Event {
    Readings(Arc<Readings>),
    Outcomes(Arc<OutcomeBatch>),
    Environment(Arc<EnvironmentStatus>),
    /// The desired state of the environments of a zone.
    Desired(Arc<Desired>),
    /// A target was deleted: its retained messages are removed.
    Deleted(TargetName),
    /// An environment is gone for good: its retained messages are removed.
    Forgotten(EnvironmentId),
    /// An environment asks whether it may begin attempts at control.
    Start(Arc<StartBatch>),
    /// The answers to an environment's asks.
    Permits(Arc<PermitBatch>),
    /// Records of control outcomes, for the environment that published them.
    Recorded(Arc<RecordedBatch>),
    /// An environment requests the content of releases.
    Fetch(Arc<FetchBatch>),
    /// The answer to an environment's request for content.
    Content(Arc<ContentReply>),
    /// An environment received datagrams that devices sent unasked.
    Datagrams(Arc<DatagramBatch>),
    /// The replies to an environment's datagrams.
    Replies(Arc<ReplyBatch>),
    /// A device said something unasked, and it is kept.
    Notification(Arc<Notification>),
    /// Alarms have changed.
    Alarms(Arc<AlarmNews>),
}

impl Event {
    /// Returns true if it may be dropped under load: readings, outcomes of observation only,
    /// content of releases, which is requested again, and messages of devices, which repeat what
    /// must not be lost until it is acknowledged.
    pub fn is_expendable(&self) -> bool {
        match self {
            Self::Readings(_) | Self::Fetch(_) | Self::Content(_) => true,
            Self::Datagrams(_) | Self::Replies(_) | Self::Notification(_) => true,
            Self::Outcomes(batch) => batch.outcomes.iter().all(|o| o.class == Class::Observe),
            Self::Environment(_) | Self::Desired(_) | Self::Deleted(_) => false,
            Self::Forgotten(_) | Self::Alarms(_) => false,
            Self::Start(_) | Self::Permits(_) | Self::Recorded(_) => false,
        }
    }

    /// Returns its weight in bounded queues: each value read, each outcome, each ask and answer
    /// counts one, and so does everything else.
    pub fn weight(&self) -> usize {
        match self {
            Self::Readings(seen) => seen.readings.len().max(1),
            Self::Outcomes(batch) => batch.outcomes.len().max(1),
            Self::Start(batch) => batch.asks.len().max(1),
            Self::Permits(batch) => batch.answers.len().max(1),
            Self::Recorded(batch) => batch.attempts.len().max(1),
            Self::Fetch(batch) => batch.wants.len().max(1),
            Self::Datagrams(batch) => batch.datagrams.len().max(1),
            Self::Replies(batch) => batch.replies.len().max(1),
            Self::Notification(_) => 1,
            Self::Alarms(news) => news.changes.len().max(1),
            Self::Environment(_) | Self::Desired(_) | Self::Deleted(_) => 1,
            Self::Forgotten(_) | Self::Content(_) => 1,
        }
    }
}

/// The events that a subscriber is interested in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    /// Readings, and deletions of targets.
    pub readings: bool,
    /// True for outcomes.
    pub outcomes: bool,
    /// True for statuses of environments.
    pub environments: bool,
    /// Notifications of devices.
    #[serde(default)]
    pub notifications: bool,
    /// Requests for permits and for content of releases, and datagrams of devices: for the logic
    /// environment.
    pub starts: bool,
    /// Permits, records, content and replies for this environment, and for no other.
    pub answers: Option<EnvironmentId>,
    /// The desired state of the environments of these zones.
    #[serde(default)]
    pub desired: Zones,
    /// True for changes of alarms.
    #[serde(default)]
    pub alarms: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zones {
    #[default]
    None,
    /// This zone and no other.
    One(Zone),
    All,
}

impl Zones {
    /// Returns true if this zone is one of them.
    pub fn include(&self, zone: &Zone) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == zone,
            Self::All => true,
        }
    }
}

impl Interest {
    /// No events at all.
    pub const NONE: Self = Self {
        readings: false,
        outcomes: false,
        environments: false,
        notifications: false,
        starts: false,
        answers: None,
        desired: Zones::None,
        alarms: false,
    };
    /// Everything that anybody may follow, without the messages between components.
    pub const ALL: Self = Self {
        readings: true,
        outcomes: true,
        environments: true,
        notifications: true,
        desired: Zones::All,
        alarms: true,
        ..Self::NONE
    };

    /// Returns true if it includes this event.
    pub fn includes(&self, event: &Event) -> bool {
        match event {
            Event::Readings(_) | Event::Deleted(_) => self.readings,
            Event::Outcomes(_) => self.outcomes,
            Event::Environment(_) | Event::Forgotten(_) => self.environments,
            Event::Desired(desired) => self.desired.include(&desired.zone),
            Event::Start(_) | Event::Fetch(_) | Event::Datagrams(_) => self.starts,
            Event::Notification(_) => self.notifications,
            Event::Replies(batch) => self.answers.as_ref() == Some(&batch.environment),
            Event::Alarms(_) => self.alarms,
            Event::Permits(batch) => self.answers.as_ref() == Some(&batch.environment),
            Event::Recorded(batch) => self.answers.as_ref() == Some(&batch.environment),
            Event::Content(got) => self.answers.as_ref() == Some(&got.environment),
        }
    }
}
