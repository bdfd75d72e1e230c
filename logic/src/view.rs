//! The view of a site: a cell for each target, kept once for everybody who watches. It is brought
//! up to date only while somebody does, and what it sends is written once.

mod cell;
mod outbox;
mod past;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time::Instant,
};
use utakata_api::{
    inventory::Health,
    view::{ViewCell, ViewCells, ViewEvent, ViewTarget, ViewTargets},
};
use utakata_interconnect::Event;
use utakata_model::{Class, Selector, TargetName};

pub use self::{outbox::Position, past::past};

use self::{cell::Cell, outbox::Outbox};
use crate::{
    dispatch::{Dispatch, Item},
    inventory::{Inventory, Selection, TargetEntry},
    observe::Observe,
    observed::Observed,
    rights::Scope,
};

/// The shortest interval between two messages to a watcher.
pub const TICK: Duration = Duration::from_millis(250);
/// The interval after which all targets are looked at: nothing tells that one has become stale.
const SWEEP: Duration = Duration::from_secs(2);
/// The interval after which the time is sent though nothing changed.
const CLOCK: Duration = Duration::from_secs(1);
/// The largest number of targets, and of cells, in a message to somebody who has nothing yet.
const PART: usize = 2000;

/// The sources of the view.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    pub inventory: &'a Inventory,
    pub observed: &'a Observed,
    pub observe: &'a Observe,
    pub dispatch: &'a Dispatch,
    /// The start of this logic environment.
    pub started: Timestamp,
    /// The targets that are in it.
    pub scope: &'a Scope,
}

/// The view, as it was last looked at.
#[derive(Default)]
pub struct View {
    news: Option<broadcast::Receiver<Arc<Item>>>,
    targets: Option<Targets>,
    /// The cells, by the number of their target.
    cells: Vec<Cell>,
    /// The numbers of the targets that something was heard of.
    touched: BTreeSet<u32>,
    outbox: Outbox,
    alarms: u64,
    outcomes: u64,
    refreshed: Option<Instant>,
    swept: Option<Instant>,
    told: Option<Instant>,
}

struct Targets {
    selection: Selection,
    numbers: HashMap<TargetName, u32>,
}

impl View {
    /// Brings the view up to date, and returns what a watcher at this position has not had yet.
    pub fn next(&mut self, sources: Sources<'_>, position: &mut Position) -> Vec<Arc<[u8]>> {
        self.refresh(sources);
        let messages = self.outbox.next(position);
        messages.unwrap_or_else(|| self.all())
    }

    fn refresh(&mut self, sources: Sources<'_>) {
        let is_due =
            |last: Option<Instant>, interval| last.is_none_or(|at| at.elapsed() >= interval);
        if !is_due(self.refreshed, TICK) {
            return;
        }
        let now = Instant::now();
        self.refreshed = Some(now);
        let is_new = self.list_targets(sources);
        let has_missed = !self.hear(sources.dispatch);
        if is_new || has_missed || is_due(self.swept, SWEEP) {
            self.swept = Some(now);
            self.touched = (0..self.cells.len() as u32).collect();
        }
        let time = crate::clock::now();
        let changed = self.look(sources, time);
        if is_new {
            return self.outbox.begin();
        }
        if !changed.is_empty() || is_due(self.told, CLOCK) {
            self.told = Some(now);
            let text = text(&ViewEvent::Cells(self.cells(changed, time)));
            self.outbox.push(text);
        }
    }

    /// Lists the targets anew if the inventory has changed. Returns true if it has.
    fn list_targets(&mut self, sources: Sources<'_>) -> bool {
        let mut selection = sources.inventory.select(&Selector::default());
        if !sources.scope.is_everything() {
            let covered = |entry: &&Arc<TargetEntry>| sources.scope.covers(&entry.target);
            selection = selection.iter().filter(covered).cloned().collect();
        }
        let known = self.targets.as_ref();
        if known.is_some_and(|known| is_same(&known.selection, &selection)) {
            return false;
        }
        let numbers = (0..).zip(selection.iter());
        let numbers = numbers.map(|(number, entry)| (entry.target.name.clone(), number));
        let numbers = numbers.collect();
        self.cells = vec![Cell::UNSEEN; selection.len()];
        self.targets = Some(Targets { selection, numbers });
        true
    }

