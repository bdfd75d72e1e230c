//! Messages that wait to be sent. They belong to one connection: they are dropped with it, and
//! messages for an earlier one are not accepted.

use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{queue::Queue, session::Request, tickets::Ticket};

/// The number of a connection of this process.
pub(super) type Connection = u64;

#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug)]
struct State {
    connection: Option<Connection>,
    queue: Queue<Item>,
}

/// A request, and the receiver of its answer.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) request: Request,
    pub(super) ticket: Option<Ticket>,
}

/// There is another connection now, or none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                connection: None,
                queue: Queue::new(limit),
            }),
            filled: Notify::new(),
        }
    }

    pub(super) fn open(&self, connection: Connection) {
        self.state.lock().connection = Some(connection);
    }

    /// Closes it because the connection is lost, dropping what waits. Returns the number of
    /// expendable messages among them.
    pub(super) fn close(&self) -> usize {
        let mut state = self.state.lock();
        state.connection = None;
        state.queue.clear()
    }

    pub(super) fn put(&self, connection: Connection, item: Item) -> Result<(), Lost> {
        self.with(connection, |queue| queue.put(item))
    }

    /// Adds an expendable message; returns the number of older ones that were dropped for it.
    pub(super) fn put_expendable(
        &self,
        connection: Connection,
        request: Request,
        weight: usize,
    ) -> Result<usize, Lost> {
        let item = Item {
            request,
            ticket: None,
        };
        self.with(connection, |queue| queue.put_expendable(item, weight))
    }

    fn with<T>(
        &self,
        connection: Connection,
        put: impl FnOnce(&mut Queue<Item>) -> T,
    ) -> Result<T, Lost> {
        let put = {
            let mut state = self.state.lock();
            if state.connection != Some(connection) {
                return Err(Lost);
            }
            put(&mut state.queue)
        };
        self.filled.notify_one();
        Ok(put)
    }

    /// Waits for the next one. Cancel safe.
    pub(super) async fn next(&self) -> Item {
        loop {
            let mut filled = pin!(self.filled.notified());
            filled.as_mut().enable();
            if let Some(item) = self.state.lock().queue.take() {
                return item;
            }
            filled.await;
        }
    }

    /// Returns the number of waiting messages.
    pub(super) fn len(&self) -> usize {
        self.state.lock().queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_another_connection_is_taken() {
        let outbox = Outbox::new(10);
        let put = |connection| outbox.put_expendable(connection, Request::Acknowledge(1), 1);
        assert_eq!(put(1), Err(Lost));
        outbox.open(1);
        assert_eq!((put(1), outbox.len()), (Ok(0), 1));
        assert_eq!(put(2), Err(Lost));
        assert_eq!(outbox.close(), 1);
        outbox.open(2);
        assert_eq!((put(1), outbox.len()), (Err(Lost), 0));
    }
}
