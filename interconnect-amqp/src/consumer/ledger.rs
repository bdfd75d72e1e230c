//! The tasks of a consumer, by message: waiting, in hand, or done.
//!
//! ```text
//!                  ┌──────────────give back───────────────┐
//!                  ▼                                      │
//! message ──► waiting ──take──► in hand ──acknowledge──► done     all done: the message is acked
//!                │                  │
//!                └──────leave───────┴──► nothing done: the message returns to its queue
//!                                        else: the rest is published again, and the message acked
//! ```
//!
//! A message of observation is done when all of it was handed out. Pure: `M` is the handle by which
//! a message is acknowledged.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use utakata_interconnect::{Delivery, Tag};
use utakata_model::{Class, Task};

#[derive(Debug)]
pub(super) struct Ledger<M> {
    next: u64,
    messages: BTreeMap<u64, Message<M>>,
    /// The control tasks that wait: message, and index in it.
    waiting: VecDeque<(u64, usize)>,
    in_hand: HashMap<Tag, (u64, usize)>,
    reads: VecDeque<ReadMessage<M>>,
}

#[derive(Debug)]
struct Message<M> {
    handle: M,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    task: Task,
    redelivered: bool,
    state: SlotState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotState {
    Waiting,
    InHand,
    Done,
}

/// The rest of a message of observation.
#[derive(Debug)]
struct ReadMessage<M> {
    handle: M,
    redelivered: bool,
    tasks: VecDeque<Task>,
}

/// The tasks that were taken.
#[derive(Debug)]
pub(super) struct Taken<M> {
    pub(super) deliveries: Vec<Delivery>,
    /// The messages that are done by that.
    pub(super) done: Vec<M>,
    /// The number of observe tasks that had expired.
    pub(super) expired: usize,
}

/// The tasks that go to others.
#[derive(Debug)]
pub(super) struct Returns<M> {
    /// Messages to requeue as they are.
    pub(super) whole: Vec<M>,
    /// The rests of control messages: to be published again, and only then ...
    pub(super) rests: Vec<Rest<M>>,
}

/// The tasks of a message that are left.
#[derive(Debug)]
pub(super) struct Rest<M> {
    /// ... acknowledged, if that is all.
    pub(super) is_all: bool,
    pub(super) handle: M,
    pub(super) tasks: Vec<Task>,
}

impl<M> Default for Ledger<M> {
    fn default() -> Self {
        Self {
            next: 0,
            messages: BTreeMap::new(),
            waiting: VecDeque::new(),
            in_hand: HashMap::new(),
            reads: VecDeque::new(),
        }
    }
}

impl<M: Clone> Ledger<M> {
    /// Adds the tasks of a message.
    pub(super) fn add(&mut self, class: Class, handle: M, tasks: Vec<Task>, redelivered: bool) {
        if class == Class::Observe {
            let tasks = tasks.into();
            self.reads.push_back(ReadMessage {
                handle,
                redelivered,
                tasks,
            });
            return;
        }
        let id = self.number();
        self.waiting.extend((0..tasks.len()).map(|at| (id, at)));
        let slot = |task| Slot {
            task,
            redelivered,
            state: SlotState::Waiting,
        };
        let slots = tasks.into_iter().map(slot).collect();
        self.messages.insert(id, Message { handle, slots });
    }

    /// Hands out up to `max`, control first.
    pub(super) fn take(&mut self, max: usize, now: Timestamp) -> Taken<M> {
        let mut taken = Taken {
            deliveries: Vec::new(),
            done: Vec::new(),
            expired: 0,
        };
        while taken.deliveries.len() < max {
            let Some((id, at)) = self.waiting.pop_front() else {
                break;
            };
            let tag = Tag(self.number());
            let slot = self.messages.get_mut(&id).and_then(|m| m.slots.get_mut(at));
            if let Some(slot) = slot {
                slot.state = SlotState::InHand;
                let (task, redelivered) = (slot.task.clone(), slot.redelivered);
                taken.deliveries.push(Delivery {
                    tag,
                    task,
                    redelivered,
                });
                self.in_hand.insert(tag, (id, at));
            }
        }
        while taken.deliveries.len() < max && self.take_read(now, &mut taken) {}
        taken
    }

    /// Marks tasks as done. Returns the messages that are done by that.
    pub(super) fn acknowledge(&mut self, tags: &[Tag]) -> Vec<M> {
        let mut done = Vec::new();
        for tag in tags {
            if let Some((id, at)) = self.in_hand.remove(tag) {
                self.put(id, at, SlotState::Done);
                done.extend(self.finish(id));
            }
        }
        done
    }

