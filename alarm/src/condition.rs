//! One rule on one series: is it so, and since when.
//!
//! ```text
//!            raise            hold over            clear           release over
//!  Quiet ───────────► Raising ─────────► Active ───────────► Clearing ─────────► Quiet
//!    ▲                   │      raised      ▲                    │       over
//!    └───────────────────┘                  └────────────────────┘
//!         not raise                                not clear
//! ```
//!
//! Times are points, not timers: a state that was stored goes on where it was. What is not heard
//! moves nothing, unless the rule says so.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{ReadingValue, alarm::WhenSilent};

use crate::{
    compiled::{Compiled, Watch},
    inputs::{Moment, Subject},
    trend::Trend,
};

/// One rule on one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    phase: Phase,
    /// The latest moment that it knows: time does not go back.
    latest: Option<Timestamp>,
    /// The time of the last value.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<ReadingValue>,
    /// True if nothing was heard for too long.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
    /// The times at which it was raised, within the time in which that counts as flapping.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    raises: Vec<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flapping: bool,
}

/// The part of a state that must survive a restart, to be compared with a later one.
#[derive(Debug, Clone, PartialEq)]
pub struct Lasting {
    phase: Phase,
    flapping: bool,
    silent: bool,
    raises: Vec<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    #[default]
    Quiet,
    Raising(Timestamp),
    Active(Timestamp),
    /// The time since which it is right again.
    Clearing(Timestamp),
}

/// Something heard of a series.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// A value, which can be trusted, as the newest of its series. For a rule on silence, an answer;
    /// for one on absence, the metric.
    Value(Subject<'a>, &'a ReadingValue, &'a Trend),
    /// Nothing, for too long.
    Silence,
    /// Time has passed.
    Nothing,
}

/// A change of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is so.
    Raised,
    /// It is no longer so.
    Over,
    /// It comes and goes so often that it counts as one alarm, until it is calm.
    Flapping,
    /// It no longer comes and goes, and is still so.
    Steady,
}

/// The verdict of a value: it raises, it clears. `None` if it says nothing.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    raise: Option<bool>,
    clear: Option<bool>,
}

/// The longest list of times at which an alarm was raised.
const MAX_RAISES: usize = 100;

impl State {
    /// Returns true if it is so: an alarm that flaps is so until it is calm.
    pub fn is_active(&self) -> bool {
        self.flapping || matches!(self.phase, Phase::Active(_) | Phase::Clearing(_))
    }

    /// Returns true if it comes and goes.
    pub fn is_flapping(&self) -> bool {
        self.flapping
    }

    /// Returns true if nothing was heard for too long.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// Returns the number of times that it was raised within the time that counts.
    pub fn times(&self) -> u32 {
        u32::try_from(self.raises.len()).unwrap_or(u32::MAX)
    }

    /// Returns the time of the last value.
    pub fn heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// Returns the last value.
    pub fn value(&self) -> Option<&ReadingValue> {
        self.value.as_ref()
    }

    /// Returns true if there is nothing to remember: a state like a new one does the same.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Quiet && self.raises.is_empty() && !self.flapping && !self.silent
    }

    /// Moves all its times, because the clock was set.
    pub fn shift(&mut self, shifted: &dyn Fn(Timestamp) -> Timestamp) {
        self.phase = match self.phase {
            Phase::Quiet => Phase::Quiet,
            Phase::Raising(since) => Phase::Raising(shifted(since)),
            Phase::Active(since) => Phase::Active(shifted(since)),
            Phase::Clearing(since) => Phase::Clearing(shifted(since)),
        };
        self.latest = self.latest.map(shifted);
        self.heard = self.heard.map(shifted);
        self.raises.iter_mut().for_each(|at| *at = shifted(*at));
    }

    /// Returns the part that must survive a restart.
    pub fn lasting(&self) -> Lasting {
        Lasting {
            phase: self.phase,
            flapping: self.flapping,
            silent: self.silent,
            raises: self.raises.clone(),
        }
    }

    /// Returns the next moment at which time alone may change it.
    pub fn deadline(&self, rule: &Compiled) -> Option<Timestamp> {
        let is_paused = self.is_paused(rule);
        let rule = rule.rule();
        let at = |since: Timestamp, after: Duration| since.checked_add(after).ok();
        let timer = match self.phase {
            Phase::Raising(since) if !is_paused => at(since, rule.hold),
            Phase::Clearing(since) if !is_paused => at(since, rule.release),
            _ => None,
        };
        let newest = self.raises.last();
        let calm = newest.and_then(|newest| at(*newest, rule.flap.within));
        timer.into_iter().chain(calm).min()
    }
}

