//! The limits on connections to a listener: in total, for each peer, and the rule for making room.
//!
//! ```text
//! stranger ──know()──► idle ◄──begin() / end──► busy
//!    └── makes room first     └── makes room then  └── makes room for nobody
//! ```
//!
//! A connection that arrives when there is no room takes the place of the one that has waited
//! longest among those of the peer with the most of them. So a flood displaces itself, and nobody
//! who has identified themselves and is being served.

mod accept;

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub use accept::{Acceptor, Listener, peer};

/// The number of connections that were told to make room and have not ended yet; beyond it no more
/// are accepted.
const MAX_LEAVING: usize = 16;
/// The interval between lines in the log about connections that make room.
const COMPLAIN_AFTER: Duration = Duration::from_secs(60);

/// The limits on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of connections in total.
    pub total: usize,
    /// The number from one peer: an address, a process.
    pub per_peer: usize,
}

/// The admitted connections. Cheap to clone.
#[derive(Debug)]
pub struct Admission<P: Eq + Hash + Copy>(Arc<Shared<P>>);

#[derive(Debug)]
struct Shared<P: Eq + Hash + Copy> {
    /// The name of the listener, for the log.
    what: &'static str,
    limits: Limits,
    guests: Mutex<Guests<P>>,
    departures: Notify,
}

#[derive(Debug)]
struct Guests<P> {
    next: u64,
    total: usize,
    leaving: usize,
    /// The connections of each peer by number, which grows with time.
    of: HashMap<P, BTreeMap<u64, Guest>>,
    complaint: Complaint,
}

#[derive(Debug)]
struct Guest {
    state: GuestState,
    leave: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GuestState {
    /// The peer could not be identified.
    Stranger,
    /// It has identified itself, and waits.
    Idle,
    /// It has too many requests under way; the number is the limit.
    Busy(usize),
}

/// Events that are not worth a line of the log each.
#[derive(Debug, Default)]
struct Complaint {
    last: Option<Instant>,
    pushed_out: u64,
    refused: u64,
}

/// The slot of a connection, which is free again when this is dropped.
#[derive(Debug)]
pub struct Slot<P: Eq + Hash + Copy> {
    admission: Admission<P>,
    peer: P,
    number: u64,
    leave: CancellationToken,
}

/// A guard: the connection is busy as long as it exists.
#[derive(Debug)]
pub struct Busy<P: Eq + Hash + Copy>(Arc<Slot<P>>);

impl<P: Eq + Hash + Copy> Clone for Admission<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Eq + Hash + Copy> Admission<P> {
    /// Creates an admission without connections. `what` names the listener, for the log.
    pub fn new(what: &'static str, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            what,
            limits,
            guests: Mutex::new(Guests {
                next: 0,
                total: 0,
                leaving: 0,
                of: HashMap::new(),
                complaint: Complaint::default(),
            }),
            departures: Notify::new(),
        }))
    }

    /// Takes a slot for a connection, for which another one may have to leave; `None` if all are
    /// taken by those that may stay.
    pub fn admit(&self, peer: P) -> Option<Slot<P>> {
        let Limits { total, per_peer } = self.0.limits;
        let mut guests = self.0.guests.lock();
        let of_peer = guests.of.get(&peer).map_or(0, BTreeMap::len);
        let has_room = if of_peer >= per_peer {
            guests.push_out(peer)
        } else if guests.total >= total {
            guests.push_out_any()
        } else {
            true
        };
        if !has_room {
            guests.complaint.refused += 1;
            guests.complain(self.0.what);
            return None;
        }
        guests.next += 1;
        guests.total += 1;
        let number = guests.next;
        let leave = CancellationToken::new();
        let guest = Guest {
            state: GuestState::Stranger,
            leave: leave.clone(),
        };
        guests.of.entry(peer).or_default().insert(number, guest);
        guests.complain(self.0.what);
        drop(guests);
        Some(Slot {
            admission: self.clone(),
            peer,
            number,
            leave,
        })
    }

    /// Returns when those told to leave have gone, except for a few: each has a descriptor until
    /// then.
    pub async fn settled(&self) {
        loop {
            let left = self.0.departures.notified();
            if self.0.guests.lock().leaving <= MAX_LEAVING {
                return;
            }
            left.await;
        }
    }

    /// Returns the number of connections.
    pub fn count(&self) -> usize {
        self.0.guests.lock().total
    }
}

