//! One lane for each target: a target that is slow or silent holds up its own lane only.
//!
//! ```text
//!   target a   ■ ■ ■ ─► running        a lane is ready when something waits in it and
//!   target b   ■ ─► (ready)            nothing runs; ready lanes are served in turn
//!   target c   (running, none waits)
//! ```
//!
//! In a lane, control goes before observe. Observe tasks are expendable: a newer one of the
//! same schedule takes the place of one that still waits, and of one action only so many wait.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Tag;
use utakata_model::{Class, Origin, TargetName, Task, TaskKey};

use crate::config::Lanes as Limits;

/// A task that waits in the environment.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The task.
    pub(crate) task: Task,
    /// For a control task: its delivery, which is acknowledged when the task is begun.
    pub(crate) tag: Option<Tag>,
    /// Since when it waits here.
    pub(crate) since: Instant,
}

/// Everything of a kind that waits, by target.
#[derive(Debug)]
pub(crate) struct Lanes {
    limits: Limits,
    lanes: HashMap<TargetName, Lane, foldhash::fast::RandomState>,
    /// Lanes whose next task goes to the active release.
    ready: VecDeque<TargetName>,
    /// Lanes whose next task goes to the release of this version.
    pinned: BTreeMap<String, VecDeque<TargetName>>,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Lane {
    control: VecDeque<Waiting>,
    observe: VecDeque<Waiting>,
    running: u32,
    /// One writer for each target, however many may read it.
    is_written: bool,
    /// Whether it stands in a queue of ready lanes.
    is_queued: bool,
}

impl Lane {
    /// What is begun next, if something may begin.
    fn next(&self, limits: &Limits) -> Option<&Waiting> {
        if self.running >= limits.attempts {
            return None;
        }
        let control = self.control.front().filter(|_| !self.is_written);
        control.or_else(|| self.observe.front())
    }

    fn take_next(&mut self, limits: &Limits) -> Option<Waiting> {
        let class = self.next(limits)?.task.class;
        self.running += 1;
        match class {
            Class::Control => {
                self.is_written = true;
                self.control.pop_front()
            }
            Class::Observe => self.observe.pop_front(),
        }
    }

    fn is_over(&self) -> bool {
        self.running == 0 && self.control.is_empty() && self.observe.is_empty()
    }