/// Applies what was heard of a series at a moment. The same sequence gives the same changes,
/// wherever the state was stored and read in between.
pub fn step(
    rule: &Compiled,
    state: State,
    heard: &Heard<'_>,
    now: Timestamp,
) -> (State, Option<Change>) {
    let mut state = state;
    let now = state.latest.map_or(now, |latest| latest.max(now));
    state.latest = Some(now);
    let was_active = state.is_active();
    let verdict = state.hear(rule, heard, now);
    state.advance(rule, verdict, now);
    let change = state.flap(rule, now, was_active);
    (state, change)
}

impl State {
    fn hear(&mut self, rule: &Compiled, heard: &Heard<'_>, now: Timestamp) -> Verdict {
        let nothing = Verdict {
            raise: None,
            clear: None,
        };
        match heard {
            Heard::Nothing => nothing,
            Heard::Silence => {
                self.silent = true;
                match rule.watch() {
                    Watch::Silence { .. } | Watch::Absence { .. } => wrong(),
                    Watch::Metric { .. } => match rule.rule().silent {
                        WhenSilent::Keep => nothing,
                        WhenSilent::Raise => wrong(),
                        WhenSilent::Clear => right(),
                    },
                }
            }
            Heard::Value(subject, value, trend) => {
                self.silent = false;
                self.heard = Some(now);
                let has_value = matches!(rule.watch(), Watch::Metric { .. });
                let value_before = self.value.take().filter(|before| before == *value);
                if has_value {
                    self.value = value_before.or_else(|| Some((*value).clone()));
                    judge(rule, *subject, value, trend)
                } else {
                    right()
                }
            }
        }
    }

    /// Returns true if its timers wait for a value: what is not heard neither raises nor clears,
    /// unless silence itself is what the rule is about.
    fn is_paused(&self, rule: &Compiled) -> bool {
        let is_on_metric = matches!(rule.watch(), Watch::Metric { .. });
        self.silent && is_on_metric && rule.rule().silent == WhenSilent::Keep
    }

    fn advance(&mut self, rule: &Compiled, verdict: Verdict, now: Timestamp) {
        let may_end = !self.is_paused(rule);
        let rule = rule.rule();
        let is_over = |since: Timestamp, lasts: Duration| {
            since.checked_add(lasts).is_ok_and(|end| end <= now)
        };
        if self.phase == Phase::Quiet && verdict.raise == Some(true) {
            self.phase = Phase::Raising(now);
        }
        if matches!(self.phase, Phase::Active(_)) && verdict.clear == Some(true) {
            self.phase = Phase::Clearing(now);
        }
        match (self.phase, verdict) {
            (
                Phase::Raising(_),
                Verdict {
                    raise: Some(false), ..
                },
            ) => self.phase = Phase::Quiet,
            (Phase::Raising(since), _) if may_end && is_over(since, rule.hold) => {
                self.phase = Phase::Active(now);
                self.raises.push(now);
            }
            (
                Phase::Clearing(since),
                Verdict {
                    clear: Some(false), ..
                },
            ) => {
                self.phase = Phase::Active(since);
            }
            (Phase::Clearing(since), _) if may_end && is_over(since, rule.release) => {
                self.phase = Phase::Quiet;
            }
            _ => {}
        }
    }

    /// Folds an alarm that comes and goes into one, and returns the change that people see.
    fn flap(&mut self, rule: &Compiled, now: Timestamp, was_active: bool) -> Option<Change> {
        let flap = rule.rule().flap;
        let recent = |at: &Timestamp| at.checked_add(flap.within).is_ok_and(|end| end > now);
        self.raises.retain(recent);
        let excess = self.raises.len().saturating_sub(MAX_RAISES);
        self.raises.drain(..excess);
        let was_flapping = self.flapping;
        let often = self.raises.len() >= usize::try_from(flap.times).unwrap_or(usize::MAX);
        // It ends when it was calm for the whole time, not when it is a little less often.
        self.flapping = often || (was_flapping && !self.raises.is_empty());
        match (was_active, self.is_active()) {
            (false, true) => Some(Change::Raised),
            (true, false) => Some(Change::Over),
            (true, true) if self.flapping && !was_flapping => Some(Change::Flapping),
            (true, true) if was_flapping && !self.flapping => Some(Change::Steady),
            _ => None,
        }
    }
}

fn judge(rule: &Compiled, subject: Subject<'_>, value: &ReadingValue, trend: &Trend) -> Verdict {
    let Watch::Metric { raise, clear, .. } = rule.watch() else {
        return right();
    };
    let moment = Moment {
        subject,
        value,
        trend,
    };
    let raise = raise.holds(&moment);
    let clear = match clear {
        None => raise.map(|raise| !raise),
        // What still raises it cannot clear it.
        Some(_) if raise == Some(true) => Some(false),
        Some(clear) => clear.holds(&moment),
    };
    Verdict { raise, clear }
}

fn wrong() -> Verdict {
    Verdict {
        raise: Some(true),
        clear: Some(false),
    }
}

fn right() -> Verdict {
    Verdict {
        raise: Some(false),
        clear: Some(true),
    }
}
