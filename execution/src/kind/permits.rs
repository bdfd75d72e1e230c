//! Control that is asked for, or permitted and not yet begun. Pure.
//!
//! ```text
//! lane ─► asked ─► permitted ─► begun
//!           │          └► no worker in time: expired, under its permit
//!           ├► refused: gone
//!           └► void: asked again; a permit that still arrives is answered "expired"
//! ```
//!
//! An ask that was given up begins nothing any more. A permit that still arrives for it is
//! answered, so that the logic environment need not wait until nobody can act on it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_invariant as invariant;
use utakata_model::{Outcome, OutcomeStatus, TaskKey};
use utakata_permit::{
    asks::{Decision, OpenAsks, Times},
    message::{Answer, Ask, Refused, Verdict},
};

use super::outcome;
use crate::kind::{attempts::Permit, lanes::Waiting};

/// The number of given-up asks that are remembered, to answer permits that arrive for them.
const MAX_VOID: usize = 10_000;
/// The number of earlier asks of an attempt that are repeated, to learn which of them has the
/// permit.
const MAX_EARLIER: usize = 4;

/// Control between its lane and its worker.
#[derive(Debug)]
pub(super) struct Permits {
    asks: OpenAsks,
    asked: HashMap<TaskKey, Request, foldhash::fast::RandomState>,
    permitted: VecDeque<Permitted>,
    /// The outcomes to report if permits arrive for asks that were given up.
    void: BTreeMap<u64, Outcome>,
    /// The number of workers kept free for these, by the version that they need.
    reserved: BTreeMap<Option<String>, usize>,
}

/// A request for a permit.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) waiting: Waiting,
    ask: u64,
    /// The latest asks of it that were given up.
    earlier: Vec<u64>,
    /// True if it keeps a conversation of its lane free.
    pub(super) has_lane: bool,
}

impl Request {
    /// Returns the latest asks of it that were given up.
    pub(super) fn earlier(&self) -> impl Iterator<Item = Ask> {
        let key = self.waiting.task.key();
        self.earlier.iter().map(move |&ask| Ask { key, ask })
    }
}

/// A permit, with its task.
#[derive(Debug)]
pub(super) struct Permitted {
    pub(super) waiting: Waiting,
    pub(super) permit: Permit,
    /// True if it has a conversation of its lane.
    pub(super) has_lane: bool,
}

/// The consequence of an answer.
#[derive(Debug)]
pub(super) enum Meaning {
    /// The attempt may begin: it is among those that do.
    Permitted,
    /// The delivery is void.
    Dropped(Refused, Request),
    /// It was permitted and will not begin here, which has to be reported.
    Late(Box<Outcome>, Option<Request>),
    /// Nothing follows.
    Nothing,
}

impl Permits {
    /// Without any; asks are numbered from here on.
    pub(super) fn new(times: Times, next_ask: u64) -> Self {
        let mut asks = OpenAsks::new(times);
        asks.begin_at(next_ask);
        Self {
            asks,
            asked: HashMap::default(),
            permitted: VecDeque::new(),
            void: BTreeMap::new(),
            reserved: BTreeMap::new(),
        }
    }

    /// Returns the number of the next ask, and the outcomes to report if permits arrive for those
    /// given up.
    pub(super) fn leave(&self) -> (u64, Vec<(u64, Outcome)>) {
        let void = self
            .void
            .iter()
            .map(|(ask, outcome)| (*ask, outcome.clone()));
        (self.asks.next(), void.collect())
    }

    /// Continues where another program of this life was.
    pub(super) fn take_over(&mut self, next_ask: u64, void: Vec<(u64, Outcome)>) {
        self.asks.begin_at(next_ask);
        self.void.extend(void);
    }

    /// Asks for an attempt that has a conversation of its lane.
    pub(super) fn ask(&mut self, waiting: Waiting, now: Instant) -> Option<Ask> {
        let ask = self.asks.ask(waiting.task.key(), now)?;
        self.reserve(&waiting);
        let asked = Request {
            waiting,
            ask: ask.ask,
            earlier: Vec::new(),
            has_lane: true,
        };
        self.asked.insert(ask.key, asked);
        Some(ask)
    }

    /// Applies an answer.
    pub(super) fn on_answer(&mut self, answer: Answer, now: Instant, clock: Timestamp) -> Meaning {
        let key = answer.ask.key;
        match self.asks.on_answer(answer, now) {
            Decision::Begin { ask, until } => {
                let Some(asked) = self.asked.remove(&key) else {
                    invariant::broken("an open ask has no task", &key);
                    return Meaning::Nothing;
                };
                self.permitted.push_back(Permitted {
                    waiting: asked.waiting,
                    permit: Permit { ask, until },
                    has_lane: asked.has_lane,
                });
                Meaning::Permitted
            }
            Decision::Drop(why) => match self.give_up(key, now, clock) {
                Some(asked) => Meaning::Dropped(why, asked),
                None => Meaning::Nothing,
            },
            Decision::Ignore => self.on_ignored(answer, now, clock),
        }
    }

    /// Handles an answer to an ask that was given up, or whose window is over.
    fn on_ignored(&mut self, answer: Answer, now: Instant, clock: Timestamp) -> Meaning {
        let Ask { key, ask } = answer.ask;
        let is_open = self.asked.get(&key).is_some_and(|asked| asked.ask == ask);
        if !is_open && !self.void.contains_key(&ask) {
            return Meaning::Nothing;
        }
        // A verdict that cannot change any more applies to a later ask of the attempt as well,
        // whose own answer may always arrive too late.
        match answer.verdict {
            Verdict::Permitted(_) => {
                let asked = self.give_up(key, now, clock);
                match self.void.remove(&ask) {
                    Some(outcome) => Meaning::Late(Box::new(outcome), asked),
                    None => Meaning::Nothing,
                }
            }
            Verdict::Refused(why @ (Refused::Ended | Refused::Superseded | Refused::Foreign)) => {
                match self.give_up(key, now, clock) {
                    Some(asked) => Meaning::Dropped(why, asked),
                    None => Meaning::Nothing,
                }
            }
            Verdict::Refused(Refused::Taken | Refused::Recalled) => Meaning::Nothing,
        }
    }

