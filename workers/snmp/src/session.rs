//! One target as seen by one credential: exchanges that adapt to it, and what is remembered about
//! it between tasks.

pub mod diagnose;
mod exchange;
mod get;
mod handle;
mod limits;
pub mod message;
mod missed;
mod odd;
mod pace;
pub mod pool;
pub mod resolve;
mod secrets;
mod set;
mod singles;
mod socket;
mod speaker;
mod user;
mod walk;

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use async_snmp::{Error as SnmpError, ErrorKind, ErrorStatus, Oid, Value, VarBind, Version};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::plan::Plan;
use diagnose::Diagnosis;
pub use get::GetResult;
use limits::{Limits, Size};
use message::{Bindings, Names, PduKind};
pub use missed::{Missed, Part, Why};
pub use odd::Odd;
use pace::Pace;
pub use secrets::Secrets;
pub use set::SetResult;
use singles::Habit;
pub use singles::Singles;
use speaker::Speaker;
use walk::Skip;
pub use walk::Walked;

/// The time for which a missing table is not requested again.
const ABSENT: Duration = Duration::from_secs(300);
/// Longer than any exchange may take: those have limits of their own.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(600);

/// One target as seen by one credential.
pub struct Session {
    /// The address at which it answers.
    pub address: SocketAddr,
    version: Version,
    reader: Speaker,
    writer: Option<Speaker>,
    pace: Mutex<Pace>,
    memory: Mutex<Memory>,
}

/// The memory of a target. All of it may be forgotten.
struct Memory {
    /// The number of rows of each column, by a hash of its OID, which alone would take twice as
    /// much. A wrong one costs a message.
    rows: HashMap<u64, Remembered, foldhash::fast::RandomState>,
    /// Scalars that cannot be read along with a walk.
    habits: HashMap<Oid, Habit, foldhash::fast::RandomState>,
    /// True if scalars must not be read along with a walk, because the device refused it.
    singles_apart: bool,
    /// The limits of one message.
    limits: Limits,
    /// Cells refused by the device, by column, and until when this is assumed.
    skips: HashMap<Oid, (Vec<Skip>, Clock), foldhash::fast::RandomState>,
    /// The order of its answers.
    order: Order,
    /// True if the device names the wrong object when it refuses one.
    names_falsely: bool,
    /// The plan that fits the device, and until when this is assumed.
    plan: Option<(Arc<Plan>, Clock)>,
    /// The time it was last used.
    used: Clock,
}

/// The order in which a device answers, which decides the way of asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    AsRequested,
    /// Its rows are not in the order of their index: one row of each column at a time.
    OneRow,
    /// Its bindings are not in the order of the request: one cell at a time.
    OneCell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    rows: u32,
    /// Not requested until then, because it was missing.
    absent_until: Option<Clock>,
    /// Not searched beyond its end until then, because nothing was there.
    ends_until: Option<Clock>,
}

/// The reason why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer within the available time.
    #[error("no answer")]
    Silent {
        /// The diagnosis, if there is one.
        diagnosis: Option<Diagnosis>,
    },
    /// The answer arrived after the request had been given up.
    #[error("the answer came after {after:?}")]
    Late {
        /// The time since the request.
        after: Duration,
    },
    /// Something arrived that was not an answer to the request.
    #[error("the device {odd}")]
    Odd { odd: Odd },
    /// The device refused the request.
    #[error("the device answered {status}")]
    Refused {
        /// The status in its answer.
        status: ErrorStatus,
        /// The object that it refused.
        oid: Option<Oid>,
        /// Its position in the request, from 1; 0 for none.
        index: usize,
    },
    /// The device does not accept the user.
    #[error("the device does not accept the credential")]
    Credential {
        #[source]
        source: Box<SnmpError>,
    },
    /// The device answers, but violates the protocol.
    #[error("the device answers with something other than SNMP: {problem}")]
    Garbage { problem: String },
    /// The device reports a SET as done, but names another object or value.
    #[error("the device answered about something else")]
    Other {
        /// The binding that it named, if exactly one.
        said: Option<Box<VarBind>>,
    },
    /// The message could not be sent.
    #[error("the message could not be sent")]
    Send {
        #[source]
        source: io::Error,
    },
    /// The message could not be built, or the library gave up.
    #[error("the request failed")]
    Client {
        #[source]
        source: Box<SnmpError>,
    },
}

/// The policy for repeating an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As often as suits the target.
    Adaptive,
    /// A few times: repetition does no harm, but the device may be busy with it.
    Seldom,
    /// Never: repetition could do it twice.
    Never,
}

impl Memory {
    fn rows_of(&self, column: &Oid) -> Option<Remembered> {
        self.rows.get(&self.rows.hasher().hash_one(column)).copied()
    }

    fn remember_rows(&mut self, column: &Oid, rows: Remembered) {
        let column = self.rows.hasher().hash_one(column);
        self.rows.insert(column, rows);
    }

    fn new() -> Self {
        Self {
            rows: HashMap::default(),
            habits: HashMap::default(),
            singles_apart: false,
            limits: Limits::default(),
            skips: HashMap::default(),
            order: Order::AsRequested,
            names_falsely: false,
            plan: None,
            used: Clock::now(),
        }
    }
}

impl Session {
    fn new(
        address: SocketAddr,
        version: Version,
        reader: Speaker,
        writer: Option<Speaker>,
    ) -> Self {
        Self {
            address,
            version,
            reader,
            writer,
            pace: Mutex::default(),
            memory: Mutex::new(Memory::new()),
        }
    }

