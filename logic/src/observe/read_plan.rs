//! The plan of scheduled reads, each with the time at which it is due. Pure; times count from the
//! start of the process.
//!
//! All reads of one schedule and kind have the same interval. Sorted by their offset in the
//! interval, they are therefore always due in the same order: each read costs one step to the next,
//! however many there are.

use std::{collections::HashMap, collections::VecDeque, sync::Arc, time::Duration};

use utakata_model::{ActionName, Parameters, ScheduleName, TargetName, hash::fnv1a_64};

use crate::{dispatch::Slot, inventory::TargetEntry};

/// The time of a first read that is not decided yet.
const NOT_YET: Duration = Duration::MAX;

/// The data that the reads of one schedule, kind and zone share.
#[derive(Debug, Clone)]
pub struct ScheduleEntry {
    pub schedule: ScheduleName,
    pub interval: Duration,
    pub action: ActionName,
    pub parameters: Parameters,
    /// The time that one read may take.
    pub timeout: Duration,
}

/// A read that is due in each interval.
#[derive(Debug, Clone)]
pub struct ScheduledRead {
    pub known: Arc<TargetEntry>,
    /// The slot, taken while the target is being read.
    pub slot: Arc<Slot>,
    /// The offset within the interval.
    offset: Duration,
}

/// The reads that are due now.
#[derive(Debug)]
pub struct Due {
    /// The data that it shares with others.
    pub entry: Arc<ScheduleEntry>,
    /// The reads, one per target.
    pub reads: Vec<ScheduledRead>,
}

/// The reads of all schedules, each with the time at which it is due.
#[derive(Debug, Default)]
pub struct ReadPlan {
    entries: Vec<Rotation>,
    /// Targets that were never read: (time, entry, read), in this order.
    first: VecDeque<(Duration, usize, usize)>,
}

#[derive(Debug)]
struct Rotation {
    entry: Arc<ScheduleEntry>,
    reads: Vec<ScheduledRead>,
    /// The index of the next read, and its interval since the start.
    next: usize,
    round: u32,
}

impl ReadPlan {
    /// Returns a new plan in place of this one. A read in both keeps its slot and its time; one
    /// only in the new plan is done at once, `pace` after the previous.
    #[must_use]
    pub fn rebuilt(
        &self,
        entries: Vec<(ScheduleEntry, Vec<Arc<TargetEntry>>)>,
        now: Duration,
        pace: Duration,
    ) -> Self {
        let mut slots: HashMap<(&ScheduleName, &TargetName), &Arc<Slot>> = HashMap::new();
        for rotation in &self.entries {
            for read in &rotation.reads {
                let key = (&rotation.entry.schedule, &read.known.target.name);
                slots.insert(key, &read.slot);
            }
        }
        let mut plan = Self::default();
        for (entry, targets) in entries {
            let mut fresh = Vec::new();
            let mut reads: Vec<ScheduledRead> = Vec::with_capacity(targets.len());
            for known in targets {
                let slot = slots.get(&(&entry.schedule, &known.target.name));
                if slot.is_none() {
                    fresh.push(known.target.name.clone());
                }
                reads.push(ScheduledRead {
                    offset: offset(&entry, &known.target.name),
                    slot: slot.map(|slot| Arc::clone(slot)).unwrap_or_default(),
                    known,
                });
            }
            reads.sort_by_key(|read| read.offset);
            plan.add(Rotation::new(entry, reads, now), &fresh);
        }
        plan.keep_first(self);
        plan.pace_first(now, pace);
        plan
    }

    fn add(&mut self, rotation: Rotation, fresh: &[TargetName]) {
        let entry = self.entries.len();
        let fresh: std::collections::HashSet<&TargetName> = fresh.iter().collect();
        for (at, read) in rotation.reads.iter().enumerate() {
            if fresh.contains(&read.known.target.name) {
                self.first.push_back((NOT_YET, entry, at));
            }
        }
        self.entries.push(rotation);
    }

    /// Keeps first reads that were not due yet.
    fn keep_first(&mut self, before: &Self) {
        if before.first.is_empty() {
            return;
        }
        let mut places = HashMap::new();
        for (entry, rotation) in self.entries.iter().enumerate() {
            for (at, read) in rotation.reads.iter().enumerate() {
                places.insert(
                    (&rotation.entry.schedule, &read.known.target.name),
                    (entry, at),
                );
            }
        }
        let kept: Vec<_> = before
            .first
            .iter()
            .filter_map(|(when, entry, at)| {
                let rotation = before.entries.get(*entry)?;
                let read = rotation.reads.get(*at)?;
                let place = places.get(&(&rotation.entry.schedule, &read.known.target.name))?;
                Some((*when, place.0, place.1))
            })
            .collect();
        for one in kept.into_iter().rev() {
            self.first.push_front(one);
        }
    }

