//! Task queues in this process, for one machine: nothing is persisted.
//!
//! An observe task counts as delivered once it is fetched: it is neither kept until acknowledged
//! nor given back, because a lost read shows as a stale reading and the next one is due soon. A
//! control task is kept until it is acknowledged.
//!
//! A consumer that has begun to fetch is woken for a new task before others: a fetch that has begun
//! must be polled to completion, or dropped.

mod consumer;
mod queue;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use parking_lot::RwLock;
use utakata_model::{Kind, Task, TaskKey, Zone};

use self::{consumer::EmbeddedConsumer, queue::TaskQueue};
use crate::{Consumer, Error, Refusal, Tasks, clock::Clock};

/// The limits of the queues.
#[derive(Debug, Clone)]
pub struct Config {
    /// The most observe tasks waiting in one queue. Beyond it the oldest are dropped.
    pub observe_limit: usize,
    /// The most control tasks kept in one queue, fetched ones included. Beyond it further ones are
    /// refused, never dropped.
    pub control_limit: usize,
    /// The clock by which observe tasks expire.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            observe_limit: 100_000,
            control_limit: 250_000,
            clock: Clock::default(),
        }
    }
}

/// Task queues in this process. Cheap to clone: all clones share the same queues.
#[derive(Debug, Clone)]
pub struct Embedded {
    shared: Arc<EmbeddedState>,
}

#[derive(Debug)]
struct EmbeddedState {
    config: Config,
    queues: RwLock<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    closed: bool,
    by_zone: HashMap<Zone, HashMap<Kind, Arc<TaskQueue>>>,
}

/// The counts of a queue: tasks in it, and tasks that left it undelivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Control tasks waiting to be fetched.
    pub control_waiting: usize,
    /// Control tasks fetched and not yet acknowledged.
    pub control_fetched: usize,
    /// Observe tasks waiting to be fetched; expired ones count until they are noticed.
    pub observe_waiting: usize,
    /// Observe tasks dropped since the start because there were too many.
    pub dropped: u64,
    /// Observe tasks that have expired since the start.
    pub expired: u64,
}

impl Embedded {
    /// Creates empty queues.
    pub fn new(config: Config) -> Self {
        Self {
            shared: Arc::new(EmbeddedState {
                config,
                queues: RwLock::default(),
            }),
        }
    }

    /// Closes the queues: fetching and publishing fail with [`Error::Closed`] from now on.
    pub fn close(&self) {
        let mut queues = self.shared.queues.write();
        queues.closed = true;
        for queue in queues.by_zone.values().flat_map(HashMap::values) {
            queue.close();
        }
    }

    /// The counts of all queues, added up.
    pub fn counts(&self) -> Counts {
        self.queues()
            .iter()
            .fold(Counts::default(), |sum, (.., c)| Counts {
                control_waiting: sum.control_waiting + c.control_waiting,
                control_fetched: sum.control_fetched + c.control_fetched,
                observe_waiting: sum.observe_waiting + c.observe_waiting,
                dropped: sum.dropped + c.dropped,
                expired: sum.expired + c.expired,
            })
    }

    /// The counts of each queue, by zone and kind.
    pub fn queues(&self) -> Vec<(Zone, Kind, Counts)> {
        let queues = self.shared.queues.read();
        let mut all: Vec<_> = queues
            .by_zone
            .iter()
            .flat_map(|(zone, kinds)| {
                kinds
                    .iter()
                    .map(|(kind, queue)| (zone.clone(), kind.clone(), queue.counts()))
            })
            .collect();
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    /// The queue of a zone and kind, created on first use.
    fn queue(&self, zone: &Zone, kind: &Kind) -> Result<Arc<TaskQueue>, Error> {
        if let Some(queue) = self.shared.queues.read().get(zone, kind)? {
            return Ok(queue);
        }
        let mut queues = self.shared.queues.write();
        if let Some(queue) = queues.get(zone, kind)? {
            return Ok(queue);
        }
        let queue = Arc::new(TaskQueue::new(&self.shared.config));
        queues
            .by_zone
            .entry(zone.clone())
            .or_default()
            .insert(kind.clone(), Arc::clone(&queue));
        Ok(queue)
    }
}

impl Default for Embedded {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Queues {
    fn get(&self, zone: &Zone, kind: &Kind) -> Result<Option<Arc<TaskQueue>>, Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        Ok(self
            .by_zone
            .get(zone)
            .and_then(|kinds| kinds.get(kind))
            .cloned())
    }
}

#[async_trait]
impl Tasks for Embedded {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        let mut refused = Vec::new();
        let mut tasks = tasks.into_iter().peekable();
        // Neighbours mostly go to the same queue: it is found and locked once for a run of them.
        while let Some(first) = tasks.next() {
            let target = Arc::clone(&first.target);
            let queue = self.queue(&target.zone, &target.kind)?;
            let run = std::iter::once(first).chain(std::iter::from_fn(|| {
                tasks.next_if(|next| {
                    Arc::ptr_eq(&next.target, &target)
                        || (next.target.kind == target.kind && next.target.zone == target.zone)
                })
            }));
            let refuse = |key| refusal(key, &target.zone, &target.kind, &self.shared.config);
            refused.extend(queue.push(run)?.into_iter().map(refuse));
        }
        Ok(refused)
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(EmbeddedConsumer::new(self.queue(zone, kind)?)))
    }
}

fn refusal(key: TaskKey, zone: &Zone, kind: &Kind, config: &Config) -> Refusal {
    Refusal {
        key,
        reason: format!(
            "the queue of the kind {kind} in the zone {zone} is full: {} control tasks wait there \
             already",
            config.control_limit
        ),
    }
}