    /// Returns tasks for others. Returns the messages to requeue; the tasks of a message with
    /// others in hand or done wait here again, at the front.
    pub(super) fn give_back(&mut self, tags: &[Tag]) -> Vec<M> {
        let known = tags.iter().filter_map(|tag| self.in_hand.remove(tag));
        let mut known: Vec<_> = known.collect();
        known.sort_unstable();
        for &(id, at) in known.iter().rev() {
            self.put(id, at, SlotState::Waiting);
            if let Some(slot) = self.messages.get_mut(&id).and_then(|m| m.slots.get_mut(at)) {
                slot.redelivered = true;
            }
            self.waiting.push_front((id, at));
        }
        known.dedup_by_key(|(id, _)| *id);
        let whole = known
            .iter()
            .filter_map(|&(id, _)| self.remove_untouched(id));
        whole.collect()
    }

    /// Returns everything that waits to others; tasks in hand stay.
    pub(super) fn return_waiting(&mut self) -> Returns<M> {
        let mut whole: Vec<M> = self.reads.drain(..).map(|reads| reads.handle).collect();
        let ids: Vec<u64> = self.messages.keys().copied().collect();
        whole.extend(ids.iter().filter_map(|&id| self.remove_untouched(id)));
        let mut rests = Vec::new();
        for id in ids {
            let handle = self.messages.get(&id).map(|message| message.handle.clone());
            let tasks = self.put_all(id, |state| state == SlotState::Waiting);
            if let Some(handle) = handle.filter(|_| !tasks.is_empty()) {
                let is_all = self.finish(id).is_some();
                rests.push(Rest {
                    is_all,
                    handle,
                    tasks,
                });
            }
        }
        self.waiting.clear();
        Returns { whole, rests }
    }

    /// Returns everything to the queue.
    pub(super) fn return_all(&mut self) -> Returns<M> {
        let mut returns = Returns {
            whole: Vec::new(),
            rests: Vec::new(),
        };
        returns
            .whole
            .extend(self.reads.drain(..).map(|reads| reads.handle));
        for (_, message) in std::mem::take(&mut self.messages) {
            let untouched = message
                .slots
                .iter()
                .all(|slot| slot.state != SlotState::Done);
            if untouched {
                returns.whole.push(message.handle);
            } else {
                let left = message
                    .slots
                    .into_iter()
                    .filter(|slot| slot.state != SlotState::Done);
                returns.rests.push(Rest {
                    is_all: true,
                    handle: message.handle,
                    tasks: left.map(|slot| slot.task).collect(),
                });
            }
        }
        self.waiting.clear();
        self.in_hand.clear();
        returns
    }

    /// Returns true if no task waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.reads.is_empty()
    }

    /// Returns the number of control messages with tasks in hand or done.
    pub(super) fn begun(&self) -> usize {
        let begun = |m: &&Message<M>| m.slots.iter().any(|slot| slot.state != SlotState::Waiting);
        self.messages.values().filter(begun).count()
    }

    fn take_read(&mut self, now: Timestamp, taken: &mut Taken<M>) -> bool {
        let tag = Tag(self.number());
        let Some(first) = self.reads.front_mut() else {
            return false;
        };
        match first.tasks.pop_front() {
            Some(task) if task.expires <= now => taken.expired += 1,
            Some(task) => {
                let redelivered = first.redelivered;
                taken.deliveries.push(Delivery {
                    tag,
                    task,
                    redelivered,
                });
            }
            None => utakata_invariant::broken("a message without tasks is still there", &tag.0),
        }
        if first.tasks.is_empty() {
            taken
                .done
                .extend(self.reads.pop_front().map(|reads| reads.handle));
        }
        true
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn put(&mut self, id: u64, at: usize, state: SlotState) {
        if let Some(slot) = self.messages.get_mut(&id).and_then(|m| m.slots.get_mut(at)) {
            slot.state = state;
        }
    }

    /// Marks the tasks of a message in this state as done, and returns them.
    fn put_all(&mut self, id: u64, is_meant: impl Fn(SlotState) -> bool) -> Vec<Task> {
        let slots = self.messages.get_mut(&id).map(|m| m.slots.iter_mut());
        let meant = slots
            .into_iter()
            .flatten()
            .filter(|slot| is_meant(slot.state));
        meant
            .map(|slot| {
                slot.state = SlotState::Done;
                slot.task.clone()
            })
            .collect()
    }

    /// Removes a message if all of it is done.
    fn finish(&mut self, id: u64) -> Option<M> {
        let message = self.messages.get(&id)?;
        let done = message
            .slots
            .iter()
            .all(|slot| slot.state == SlotState::Done);
        done.then(|| self.messages.remove(&id))?.map(|m| m.handle)
    }

    /// Removes a message if all of it waits.
    fn remove_untouched(&mut self, id: u64) -> Option<M> {
        let message = self.messages.get(&id)?;
        let waits = message
            .slots
            .iter()
            .all(|slot| slot.state == SlotState::Waiting);
        let message = waits.then(|| self.messages.remove(&id))??;
        self.waiting.retain(|(of, _)| *of != id);
        Some(message.handle)
    }
}

#[cfg(test)]
mod tests;
