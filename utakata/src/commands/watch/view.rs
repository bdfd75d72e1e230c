//! The content of the screen: the latest value of every reading that is followed, in the chosen
//! order, and the latest outcomes. Pure.

use std::{
    cmp::Ordering,
    collections::{HashMap, VecDeque},
};

use utakata_api::{event::Event, reading::ReadingView};
use utakata_model::{MetricName, TargetName, reading::Attributes};

use super::{
    filter::Filter,
    keys::Key,
    line,
    order::{Sort, largest},
};
use crate::output::{natural, time};

const OUTCOMES_KEPT: usize = 3;

type Series = (TargetName, MetricName, Attributes);

/// A reading, and whether its value has changed while watching.
#[derive(Debug)]
struct Shown {
    view: ReadingView,
    moved: bool,
    /// The attributes as sorted and searched, which happens again and again: numbers come first, so
    /// that outlet 2 precedes outlet 10 whatever the outlets are called.
    attributes: String,
}

/// The content of the screen.
#[derive(Debug, Default)]
pub struct View {
    filter: Filter,
    readings: Vec<Shown>,
    at: HashMap<Series, usize>,
    outcomes: VecDeque<String>,
    missed: u64,
    seen: u64,
    lost: Option<String>,
    sort: Sort,
    is_reversed: bool,
    /// The text that lines must contain; while it is typed, it has the cursor behind it.
    search: String,
    is_typed: bool,
    /// The index of the first line that is shown.
    top: usize,
    /// The number of lines that fit, for moving a page up or down.
    room: usize,
}

/// The reaction to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Show the screen again.
    GoOn,
    /// End the command.
    End,
}

impl View {
    /// Creates an empty view of the readings that match the filter.
    pub fn new(filter: Filter, sort: Sort, is_reversed: bool) -> Self {
        Self {
            filter,
            sort,
            is_reversed,
            ..Self::default()
        }
    }

    /// Adds the latest readings.
    pub fn fill(&mut self, readings: Vec<ReadingView>) {
        for reading in readings {
            self.put(reading);
        }
    }

    /// Applies an event.
    pub fn take_in(&mut self, event: Event) {
        match event {
            Event::Readings(batch) => {
                let filter = self.filter.clone();
                for view in line::views(batch, &filter) {
                    self.seen += 1;
                    self.put(view);
                }
            }
            Event::Outcomes(outcomes) => {
                for outcome in outcomes
                    .iter()
                    .filter(|outcome| line::is_of_interest(outcome))
                {
                    let when = time::clock(outcome.timings.ended);
                    self.outcomes
                        .push_back(format!("{when} {}", line::description(outcome)));
                    while self.outcomes.len() > OUTCOMES_KEPT {
                        self.outcomes.pop_front();
                    }
                }
            }
            Event::Missed(count) => self.missed += count,
            Event::Environment(_) | Event::Notification(_) | Event::Alarms(_) => {}
        }
    }

    /// Reacts to a key.
    pub fn key(&mut self, key: Key) -> Then {
        if self.is_typed {
            self.typed(key);
            return Then::GoOn;
        }
        let page = self.room.saturating_sub(1).max(1);
        match key {
            Key::Character('q') => return Then::End,
            Key::Character('s') => {
                self.sort = self.sort.next();
                self.top = 0;
            }
            Key::Character('r') => {
                self.is_reversed = !self.is_reversed;
                self.top = 0;
            }
            Key::Character('/') => {
                self.search.clear();
                self.is_typed = true;
            }
            Key::Escape => self.search.clear(),
            Key::Up | Key::Character('k') => self.top = self.top.saturating_sub(1),
            Key::Down | Key::Character('j') => self.top += 1,
            Key::PageUp => self.top = self.top.saturating_sub(page),
            Key::PageDown | Key::Character(' ') => self.top += page,
            Key::Home | Key::Character('g') => self.top = 0,
            // The next look corrects it to where there are lines.
            Key::End | Key::Character('G') => self.top = usize::MAX,
            Key::Character(_) | Key::Enter | Key::Backspace => {}
        }
        Then::GoOn
    }

    fn typed(&mut self, key: Key) {
        self.top = 0;
        match key {
            Key::Character(character) => self.search.push(character),
            Key::Backspace => drop(self.search.pop()),
            Key::Escape => {
                self.search.clear();
                self.is_typed = false;
            }
            Key::Enter => self.is_typed = false,
            _ => {}
        }
    }

    /// Shows that the server is gone.
    pub fn lost(&mut self, url: &str) {
        self.lost = Some(url.into());
    }

    /// Shows that the server is back.
    pub fn found(&mut self) {
        self.lost = None;
    }

    /// Returns the number of readings, regardless of the search.
    pub fn count(&self) -> usize {
        self.readings.len()
    }

