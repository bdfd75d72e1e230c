//! Messages between a hub and its clients. Tasks and events keep their wire form.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utakata_model::{Kind, TaskKey, Zone};

use crate::{
    Error, Event, Interest, Refusal,
    clock::Clock,
    message::{self, Message, status::Forgotten, target::Deleted},
};

/// The version of these messages. The tasks and events inside have versions of their own.
pub(super) const VERSION: u64 = 1;
/// The most requests of one client waiting for an answer, besides those that wait for tasks and
/// events.
pub(super) const MAX_REQUESTS: usize = 64;
/// The most consumers and subscriptions of one client.
pub(super) const MAX_OPEN: usize = 1_024;
/// The most tasks in one message.
pub(super) const MAX_TASKS: usize = 1_000;
/// The size of the events that go into one message, in bytes; a single event may be larger.
pub(super) const EVENTS_BYTES: usize = 1024 * 1024;

/// The first message of a client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The version that the client speaks; the field's name distinguishes an old client from
    /// something that is not a client at all.
    #[serde(rename = "utakata-hub")]
    pub(super) version: u64,
    /// The process identifier, for the log.
    pub(super) pid: u32,
}

/// The hub's answer to the hello.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Welcome {
    /// The client is welcome.
    Welcome {
        /// The version that both sides speak.
        version: u64,
    },
    /// The client is refused, and the connection is closed.
    Refused {
        /// The reason, in a sentence.
        reason: String,
    },
}

/// A request of a client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// Unique among the requests of a connection.
    pub(super) id: u64,
    pub(super) ask: Ask,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    /// Asks for an answer, so that each side knows that the other is alive.
    Ping,
    PublishTasks(Box<RawValue>),
    PublishEvents(Vec<Published>),
    /// Starts fetching; the client names what it opens by a number of its own.
    Consume {
        open: u64,
        zone: Zone,
        kind: Kind,
    },
    Fetch {
        open: u64,
        max: usize,
    },
    Acknowledge {
        open: u64,
        tags: Vec<u64>,
    },
    GiveBack {
        open: u64,
        tags: Vec<u64>,
    },
    /// Subscribe to events.
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
    /// The client goes and will come back: nothing is announced of its environments when it has
    /// gone.
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
    /// The request failed; the reason in a sentence. Trying again may help.
    Failed(String),
    /// The tasks were published, except these.
    Published(Vec<Refused>),
    Fetched(Fetched),
    Events {
        events: Vec<Published>,
        /// The number of events dropped since the last answer.
        missed: u64,
    },
}

impl Answer {
    pub(super) fn failed(error: &Error) -> Self {
        Self::Failed(error.to_string())
    }

    pub(super) fn of(done: Result<(), Error>) -> Self {
        match done {
            Ok(()) => Self::Done,
            Err(error) => Self::failed(&error),
        }
    }
}

/// A task that was refused, and the reason.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    #[serde(flatten)]
    key: TaskKey,
    reason: String,
}

/// Tasks for a consumer, each with a label.
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

/// An event in its wire form.
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
    Datagrams(Box<RawValue>),
    Replies(Box<RawValue>),
    Notification(Box<RawValue>),
    Alarms(Box<RawValue>),
}

impl Published {
    pub(super) fn of(event: &Event) -> Result<Self, message::Error> {
        Ok(match event {
            Event::Readings(readings) => Self::Readings(written(&**readings)?),
            Event::Outcomes(batch) => Self::Outcomes(written(&**batch)?),
            Event::Environment(status) => Self::Environment(written(&**status)?),
            Event::Desired(desired) => Self::Desired(written(&**desired)?),
            Event::Deleted(target) => {
                let target = target.clone();
                Self::Deleted(written(&Deleted { target })?)
            }
            Event::Forgotten(id) => {
                let environment = id.clone();
                Self::Forgotten(written(&Forgotten { environment })?)
            }
            Event::Start(batch) => Self::Start(written(&**batch)?),
            Event::Permits(batch) => Self::Permits(written(&**batch)?),
            Event::Recorded(batch) => Self::Recorded(written(&**batch)?),
            Event::Fetch(batch) => Self::Fetch(written(&**batch)?),
            Event::Content(got) => Self::Content(written(&**got)?),
            Event::Datagrams(batch) => Self::Datagrams(written(&**batch)?),
            Event::Replies(batch) => Self::Replies(written(&**batch)?),
            Event::Notification(one) => Self::Notification(written(&**one)?),
            Event::Alarms(news) => Self::Alarms(written(&**news)?),
        })
    }

    pub(super) fn event(&self) -> Result<Event, message::Error> {
        Ok(match self {
            Self::Readings(raw) => Event::Readings(Arc::new(read(raw)?)),
            Self::Outcomes(raw) => Event::Outcomes(Arc::new(read(raw)?)),
            Self::Environment(raw) => Event::Environment(Arc::new(read(raw)?)),
            Self::Desired(raw) => Event::Desired(Arc::new(read(raw)?)),
            Self::Deleted(raw) => Event::Deleted(read::<Deleted>(raw)?.target),
            Self::Forgotten(raw) => Event::Forgotten(read::<Forgotten>(raw)?.environment),
            Self::Start(raw) => Event::Start(Arc::new(read(raw)?)),
            Self::Permits(raw) => Event::Permits(Arc::new(read(raw)?)),
            Self::Recorded(raw) => Event::Recorded(Arc::new(read(raw)?)),
            Self::Fetch(raw) => Event::Fetch(Arc::new(read(raw)?)),
            Self::Content(raw) => Event::Content(Arc::new(read(raw)?)),
            Self::Datagrams(raw) => Event::Datagrams(Arc::new(read(raw)?)),
            Self::Replies(raw) => Event::Replies(Arc::new(read(raw)?)),
            Self::Notification(raw) => Event::Notification(Arc::new(read(raw)?)),
            Self::Alarms(raw) => Event::Alarms(Arc::new(read(raw)?)),
        })
    }

    fn payload(&self) -> &str {
        match self {
            Self::Readings(raw) | Self::Outcomes(raw) | Self::Environment(raw) => raw.get(),
            Self::Desired(raw) | Self::Deleted(raw) | Self::Start(raw) => raw.get(),
            Self::Permits(raw) | Self::Recorded(raw) | Self::Forgotten(raw) => raw.get(),
            Self::Fetch(raw) | Self::Content(raw) | Self::Datagrams(raw) => raw.get(),
            Self::Replies(raw) | Self::Notification(raw) | Self::Alarms(raw) => raw.get(),
        }
    }
}

/// Takes from the front as much as fits into one message: at least one item, if there is any.
pub(super) fn one_message(
    events: &mut std::iter::Peekable<impl Iterator<Item = Event>>,
) -> Result<Vec<Published>, message::Error> {
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

/// Embeds a wire message in a message of the hub.
pub(super) fn written<M: Message>(message: &M) -> Result<Box<RawValue>, message::Error> {
    let payload = message.encode_stamped(&Clock::default())?;
    let unwritten = |problem: String| message::Error::Write {
        what: "message for the hub",
        problem,
    };
    let text = String::from_utf8(payload).map_err(|error| unwritten(error.to_string()))?;
    RawValue::from_string(text).map_err(|error| unwritten(error.to_string()))
}

/// Reads a wire message embedded in a message of the hub.
pub(super) fn read<M: Message>(raw: &RawValue) -> Result<M, message::Error> {
    M::decode_stamped(raw.get().as_bytes(), &Clock::default())
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
