//! One target as one credential sees it: exchanges that adapt to it, and what is remembered of
//! it between tasks.

pub mod diagnose;
mod direct;
mod get;
mod message;
mod pace;
pub mod pool;
pub mod resolve;
mod set;
mod singles;
mod socket;
mod walk;

use std::{
    collections::HashMap,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use async_snmp::{
    Client, Error as SnmpError, ErrorKind, ErrorStatus, Oid, UdpHandle, Value, VarBind,
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::plan::Plan;
use direct::Direct;
use pace::Pace;
pub use set::Answered;
use singles::Habit;
pub use singles::Singles;
pub use walk::Walked;

/// How long a table that was not there is not asked for again.
const ABSENT: Duration = Duration::from_secs(300);
/// Values asked for in one message: at first, at least and at most.
const BATCH: (usize, usize, usize) = (60, 8, 100);

/// One target as one credential sees it.
pub struct Session {
    /// Where it answers.
    pub address: SocketAddr,
    reader: Client<UdpHandle>,
    writer: Option<Client<UdpHandle>>,
    /// For GETBULK by SNMPv2c.
    direct: Option<Direct>,
    pace: Mutex<Pace>,
    memory: Mutex<Memory>,
}

/// What is remembered of a target. All of it can be forgotten.
struct Memory {
    /// How many rows a column had.
    rows: HashMap<Oid, Remembered, foldhash::fast::RandomState>,
    /// Single values that do not come along with a walk.
    habits: HashMap<Oid, Habit, foldhash::fast::RandomState>,
    /// Whether a walk must not take single values along: the device refused it.
    singles_apart: bool,
    /// Values asked for in one message.
    batch: usize,
    /// Which plan fits the device, and until when that is believed.
    plan: Option<(Arc<Plan>, Clock)>,
    /// When it was last used.
    used: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    rows: usize,
    /// Not asked for until then, as it was not there.
    absent_until: Option<Clock>,
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer within the time there was.
    #[error("no answer")]
    Silent,
    /// The device said no.
    #[error("the device answered {status}")]
    Refused {
        /// What it said.
        status: ErrorStatus,
        /// About which object.
        oid: Option<Oid>,
        /// Its position in the request, from 1; 0 for none.
        index: usize,
    },
    /// The device does not accept the user.
    #[error("the device does not accept the credential")]
    Credential {
        /// What it said.
        #[source]
        source: Box<SnmpError>,
    },
    /// The device answers, but not as the protocol says.
    #[error("the device answers what is no SNMP: {problem}")]
    Garbage {
        /// What is wrong.
        problem: String,
    },
    /// The device says that a SET was done, and names another object or value.
    #[error("the device answered about something else")]
    Other {
        /// What it named, where that was one thing.
        said: Option<Box<VarBind>>,
    },
    /// The message could not be sent.
    #[error("the message could not be sent")]
    Send {
        /// Why.
        #[source]
        source: Box<SnmpError>,
    },
}

/// How an exchange may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As often as the target deserves.
    Adaptive,
    /// Never: a lost answer must not do it twice.
    Never,
}

impl Session {
    fn new(
        address: SocketAddr,
        reader: Client<UdpHandle>,
        writer: Option<Client<UdpHandle>>,
        direct: Option<Direct>,
    ) -> Self {
        Self {
            address,
            reader,
            writer,
            direct,
            pace: Mutex::default(),
            memory: Mutex::new(Memory {
                rows: HashMap::default(),
                habits: HashMap::default(),
                singles_apart: false,
                batch: BATCH.0,
                plan: None,
                used: Clock::now(),
            }),
        }
    }

    /// Whether it speaks SNMPv1, which knows no GETBULK.
    fn is_v1(&self) -> bool {
        self.reader.version() == async_snmp::Version::V1
    }

    /// Whether it speaks SNMPv3.
    pub fn is_v3(&self) -> bool {
        self.reader.version() == async_snmp::Version::V3
    }

    /// Whether the target has answered before.
    pub fn has_answered(&self) -> bool {
        self.pace.lock().has_answered()
    }

    /// The plan that fits the device, if it is known and not outdated.
    pub fn known_plan(&self, now: Clock) -> Option<Arc<Plan>> {
        let memory = self.memory.lock();
        memory
            .plan
            .as_ref()
            .filter(|(_, until)| *until > now)
            .map(|(plan, _)| Arc::clone(plan))
    }

    /// Remembers the plan that fits the device.
    pub fn remember_plan(&self, plan: Arc<Plan>, until: Clock) {
        self.memory.lock().plan = Some((plan, until));
    }

    /// Gets one object with the client that writes: whether it is reached, and the object there.
    pub async fn get_before_set(&self, deadline: Instant, oid: &Oid) -> Result<Value, Error> {
        let writer = self.writer();
        let answer = self
            .exchange(deadline, Repeat::Adaptive, || writer.get(oid))
            .await?;
        Ok(answer
            .varbinds
            .into_iter()
            .next()
            .map_or(Value::NoSuchObject, |found| found.value))
    }

    fn writer(&self) -> &Client<UdpHandle> {
        self.writer.as_ref().unwrap_or(&self.reader)
    }

    /// Asks until there is an answer, as often and as long as the target deserves and the
    /// deadline allows.
    async fn exchange<T, F>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        ask: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = async_snmp::Result<T>>,
    {
        let address = self.address;
        let ask = |until| {
            let answer = timeout_at(until, ask());
            async move {
                let silent = |_| SnmpError::Timeout {
                    target: address,
                    elapsed: Duration::ZERO,
                    retries: 0,
                };
                answer.await.map_err(silent)?
            }
        };
        self.exchange_until(deadline, repeat, ask).await
    }

    /// The same, where `ask` waits no longer than it is told.
    async fn exchange_until<T, F>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        ask: impl Fn(Instant) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = async_snmp::Result<T>>,
    {
        let pace = *self.pace.lock();
        let tries = match repeat {
            Repeat::Adaptive => pace.tries(),
            Repeat::Never => 1,
        };
        for try_ in 0..tries {
            let begun = Instant::now();
            let left = deadline.saturating_duration_since(begun);
            if left.is_zero() {
                break;
            }
            let patience = match repeat {
                Repeat::Adaptive => pace.timeout(try_).min(left),
                Repeat::Never => left,
            };
            let answer = match ask(begun + patience).await {
                Err(error) if error.kind() == ErrorKind::Timeout => continue,
                answer => answer,
            };
            let after = begun.elapsed();
            return match answer.map_err(Error::from_snmp) {
                Err(error @ Error::Send { .. }) => Err(error),
                answer => {
                    self.pace.lock().answered(after);
                    answer
                }
            };
        }
        self.pace.lock().stayed_silent();
        Err(Error::Silent)
    }

    fn batch(&self) -> usize {
        self.memory.lock().batch
    }

    /// Messages of this size get through, or they do not.
    fn size_fits(&self, fits: Fits) {
        let batch = &mut self.memory.lock().batch;
        *batch = match fits {
            Fits::Well => (*batch + 10).min(BATCH.2),
            Fits::Badly => (*batch / 2).max(BATCH.1),
        };
    }
}

/// Whether messages of a size get through.
#[derive(Clone, Copy)]
enum Fits {
    Well,
    Badly,
}

impl Error {
    fn from_snmp(error: Box<SnmpError>) -> Self {
        let kind = error.kind();
        match (error.exchange_source(), kind) {
            (
                SnmpError::Snmp {
                    status, oid, index, ..
                },
                _,
            ) => Self::Refused {
                status: *status,
                oid: oid.as_deref().cloned(),
                index: usize::try_from(*index).unwrap_or(0),
            },
            (_, ErrorKind::Auth | ErrorKind::Report | ErrorKind::Privacy) => {
                Self::Credential { source: error }
            }
            (
                source,
                ErrorKind::Decode
                | ErrorKind::MalformedResponse
                | ErrorKind::ResponseShape
                | ErrorKind::WalkAborted,
            ) => Self::Garbage {
                problem: source.to_string(),
            },
            _ => Self::Send { source: error },
        }
    }
}
