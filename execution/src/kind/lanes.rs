//! One lane per target: a target that is slow or silent holds up only its own lane.
//!
//! ```text
//! target a   ■ ■ ■ ─► running        a lane has its turn when a task waits in it and a
//! target b   ■ ─► (ready)            conversation with the target is free; lanes are
//! target c   (running, none waits)   served in turn
//! ```
//!
//! Control and observe tasks have turns of their own. Control is taken out to ask for its permit:
//! it keeps a conversation free while the answer is due, gives it up if that takes long
//! ([`Lanes::step_back`]), and takes the next free one when it is permitted ([`Lanes::step_in`]).
//! Observe tasks are expendable: a newer one of the same schedule replaces one that still waits,
//! and only so many of one action may wait.
//!
//! A target that was silent or slow the last time is doubtful. Reads of doubtful targets have turns
//! of their own, after all others, and occupy at most half of what the workers can do: however many
//! targets are dead, the healthy ones find a worker. Nothing of that is set: what is slow follows
//! from what is typical of the kind in this environment, and the bound from its workers.
//!
//! The limits of a target apply to both classes: conversations at a time, tasks begun per second,
//! and none at all for a while if it does not answer. A lane in which only time changes anything
//! rests until then.

mod breaker;
mod bucket;
mod lane;
mod turns;
mod typical;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Tag;
use utakata_invariant as invariant;
use utakata_model::{BreakerStatus, Class, Problem, Target, TargetName, Task, TaskKey};

pub(crate) use self::breaker::Rule;
use self::{
    breaker::Passage,
    lane::{ByClass, Lane},
    turns::Turns,
    typical::Typical,
};
use crate::config::Lanes as Limits;

/// A task that waits in the environment.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) task: Task,
    /// For a control task: its delivery, which is acknowledged when the task begins.
    pub(crate) tag: Option<Tag>,
    /// The time since which it waits here.
    pub(crate) since: Instant,
    /// The time after which it is not begun. The wall clock may be set while it waits.
    pub(crate) expires: Instant,
}

impl Waiting {
    /// Creates a waiting task; the time left is calculated now.
    pub(crate) fn new(task: Task, tag: Option<Tag>, now: Instant, clock: Timestamp) -> Self {
        Self {
            expires: expires(&task, now, clock),
            task,
            tag,
            since: now,
        }
    }
}

/// Returns the time until which a task may begin, on the monotonic clock.
pub(crate) fn expires(task: &Task, now: Instant, clock: Timestamp) -> Instant {
    let left = task.expires.duration_since(clock);
    let moved = match left.is_negative() {
        true => now.checked_sub(left.unsigned_abs()),
        false => now.checked_add(left.unsigned_abs()),
    };
    moved.unwrap_or(now)
}

/// All waiting tasks of a kind, by target.
#[derive(Debug)]
pub(crate) struct Lanes {
    limits: Limits,
    rule: Rule,
    /// On the heap one by one: most targets have none at a time, and a table keeps room for as many
    /// as it ever had.
    lanes: HashMap<TargetName, Box<Lane>, foldhash::fast::RandomState>,
    turns: ByClass<Turns>,
    /// The turns of doubtful targets, for observation.
    doubtful: Turns,
    typical: Typical,
    /// The number of conversations with doubtful targets, and the largest number of them.
    aside: usize,
    max_aside: usize,
    /// Lanes in which time alone changes something.
    resting: BTreeSet<(Instant, TargetName)>,
    /// The targets that are left alone.
    broken: BTreeSet<TargetName>,
    waiting: usize,
    /// The time of the last event: whatever could have proceeded since then does so at the next
    /// [`Lanes::wake`].
    now: Instant,
}

impl Lanes {
    pub(crate) fn new(limits: Limits, rule: Rule, now: Instant) -> Self {
        Self {
            limits,
            rule,
            lanes: HashMap::default(),
            turns: ByClass::default(),
            doubtful: Turns::default(),
            typical: Typical::default(),
            aside: 0,
            max_aside: usize::MAX,
            resting: BTreeSet::new(),
            broken: BTreeSet::new(),
            waiting: 0,
            now,
        }
    }

