//! Events that wait until followers take them. The session never has to wait: expendable events
//! make room, and the rest is limited by what the broker may send before we acknowledge.

use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;
use utakata_interconnect::Event;

use super::{outbox::Connection, queue::Queue};

/// An event that waits, or something that is due when everything before it is taken.
#[derive(Debug)]
pub(super) enum Arrival {
    Event(Event),
    Due(Due),
}

/// Something to do when everything before it is taken.
#[derive(Debug)]
pub(super) enum Due {
    Acknowledge(Connection, u16),
    /// A mark of our own has arrived.
    Mark(String),
}

#[derive(Debug)]
pub(super) struct Intake {
    queue: Mutex<Queue<Arrival>>,
    filled: Notify,
}

impl Intake {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queue: Mutex::new(Queue::new(limit)),
            filled: Notify::new(),
        }
    }

    /// Adds an event; returns the number of expendable ones that were dropped for it.
    pub(super) fn put_event(&self, event: Event) -> usize {
        if !event.is_expendable() {
            self.put(Arrival::Event(event));
            return 0;
        }
        let weight = event.weight();
        let dropped = self
            .queue
            .lock()
            .put_expendable(Arrival::Event(event), weight);
        self.filled.notify_one();
        dropped
    }

    pub(super) fn put_due(&self, due: Due) {
        self.put(Arrival::Due(due));
    }

    fn put(&self, item: Arrival) {
        self.queue.lock().put(item);
        self.filled.notify_one();
    }

    /// Waits until there is something, then takes at most that many. Cancel safe.
    pub(super) async fn take(&self, max: usize) -> Vec<Arrival> {
        loop {
            let mut filled = pin!(self.filled.notified());
            filled.as_mut().enable();
            let items: Vec<Arrival> = {
                let mut queue = self.queue.lock();
                std::iter::from_fn(|| queue.take()).take(max).collect()
            };
            if !items.is_empty() {
                return items;
            }
            filled.await;
        }
    }
}