    /// Returns the readings for that many lines from the present position, and the number of
    /// readings that match the search.
    pub fn look(&mut self, room: usize) -> (Vec<&ReadingView>, usize) {
        let search = self.search.to_lowercase();
        let mut found: Vec<&Shown> = self
            .readings
            .iter()
            .filter(|shown| search.is_empty() || has(shown, &search))
            .collect();
        let (sort, is_reversed) = (self.sort, self.is_reversed);
        found.sort_by(|a, b| {
            let order = compare(sort, a, b);
            if is_reversed { order.reverse() } else { order }
        });
        self.room = room;
        self.top = self.top.min(found.len().saturating_sub(room));
        let all = found.len();
        let shown = found.into_iter().skip(self.top).take(room);
        (shown.map(|shown| &shown.view).collect(), all)
    }

    /// Returns the number of the first line that is shown, from 1.
    pub fn first(&self) -> usize {
        self.top + 1
    }

    /// Returns the latest outcomes of interest, newest last.
    pub fn outcomes(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().map(String::as_str)
    }

    /// Returns the heading: one line about everything.
    pub fn heading(&self) -> String {
        if let Some(url) = &self.lost {
            return format!("{url} has gone; waiting until it is back");
        }
        let mut text = format!(
            "{} values, {} seen since the start",
            self.readings.len(),
            self.seen
        );
        if self.missed > 0 {
            text.push_str(&format!(", {} events missed", self.missed));
        }
        text
    }

    /// Returns the keys and their settings; shorter if the terminal is narrow.
    pub fn help(&self, width: usize) -> String {
        if self.is_typed {
            return format!("/{}_  (Enter: keep, Esc: all)", self.search);
        }
        let sort = self.sort.as_str();
        let reversed = if self.is_reversed { ", reversed" } else { "" };
        let search = match self.search.as_str() {
            "" => String::new(),
            search => format!(" \"{search}\""),
        };
        let long = format!(
            "q quit  s sort: {sort}{reversed}  r reverse  / search{search}  ↑↓ PgUp PgDn Home End scroll"
        );
        let short = format!("q quit  s sort: {sort}  r  /{search}  ↑↓");
        if long.chars().count() <= width {
            long
        } else {
            short
        }
    }

    /// Keeps the newer reading, whichever arrives first.
    fn put(&mut self, view: ReadingView) {
        let reading = &view.reading;
        let series = (
            view.target.clone(),
            reading.metric.clone(),
            reading.attributes.clone(),
        );
        let at = self.at.get(&series).copied();
        match at.and_then(|at| self.readings.get_mut(at)) {
            Some(shown) if shown.view.time > view.time => {}
            Some(shown) => {
                shown.moved |= shown.view.reading.value != view.reading.value;
                shown.view = view;
            }
            None => {
                self.at.insert(series, self.readings.len());
                self.readings.push(Shown {
                    attributes: sorted(&view.reading.attributes),
                    view,
                    moved: false,
                });
            }
        }
    }
}

/// Returns the attributes as one text, those with numbers first.
fn sorted(attributes: &Attributes) -> String {
    let is_number = |value: &str| value.starts_with(|c: char| c.is_ascii_digit());
    let (numbers, words): (Vec<_>, Vec<_>) =
        attributes.iter().partition(|(_, value)| is_number(value));
    let pairs = numbers.into_iter().chain(words);
    let texts: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    texts.join(" ")
}

/// Returns true if a reading matches the search.
fn has(shown: &Shown, search: &str) -> bool {
    let is_in = |text: &str| text.to_lowercase().contains(search);
    is_in(shown.view.target.as_str())
        || is_in(shown.view.reading.metric.as_str())
        || is_in(&shown.attributes)
}

fn compare(sort: Sort, a: &Shown, b: &Shown) -> Ordering {
    let first = match sort {
        Sort::Changed => b.moved.cmp(&a.moved),
        Sort::Name => Ordering::Equal,
        Sort::Value => largest(&a.view.reading.value, &b.view.reading.value),
        Sort::Age => b.view.time.cmp(&a.view.time),
    };
    first.then_with(|| by_name(a, b))
}

/// Compares by target, metric and attributes; a total, which has the fewest attributes, precedes
/// its parts.
fn by_name(a: &Shown, b: &Shown) -> Ordering {
    let (one, other) = (&a.view, &b.view);
    natural::compare(one.target.as_str(), other.target.as_str())
        .then_with(|| natural::compare(one.reading.metric.as_str(), other.reading.metric.as_str()))
        .then_with(|| {
            let (one, other) = (&one.reading.attributes, &other.reading.attributes);
            one.len().cmp(&other.len())
        })
        .then_with(|| natural::compare(&a.attributes, &b.attributes))
}

#[cfg(test)]
mod tests;
