//! Narrowing a refusal down to its cell, and going on behind it. Pure.
//!
//! A refusal of many cells does not say of which one, or says it wrongly. So what was asked is
//! halved: columns, then rows, down to the one cell that comes next in one column. Which row
//! that is, the other columns of the table know; where they do not, it is guessed.

use async_snmp::ErrorStatus;

use super::{Error, Part, Request, Size, State, Walk, Walked, Why};

/// Rows that are guessed behind one that cannot be had.
const GUESSES: u32 = 8;

/// A cell that the device refuses, or that cannot be gone behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Skip {
    /// The number of cells before it.
    pub before: usize,
    /// The index of what comes before it.
    after: Vec<u32>,
    /// Its own index, or one that is guessed.
    index: Vec<u32>,
    /// The reason; `None`: there is nothing in it.
    why: Option<Why>,
}

impl Walked<'_> {
    /// Goes on behind a cell, which is missed.
    fn skip(&mut self, skip: Skip) {
        self.at = Some(skip.index.clone());
        self.state = State::Going;
        self.cap = None;
        self.met.push(skip);
    }

    /// The index after which it may go on, where nothing is known of its rows.
    fn guess(&self) -> Vec<u32> {
        let mut index = self.reached().to_vec();
        match index.last_mut() {
            Some(last) => *last = last.saturating_add(1),
            None => index.push(1),
        }
        index
    }
}

impl Walk<'_, '_> {
    /// Skips cells that are known to be refused, where a column stands before them.
    pub fn skip_known(&mut self) {
        for column in self.columns.iter_mut().filter(|column| column.is_going()) {
            while let Some(skip) = column
                .skips
                .pop_front_if(|skip| skip.before <= column.column.len())
            {
                // Where the rows are others than they were, nothing is known of them.
                if skip.after != column.reached() {
                    continue;
                }
                if let Some(why) = &skip.why {
                    let missed = column.missed(Part::Row(skip.index.clone()), why.clone());
                    self.missed.push(missed);
                }
                column.skip(skip);
            }
        }
    }

    /// The device refused a request. `index` is the one that it named, from 1.
    pub fn refused(&mut self, request: &Request, size: Size, why: &Why, index: usize) {
        let Request { columns, rows, .. } = request;
        let ask = |columns: Vec<usize>, rows: usize| Request {
            columns,
            rows,
            takes_singles: false,
            by_next: false,
        };
        let named = index.checked_sub(1).and_then(|at| columns.get(at)).copied();
        match (columns.as_slice(), named) {
            ([_], _) if *rows <= 1 && size.is_bulk => self.queue.push_front(Request {
                by_next: true,
                ..ask(columns.clone(), 1)
            }),
            ([one], _) if *rows <= 1 || !size.is_bulk => self.stick_one(*one, why),
            ([one], _) => {
                if let Some(column) = self.columns.get_mut(*one) {
                    // What was known of it is no longer so.
                    column.skips.clear();
                    column.cap = Some(rows / 2);
                }
            }
            (_, Some(named)) if !self.has_lied => {
                let others = columns.iter().filter(|at| **at != named).copied();
                self.queue.push_front(ask(others.collect(), *rows));
                self.queue.push_front(ask(vec![named], *rows));
                // It names another one than it means, unless that is refused alone.
                self.has_lied = true;
            }
            _ => {
                let (first, second) = columns.split_at(columns.len() / 2);
                self.queue.push_front(ask(second.to_vec(), *rows));
                self.queue.push_front(ask(first.to_vec(), *rows));
            }
        }
    }

    /// Notes that the next rows of these columns cannot be had.
    pub fn stick(&mut self, request: &Request, why: &Why) {
        for at in &request.columns {
            self.stick_one(*at, why);
        }
    }

    fn stick_one(&mut self, at: usize, why: &Why) {
        if let Some(column) = self.columns.get_mut(at) {
            column.state = match why {
                // So says an agent of v1 that has no more objects.
                Why::Refused(ErrorStatus::NoSuchName) => State::Whole,
                why => State::Stuck(Some(why.clone())),
            };
        }
    }

