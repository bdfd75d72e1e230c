//! The timetable: which read is due when. Pure; times are counted from the start of the
//! process.
//!
//! All reads of one schedule and kind have the same interval, so that, sorted by when in the
//! interval they are due, they are due in this order again and again: each read costs a step
//! to the next one, however many there are.

use std::{collections::HashMap, collections::VecDeque, sync::Arc, time::Duration};

use utakata_model::{ActionName, Parameters, ScheduleName, TargetName};

use crate::{dispatch::Slot, inventory::TargetEntry};

/// When a first read is due of which that is not decided yet.
const NOT_YET: Duration = Duration::MAX;

/// What the reads of one schedule and kind have in common.
#[derive(Debug, Clone)]
pub struct Line {
    /// The schedule.
    pub schedule: ScheduleName,
    /// How often.
    pub interval: Duration,
    /// The observe action.
    pub action: ActionName,
    /// Its parameters.
    pub parameters: Parameters,
    /// How long one read may take.
    pub timeout: Duration,
}

/// A read that is due each interval.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The target.
    pub known: Arc<TargetEntry>,
    /// Taken while it is being read.
    pub slot: Arc<Slot>,
    /// When in the interval.
    offset: Duration,
}

/// Reads that are due now.
#[derive(Debug)]
pub struct Due {
    /// What they have in common.
    pub line: Arc<Line>,
    /// Each of them.
    pub stops: Vec<Stop>,
}

/// Which read is due when.
#[derive(Debug, Default)]
pub struct Timetable {
    lines: Vec<Running>,
    /// What was never read: (when, line, stop), in this order.
    first: VecDeque<(Duration, usize, usize)>,
}

#[derive(Debug)]
struct Running {
    line: Arc<Line>,
    /// By offset.
    stops: Vec<Stop>,
    /// The stop that is due next, and in which interval since the start.
    next: usize,
    round: u32,
}

impl Timetable {
    /// A new timetable in place of this one. Who is on both keeps its slot and its time; who
    /// is only on the new one is read at once, `pace` apart.
    #[must_use]
    pub fn rebuilt(
        &self,
        lines: Vec<(Line, Vec<Arc<TargetEntry>>)>,
        now: Duration,
        pace: Duration,
    ) -> Self {
        let mut slots: HashMap<(&ScheduleName, &TargetName), &Arc<Slot>> = HashMap::new();
        for running in &self.lines {
            for stop in &running.stops {
                let key = (&running.line.schedule, &stop.known.target.name);
                slots.insert(key, &stop.slot);
            }
        }
        let mut table = Self::default();
        for (line, targets) in lines {
            let mut fresh = Vec::new();
            let mut stops: Vec<Stop> = Vec::with_capacity(targets.len());
            for known in targets {
                let slot = slots.get(&(&line.schedule, &known.target.name));
                if slot.is_none() {
                    fresh.push(known.target.name.clone());
                }
                stops.push(Stop {
                    offset: offset(&line, &known.target.name),
                    slot: slot.map(|slot| Arc::clone(slot)).unwrap_or_default(),
                    known,
                });
            }
            stops.sort_by_key(|stop| stop.offset);
            table.add(Running::new(line, stops, now), &fresh);
        }
        table.keep_first(self);
        table.pace_first(now, pace);
        table
    }

    fn add(&mut self, running: Running, fresh: &[TargetName]) {
        let line = self.lines.len();
        let fresh: std::collections::HashSet<&TargetName> = fresh.iter().collect();
        for (at, stop) in running.stops.iter().enumerate() {
            if fresh.contains(&stop.known.target.name) {
                self.first.push_back((NOT_YET, line, at));
            }
        }
        self.lines.push(running);
    }

    /// First reads that were not due yet go over to the new timetable.
    fn keep_first(&mut self, before: &Self) {
        if before.first.is_empty() {
            return;
        }
        let mut places = HashMap::new();
        for (line, running) in self.lines.iter().enumerate() {
            for (at, stop) in running.stops.iter().enumerate() {
                places.insert(
                    (&running.line.schedule, &stop.known.target.name),
                    (line, at),
                );
            }
        }
        let kept: Vec<_> = before
            .first
            .iter()
            .filter_map(|(when, line, at)| {
                let running = before.lines.get(*line)?;
                let stop = running.stops.get(*at)?;
                let place = places.get(&(&running.line.schedule, &stop.known.target.name))?;
                Some((*when, place.0, place.1))
            })
            .collect();
        for one in kept.into_iter().rev() {
            self.first.push_front(one);
        }
    }