    /// Spreads first reads over time. One that would come only after its regular read is left out.
    fn pace_first(&mut self, now: Duration, pace: Duration) {
        let known = self.first.iter().map(|(when, ..)| *when);
        let mut at = known.filter(|when| *when != NOT_YET).max().unwrap_or(now);
        for (when, ..) in self.first.iter_mut().filter(|(when, ..)| *when == NOT_YET) {
            *when = at;
            at += pace;
        }
        let entries = &self.entries;
        self.first.retain(|(when, entry, _)| {
            let interval = entries.get(*entry).map(|one| one.entry.interval);
            interval.is_some_and(|interval| *when < now + interval)
        });
    }

    /// Returns the time of the next read; `None` if there is none at all.
    pub fn next(&self) -> Option<Duration> {
        let regular = self.entries.iter().filter_map(Rotation::next).min();
        let first = self.first.front().map(|(when, ..)| *when);
        [regular, first].into_iter().flatten().min()
    }

    /// Returns the reads that are due. Each occurs once, even if more than an interval has passed:
    /// missed reads are not made up for.
    pub fn due(&mut self, now: Duration) -> Vec<Due> {
        let mut due: Vec<Due> = Vec::new();
        let mut first: HashMap<usize, Vec<ScheduledRead>> = HashMap::new();
        while let Some((_, entry, at)) = self.first.pop_front_if(|(when, ..)| *when <= now) {
            if let Some(read) = self.entries.get(entry).and_then(|one| one.reads.get(at)) {
                first.entry(entry).or_default().push(read.clone());
            }
        }
        for (entry, rotation) in self.entries.iter_mut().enumerate() {
            let mut reads = first.remove(&entry).unwrap_or_default();
            rotation.take_due(now, &mut reads);
            if !reads.is_empty() {
                due.push(Due {
                    entry: Arc::clone(&rotation.entry),
                    reads,
                });
            }
        }
        due
    }
}

impl Rotation {
    fn new(entry: ScheduleEntry, reads: Vec<ScheduledRead>, now: Duration) -> Self {
        let (round, into) = position(&entry, now);
        let next = reads.partition_point(|read| read.offset <= into);
        let mut rotation = Self {
            entry: Arc::new(entry),
            reads,
            next,
            round,
        };
        rotation.wrap();
        rotation
    }

    fn next(&self) -> Option<Duration> {
        let read = self.reads.get(self.next)?;
        Some(self.entry.interval.saturating_mul(self.round) + read.offset)
    }

    fn wrap(&mut self) {
        if self.next >= self.reads.len() {
            self.next = 0;
            self.round = self.round.saturating_add(1);
        }
    }

    fn take_due(&mut self, now: Duration, due: &mut Vec<ScheduledRead>) {
        for _ in 0..self.reads.len() {
            let (Some(when), Some(read)) = (self.next(), self.reads.get(self.next)) else {
                return;
            };
            if when > now {
                return;
            }
            due.push(read.clone());
            self.next += 1;
            self.wrap();
        }
        // A whole round was due: anything else that was missed is past.
        let (round, into) = position(&self.entry, now);
        self.next = self.reads.partition_point(|read| read.offset <= into);
        self.round = round;
        self.wrap();
    }
}

/// Returns the interval, counted from the start, and the offset within it.
fn position(entry: &ScheduleEntry, now: Duration) -> (u32, Duration) {
    let interval = entry.interval.max(Duration::from_millis(1));
    let round = now.as_micros() / interval.as_micros();
    let round = u32::try_from(round).unwrap_or(u32::MAX);
    (round, now.saturating_sub(interval.saturating_mul(round)))
}

/// Returns the offset within the interval at which a target is read: always the same, and evenly
/// distributed (FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>).
fn offset(entry: &ScheduleEntry, target: &TargetName) -> Duration {
    let names = [entry.schedule.as_str(), "/", target.as_str()];
    let bytes = names.iter().flat_map(|name| name.bytes());
    let hash = fnv1a_64(bytes);
    // The lower bits of FNV-1a alone are not even enough for names that differ in one digit.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
    let interval = u64::try_from(entry.interval.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(hash % interval.max(1))
}

#[cfg(test)]
mod tests;