    /// Returns the asks to send now. Those unanswered for a while are marked if they are new ones,
    /// because the window of the earlier one is over.
    pub(super) fn due(&mut self, now: Instant, clock: Timestamp) -> Vec<Due> {
        let asks = self.asks.due(now);
        let mut due = Vec::with_capacity(asks.len());
        for ask in asks {
            let Some(asked) = self.asked.get_mut(&ask.key) else {
                invariant::broken("an open ask has no task", &ask.key);
                continue;
            };
            let is_anew = asked.ask != ask.ask;
            let had_lane = std::mem::replace(&mut asked.has_lane, false);
            let lane = had_lane.then(|| asked.waiting.task.target.name.clone());
            let expires = asked.waiting.expires;
            if is_anew {
                let was = std::mem::replace(&mut asked.ask, ask.ask);
                asked.earlier.push(was);
                if asked.earlier.len() > MAX_EARLIER {
                    asked.earlier.remove(0);
                }
                let outcome = void(&asked.waiting, was, now, clock);
                self.remember(was, outcome);
            }
            due.push(Due {
                ask,
                is_anew,
                expires,
                lane,
            });
        }
        due
    }

    /// Gives up an ask: its attempt will not begin here.
    pub(super) fn give_up(
        &mut self,
        key: TaskKey,
        now: Instant,
        clock: Timestamp,
    ) -> Option<Request> {
        self.asks.forget(key);
        let asked = self.asked.remove(&key)?;
        self.free(&asked.waiting);
        let outcome = void(&asked.waiting, asked.ask, now, clock);
        self.remember(asked.ask, outcome);
        Some(asked)
    }

    /// Gives up all asks: none of their attempts will begin here.
    pub(super) fn give_up_all(&mut self, now: Instant, clock: Timestamp) -> Vec<Request> {
        let keys: Vec<TaskKey> = self.asked.keys().copied().collect();
        keys.into_iter()
            .filter_map(|key| self.give_up(key, now, clock))
            .collect()
    }

    /// Takes the attempts that may begin, in the order of their permits.
    pub(super) fn take_permitted(&mut self) -> VecDeque<Permitted> {
        std::mem::take(&mut self.permitted)
    }

    /// Puts one back that was taken and continues to wait for a worker.
    pub(super) fn wait_on(&mut self, permitted: Permitted) {
        self.permitted.push_back(permitted);
    }

    /// Puts one back that was begun and did not reach its worker.
    pub(super) fn put_back(&mut self, waiting: Waiting, permit: Permit) {
        self.reserve(&waiting);
        self.permitted.push_back(Permitted {
            waiting,
            permit,
            has_lane: true,
        });
    }

    /// Stops keeping a worker free for one that has begun or ended.
    pub(super) fn free(&mut self, waiting: &Waiting) {
        let pin = &waiting.task.target.pin;
        if let Some(count) = self.reserved.get_mut(pin) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.reserved.remove(pin);
            }
        }
    }

    /// Forgets the tags of a lost queue: its deliveries cannot be acknowledged any more, and need
    /// not be. A task that is delivered again is recognised here, or refused where it is asked for.
    pub(super) fn forget_tags(&mut self) {
        let permitted = self.permitted.iter_mut().map(|p| &mut p.waiting);
        let asked = self.asked.values_mut().map(|a| &mut a.waiting);
        permitted
            .chain(asked)
            .for_each(|waiting| waiting.tag = None);
    }

    pub(super) fn has(&self, key: TaskKey) -> bool {
        let is_it = |permitted: &Permitted| permitted.waiting.task.key() == key;
        self.asked.contains_key(&key) || self.permitted.iter().any(is_it)
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len() + self.permitted.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of those for which a worker is kept free, by the version that they need.
    pub(super) fn reserved(&self) -> impl Iterator<Item = (Option<&str>, usize)> {
        let reserved = self.reserved.iter();
        reserved.map(|(pin, count)| (pin.as_deref(), *count))
    }

    fn reserve(&mut self, waiting: &Waiting) {
        let pin = &waiting.task.target.pin;
        match self.reserved.get_mut(pin) {
            Some(count) => *count += 1,
            None => {
                self.reserved.insert(pin.clone(), 1);
            }
        }
    }

    fn remember(&mut self, ask: u64, outcome: Outcome) {
        self.void.insert(ask, outcome);
        if self.void.len() > MAX_VOID {
            self.void.pop_first();
        }
    }
}

/// An ask to send.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) ask: Ask,
    /// True if it replaces one whose window is over.
    pub(super) is_anew: bool,
    /// The time at which its task expires.
    pub(super) expires: Instant,
    /// The lane whose conversation it does not keep free any longer.
    pub(super) lane: Option<utakata_model::TargetName>,
}

fn void(waiting: &Waiting, ask: u64, now: Instant, clock: Timestamp) -> Outcome {
    let waited: Duration = now.saturating_duration_since(waiting.since);
    let task = waiting.task.clone();
    let outcome = outcome::not_begun(task, OutcomeStatus::Expired, outcome::late(), waited, clock);
    Outcome {
        permit: Some(ask),
        ..outcome
    }
}