    /// Puts an observe task in; gives the one that it displaces.
    fn push_observe(&mut self, waiting: Waiting, most: u32) -> Option<Waiting> {
        let task = &waiting.task;
        if let Origin::Schedule(_) = task.origin
            && let Some(older) = self
                .observe
                .iter_mut()
                .find(|w| w.task.origin == task.origin && w.task.action == task.action)
        {
            return Some(std::mem::replace(older, waiting));
        }
        let same = |w: &Waiting| w.task.action == task.action;
        let full = self.observe.iter().filter(|w| same(w)).count() >= most as usize;
        let oldest = full
            .then(|| self.observe.iter().position(same))
            .flatten()
            .and_then(|at| self.observe.remove(at));
        self.observe.push_back(waiting);
        oldest
    }
}

impl Lanes {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: HashMap::default(),
            ready: VecDeque::new(),
            pinned: BTreeMap::new(),
            waiting: 0,
        }
    }

    /// Lets a task wait in its target's lane; gives the older one that it displaces.
    pub(crate) fn push(&mut self, waiting: Waiting) -> Option<Waiting> {
        let target = waiting.task.target.name.clone();
        let lane = self.lanes.entry(target.clone()).or_default();
        self.waiting += 1;
        let displaced = match waiting.task.class {
            Class::Control => {
                lane.control.push_back(waiting);
                None
            }
            Class::Observe => lane.push_observe(waiting, self.limits.observe),
        };
        self.waiting -= usize::from(displaced.is_some());
        self.queue(&target);
        displaced
    }

    /// Begins the next task for the release of this version (`None`: the active one), lane by
    /// lane in turn.
    pub(crate) fn pop(&mut self, pin: Option<&str>) -> Option<Waiting> {
        loop {
            let target = match pin {
                None => self.ready.pop_front(),
                Some(pin) => self.pinned.get_mut(pin).and_then(VecDeque::pop_front),
            }?;
            let Some(lane) = self.lanes.get_mut(&target) else {
                continue;
            };
            lane.is_queued = false;
            let next = lane.next(&self.limits);
            // What came since may be for another release.
            let fits = next.is_some_and(|next| next.task.target.pin.as_deref() == pin);
            let taken = if fits {
                lane.take_next(&self.limits)
            } else {
                None
            };
            self.waiting -= usize::from(taken.is_some());
            self.queue(&target);
            if taken.is_some() {
                return taken;
            }
        }
    }

    /// An attempt has ended: its lane may go on.
    pub(crate) fn release(&mut self, target: &TargetName, class: Class) {
        if let Some(lane) = self.lanes.get_mut(target) {
            lane.running = lane.running.saturating_sub(1);
            lane.is_written &= class != Class::Control;
            self.queue(target);
        }
    }

    /// A task that was popped and could not be begun waits again, before all others.
    pub(crate) fn put_back(&mut self, waiting: Waiting) {
        let target = waiting.task.target.name.clone();
        let class = waiting.task.class;
        let lane = self.lanes.entry(target.clone()).or_default();
        match class {
            Class::Control => lane.control.push_front(waiting),
            Class::Observe => lane.observe.push_front(waiting),
        }
        self.waiting += 1;
        self.release(&target, class);
    }

    /// Takes out what fulfils a condition.
    pub(crate) fn take_if(&mut self, is_wanted: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = Vec::new();
        for lane in self.lanes.values_mut() {
            for queue in [&mut lane.control, &mut lane.observe] {
                if queue.iter().any(&is_wanted) {
                    let (out, stay) = queue.drain(..).partition(|waiting| is_wanted(waiting));
                    *queue = stay;
                    taken.extend::<VecDeque<_>>(out);
                }
            }
        }
        self.waiting -= taken.len();
        self.lanes
            .retain(|_, lane| lane.is_queued || !lane.is_over());
        taken
    }

    /// Takes out what may not begin any more.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Vec<Waiting> {
        self.take_if(|waiting| waiting.task.expires < now)
    }

    /// Whether this attempt waits.
    pub(crate) fn has(&self, target: &TargetName, key: TaskKey) -> bool {
        self.lanes.get(target).is_some_and(|lane| {
            let mut all = lane.control.iter().chain(&lane.observe);
            all.any(|waiting| waiting.task.key() == key)
        })
    }

    /// How many tasks wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many lanes wait for nothing but a worker.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len() + self.pinned.values().map(VecDeque::len).sum::<usize>()
    }

    /// The versions for which something is ready, other than the active one.
    pub(crate) fn pins(&self) -> Vec<String> {
        self.pinned.keys().cloned().collect()
    }

    /// Since when the first in turn waits for a worker of this version.
    pub(crate) fn ready_since(&self, pin: Option<&str>) -> Option<Instant> {
        let queue = match pin {
            None => &self.ready,
            Some(pin) => self.pinned.get(pin)?,
        };
        let next = |target| self.lanes.get(target)?.next(&self.limits);
        queue.iter().find_map(next).map(|waiting| waiting.since)
    }

    /// Lets a lane stand in the queue in which it belongs, or go when it is over.
    fn queue(&mut self, target: &TargetName) {
        let Some(lane) = self.lanes.get_mut(target) else {
            return;
        };
        if lane.is_queued {
            return;
        }
        match lane.next(&self.limits).map(|next| &next.task.target.pin) {
            None if lane.is_over() => {
                self.lanes.remove(target);
            }
            None => {}
            Some(None) => {
                lane.is_queued = true;
                self.ready.push_back(target.clone());
            }
            Some(Some(pin)) => {
                let pin = pin.clone();
                lane.is_queued = true;
                self.pinned
                    .entry(pin)
                    .or_default()
                    .push_back(target.clone());
            }
        }
        self.pinned.retain(|_, queue| !queue.is_empty());
    }
}

#[cfg(test)]
mod tests;
