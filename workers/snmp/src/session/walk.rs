//! Walking columns: many at once, row by row, in as few messages as the device allows.
//!
//! A GETBULK asks for the next rows of all columns of a table (and of further small tables), as
//! many as the table had the last time, plus one, so that its end is seen in the same message.
//! What it answers is put to the columns by position; each column has a place of its own where
//! it goes on, so an answer may break off anywhere.

use std::time::Instant as Clock;

use async_snmp::{ErrorStatus, Oid, VarBind};
use tokio::time::Instant;

use super::{ABSENT, Error, Fits, Remembered, Repeat, Session};
use crate::{decode::Column, value};

/// Rows expected of a column that nothing is known of.
const STRANGER: usize = 8;
/// Columns asked for in one message.
const COLUMNS: usize = 40;
/// No column is longer: a device that goes on forever is stopped.
const CELLS_MAX: usize = 100_000;

/// A column that is being walked.
#[derive(Debug)]
pub struct Walked {
    /// The column.
    pub oid: Oid,
    /// What was found.
    pub column: Column,
    /// How it stands.
    state: State,
    expected: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// Its end was seen.
    Whole,
    /// The device refused it in the middle.
    Broken,
}

impl Walked {
    /// A column to walk.
    pub fn new(oid: Oid) -> Self {
        Self {
            column: Column::of(&oid),
            state: State::Going,
            expected: STRANGER,
            oid,
        }
    }

    /// Whether its end was seen.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    fn place(&self) -> &Oid {
        self.column.cells.last().map_or(&self.oid, |cell| &cell.oid)
    }

    fn remaining(&self) -> usize {
        match self.expected.saturating_sub(self.column.cells.len()) {
            0 if self.column.cells.is_empty() => 1,
            0 => STRANGER,
            rows => rows,
        }
    }
}

impl Session {
    /// Walks all columns to their ends, or until `limit` cells of each. Errors: the first thing
    /// that went wrong; what was found until then stays in the columns.
    pub async fn walk(
        &self,
        deadline: Instant,
        columns: &mut [Walked],
        limit: usize,
    ) -> Result<(), Error> {
        self.recall(columns);
        let mut trouble = None;
        loop {
            let (asked, rows) = next_request(columns, self.batch());
            if asked.is_empty() {
                break;
            }
            let places: Vec<Oid> = asked
                .iter()
                .filter_map(|at| columns.get(*at))
                .map(|c| c.place().clone())
                .collect();
            let answer = self.next_rows(deadline, &places, rows).await;
            let absorbed = match answer {
                Ok(answer) => absorb(columns, &asked, answer, limit),
                Err(Error::Refused {
                    status: ErrorStatus::TooBig,
                    ..
                }) if rows * asked.len() > 1 && self.batch() > super::BATCH.1 => {
                    self.size_fits(Fits::Badly);
                    continue;
                }
                Err(error) => Err(error),
            };
            match absorbed {
                Ok(()) => {}
                Err(error @ Error::Refused { .. }) => {
                    give_up(columns, &asked, &error);
                    trouble = trouble.or(Some(error).filter(|error| !is_end(error)));
                }
                Err(error) => return Err(error),
            }
        }
        self.remember(columns);
        trouble.map_or(Ok(()), Err)
    }

    async fn next_rows(
        &self,
        deadline: Instant,
        places: &[Oid],
        rows: usize,
    ) -> Result<Vec<VarBind>, Error> {
        if self.is_v1() {
            let ask = || self.reader.get_next_many(places);
            return Ok(self
                .exchange(deadline, Repeat::Adaptive, ask)
                .await?
                .varbinds);
        }
        let rows = u32::try_from(rows).unwrap_or(1);
        let ask = || self.reader.get_bulk(places, 0, rows);
        let answer = self.exchange(deadline, Repeat::Adaptive, ask).await;
        match &answer {
            Ok(_) => self.size_fits(Fits::Well),
            // A large answer may have been lost where a small one gets through.
            Err(Error::Silent) => self.size_fits(Fits::Badly),
            Err(_) => {}
        }
        answer
    }

