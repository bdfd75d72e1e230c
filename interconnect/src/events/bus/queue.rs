//! The events that wait for one subscriber.

use std::{collections::VecDeque, pin::pin};

use parking_lot::Mutex;
use tokio::sync::{Notify, futures::Notified};

use crate::{Error, Event, Interest};

#[derive(Debug)]
pub(super) struct EventQueue {
    interest: Interest,
    limit: usize,
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// True if nobody publishes any more.
    closed: bool,
    /// True if the subscriber is gone.
    left: bool,
    /// Numbers the items, to compare their ages across the two lines.
    next: u64,
    expendable: VecDeque<(u64, Item)>,
    kept: VecDeque<(u64, Item)>,
    weight: usize,
    missed: u64,
}

/// An event, with the facts that every queue needs.
#[derive(Debug, Clone)]
pub(super) struct Item {
    event: Event,
    expendable: bool,
    weight: usize,
}

impl Item {
    pub(super) fn new(event: Event) -> Self {
        Self {
            expendable: event.is_expendable(),
            weight: event.weight(),
            event,
        }
    }
}

impl EventQueue {
    pub(super) fn new(interest: Interest, limit: usize) -> Self {
        Self {
            interest,
            limit,
            state: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// Adds the initial events of the subscriber, regardless of the limit.
    pub(super) fn begin_with(&self, events: impl Iterator<Item = Event>) {
        let mut state = self.state.lock();
        for event in events.filter(|event| self.interest.includes(event)) {
            state.put(Item::new(event));
        }
    }

    /// Adds the events that the subscriber wants. `Some` is the rest, which has to wait until there
    /// is room.
    pub(super) fn push<'i>(&self, items: &'i [Item]) -> Option<&'i [Item]> {
        let mut rest = None;
        {
            let mut state = self.state.lock();
            if state.left {
                return None;
            }
            for (at, item) in items.iter().enumerate() {
                if !self.interest.includes(&item.event) {
                    continue;
                }
                if !state.make_room(item, self.limit) {
                    if item.expendable {
                        state.missed += 1;
                        continue;
                    }
                    rest = Some(&items[at..]);
                    break;
                }
                state.put(item.clone());
            }
        }
        self.filled.notify_one();
        rest
    }

    /// Like [`EventQueue::push`], but waits for room, or until the subscriber leaves.
    pub(super) async fn push_waiting(&self, mut items: &[Item]) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            match self.push(items) {
                None => return,
                Some(rest) => items = rest,
            }
            emptied.await;
        }
    }

    /// Takes everything, oldest first. `None` if there is nothing now.
    pub(super) fn take(&self) -> Result<Option<Vec<Event>>, Error> {
        let (expendable, kept) = {
            let mut state = self.state.lock();
            if state.expendable.is_empty() && state.kept.is_empty() {
                return if state.closed {
                    Err(Error::Closed)
                } else {
                    Ok(None)
                };
            }
            state.weight = 0;
            (
                std::mem::take(&mut state.expendable),
                std::mem::take(&mut state.kept),
            )
        };
        self.emptied.notify_waiters();
        Ok(Some(merge(expendable, kept)))
    }

    pub(super) fn missed(&self) -> u64 {
        std::mem::take(&mut self.state.lock().missed)
    }

    /// Returns when there may be something to take.
    pub(super) fn filled(&self) -> Notified<'_> {
        self.filled.notified()
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_one();
    }

    /// Marks the subscriber as gone: nothing is kept for it, nobody waits for it.
    pub(super) fn leave(&self) {
        let unread = {
            let mut state = self.state.lock();
            state.left = true;
            state.weight = 0;
            (
                std::mem::take(&mut state.expendable),
                std::mem::take(&mut state.kept),
            )
        };
        drop(unread);
        self.emptied.notify_waiters();
    }

    pub(super) fn is_left(&self) -> bool {
        self.state.lock().left
    }
}

impl State {
    /// Drops the oldest expendable items until this one fits; returns true if it does.
    fn make_room(&mut self, item: &Item, limit: usize) -> bool {
        while self.weight > 0 && self.weight + item.weight > limit {
            let Some((_, oldest)) = self.expendable.pop_front() else {
                return false;
            };
            self.weight -= oldest.weight;
            self.missed += 1;
        }
        true
    }

    fn put(&mut self, item: Item) {
        self.weight += item.weight;
        let line = if item.expendable {
            &mut self.expendable
        } else {
            &mut self.kept
        };
        line.push_back((self.next, item));
        self.next += 1;
    }
}

fn merge(expendable: VecDeque<(u64, Item)>, kept: VecDeque<(u64, Item)>) -> Vec<Event> {
    let mut events = Vec::with_capacity(expendable.len() + kept.len());
    let mut kept = kept.into_iter().peekable();
    for (at, item) in expendable {
        while let Some((_, earlier)) = kept.next_if(|(kept_at, _)| *kept_at < at) {
            events.push(earlier.event);
        }
        events.push(item.event);
    }
    events.extend(kept.map(|(_, item)| item.event));
    events
}
