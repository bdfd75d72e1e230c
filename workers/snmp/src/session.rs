//! One target as one credential sees it: exchanges that adapt to it, and what is remembered of
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
pub use set::SetResult;
use singles::Habit;
pub use singles::Singles;
use speaker::Speaker;
use walk::Skip;
pub use walk::Walked;

/// The time for which a table that was not there is not asked for again.
const ABSENT: Duration = Duration::from_secs(300);
/// Longer than any exchange may take: those are limited one by one.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(600);

/// One target as one credential sees it.
pub struct Session {
    /// The address at which it answers.
    pub address: SocketAddr,
    version: Version,
    reader: Speaker,
    writer: Option<Speaker>,
    pace: Mutex<Pace>,
    memory: Mutex<Memory>,
}

/// The memory of a target. All of it can be forgotten.
struct Memory {
    /// The number of rows that each column had.
    rows: HashMap<Oid, Remembered, foldhash::fast::RandomState>,
    /// Single values that do not come along with a walk.
    habits: HashMap<Oid, Habit, foldhash::fast::RandomState>,
    /// `true` if a walk must not take single values along: the device refused it.
    singles_apart: bool,
    /// The limits of one message.
    limits: Limits,
    /// Cells that the device refuses, by column, and until when that is believed.
    skips: HashMap<Oid, (Vec<Skip>, Clock), foldhash::fast::RandomState>,
    /// The order of its answers.
    order: Order,
    /// `true` if it names an object as refused that it does not refuse.
    names_falsely: bool,
    /// The plan that fits the device, and the time until which that is believed.
    plan: Option<(Arc<Plan>, Clock)>,
    /// The time it was last used.
    used: Clock,
}

/// The order in which a device answers, which decides the way of asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    AsAsked,
    /// Its rows have another order than that of their index: one of each column at a time.
    OneRow,
    /// Its bindings have another order than that of the request: one at a time.
    OneCell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    rows: usize,
    /// Not asked for until then, as it was not there.
    absent_until: Option<Clock>,
    /// Not looked for behind its end until then, as nothing was there.
    ends_until: Option<Clock>,
}

/// The reason why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer within the time there was.
    #[error("no answer")]
    Silent {
        /// The diagnosis, where there is one.
        diagnosis: Option<Diagnosis>,
    },
    /// The answer came when nobody waited for it any more.
    #[error("the answer came after {after:?}")]
    Late {
        /// The time since the request.
        after: Duration,
    },
    /// Something came, and it was no answer to what was asked.
    #[error("the device {odd}")]
    Odd { odd: Odd },
    /// The device refused the request.
    #[error("the device answered {status}")]
    Refused {
        /// The status that it answered.
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
    /// The device answers, but not as the protocol says.
    #[error("the device answers what is no SNMP: {problem}")]
    Garbage { problem: String },
    /// The device says that a SET was done, and names another object or value.
    #[error("the device answered about something else")]
    Other {
        /// The binding that it named, where that was one.
        said: Option<Box<VarBind>>,
    },
    /// The message could not be sent.
    #[error("the message could not be sent")]
    Send {
        #[source]
        source: io::Error,
    },
    /// The message could not be made, or the library gave up.
    #[error("the request failed")]
    Client {
        #[source]
        source: Box<SnmpError>,
    },
}

/// The ways in which an exchange may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As often as the target deserves.
    Adaptive,
    /// A few times: it does no harm, and the device may be at it.
    Seldom,
    /// Never: a lost answer must not do it twice.
    Never,
}

impl Memory {
    fn new() -> Self {
        Self {
            rows: HashMap::default(),
            habits: HashMap::default(),
            singles_apart: false,
            limits: Limits::default(),
            skips: HashMap::default(),
            order: Order::AsAsked,
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

    /// Returns whether it speaks SNMPv1, which knows no GETBULK.
    fn is_v1(&self) -> bool {
        self.version == Version::V1
    }

    /// Returns whether the target has answered before.
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

    /// Forgets what is remembered of the device: it is another one.
    pub fn forget(&self) {
        *self.memory.lock() = Memory::new();
    }

    /// Returns how little it is asked for at a time, and why, for people. `None`: nothing keeps it
    /// from being asked for more.
    pub fn told_limits(&self) -> Option<String> {
        let memory = self.memory.lock();
        let told = memory.limits.told(Instant::now());
        let limits = told.map(|told| told.to_string());
        let order = match memory.order {
            Order::AsAsked => return limits,
            Order::OneRow => "it is asked for one row at a time, as its rows are out of order",
            Order::OneCell => {
                "it is asked for one value at a time, as its answers are out of order"
            }
        };
        Some(limits.map_or_else(|| order.into(), |limits| format!("{order}; {limits}")))
    }

    /// Returns whether so many answers, one after the other, can be had until then.
    pub fn has_time_for(&self, answers: u32, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        self.pace.lock().has_time_for(answers, left)
    }

    /// Gets one object with the client that writes: whether it is reached, and the object there.
    pub async fn get_before_set(&self, deadline: Instant, oid: &Oid) -> Result<Value, Error> {
        let writer = self.writer();
        let names = Names::of([oid])?;
        let ask = |try_, until| writer.ask(until, try_, &PduKind::Get, &names);
        let answer = self.exchange(writer, deadline, Repeat::Adaptive, ask);
        let found = answer.await?.into_result()?.into_found();
        let found = found.into_iter().find(|found| found.oid == *oid);
        // What cannot be decoded is there.
        Ok(found.map_or(Value::NoSuchObject, |found| {
            found.value.unwrap_or(Value::Null)
        }))
    }

    fn writer(&self) -> &Speaker {
        self.writer.as_ref().unwrap_or(&self.reader)
    }

    /// Asks for what `shape` makes of a size, and for less of it where nothing is heard. Returns
    /// what was asked for, too.
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
        // The first try is what was asked for; the others are made when there are any.
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
        // A refusal of less than was asked for says nothing of the rest.
        if answer.is_ok() {
            limits.shrank(wanted, got, now);
            // That a GETNEXT is answered says nothing of a GETBULK of that size.
            if wanted.is_bulk == got.is_bulk {
                limits.fits(got, now);
            }
        }
        Ok((shaped, answer))
    }

    fn size(&self) -> Size {
        let memory = self.memory.lock();
        let mut size = memory.limits.size(Instant::now());
        size.is_bulk &= !self.is_v1() && memory.order == Order::AsAsked;
        size
    }

    /// A message did not get through. Whether there is a smaller one.
    fn too_large(&self, size: Size, why: limits::Why) -> bool {
        let mut memory = self.memory.lock();
        memory.limits.fails(size, why, Instant::now())
    }
}

/// Returns how much a request asks for.
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
    /// Nothing was heard, and nothing is known of the reason.
    fn silent() -> Self {
        Self::Silent { diagnosis: None }
    }

    /// Returns whether it says nothing of what was asked for: more of it is not to be had now.
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
