//! The bus of one process: events reach every subscriber by reference, and none is copied.

mod queue;

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use async_trait::async_trait;
use parking_lot::RwLock;
use utakata_model::{Desired, EnvironmentId, EnvironmentStatus, Zone};

use self::queue::{EventQueue, Item};
use crate::{Error, Event, Events, Interest, Subscription};

/// The limits of the bus.
#[derive(Debug, Clone)]
pub struct Config {
    /// The largest number of items that wait for one subscriber: each value read, each outcome and
    /// each status counts one. Beyond it the oldest expendable events are dropped, and for the
    /// others the publisher waits. A single event of more than this passes alone.
    pub limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { limit: 200_000 }
    }
}

/// The bus of one process. Clones are the same bus. When the last one is dropped, or at
/// [`Bus::close`], the subscribers get what is left and are then informed.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    shared: Arc<BusState>,
}

#[derive(Debug, Default)]
struct BusState {
    config: Config,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// Replaced as a whole when it changes, so that publishers only clone the reference.
    subscribers: Arc<[Arc<EventQueue>]>,
    environments: BTreeMap<EnvironmentId, Arc<EnvironmentStatus>>,
    desired: BTreeMap<Zone, Arc<Desired>>,
}

impl Bus {
    /// Creates a bus without subscribers.
    pub fn new(config: Config) -> Self {
        Self {
            shared: Arc::new(BusState {
                config,
                state: RwLock::default(),
            }),
        }
    }

    /// Closes the bus: publishing fails from now on; subscribers get what is left and are then
    /// informed.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Returns the number of subscribers.
    pub fn subscribers(&self) -> usize {
        let state = self.shared.state.read();
        state.subscribers.iter().filter(|s| !s.is_left()).count()
    }
}

impl BusState {
    fn close(&self) {
        let mut state = self.state.write();
        state.closed = true;
        for subscriber in state.subscribers.iter() {
            subscriber.close();
        }
    }

    /// Returns the queues of those who get what is published now. Retained events are remembered in
    /// the same moment: later subscribers begin with them, and nobody gets them twice.
    fn recipients(&self, events: &[Event]) -> Result<Arc<[Arc<EventQueue>]>, Error> {
        if !events.iter().any(Event::is_retained) {
            return self.state.read().recipients();
        }
        let mut state = self.state.write();
        for event in events {
            state.retain(event);
        }
        state.recipients()
    }
}

impl Drop for BusState {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn recipients(&self) -> Result<Arc<[Arc<EventQueue>]>, Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        Ok(Arc::clone(&self.subscribers))
    }

    /// Remembers an event for later subscribers, if they are to begin with it.
    fn retain(&mut self, event: &Event) {
        match event {
            Event::Environment(status) => {
                let id = status.id.clone();
                self.environments.insert(id, Arc::clone(status));
            }
            Event::Forgotten(id) => {
                self.environments.remove(id);
            }
            Event::Desired(desired) => {
                let zone = desired.zone.clone();
                self.desired.insert(zone, Arc::clone(desired));
            }
            _ => {}
        }
    }

    fn retained(&self) -> impl Iterator<Item = Event> {
        let environments = self.environments.values().cloned().map(Event::Environment);
        environments.chain(self.desired.values().cloned().map(Event::Desired))
    }
}

impl Event {
    /// Returns true if it changes what later subscribers begin with.
    fn is_retained(&self) -> bool {
        matches!(
            self,
            Self::Environment(_) | Self::Forgotten(_) | Self::Desired(_)
        )
    }
}

#[async_trait]
impl Events for Bus {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        let recipients = self.shared.recipients(&events)?;
        let items: Vec<Item> = events.into_iter().map(Item::new).collect();
        let mut waiting = Vec::new();
        for recipient in recipients.iter() {
            if let Some(rest) = recipient.push(&items) {
                waiting.push((recipient, rest));
            }
        }
        // Everybody else has everything by now: only then wait for the slow ones.
        for (recipient, rest) in waiting {
            recipient.push_waiting(rest).await;
        }
        Ok(())
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        let mut state = self.shared.state.write();
        if state.closed {
            return Err(Error::Closed);
        }
        let queue = Arc::new(EventQueue::new(interest, self.shared.config.limit));
        queue.begin_with(state.retained());
        state.subscribers = state
            .subscribers
            .iter()
            .filter(|other| !other.is_left())
            .chain([&queue])
            .cloned()
            .collect();
        Ok(Box::new(BusSubscription { queue }))
    }
}

struct BusSubscription {
    queue: Arc<EventQueue>,
}

#[async_trait]
impl Subscription for BusSubscription {
    async fn next(&mut self) -> Result<Vec<Event>, Error> {
        loop {
            // It listens before it looks; nothing is awaited after events were taken.
            let mut filled = pin!(self.queue.filled());
            filled.as_mut().enable();
            if let Some(events) = self.queue.take()? {
                return Ok(events);
            }
            filled.await;
        }
    }

    fn missed(&mut self) -> u64 {
        self.queue.missed()
    }
}

impl Drop for BusSubscription {
    fn drop(&mut self) {
        self.queue.leave();
    }
}
