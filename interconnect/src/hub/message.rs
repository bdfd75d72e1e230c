//! What a hub and its clients say to each other. Tasks and events have the forms of the wire.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utakata_model::{Kind, TaskKey, Zone};

use crate::{
    Event, Interest, Refusal,
    clock::Clock,
    wire::{self, timed},
};

/// The version of these messages. The tasks and events in them have versions of their own.
pub(super) const VERSION: u64 = 1;
/// The most requests of one client that wait for an answer, besides those that wait for tasks
/// and events.
pub(super) const REQUESTS_MOST: usize = 64;
/// The most consumers and subscriptions of one client.
pub(super) const OPEN_MOST: usize = 1_024;
/// The most tasks in one message.
pub(super) const TASKS_MOST: usize = 1_000;
/// So many bytes of events go into one message; a single one may be larger.
pub(super) const EVENTS_BYTES: usize = 1024 * 1024;

/// What a client says first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The version that it speaks; named so that whoever is no client is told from an old one.
    #[serde(rename = "utakata-hub")]
    pub(super) version: u64,
    /// The process, for the log.
    pub(super) pid: u32,
}

/// What the hub says to that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Welcome {
    /// Go on.
    Welcome {
        /// The version that both speak.
        version: u64,
    },
    /// No; it hangs up.
    Refused {
        /// Why, in a sentence.
        reason: String,
    },
}

/// A client asks for something.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// Another one for each request of a connection.
    pub(super) id: u64,
    pub(super) ask: Ask,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    /// Whether anybody is there.
    Ping,
    PublishTasks(Box<RawValue>),
    PublishEvents(Vec<Published>),
    /// Begins to fetch; what is opened is named by a number of the client's.
    Consume {
        open: u64,
        zone: Zone,
        kind: Kind,
    },
    Fetch {
        open: u64,
        most: usize,
    },
    Acknowledge {
        open: u64,
        tags: Vec<u64>,
    },
    GiveBack {
        open: u64,
        tags: Vec<u64>,
    },
    /// Begins to follow.
    Subscribe {
        open: u64,
        interest: Interest,
    },
    Next {
        open: u64,
    },
    /// Drops a consumer or a subscription. There is no answer.
    Leave {
        open: u64,
    },
    /// It goes and comes back: when it has gone, nothing is said of its environments.
    StepAside,
}

/// The hub's answer to a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) answer: Answer,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Done,
    /// It could not be done now; the reason in a sentence.
    Failed(String),
    /// Tasks were published, but for these.
    Published(Vec<Refused>),
    Fetched(Fetched),
    Events {
        events: Vec<Published>,
        /// How many were dropped since the last answer.
        missed: u64,
    },
}

/// Why a task was not taken.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    #[serde(flatten)]
    key: TaskKey,
    reason: String,
}

/// Tasks for a consumer, with a label each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fetched {
    pub(super) labels: Vec<Label>,
    pub(super) tasks: Box<RawValue>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) tag: u64,
    pub(super) redelivered: bool,
}

/// An event in its form on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Published {
    Readings(Box<RawValue>),
    Outcomes(Box<RawValue>),
    Environment(Box<RawValue>),
    Desired(Box<RawValue>),
    Deleted(Box<RawValue>),
    Forgotten(Box<RawValue>),
    Start(Box<RawValue>),
    Permits(Box<RawValue>),
    Recorded(Box<RawValue>),
    Fetch(Box<RawValue>),
    Content(Box<RawValue>),
}

impl Published {
    pub(super) fn of(event: &Event) -> Result<Self, wire::Error> {
        let clock = &Clock::default();
        Ok(match event {
            Event::Readings(seen) => Self::Readings(raw(timed::encode_readings(seen, clock)?)?),
            Event::Outcomes(batch) => Self::Outcomes(raw(timed::encode_outcomes(batch, clock)?)?),
            Event::Environment(status) => {
                Self::Environment(raw(timed::encode_environment(status, clock)?)?)
            }
            Event::Desired(desired) => Self::Desired(raw(wire::encode_desired(desired)?)?),
            Event::Deleted(target) => Self::Deleted(raw(wire::encode_deleted(target)?)?),
            Event::Forgotten(id) => Self::Forgotten(raw(wire::encode_forgotten(id)?)?),
            Event::Start(batch) => Self::Start(raw(wire::encode_start(batch)?)?),
            Event::Permits(batch) => Self::Permits(raw(wire::encode_permits(batch)?)?),
            Event::Recorded(batch) => Self::Recorded(raw(wire::encode_recorded(batch)?)?),
            Event::Fetch(batch) => Self::Fetch(raw(wire::encode_fetch(batch)?)?),
            Event::Content(got) => Self::Content(raw(wire::encode_content(got)?)?),
        })
    }

    pub(super) fn event(&self) -> Result<Event, wire::Error> {
        let (payload, clock) = (self.payload().as_bytes(), &Clock::default());
        Ok(match self {
            Self::Readings(_) => Event::Readings(Arc::new(timed::decode_readings(payload, clock)?)),
            Self::Outcomes(_) => Event::Outcomes(Arc::new(timed::decode_outcomes(payload, clock)?)),
            Self::Environment(_) => {
                Event::Environment(Arc::new(timed::decode_environment(payload, clock, false)?))
            }
            Self::Desired(_) => Event::Desired(Arc::new(wire::decode_desired(payload)?)),
            Self::Deleted(_) => Event::Deleted(wire::decode_deleted(payload)?),
            Self::Forgotten(_) => Event::Forgotten(wire::decode_forgotten(payload)?),
            Self::Start(_) => Event::Start(Arc::new(wire::decode_start(payload)?)),
            Self::Permits(_) => Event::Permits(Arc::new(wire::decode_permits(payload)?)),
            Self::Recorded(_) => Event::Recorded(Arc::new(wire::decode_recorded(payload)?)),
            Self::Fetch(_) => Event::Fetch(Arc::new(wire::decode_fetch(payload)?)),
            Self::Content(_) => Event::Content(Arc::new(wire::decode_content(payload)?)),
        })
    }

    fn payload(&self) -> &str {
        match self {
            Self::Readings(raw) | Self::Outcomes(raw) | Self::Environment(raw) => raw.get(),
            Self::Desired(raw) | Self::Deleted(raw) | Self::Start(raw) => raw.get(),
            Self::Permits(raw) | Self::Recorded(raw) | Self::Forgotten(raw) => raw.get(),
            Self::Fetch(raw) | Self::Content(raw) => raw.get(),
        }
    }
}

/// Takes from the front what goes into one message: at least one, if there is any.
pub(super) fn one_message(
    events: &mut std::iter::Peekable<impl Iterator<Item = Event>>,
) -> Result<Vec<Published>, wire::Error> {
    let (mut message, mut bytes) = (Vec::new(), 0);
    while bytes < EVENTS_BYTES
        && let Some(event) = events.next()
    {
        let published = Published::of(&event)?;
        bytes += published.payload().len();
        message.push(published);
    }
    Ok(message)
}

/// What the wire has written, as part of a message.
pub(super) fn raw(payload: Vec<u8>) -> Result<Box<RawValue>, wire::Error> {
    let unwritten = |problem: String| wire::Error::Write {
        what: "message for the hub",
        problem,
    };
    let text = String::from_utf8(payload).map_err(|error| unwritten(error.to_string()))?;
    RawValue::from_string(text).map_err(|error| unwritten(error.to_string()))
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            key: refusal.key,
            reason: refusal.reason,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self {
            key: refused.key,
            reason: refused.reason,
        }
    }
}