    /// Nothing came to a request, and not to its last try, which was for one cell of its first
    /// column.
    pub fn was_silent(&mut self, request: &Request, error: &Error) {
        self.is_silent = matches!(error, Error::Silent { .. } | Error::Late { .. });
        if self.is_silent {
            if let Some(first) = request.columns.first() {
                self.stick_one(*first, &Why::NoAnswer);
            }
            return;
        }
        for at in &request.columns {
            if let Some(column) = self.columns.get_mut(*at) {
                column.state = State::Broken;
                self.missed.push(column.missed(Part::Rest, Why::NoAnswer));
            }
        }
    }

    /// Ends the walk because its time is over.
    pub fn run_out(&mut self) {
        let why = if self.is_silent {
            Why::NoAnswer
        } else {
            Why::NoTime
        };
        for column in self.columns.iter_mut().filter(|column| !column.is_done()) {
            column.state = State::Broken;
            self.missed.push(column.missed(Part::Rest, why.clone()));
        }
    }

    /// Lets columns that are stuck go on behind the cell that they are stuck at. Whether any does.
    pub fn unstick(&mut self) -> bool {
        let stuck = |(at, column): (usize, &Walked<'_>)| match &column.state {
            State::Stuck(why) => Some((at, why.clone())),
            _ => None,
        };
        let stuck: Vec<_> = self.columns.iter().enumerate().filter_map(stuck).collect();
        for (at, why) in stuck {
            let next = self.next_row(at);
            let column = &mut self.columns[at];
            let guessed = || (column.guesses < GUESSES).then(|| column.guess());
            let (index, is_known) = match (next, &why) {
                (Some(index), _) => (Some(index), true),
                (None, Some(_)) => (guessed(), false),
                // Behind a hole at the end is nothing.
                (None, None) => (None, false),
            };
            let Some(index) = index else {
                column.state = State::Whole;
                if let Some(why) = why {
                    column.state = State::Broken;
                    self.missed.push(column.missed(Part::Rest, why));
                }
                continue;
            };
            if let Some(why) = why.clone().filter(|_| is_known || column.guesses == 0) {
                let missed = column.missed(Part::Row(index.clone()), why);
                self.missed.push(missed);
            }
            column.guesses += u32::from(!is_known);
            let skip = Skip {
                before: column.column.len(),
                after: column.reached().to_vec(),
                index,
                why,
            };
            column.skip(skip);
        }
        self.columns.iter().any(Walked::is_going)
    }

    /// Looks behind the ends of columns that other columns of their table have rows behind: some
    /// agents end a column at a hole. Whether any goes on.
    pub fn check_ends(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.columns.len() {
            let is_due = self.columns.get(at).is_some_and(|column| {
                column.is_whole() && !column.is_end_checked && !column.column.is_empty()
            });
            if !is_due {
                continue;
            }
            let next = self.next_row(at);
            let column = &mut self.columns[at];
            column.is_end_checked = true;
            if let Some(next) = next {
                column.at = Some(next);
                column.state = State::Going;
                any = true;
            }
        }
        any
    }

    /// The row that comes next in a column, as other columns of its table have it.
    fn next_row(&self, at: usize) -> Option<Vec<u32>> {
        let column = self.columns.get(at)?;
        let table = |oid: &async_snmp::Oid| {
            let arcs = oid.arcs();
            arcs.get(..arcs.len().saturating_sub(1))
                .map(<[u32]>::to_vec)
        };
        let own = table(column.oid);
        let siblings = self.columns.iter().enumerate();
        let siblings =
            siblings.filter(|(other, sibling)| *other != at && table(sibling.oid) == own);
        let indexes = siblings.flat_map(|(_, sibling)| {
            (0..sibling.column.len()).filter_map(|at| sibling.column.index(at))
        });
        let next = indexes.filter(|index| *index > column.reached()).min();
        next.map(<[u32]>::to_vec)
    }
}

impl Walked<'_> {
    fn is_done(&self) -> bool {
        matches!(self.state, State::Whole | State::Broken)
    }
}