    /// Says when first reads are due, one after the other. Whose turn would come only after
    /// its regular one is left out.
    fn pace_first(&mut self, now: Duration, pace: Duration) {
        let known = self.first.iter().map(|(when, ..)| *when);
        let mut at = known.filter(|when| *when != NOT_YET).max().unwrap_or(now);
        for (when, ..) in self.first.iter_mut().filter(|(when, ..)| *when == NOT_YET) {
            *when = at;
            at += pace;
        }
        let lines = &self.lines;
        self.first.retain(|(when, line, _)| {
            let interval = lines.get(*line).map(|one| one.line.interval);
            interval.is_some_and(|interval| *when < now + interval)
        });
    }

    /// When the next read is due; `None` when there is none at all.
    pub fn next(&self) -> Option<Duration> {
        let regular = self.lines.iter().filter_map(Running::next).min();
        let first = self.first.front().map(|(when, ..)| *when);
        [regular, first].into_iter().flatten().min()
    }

    /// The reads that are due. Each comes once, also when more than an interval was slept
    /// through: what was missed is not made up for.
    pub fn due(&mut self, now: Duration) -> Vec<Due> {
        let mut due: Vec<Due> = Vec::new();
        let mut first: HashMap<usize, Vec<Stop>> = HashMap::new();
        while let Some((_, line, at)) = self.first.pop_front_if(|(when, ..)| *when <= now) {
            if let Some(stop) = self.lines.get(line).and_then(|one| one.stops.get(at)) {
                first.entry(line).or_default().push(stop.clone());
            }
        }
        for (line, running) in self.lines.iter_mut().enumerate() {
            let mut stops = first.remove(&line).unwrap_or_default();
            running.take_due(now, &mut stops);
            if !stops.is_empty() {
                due.push(Due {
                    line: Arc::clone(&running.line),
                    stops,
                });
            }
        }
        due
    }
}

impl Running {
    fn new(line: Line, stops: Vec<Stop>, now: Duration) -> Self {
        let (round, into) = position(&line, now);
        let next = stops.partition_point(|stop| stop.offset <= into);
        let mut running = Self {
            line: Arc::new(line),
            stops,
            next,
            round,
        };
        running.wrap();
        running
    }

    fn next(&self) -> Option<Duration> {
        let stop = self.stops.get(self.next)?;
        Some(self.line.interval.saturating_mul(self.round) + stop.offset)
    }

    fn wrap(&mut self) {
        if self.next >= self.stops.len() {
            self.next = 0;
            self.round = self.round.saturating_add(1);
        }
    }

    fn take_due(&mut self, now: Duration, due: &mut Vec<Stop>) {
        for _ in 0..self.stops.len() {
            let (Some(when), Some(stop)) = (self.next(), self.stops.get(self.next)) else {
                return;
            };
            if when > now {
                return;
            }
            due.push(stop.clone());
            self.next += 1;
            self.wrap();
        }
        // A whole round was due: what else was missed is past.
        let (round, into) = position(&self.line, now);
        self.next = self.stops.partition_point(|stop| stop.offset <= into);
        self.round = round;
        self.wrap();
    }
}

/// Which interval it is, counted from the start, and how far into it.
fn position(line: &Line, now: Duration) -> (u32, Duration) {
    let interval = line.interval.max(Duration::from_millis(1));
    let round = now.as_micros() / interval.as_micros();
    let round = u32::try_from(round).unwrap_or(u32::MAX);
    (round, now.saturating_sub(interval.saturating_mul(round)))
}

/// When in the interval a target is read: always the same, and spread evenly over it
/// (FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>).
fn offset(line: &Line, target: &TargetName) -> Duration {
    let names = [line.schedule.as_str(), "/", target.as_str()];
    let bytes = names.iter().flat_map(|name| name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The lower bits of FNV-1a alone are not even enough for names that differ in one digit.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
    let interval = u64::try_from(line.interval.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(hash % interval.max(1))
}

#[cfg(test)]
mod tests;