    /// Takes in what has happened since. Returns false if some of it was missed.
    fn hear(&mut self, dispatch: &Dispatch) -> bool {
        let Some(news) = &mut self.news else {
            self.news = Some(dispatch.follow());
            return false;
        };
        let numbers = self.targets.as_ref().map(|targets| &targets.numbers);
        let number = |name: &TargetName| numbers.and_then(|numbers| numbers.get(name)).copied();
        let mut has_all = true;
        loop {
            match news.try_recv() {
                Ok(item) => match item.event() {
                    Event::Readings(readings) => self.touched.extend(number(&readings.target)),
                    Event::Outcomes(batch) => {
                        let outcomes = &batch.outcomes;
                        let touched = outcomes.iter().filter_map(|one| number(&one.target));
                        self.touched.extend(touched);
                        let of_control = outcomes.iter().filter(|one| one.class == Class::Control);
                        self.outcomes += of_control.count() as u64;
                    }
                    Event::Alarms(_) => self.alarms += 1,
                    _ => {}
                },
                Err(TryRecvError::Lagged(_)) => {
                    has_all = false;
                    self.alarms += 1;
                    self.outcomes += 1;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return has_all,
            }
        }
    }

    /// Looks at the targets that something was heard of, and returns the cells that have changed.
    fn look(&mut self, sources: Sources<'_>, now: Timestamp) -> Vec<ViewCell> {
        let coverage = sources.observe.coverage();
        let mut changed = Vec::new();
        let Some(targets) = &self.targets else {
            return changed;
        };
        for number in std::mem::take(&mut self.touched) {
            let at = number as usize;
            let (Some(entry), Some(known)) = (targets.selection.get(at), self.cells.get_mut(at))
            else {
                continue;
            };
            let covers = coverage.of(&entry.target.name);
            let cell = sources.observed.look(entry.device, |seen| {
                Cell::of(seen, covers, now, sources.started)
            });
            if cell != *known {
                *known = cell;
                changed.push(cell.numbered(number, now));
            }
        }
        changed
    }

    fn cells(&self, cells: Vec<ViewCell>, now: Timestamp) -> ViewCells {
        ViewCells {
            alarms: self.alarms,
            outcomes: self.outcomes,
            cells,
            ..ViewCells::at(now)
        }
    }

    /// Returns everything, in parts, for a watcher who has nothing yet.
    fn all(&self) -> Vec<Arc<[u8]>> {
        let entries = self.targets.as_ref().map_or(&[][..], |one| &one.selection);
        let mut messages: Vec<Arc<[u8]>> = parts(entries)
            .map(|(from, part)| {
                let items = part.iter().map(|entry| target(entry)).collect();
                text(&ViewEvent::Targets(ViewTargets {
                    from: from as u32,
                    of: entries.len() as u32,
                    items,
                }))
            })
            .collect();
        let now = crate::clock::now();
        messages.extend(parts(&self.cells).map(|(from, part)| {
            let seen = (from as u32..).zip(part);
            let seen = seen.filter(|(_, cell)| cell.health != Health::Unseen);
            let cells = seen.map(|(number, cell)| cell.numbered(number, now));
            text(&ViewEvent::Cells(self.cells(cells.collect(), now)))
        }));
        messages
    }
}

/// Returns the parts of a list, each with the number of its first item; one, if it is empty.
fn parts<T>(list: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    let count = list.len().div_ceil(PART).max(1);
    (0..count).map(|part| {
        let from = part * PART;
        (from, &list[from..list.len().min(from + PART)])
    })
}

fn target(entry: &TargetEntry) -> ViewTarget {
    ViewTarget {
        name: entry.target.name.clone(),
        kind: entry.target.kind.clone(),
        zone: entry.target.zone.clone(),
        labels: entry.target.labels.clone(),
    }
}

fn is_same(one: &Selection, other: &Selection) -> bool {
    Arc::ptr_eq(one, other)
        || one.len() == other.len()
            && one
                .iter()
                .zip(other.iter())
                .all(|(one, other)| Arc::ptr_eq(one, other))
}

/// Returns a message as a server-sent event.
#[allow(
    clippy::expect_used,
    reason = "all of a message can be written as JSON"
)]
fn text(event: &ViewEvent) -> Arc<[u8]> {
    let name = match event {
        ViewEvent::Targets(_) => "targets",
        ViewEvent::Cells(_) => "cells",
    };
    let json = serde_json::to_string(event).expect("a message can be written as JSON");
    format!("event: {name}\ndata: {json}\n\n")
        .into_bytes()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_the_same_in_parts_and_an_empty_one_is_one_part() {
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART] {
            let list: Vec<usize> = (0..length).collect();
            let parts: Vec<(usize, &[usize])> = parts(&list).collect();
            assert_eq!(parts.len(), length.div_ceil(PART).max(1));
            let whole: Vec<usize> = parts.iter().flat_map(|(_, part)| *part).copied().collect();
            assert_eq!(whole, list);
            for (from, part) in parts {
                assert!(part.first().is_none_or(|first| *first == from));
            }
        }
    }
}