impl<P: Eq + Hash + Copy> Guests<P> {
    /// Tells one connection of a peer to leave; returns true if there was one.
    fn push_out(&mut self, peer: P) -> bool {
        let Some(guests) = self.of.get_mut(&peer) else {
            return false;
        };
        let first = guests
            .iter()
            .filter(|(_, guest)| guest.may_go())
            .min_by_key(|(number, guest)| (guest.state, **number))
            .map(|(number, _)| *number);
        let Some(guest) = first.and_then(|number| guests.remove(&number)) else {
            return false;
        };
        if guests.is_empty() {
            self.of.remove(&peer);
        }
        guest.leave.cancel();
        self.total -= 1;
        self.leaving += 1;
        self.complaint.pushed_out += 1;
        true
    }

    /// Tells one connection to leave, of the peer that has the most that may be told.
    fn push_out_any(&mut self) -> bool {
        let may_go = |guests: &BTreeMap<u64, Guest>| guests.values().filter(|g| g.may_go()).count();
        let max = self.of.iter().map(|(peer, guests)| (*peer, may_go(guests)));
        let max = max.max_by_key(|(_, count)| *count);
        max.is_some_and(|(peer, count)| count > 0 && self.push_out(peer))
    }

    fn complain(&mut self, what: &'static str) {
        let Complaint {
            last,
            pushed_out,
            refused,
        } = &mut self.complaint;
        let is_time = last.is_none_or(|last| last.elapsed() >= COMPLAIN_AFTER);
        if *pushed_out + *refused == 0 || !is_time {
            return;
        }
        tracing::warn!(
            what,
            pushed_out,
            refused,
            "as many are connected as may be: who has waited longest and shown nothing makes room"
        );
        *last = Some(Instant::now());
        (*pushed_out, *refused) = (0, 0);
    }
}

impl Guest {
    fn may_go(&self) -> bool {
        !matches!(self.state, GuestState::Busy(_))
    }
}

impl<P: Eq + Hash + Copy> Slot<P> {
    /// Records that it has identified itself.
    pub fn know(&self) {
        self.change(|state| (*state).max(GuestState::Idle));
    }

    /// Marks the connection as busy until the guard is dropped. That protects only those that are
    /// known: a stranger can always be told to leave.
    pub fn begin(self: &Arc<Self>) -> Busy<P> {
        self.change(|state| match *state {
            GuestState::Stranger => GuestState::Stranger,
            GuestState::Idle => GuestState::Busy(1),
            GuestState::Busy(count) => GuestState::Busy(count + 1),
        });
        Busy(Arc::clone(self))
    }

    /// Records that it has identified itself, and stays as long as it likes.
    pub fn keep(&self) {
        self.change(|_| GuestState::Busy(1));
    }

    /// Returns true if it has not identified itself, and still has this slot.
    pub fn is_stranger(&self) -> bool {
        let guests = self.admission.0.guests.lock();
        let guest = guests.of.get(&self.peer);
        let guest = guest.and_then(|guests| guests.get(&self.number));
        guest.is_some_and(|guest| guest.state == GuestState::Stranger)
    }

    /// Stops counting it here: it is counted elsewhere from now on.
    pub fn leave(&self) {
        self.admission.0.remove(self.peer, self.number);
    }

    /// Returns when it has to make room.
    pub async fn pushed_out(&self) {
        self.leave.cancelled().await;
    }

    fn change(&self, to: impl FnOnce(&GuestState) -> GuestState) {
        let mut guests = self.admission.0.guests.lock();
        let guest = guests.of.get_mut(&self.peer);
        if let Some(guest) = guest.and_then(|guests| guests.get_mut(&self.number)) {
            guest.state = to(&guest.state);
        }
    }
}

impl<P: Eq + Hash + Copy> Shared<P> {
    /// Removes a connection; returns true if it was there.
    fn remove(&self, peer: P, number: u64) -> bool {
        let mut guests = self.guests.lock();
        let Some(of_peer) = guests.of.get_mut(&peer) else {
            return false;
        };
        let was_there = of_peer.remove(&number).is_some();
        if of_peer.is_empty() {
            guests.of.remove(&peer);
        }
        guests.total -= usize::from(was_there);
        was_there
    }
}

impl<P: Eq + Hash + Copy> Drop for Slot<P> {
    fn drop(&mut self) {
        let inner = &self.admission.0;
        if !inner.remove(self.peer, self.number) && self.leave.is_cancelled() {
            inner.guests.lock().leaving -= 1;
            inner.departures.notify_one();
        }
    }
}

impl<P: Eq + Hash + Copy> Drop for Busy<P> {
    fn drop(&mut self) {
        self.0.change(|state| match *state {
            GuestState::Busy(count) if count > 1 => GuestState::Busy(count - 1),
            GuestState::Busy(_) => GuestState::Idle,
            state => state,
        });
    }
}

#[cfg(test)]
mod tests;
