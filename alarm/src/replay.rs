//! A rule over the past of one series: the decisions that would have been made, by the same `step`.

use std::time::Duration;

use jiff::Timestamp;
use utakata_model::ReadingValue;

use crate::{
    compiled::{Compiled, Watch},
    condition::{Change, Heard, State, step},
    inputs::Subject,
    trend::Trend,
};

/// One rule on one series (for silence and absence: on one target), stepped through the past. What
/// it is given must come in the order of its times.
#[derive(Debug)]
pub struct Replay<'a> {
    rule: &'a Compiled,
    subject: Subject<'a>,
    /// The time after which hearing nothing is silence; absent where nothing says how often it was
    /// read.
    patience: Option<Duration>,
    /// The time from which silence counts at the earliest.
    began: Timestamp,
    state: State,
    trend: Trend,
    spells: Vec<Spell>,
}

/// A time in which an alarm would have been active.
#[derive(Debug, Clone, PartialEq)]
pub struct Spell {
    /// The time at which it would have been raised.
    pub raised: Timestamp,
    /// The time at which it would have been over; absent if it still was so at the end.
    pub over: Option<Timestamp>,
    /// The value of the series when it was raised.
    pub value: Option<ReadingValue>,
    /// True if it came and went so often that it counted as one.
    pub flapping: bool,
}

impl<'a> Replay<'a> {
    /// Creates a replay that hears from a time on.
    pub fn new(
        rule: &'a Compiled,
        subject: Subject<'a>,
        patience: Option<Duration>,
        began: Timestamp,
    ) -> Self {
        Self {
            rule,
            subject,
            patience,
            began,
            state: State::default(),
            trend: Trend::default(),
            spells: Vec::new(),
        }
    }

    /// Hears a value that can be trusted. For a rule on silence it is an answer, for one on absence
    /// the metric.
    pub fn value(&mut self, value: &ReadingValue, at: Timestamp) {
        self.advance(at);
        let window = self.rule.window();
        if let ReadingValue::Number(number) = value
            && !window.is_zero()
        {
            self.trend.push(at, *number, window);
        }
        let trend = std::mem::take(&mut self.trend);
        self.step(&Heard::Value(self.subject, value, &trend), at);
        self.trend = trend;
    }

    /// Hears an answer of the target, whatever is in it: what a rule on absence waits for may be
    /// missing for too long.
    pub fn answer(&mut self, at: Timestamp) {
        self.advance(at);
        let since = self.state.heard().unwrap_or(self.began).max(self.began);
        let is_absent = self.patience.is_some_and(|patience| {
            let end = since.checked_add(patience);
            end.is_ok_and(|end| end < at)
        });
        if is_absent && matches!(self.rule.watch(), Watch::Absence { .. }) {
            self.step(&Heard::Silence, at);
        }
    }

    /// Passes over a time in which nobody heard anything because utakata itself was away.
    pub fn away(&mut self, from: Timestamp, to: Timestamp) {
        self.advance(from);
        self.began = self.began.max(to);
    }

    /// Returns the times in which the alarm would have been active until a time.
    pub fn end(mut self, at: Timestamp) -> Vec<Spell> {
        self.advance(at);
        self.spells
    }

    /// Lets time pass, with everything that time alone changes before a moment.
    fn advance(&mut self, to: Timestamp) {
        loop {
            let silence = self.silence();
            let deadline = self.state.deadline(self.rule);
            let next = silence.into_iter().chain(deadline).min();
            let Some(next) = next.filter(|next| *next < to) else {
                return;
            };
            let heard = match silence {
                Some(at) if at <= next => Heard::Silence,
                _ => Heard::Nothing,
            };
            // While nobody was there nothing was decided.
            self.step(&heard, next.max(self.began));
            let is_same = self.silence() == silence && self.state.deadline(self.rule) == deadline;
            if is_same {
                return;
            }
        }
    }

    /// Returns the time from which the series is silent, unless it already is.
    fn silence(&self) -> Option<Timestamp> {
        if self.state.is_silent() {
            return None;
        }
        let since = match self.rule.watch() {
            Watch::Metric { .. } => self.state.heard()?,
            Watch::Silence { .. } => self.state.heard().unwrap_or(self.began),
            // It is noticed by the answers that have no such metric.
            Watch::Absence { .. } => return None,
        };
        since.max(self.began).checked_add(self.patience?).ok()
    }

    fn step(&mut self, heard: &Heard<'_>, now: Timestamp) {
        let state = std::mem::take(&mut self.state);
        let (state, change) = step(self.rule, state, heard, now);
        self.state = state;
        match (change, self.spells.last_mut()) {
            (Some(Change::Raised), _) => self.spells.push(Spell {
                raised: now,
                over: None,
                value: self.state.value().cloned(),
                flapping: self.state.is_flapping(),
            }),
            (Some(Change::Over), Some(spell)) => spell.over = Some(now),
            (Some(Change::Flapping), Some(spell)) => spell.flapping = true,
            _ => {}
        }
    }
}
