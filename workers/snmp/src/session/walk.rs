//! Walking columns: many at once, row by row, in as few messages as the device allows.
//!
//! A GETBULK asks for the next rows of many columns, as many as they had the last time, plus
//! one, so that their end is seen in the same message. What it answers is put to the columns by
//! position; each column has a place of its own where it goes on, so an answer may break off
//! anywhere. The first one takes single values along (its non-repeaters).

use std::time::Instant as Clock;

use async_snmp::{ErrorStatus, Oid, VarBind};
use tokio::time::Instant;

use super::{
    ABSENT, BATCH, Error, Fits, Remembered, Repeat, Session,
    message::{Answer, Bindings, Names, put_arc},
    singles::Singles,
};

mod absorb;
mod request;

use crate::decode::Column;
use absorb::{absorb, take_singles};
use request::next_request;

/// Rows expected of a column that nothing is known of.
const STRANGER: usize = 8;
/// No column is longer: a device that goes on forever is stopped.
const CELLS_MAX: usize = 100_000;

/// A column that is being walked.
#[derive(Debug)]
pub struct Walked<'a> {
    /// The column.
    pub oid: &'a Oid,
    /// What was found.
    pub column: Column,
    /// Its OID as BER, for messages of SNMPv2c.
    bytes: Vec<u8>,
    /// How it stands.
    state: State,
    expected: usize,
    known: Option<Remembered>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// Its end was seen.
    Whole,
    /// The device refused it in the middle.
    Broken,
}

impl<'a> Walked<'a> {
    fn new(oid: &'a Oid) -> Self {
        Self {
            column: Column::default(),
            bytes: Vec::new(),
            state: State::Going,
            expected: STRANGER,
            known: None,
            oid,
        }
    }

    /// Whether its end was seen.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// The OID of its last cell, or its own.
    fn place(&self) -> Oid {
        let index = self.column.last_index().unwrap_or_default();
        Oid::new(self.oid.arcs().iter().chain(index).copied())
    }

    /// The same as BER.
    fn place_bytes(&self, name: &mut Vec<u8>) {
        name.clear();
        name.extend_from_slice(&self.bytes);
        for arc in self.column.last_index().unwrap_or_default() {
            put_arc(name, *arc);
        }
    }

    fn remaining(&self) -> usize {
        match self.expected.saturating_sub(self.column.len()) {
            0 if self.column.is_empty() => 1,
            0 => STRANGER,
            rows => rows,
        }
    }
}

impl Session {
    /// Walks all columns to their ends, or until `limit` cells of each, and gets the single
    /// values. Errors: the first thing that went wrong; what was found until then stays.
    pub async fn walk(
        &self,
        deadline: Instant,
        singles: &mut Singles<'_>,
        columns: &mut [Walked<'_>],
        limit: usize,
    ) -> Result<(), Error> {
        let most_rows = if self.is_v1() { 1 } else { CELLS_MAX };
        let mut trouble = None;
        loop {
            let taken = singles.untried();
            let room = self.batch().saturating_sub(taken.len()).max(BATCH.1);
            let (asked, rows) = next_request(columns, room, most_rows);
            if asked.is_empty() {
                break;
            }
            let answer = self.next_rows(deadline, singles, columns, &asked, rows);
            let absorbed = match answer.await {
                Ok(answer) => {
                    let cells = take_singles(singles, &taken, &answer);
                    absorb(columns, &asked, answer, cells, limit)
                }
                Err(Error::Refused { .. }) if !taken.is_empty() => {
                    // Whose fault it is shows when they are asked for apart.
                    singles.give_up(&taken);
                    self.memory.lock().singles_apart = true;
                    continue;
                }
                Err(Error::Refused {
                    status: ErrorStatus::TooBig,
                    ..
                }) if rows * asked.len() > 1 && self.batch() > BATCH.1 => {
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
        singles: &Singles<'_>,
        columns: &[Walked<'_>],
        asked: &[usize],
        rows: usize,
    ) -> Result<Bindings, Error> {
        let asked = asked.iter().filter_map(|at| columns.get(*at));
        if let Some(direct) = &self.direct {
            let (mut names, mut name) = (Names::default(), Vec::new());
            singles.put_names(&mut names);
            for column in asked {
                column.place_bytes(&mut name);
                names.push(&name);
            }
            let singles = singles.untried().len();
            let ask = |until| direct.get_bulk(until, &names, singles, rows);
            let answer = self.exchange_until(deadline, Repeat::Adaptive, ask).await;
            return self.sized(answer.and_then(Answer::into_result));
        }
        let places: Vec<Oid> = asked.map(Walked::place).collect();
        if self.is_v1() {
            let ask = || self.reader.get_next_many(&places);
            let answer = self.exchange(deadline, Repeat::Adaptive, ask).await?;
            return Ok(Bindings::Decoded(answer.varbinds));
        }
        let rows = u32::try_from(rows).unwrap_or(1);
        let ask = || self.reader.get_bulk(&places, 0, rows);
        let answer = self.exchange(deadline, Repeat::Adaptive, ask).await;
        self.sized(answer.map(Bindings::Decoded))
    }

    /// Learns from the answer to a GETBULK how large messages may be.
    fn sized<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        match &answer {
            Ok(_) => self.size_fits(Fits::Well),
            // A large answer may have been lost where a small one gets through.
            Err(Error::Silent) => self.size_fits(Fits::Badly),
            Err(_) => {}
        }
        answer
    }

    /// The columns to walk, with what is remembered of them: not those that were not there a
    /// short while ago. Errors: one that cannot be asked for.
    pub fn to_walk<'a, T>(
        &self,
        wanted: impl Iterator<Item = (T, &'a Oid)>,
    ) -> Result<(Vec<T>, Vec<Walked<'a>>), Error> {
        let now = Clock::now();
        let memory = self.memory.lock();
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for (name, oid) in wanted {
            let known = memory.rows.get(oid).copied();
            let absent_until = known.and_then(|known| known.absent_until);
            if absent_until.is_some_and(|until| until > now) {
                continue;
            }
            let mut column = Walked::new(oid);
            column.expected = known.map_or(STRANGER, |known| known.rows);
            column.known = known;
            column.column = Column::with_room(column.expected);
            column.bytes = oid.to_ber().map_err(|_| Error::Garbage {
                problem: format!("{oid} cannot be asked for"),
            })?;
            names.push(name);
            columns.push(column);
        }
        Ok((names, columns))
    }

    fn remember(&self, columns: &[Walked<'_>]) {
        let now = Clock::now();
        let mut memory = self.memory.lock();
        for column in columns.iter().filter(|column| column.is_whole()) {
            let rows = column.column.len();
            let absent_until = (rows == 0).then(|| now + ABSENT);
            let seen = Remembered { rows, absent_until };
            if column.known != Some(seen) {
                memory.rows.insert(column.oid.clone(), seen);
            }
        }
    }
}

/// The columns that the device refuses are not asked for any more. An agent of v1 says so at
/// the end of its objects.
fn give_up(columns: &mut [Walked<'_>], asked: &[usize], error: &Error) {
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