    fn recall(&self, columns: &mut [Walked]) {
        let now = Clock::now();
        let memory = self.memory.lock();
        for column in columns {
            let Some(known) = memory.rows.get(&column.oid) else {
                continue;
            };
            column.expected = known.rows;
            if known.absent_until.is_some_and(|until| until > now) {
                column.state = State::Whole;
            }
        }
    }

    fn remember(&self, columns: &[Walked]) {
        let now = Clock::now();
        let mut memory = self.memory.lock();
        for column in columns.iter().filter(|column| column.is_whole()) {
            let rows = column.column.cells.len();
            let known = memory.rows.get_mut(&column.oid);
            let absent_until = match known.as_ref().and_then(|known| known.absent_until) {
                Some(until) if rows == 0 && until > now => Some(until),
                _ if rows == 0 => Some(now + ABSENT),
                _ => None,
            };
            let seen = Remembered { rows, absent_until };
            match known {
                Some(known) => *known = seen,
                None => drop(memory.rows.insert(column.oid.clone(), seen)),
            }
        }
    }
}

/// The columns to ask for next, and how many rows of them: those that follow each other and are
/// about equally long, within the size of a message.
fn next_request(columns: &[Walked], batch: usize) -> (Vec<usize>, usize) {
    let mut asked: Vec<usize> = Vec::new();
    let mut rows = 0;
    let going = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.state == State::Going);
    for (at, column) in going {
        let wanted = column.remaining() + 1;
        let fits = (asked.len() + 1) * rows.max(wanted) <= batch;
        let is_like = wanted <= rows * 2 && rows <= wanted * 2;
        if !asked.is_empty() && (asked.len() >= COLUMNS || !(is_like && (fits || wanted == rows))) {
            break;
        }
        asked.push(at);
        rows = rows.max(wanted);
    }
    let rows = rows.min(batch / asked.len().max(1)).max(1);
    (asked, rows)
}

/// Puts an answer to the columns. Errors: it makes no progress.
fn absorb(
    columns: &mut [Walked],
    asked: &[usize],
    answer: Vec<VarBind>,
    limit: usize,
) -> Result<(), Error> {
    if answer.is_empty() {
        return Err(Error::Garbage {
            problem: "the next rows were asked for, it answered none at all".into(),
        });
    }
    for (varbind, at) in answer.into_iter().zip(asked.iter().cycle()) {
        let Some(column) = columns
            .get_mut(*at)
            .filter(|column| column.state == State::Going)
        else {
            continue;
        };
        if value::is_absent(&varbind.value) || !varbind.oid.starts_with(&column.oid) {
            column.state = State::Whole;
        } else if varbind.oid <= *column.place() {
            return Err(Error::Garbage {
                problem: format!(
                    "the row after {} is said to be {}",
                    column.place(),
                    varbind.oid
                ),
            });
        } else {
            column.column.cells.push(varbind);
            if column.column.cells.len() >= limit.min(CELLS_MAX) {
                column.state = State::Whole;
            }
        }
    }
    Ok(())
}

/// The columns that the device refuses are not asked for any more. An agent of v1 says so at
/// the end of its objects.
fn give_up(columns: &mut [Walked], asked: &[usize], error: &Error) {
    let Error::Refused { index, .. } = error else {
        return;
    };
    let named = index.checked_sub(1).and_then(|index| asked.get(index));
    let ended = if is_end(error) {
        State::Whole
    } else {
        State::Broken
    };
    for at in named.map_or(asked, std::slice::from_ref) {
        if let Some(column) = columns.get_mut(*at) {
            column.state = ended;
        }
    }
}

fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            status: ErrorStatus::NoSuchName,
            ..
        }
    )
}

#[cfg(test)]
mod tests;
