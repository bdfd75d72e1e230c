//! Narrows a refusal down to its cell, and continues after it. Pure.
//!
//! A refusal of many cells does not say which one is meant, or says it wrongly. So the request is
//! halved: columns, then rows, down to the one cell that comes next in one column. Other columns of
//! the table tell which row that is; otherwise it is guessed.

use async_snmp::ErrorStatus;

use super::{Error, Part, Request, Size, State, Walk, Walked, Why};

/// The number of rows that are guessed, one after the other, after one that cannot be read.
const GUESSES: u32 = 8;

/// A cell that the device refuses, or that cannot be passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Skip {
    /// The number of cells before it.
    pub before: usize,
    /// The index before it.
    after: Vec<u32>,
    /// Its own index, or a guess.
    index: Vec<u32>,
    /// The reason; `None` if there is no value.
    why: Option<Why>,
}

impl Walked<'_> {
    fn is_done(&self) -> bool {
        matches!(self.state, State::Whole | State::Broken)
    }

    /// Continues after a cell, which is reported missing.
    fn skip(&mut self, skip: Skip) {
        self.at = Some(skip.index.clone());
        self.state = State::Going;
        self.cap = None;
        self.met.push(skip);
    }

    /// The index after which to continue if nothing is known about the rows.
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
    /// Skips cells known to be refused, where a column stands before them.
    pub fn skip_known(&mut self) {
        for column in self.columns.iter_mut().filter(|column| column.is_going()) {
            while let Some(skip) = column
                .skips
                .pop_front_if(|skip| skip.before <= column.column.len())
            {
                // If the rows have changed, nothing is known about them.
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

    /// Handles a refused request. `index` is the binding that the device named, from 1.
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
                    // What was known about it no longer holds.
                    column.skips.clear();
                    column.cap = Some(rows / 2);
                }
            }
            (_, Some(named)) if !self.has_lied => {
                let others = columns.iter().filter(|at| **at != named).copied();
                self.queue.push_front(ask(others.collect(), *rows));
                self.queue.push_front(ask(vec![named], *rows));
                // It named the wrong one, unless that one is refused alone.
                self.has_lied = true;
            }
            _ => {
                let (first, second) = columns.split_at(columns.len() / 2);
                self.queue.push_front(ask(second.to_vec(), *rows));
                self.queue.push_front(ask(first.to_vec(), *rows));
            }
        }
    }

    /// Records that the next rows of these columns cannot be read.
    pub fn stick(&mut self, request: &Request, why: &Why) {
        for at in &request.columns {
            self.stick_one(*at, why);
        }
    }

    fn stick_one(&mut self, at: usize, why: &Why) {
        if let Some(column) = self.columns.get_mut(at) {
            column.state = match why {
                // A v1 agent without further objects answers like this.
                Why::Refused(ErrorStatus::NoSuchName) => State::Whole,
                why => State::Stuck(Some(why.clone())),
            };
        }
    }

    /// Handles a request that got no answer. By silence only its first column is stuck, since one
    /// cell may be the reason; after any other error all of its columns end.
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

    /// Lets stuck columns continue after the cell where they are stuck. Returns true if any column
    /// continues.
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
                // Nothing follows a hole at the end.
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

    /// Looks beyond the ends of columns whose neighbours in the table have further rows: some
    /// agents end a column at a hole. Returns true if any continues.
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

    /// Returns the next row of a column, as known from other columns of its table.
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