    /// Returns true if it speaks SNMPv1, which has no GETBULK.
    fn is_v1(&self) -> bool {
        self.version == Version::V1
    }

    /// Returns true if the target has answered before.
    pub fn has_answered(&self) -> bool {
        self.pace.lock().has_answered()
    }

    /// Returns the plan that fits the device, if it is known and not outdated.
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

    /// Forgets everything about the device: it is another one.
    pub fn forget(&self) {
        *self.memory.lock() = Memory::new();
    }

    /// Describes, for people, the limits on requests to the target and their reason. `None` if
    /// there are none.
    pub fn reported_limits(&self) -> Option<String> {
        let memory = self.memory.lock();
        let told = memory.limits.told(Instant::now());
        let limits = told.map(|told| told.to_string());
        let order = match memory.order {
            Order::AsRequested => return limits,
            Order::OneRow => "it is asked for one row at a time, as its rows are out of order",
            Order::OneCell => {
                "it is asked for one value at a time, as its answers are out of order"
            }
        };
        Some(limits.map_or_else(|| order.into(), |limits| format!("{order}; {limits}")))
    }

    /// Returns true if this many answers can be received one after the other before the deadline.
    pub fn has_time_for(&self, answers: u32, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        self.pace.lock().has_time_for(answers, left)
    }

    /// Gets one object with the writing client, to check that it can be reached and exists.
    pub async fn get_before_set(&self, deadline: Instant, oid: &Oid) -> Result<Value, Error> {
        let writer = self.writer();
        let names = Names::of([oid])?;
        let ask = |try_, until| writer.ask(until, try_, &PduKind::Get, &names);
        let answer = self.exchange(writer, deadline, Repeat::Adaptive, ask);
        let found = answer.await?.into_result()?.into_found();
        let found = found.into_iter().find(|found| found.oid == *oid);
        // A value that cannot be decoded exists.
        Ok(found.map_or(Value::NoSuchObject, |found| {
            found.value.unwrap_or(Value::Null)
        }))
    }

    fn writer(&self) -> &Speaker {
        self.writer.as_ref().unwrap_or(&self.reader)
    }

    /// Requests what `shape` makes of a size, and less of it when there is no answer. Returns what
    /// was requested, too.
    async fn adapt<T: Clone>(
        &self,
        deadline: Instant,
        shape: impl Fn(Size) -> Result<(T, PduKind, Names), Error>,
    ) -> Result<(T, Result<Bindings, Error>), Error> {
        let size = self.size();
        let left = deadline.saturating_duration_since(Instant::now());
        let tries = self.pace.lock().schedule(Repeat::Adaptive, left).tries;
        let limits = self.memory.lock().limits;
        let reader = &self.reader;
        let asked = shape(size)?;
        let wanted = size_of(&asked.1, &asked.2);
        // The first try uses the original request; smaller ones are built when needed.
        let first = Mutex::new(Some(asked));
        let ask = |try_, until| {
            let first = first.lock().take();
            let shaped = first.map_or_else(|| shape(limits.of_try(size, try_, tries)), Ok);
            async move {
                let (shaped, operation, names) = shaped?;
                let answer = reader.ask(until, try_, &operation, &names).await?;
                Ok((size_of(&operation, &names), shaped, answer.into_result()))
            }
        };
        let answer = self.exchange(reader, deadline, Repeat::Adaptive, ask).await;
        let (got, shaped, answer) = answer?;
        let now = Instant::now();
        let limits = &mut self.memory.lock().limits;
        // A refusal of a smaller request says nothing about the rest.
        if answer.is_ok() {
            limits.shrank(wanted, got, now);
            // An answered GETNEXT says nothing about a GETBULK of that size.
            if wanted.is_bulk == got.is_bulk {
                limits.fits(got, now);
            }
        }
        Ok((shaped, answer))
    }

    fn size(&self) -> Size {
        let memory = self.memory.lock();
        let mut size = memory.limits.size(Instant::now());
        size.is_bulk &= !self.is_v1() && memory.order == Order::AsRequested;
        size
    }

    /// Records that a message did not get through. Returns whether there is a smaller one.
    fn too_large(&self, size: Size, why: limits::Why) -> bool {
        let mut memory = self.memory.lock();
        memory.limits.fails(size, why, Instant::now())
    }
}

/// Returns the size of a request.
fn size_of(operation: &PduKind, names: &Names) -> Size {
    let count = names.count();
    match operation {
        PduKind::Bulk { singles, rows } => Size {
            names: count,
            cells: singles + count.saturating_sub(*singles) * rows,
            is_bulk: true,
        },
        _ => Size {
            names: count,
            cells: count,
            is_bulk: false,
        },
    }
}

impl Error {
    /// No answer, for unknown reasons.
    fn silent() -> Self {
        Self::Silent { diagnosis: None }
    }

    /// Returns true if it concerns the target as a whole: more cannot be read now.
    pub fn is_of_target(&self) -> bool {
        matches!(
            self,
            Self::Silent { .. }
                | Self::Late { .. }
                | Self::Odd { .. }
                | Self::Credential { .. }
                | Self::Send { .. }
                | Self::Client { .. }
        )
    }

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
            (_, ErrorKind::Timeout) => Self::silent(),
            (
                source,
                ErrorKind::Decode
                | ErrorKind::MalformedResponse
                | ErrorKind::ResponseShape
                | ErrorKind::WalkAborted,
            ) => Self::Garbage {
                problem: source.to_string(),
            },
            _ => Self::Client { source: error },
        }
    }
}