    /// Wakes everything that rested until now.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.now = now;
        while let Some((at, _)) = self.resting.first()
            && *at <= now
            && let Some((at, target)) = self.resting.pop_first()
        {
            if let Some(lane) = self.lanes.get_mut(&target)
                && lane.rests_until == Some(at)
            {
                lane.rests_until = None;
                self.queue(&target);
            }
        }
    }

    /// Returns the time at which [`Lanes::wake`] next has something to do.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.resting.first().map(|(at, _)| *at)
    }

    /// Takes note of whether an attempt shows that a target answers. Returns true if the target is
    /// left alone from now on and was not before.
    pub(crate) fn hear(
        &mut self,
        target: &TargetName,
        silence: Option<&Problem>,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        let Some(problem) = silence else {
            if let Some(lane) = self.lanes.get_mut(target) {
                lane.doubted = None;
                lane.breaker.on_answer();
                self.broken.remove(target);
                self.queue(target);
            }
            return false;
        };
        let lane = self.lanes.entry(target.clone()).or_default();
        lane.doubted = Some(now);
        let rule = &self.rule;
        let is_left = lane.breaker.on_silence(target, problem, rule, now, clock);
        if is_left {
            self.broken.insert(target.clone());
        }
        self.queue(target);
        is_left
    }

    /// Takes note of the time that an answer took: a target that is slow compared with the others
    /// is doubtful.
    pub(crate) fn took(&mut self, target: &TargetName, took: Duration, now: Instant) {
        if self.typical.is_slow(took) {
            let lane = self.lanes.entry(target.clone()).or_default();
            lane.doubted = Some(now);
            self.queue(target);
        }
    }

    /// Bounds the conversations with doubtful targets to half of what workers can have.
    pub(crate) fn bound_doubtful(&mut self, capacity: usize) {
        self.max_aside = (capacity / 2).max(1);
    }

    /// Returns the number of further conversations with doubtful targets.
    fn room_aside(&self) -> usize {
        self.max_aside.saturating_sub(self.aside)
    }

    /// Returns the breaker of a target that is left alone: reads fail at once.
    pub(crate) fn broken(&self, target: &TargetName, now: Instant) -> Option<BreakerStatus> {
        let breaker = &self.lanes.get(target)?.breaker;
        let is_shut = breaker.passage(now) == Passage::None;
        breaker.status(target, now).filter(|_| is_shut)
    }

    /// Returns the targets that are left alone, up to a limit.
    pub(crate) fn breakers(&self, max: usize, now: Instant) -> Vec<BreakerStatus> {
        let status = |target| self.lanes.get(target)?.breaker.status(target, now);
        self.broken.iter().filter_map(status).take(max).collect()
    }

    /// Takes the reads that wait for a target.
    pub(crate) fn take_reads(&mut self, target: &TargetName) -> VecDeque<Waiting> {
        let Some(lane) = self.lanes.get_mut(target) else {
            return VecDeque::new();
        };
        let reads = std::mem::take(&mut lane.observe);
        self.waiting -= reads.len();
        reads
    }

    /// Adds a task to its target's lane, and returns the older one that it displaces.
    pub(crate) fn push(&mut self, waiting: Waiting) -> Option<Waiting> {
        let target = waiting.task.target.name.clone();
        let lane = self.lanes.entry(target.clone()).or_default();
        lane.set(&waiting.task.target, &self.limits);
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

    /// Takes the next task of a class for the release of this version (`None`: the active one),
    /// lane by lane in turn. It has a conversation with its target.
    pub(crate) fn pop(&mut self, class: Class, pin: Option<&str>) -> Option<Waiting> {
        loop {
            let target = self.next_turn(class, pin)?;
            let Some(lane) = self.lanes.get_mut(&target) else {
                invariant::broken("a target has a turn and no lane", &target);
                continue;
            };
            *lane.has_turn.of(class) = false;
            let next = lane.next(class, self.now);
            // A task that arrived since may be for another release.
            let fits = next.is_some_and(|next| next.task.target.pin.as_deref() == pin);
            let taken = if fits {
                lane.take(class, self.now)
            } else {
                None
            };
            let is_aside = taken.is_some() && class == Class::Observe && lane.doubted.is_some();
            lane.aside += u32::from(is_aside);
            self.aside += usize::from(is_aside);
            self.waiting -= usize::from(taken.is_some());
            self.queue(&target);
            if taken.is_some() {
                return taken;
            }
        }
    }

    /// Takes the next turn of a class: doubtful targets come last, and only so many at a time.
    fn next_turn(&mut self, class: Class, pin: Option<&str>) -> Option<TargetName> {
        let next = self.turns.of(class).pop(pin);
        if next.is_some() || class == Class::Control || self.room_aside() == 0 {
            return next;
        }
        self.doubtful.pop(pin)
    }

    /// Ends a conversation, so that its lane may proceed.
    pub(crate) fn release(&mut self, target: &TargetName, class: Class) {
        if let Some(lane) = self.lanes.get_mut(target) {
            let is_aside = class == Class::Observe && lane.aside > 0;
            lane.aside -= u32::from(is_aside);
            self.aside -= usize::from(is_aside);
            lane.release(class);
            self.queue(target);
        }
    }

    /// Occupies a lane for a task that has been running since an earlier program of this life.
    pub(crate) fn occupy(&mut self, target: &Target, class: Class) {
        let lane = self.lanes.entry(target.name.clone()).or_default();
        lane.set(target, &self.limits);
        lane.running += 1;
        lane.is_written |= class == Class::Control;
    }

    /// Lets a read that has ended be followed at once by another one that nobody requested, in the
    /// same conversation. Returns true if that is permitted: nothing else waits to write the
    /// target, and its rate allows it.
    pub(crate) fn prolong(&mut self, target: &TargetName, now: Instant) -> bool {
        self.lanes
            .get_mut(target)
            .is_some_and(|lane| lane.prolong(now))
    }

    /// Lets control that was taken give up its conversation for observation. It remains the only
    /// writer.
    pub(crate) fn step_back(&mut self, target: &TargetName) {
        // It is written, which keeps it.
        let lane = self.lanes.get_mut(target);
        if let Some(lane) = invariant::present(lane, "control without a lane steps back", target) {
            lane.step_back();
            self.queue(target);
        }
    }

    /// Gives a conversation to control that had stepped back, or the next one that is free. Returns
    /// true if it has one.
    pub(crate) fn step_in(&mut self, target: &TargetName) -> bool {
        let lane = self.lanes.get_mut(target);
        let Some(lane) = invariant::present(lane, "control without a lane steps in", target) else {
            return false;
        };
        lane.is_expected = lane.is_full();
        lane.running += u32::from(!lane.is_expected);
        !lane.is_expected
    }

    /// Ends control that has stepped back: somebody else may write the target.
    pub(crate) fn leave(&mut self, target: &TargetName) {
        if let Some(lane) = self.lanes.get_mut(target) {
            lane.is_expected = false;
            lane.is_written = false;
            self.queue(target);
        }
    }

    /// Puts a task back that was taken and could not begin, before all others.
    pub(crate) fn put_back(&mut self, waiting: Waiting) {
        let target = waiting.task.target.name.clone();
        let class = waiting.task.class;
        let lane = self.lanes.entry(target.clone()).or_default();
        lane.set(&waiting.task.target, &self.limits);
        lane.queue(class).push_front(waiting);
        self.waiting += 1;
        self.release(&target, class);
    }

    /// Takes the tasks that satisfy a condition.
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
        let (now, broken) = (self.now, &mut self.broken);
        self.lanes.retain(|target, lane| {
            let is_over = lane.is_over(now);
            if is_over {
                broken.remove(target);
            }
            !is_over
        });
        taken
    }

    /// Takes the tasks that may not begin any more.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<Waiting> {
        self.take_if(|waiting| waiting.expires < now)
    }

    /// Returns true if this attempt waits.
    pub(crate) fn has(&self, target: &TargetName, key: TaskKey) -> bool {
        self.lanes.get(target).is_some_and(|lane| {
            let mut all = lane.control.iter().chain(&lane.observe);
            all.any(|waiting| waiting.task.key() == key)
        })
    }

    /// Returns the number of tasks for which there is room.
    pub(crate) fn room(&self) -> usize {
        // Those of doubtful targets that cannot begin now keep nothing else from coming.
        let held = self.doubtful.len().saturating_sub(self.room_aside());
        (self.limits.backlog as usize).saturating_sub(self.waiting.saturating_sub(held))
    }

    /// Returns the number of tasks that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns the number of lanes that wait only for a worker.
    pub(crate) fn ready(&self) -> usize {
        let doubtful = self.doubtful.len().min(self.room_aside());
        self.turns.control.len() + self.turns.observe.len() + doubtful
    }

    /// Returns the number of them whose next task is for this version.
    pub(crate) fn ready_for(&self, pin: Option<&str>) -> usize {
        let doubtful = self.doubtful.of(pin).take(self.room_aside()).count();
        self.turns.control.of(pin).count() + self.turns.observe.of(pin).count() + doubtful
    }

    /// Returns the versions for which something is ready, other than the active one.
    pub(crate) fn pins(&self) -> BTreeSet<String> {
        let pins = self.turns.control.pins().chain(self.turns.observe.pins());
        pins.chain(self.doubtful.pins()).cloned().collect()
    }

    /// Returns the time since which the first in turn of a class waits for a worker of this
    /// version.
    pub(crate) fn ready_since(&self, class: Class, pin: Option<&str>) -> Option<Instant> {
        let turns = match class {
            Class::Control => &self.turns.control,
            Class::Observe => &self.turns.observe,
        };
        let room_aside = match class {
            Class::Control => 0,
            Class::Observe => self.room_aside(),
        };
        let doubtful = self.doubtful.of(pin).take(room_aside);
        let next = |target| self.lanes.get(target)?.next(class, self.now);
        let mut all = turns.of(pin).chain(doubtful);
        all.find_map(next).map(|waiting| waiting.since)
    }

    /// Gives a lane the turns that it should have, or removes it when it is over.
    fn queue(&mut self, target: &TargetName) {
        let Some(lane) = self.lanes.get_mut(target) else {
            return;
        };
        for class in [Class::Control, Class::Observe] {
            if *lane.has_turn.of(class) {
                continue;
            }
            if let Some(next) = lane.next(class, self.now) {
                let turns = match class {
                    Class::Observe if lane.doubted.is_some() => &mut self.doubtful,
                    _ => self.turns.of(class),
                };
                turns.push(next.task.target.pin.as_deref(), target.clone());
                *lane.has_turn.of(class) = true;
            }
        }
        if lane.is_over(self.now) {
            self.broken.remove(target);
            self.lanes.remove(target);
        } else if let Some(at) = lane.rests(self.now)
            && lane.rests_until.is_none_or(|until| at < until)
        {
            lane.rests_until = Some(at);
            self.resting.insert((at, target.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
