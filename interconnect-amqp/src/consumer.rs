//! A consumer of the queues of a zone and kind.
//!
//! A task of its own ([`intake`]) takes in everything that the broker sends; the consumer only
//! looks at what is there. A fetch that is cancelled has therefore taken nothing, and the tasks of
//! a consumer that has stalled are given to others.

mod intake;
mod ledger;
mod prefetch;

use std::{pin::pin, sync::Arc};

use async_trait::async_trait;
use lapin::Acker;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use self::intake::{Intake, Setting};
use self::ledger::Ledger;
use super::{foreign::Original, link::Link};
use utakata_interconnect::{Consumer, Delivery, Error, Tag};

/// A consumer. When it is dropped, its intake gives back what it has.
pub(super) struct AmqpConsumer {
    link: Arc<Link>,
    shared: Arc<Shared>,
    _left: DropGuard,
}

/// The state that a consumer shares with its intake.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when there is something to fetch, or there never will be.
    filled: Notify,
    /// Notified when there is something to report to the broker, or somebody waits.
    work: Notify,
}

#[derive(Debug)]
struct State {
    ledger: Ledger<Handle>,
    /// The messages to settle with the broker, in this order.
    settle: Vec<Settle>,
    /// The largest number requested since the intake's last look.
    wanted: usize,
    /// True if somebody has found nothing, and waits.
    waits: bool,
    /// The time of the last fetch, or of the first delivery that nobody has fetched yet.
    moved: Instant,
    /// The reason why nothing arrives any more.
    lost: Option<Error>,
}

/// A message in hand: how it is settled, and its bytes, if it is of control.
#[derive(Debug, Clone)]
struct Handle {
    acker: Acker,
    original: Arc<Original>,
}

/// The settlement of a message with the broker.
#[derive(Debug)]
enum Settle {
    Acknowledge(Acker),
    Requeue(Acker),
    Reject(Acker),
}

impl Settle {
    fn acknowledge(handle: Handle) -> Self {
        Self::Acknowledge(handle.acker)
    }

    fn requeue(handle: Handle) -> Self {
        Self::Requeue(handle.acker)
    }
}

impl AmqpConsumer {
    /// Creates a consumer, and the part of it that its intake needs.
    pub(super) fn new(link: Arc<Link>) -> (Self, Setting) {
        let left = CancellationToken::new();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                ledger: Ledger::default(),
                settle: Vec::new(),
                wanted: 0,
                waits: false,
                moved: Instant::now(),
                lost: None,
            }),
            filled: Notify::new(),
            work: Notify::new(),
        });
        let setting = Setting {
            shared: Arc::clone(&shared),
            left: left.clone(),
        };
        let consumer = Self {
            link,
            shared,
            _left: left.drop_guard(),
        };
        (consumer, setting)
    }

    /// Takes the deliveries that are here. `None` if there are none.
    fn take(&self, max: usize) -> Result<Option<Vec<Delivery>>, Error> {
        let mut state = self.shared.state.lock();
        state.alive()?;
        state.wanted = state.wanted.max(max);
        state.moved = Instant::now();
        let taken = state.ledger.take(max, self.link.clock().now());
        state
            .settle
            .extend(taken.done.into_iter().map(Settle::acknowledge));
        state.waits = taken.deliveries.is_empty();
        if state.waits || !state.settle.is_empty() {
            self.shared.work.notify_one();
        }
        drop(state);
        if taken.expired > 0 {
            self.link.health().dropped(taken.expired);
        }
        Ok((!taken.deliveries.is_empty()).then_some(taken.deliveries))
    }
}

impl State {
    fn alive(&self) -> Result<(), Error> {
        self.lost.clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        if max == 0 {
            return Ok(Vec::new());
        }
        loop {
            let mut filled = pin!(self.shared.filled.notified());
            filled.as_mut().enable();
            if let Some(taken) = self.take(max)? {
                return Ok(taken);
            }
            filled.await;
        }
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        state.alive()?;
        let done = state.ledger.acknowledge(tags);
        state
            .settle
            .extend(done.into_iter().map(Settle::acknowledge));
        self.shared.work.notify_one();
        Ok(())
    }

    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        state.alive()?;
        let whole = state.ledger.give_back(tags);
        state.settle.extend(whole.into_iter().map(Settle::requeue));
        self.shared.work.notify_one();
        Ok(())
    }
}
