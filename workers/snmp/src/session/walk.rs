//! Walking columns: many at once, row by row, in as few messages as the device allows.
//!
//! A GETBULK requests the next rows of many columns: as many as they had the last time plus one, so
//! that their end shows in the same message. The answer is assigned to the columns by its OIDs;
//! each column keeps its own position, so an answer may break off anywhere. The first request reads
//! scalars along (as non-repeaters).
//!
//! ```text
//!            a cell, a hole, one that cannot be decoded
//!              ┌──┐
//!              ▼  │       refused alone        the row behind it is known, or guessed
//!   begin ──► Going ─────────────────► Stuck ───────────────────────────────► Going
//!              │  │ a row came twice     │ none is
//!              │  └──────────────────────┴──► Broken
//!              └── its end ──► Whole
//! ```

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant as Clock},
};

use async_snmp::{ErrorStatus, Oid};
use futures::future::join_all;
use tokio::time::Instant;

use super::{
    ABSENT, Bindings, Error, Missed, Names, Order, Part, PduKind, Remembered, Session, Size, Why,
    limits,
    message::{Flaw, put_arc},
    singles::Singles,
};

mod absorb;
mod narrow;
mod request;

use crate::decode::Column;
use absorb::{absorb, take_singles};
pub use narrow::Skip;
use request::{Request, next_request};

/// Rows expected of an unknown column.
const STRANGER: usize = 8;
/// No column is longer: a device that never stops is cut off.
const CELLS_MAX: usize = 100_000;
/// The time for which a column is assumed to end where it ended, though other columns of its table
/// continue.
const ENDS: Duration = Duration::from_secs(3600);
/// Parallel requests to a slow device.
const TOGETHER: usize = 4;

/// A column being walked.
#[derive(Debug)]
pub struct Walked<'a> {
    /// The OID of the column.
    pub oid: &'a Oid,
    /// The cells of the column.
    pub column: Column,
    /// Its OID as BER, for messages.
    bytes: Vec<u8>,
    state: State,
    expected: usize,
    known: Option<Remembered>,
    /// The index received last, if it is not that of the last cell.
    at: Option<Vec<u32>>,
    /// All indexes received, once one was out of order.
    seen: Option<HashSet<Vec<u32>>>,
    /// The number of rows requested alone, while the refused one is being located.
    cap: Option<usize>,
    /// Cells known to be refused, in order.
    skips: VecDeque<Skip>,
    /// The skips that occurred.
    met: Vec<Skip>,
    /// Rows guessed since the last one received.
    guesses: u32,
    /// True if something was searched beyond its end.
    is_end_checked: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Going,
    /// The next row cannot be read.
    Stuck(Option<Why>),
    /// The end was seen.
    Whole,
    /// The end cannot be reached.
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
            at: None,
            seen: None,
            cap: None,
            skips: VecDeque::new(),
            met: Vec::new(),
            guesses: 0,
            is_end_checked: false,
            oid,
        }
    }

    /// Returns true if its end was reached.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    fn is_going(&self) -> bool {
        self.state == State::Going
    }

    /// The index received last; empty at the beginning.
    fn reached(&self) -> &[u32] {
        match &self.at {
            Some(at) => at,
            None => self.column.last_index().unwrap_or_default(),
        }
    }

    /// The same as BER, with the column.
    fn place_bytes(&self, name: &mut Vec<u8>) {
        name.clear();
        name.extend_from_slice(&self.bytes);
        for arc in self.reached() {
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

    /// The number of rows that may be requested, if it is requested alone.
    fn alone(&self) -> Option<usize> {
        let to_skip = self.skips.front();
        let to_skip = to_skip.map(|skip| skip.before.saturating_sub(self.column.len()).max(1));
        match (self.cap, to_skip) {
            (None, None) => None,
            (cap, skip) => Some(cap.unwrap_or(CELLS_MAX).min(skip.unwrap_or(CELLS_MAX))),
        }
    }

    /// Reports a missing part.
    fn missed(&self, part: Part, why: Why) -> Missed {
        Missed {
            oid: self.oid.clone(),
            part,
            why,
        }
    }
}

/// A walk in progress.
struct Walk<'a, 'b> {
    columns: &'a mut [Walked<'b>],
    /// The requests to make first: those that narrow down a refusal.
    queue: VecDeque<Request>,
    missed: Vec<Missed>,
    limit: usize,
    has_answered: bool,
    /// True if the device named the wrong column.
    has_lied: bool,
    /// True if the last request was not answered.
    is_silent: bool,
    /// True if it was restarted, so that answers to earlier requests no longer count.
    is_anew: bool,
}

#[derive(Debug, Clone)]
struct SentRequest {
    request: Request,
    /// Scalars read along, by position.
    taken: Vec<usize>,
    size: Size,
}

impl Session {
    /// Walks all columns to their ends, or until `limit` cells of each, and gets the scalars.
    /// Returns the missing parts. Errors: the device answers nothing at all.
    pub async fn walk(
        &self,
        deadline: Instant,
        singles: &mut Singles<'_>,
        columns: &mut [Walked<'_>],
        limit: usize,
    ) -> Result<Vec<Missed>, Error> {
        let mut walk = Walk {
            columns,
            queue: VecDeque::new(),
            missed: Vec::new(),
            limit,
            has_answered: false,
            has_lied: false,
            is_silent: false,
            is_anew: false,
        };
        walk.skip_known();
        loop {
            let requests = self.requests(&mut walk);
            if requests.is_empty() {
                // A slow device is asked for the certain part first.
                let has_time = self.has_time_for(3, deadline);
                match walk.unstick() || has_time && walk.check_ends() {
                    true => continue,
                    false => break,
                }
            }
            if walk.has_answered && deadline <= Instant::now() {
                walk.run_out();
                break;
            }
            let asks = requests
                .iter()
                .map(|request| self.ask_rows(deadline, singles, walk.columns, request));
            walk.is_anew = false;
            for (answer, request) in join_all(asks).await.into_iter().zip(&requests) {
                match answer {
                    Ok(_) if walk.is_anew => {}
                    Ok((asked, answer)) => {
                        walk.has_answered = true;
                        walk.is_silent = false;
                        self.absorb_answer(&mut walk, singles, asked, answer);
                    }
                    Err(error) if walk.has_answered => walk.was_silent(request, &error),
                    Err(error) => return Err(error),
                }
            }
        }
        self.remember(walk.columns);
        for column in walk.columns {
            column.put_in_order();
        }
        Ok(walk.missed)
    }

    /// Returns the next requests: one, or several in parallel if the device is slow.
    fn requests(&self, walk: &mut Walk<'_, '_>) -> Vec<Request> {
        let mut size = self.size();
        let count = match self.pace.lock().is_slow() {
            true => TOGETHER,
            false => 1,
        };
        if count > 1 {
            // All rows of few columns, rather than a few rows of all.
            let going = walk.columns.iter().filter(|column| column.is_going());
            size.names = size.names.min(going.count().div_ceil(count)).max(1);
        }
        let is_mixing = self.memory.lock().order == Order::OneCell;
        let mut requests: Vec<Request> = Vec::new();
        while requests.len() < count {
            let busy = |at: &usize| {
                requests
                    .iter()
                    .any(|request: &Request| request.columns.contains(at))
            };
            if let Some(request) = walk.queue.pop_front() {
                let going = |at: &usize| {
                    let column = walk.columns.get(*at);
                    column.is_some_and(Walked::is_going)
                };
                let columns = request.columns.iter().copied().filter(going);
                let columns: Vec<usize> = columns.filter(|at| !busy(at)).collect();
                if !columns.is_empty() {
                    requests.push(Request { columns, ..request });
                }
                continue;
            }
            match next_request(walk.columns, size, is_mixing, busy) {
                Some(request) => requests.push(request),
                None => break,
            }
        }
        requests
    }

    /// Requests the next rows. The first request reads the scalars along.
    async fn ask_rows(
        &self,
        deadline: Instant,
        singles: &Singles<'_>,
        columns: &[Walked<'_>],
        request: &Request,
    ) -> Result<(SentRequest, Result<Bindings, Error>), Error> {
        let whole = self.size();
        let shape = |size: Size| {
            let is_bulk = size.is_bulk && !request.by_next;
            let mut names = Names::default();
            let mut taken = Vec::new();
            if size == whole && is_bulk && request.takes_singles {
                let untried = singles.untried();
                if size.has_room_beside(untried.len()) {
                    taken = untried;
                    singles.put_names(&mut names);
                }
            }
            let count = size.names.min(size.cells).max(1);
            let chosen = request.columns.iter().take(count).copied();
            let request = Request {
                columns: chosen.collect(),
                rows: (size.cells / count.min(request.columns.len()).max(1))
                    .clamp(1, request.rows.max(1)),
                takes_singles: !taken.is_empty(),
                by_next: request.by_next,
            };
            let mut name = Vec::new();
            for column in request.columns.iter().filter_map(|at| columns.get(*at)) {
                column.place_bytes(&mut name);
                names.push(&name);
            }
            let operation = match is_bulk {
                true => PduKind::Bulk {
                    singles: taken.len(),
                    rows: request.rows,
                },
                false => PduKind::Next,
            };
            let size = super::size_of(&operation, &names);
            let asked = SentRequest {
                request,
                taken,
                size,
            };
            Ok((asked, operation, names))
        };
        self.adapt(deadline, shape).await
    }

    fn absorb_answer(
        &self,
        walk: &mut Walk<'_, '_>,
        singles: &mut Singles<'_>,
        asked: SentRequest,
        answer: Result<Bindings, Error>,
    ) {
        let SentRequest {
            request,
            taken,
            size,
        } = asked;
        match answer {
            Ok(answer) => {
                if request.by_next {
                    // GETBULK was refused, not the content of the cell.
                    let bulk = Size {
                        is_bulk: true,
                        ..size
                    };
                    self.too_large(bulk, limits::Why::Refused);
                }
                let cells = take_singles(singles, &taken, &answer);
                let rows = if size.is_bulk { request.rows } else { 1 };
                match absorb(walk, (&request.columns, rows), answer, cells) {
                    absorb::Absorbed::Something => {}
                    absorb::Absorbed::Nothing if self.too_large(size, limits::Why::Empty) => {}
                    absorb::Absorbed::Nothing => walk.stick(&request, &Why::NoAnswer),
                    absorb::Absorbed::Mixed => self.learn_order(walk, &request, Order::OneCell),
                    absorb::Absorbed::Disordered => self.learn_order(walk, &request, Order::OneRow),
                }
            }
            Err(_) if !taken.is_empty() => {
                // Requesting them separately shows which one is at fault.
                singles.give_up(&taken);
                self.memory.lock().singles_apart = true;
            }
            Err(Error::Refused {
                status: ErrorStatus::TooBig,
                ..
            }) => {
                if !self.too_large(size, limits::Why::TooBig) {
                    walk.stick(&request, &Why::Refused(ErrorStatus::TooBig));
                }
            }
            Err(Error::Refused { status, index, .. }) => {
                walk.refused(&request, size, &Why::Refused(status), index);
            }
            Err(_) => walk.refused(&request, size, &Why::Undecodable(Flaw::Message), 0),
        }
    }

    /// Records that the device answers in an order of its own. Answers received before that was
    /// known are discarded.
    fn learn_order(&self, walk: &mut Walk<'_, '_>, request: &Request, order: Order) {
        let mut memory = self.memory.lock();
        if memory.order < order {
            memory.order = order;
            walk.begin_anew();
        } else {
            let how = "its answers are out of order, and asking for less does not help";
            walk.stick(request, &Why::BrokenOff(how.into()));
        }
    }

    /// The columns to walk, with what is remembered of them, except those that were missing a short
    /// while ago. Errors: one that cannot be requested.
    pub fn to_walk<'a, T>(
        &self,
        wanted: impl Iterator<Item = (T, &'a Oid)>,
    ) -> Result<(Vec<T>, Vec<Walked<'a>>), Error> {
        let now = Clock::now();
        let memory = self.memory.lock();
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for (name, oid) in wanted {
            let known = memory.rows_of(oid);
            let absent_until = known.and_then(|known| known.absent_until);
            if absent_until.is_some_and(|until| until > now) {
                continue;
            }
            let mut column = Walked::new(oid);
            column.expected = known.map_or(STRANGER, |known| known.rows as usize);
            column.known = known;
            let ends_until = known.and_then(|known| known.ends_until);
            column.is_end_checked = ends_until.is_some_and(|until| until > now);
            column.column = Column::with_room(column.expected);
            column.bytes = oid.to_ber().map_err(|_| Error::Garbage {
                problem: format!("{oid} cannot be asked for"),
            })?;
            if !memory.skips.is_empty()
                && let Some((skips, until)) = memory.skips.get(oid)
                && *until > now
            {
                column.skips = skips.iter().cloned().collect();
            }
            names.push(name);
            columns.push(column);
        }
        Ok((names, columns))
    }

    fn remember(&self, columns: &[Walked<'_>]) {
        let now = Clock::now();
        let mut memory = self.memory.lock();
        for column in columns {
            // For a column that broke off, the cells to skip are not known.
            if !column.met.is_empty() && column.state != State::Broken {
                let until = memory.skips.get(column.oid).map(|(_, until)| *until);
                let until = until.filter(|until| *until > now).unwrap_or(now + ABSENT);
                let met = (column.met.clone(), until);
                memory.skips.insert(column.oid.clone(), met);
            }
            if !column.is_whole() {
                continue;
            }
            let rows = column.column.len();
            // A column with only holes exists.
            let absent_until = (rows == 0 && column.at.is_none()).then(|| now + ABSENT);
            let ends_until = column.known.and_then(|known| known.ends_until);
            let ends_until = ends_until.filter(|until| *until > now);
            let seen = Remembered {
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
                absent_until,
                ends_until: ends_until.or(column.is_end_checked.then(|| now + ENDS)),
            };
            if column.known != Some(seen) {
                memory.remember_rows(column.oid, seen);
            }
        }
    }
}

#[cfg(test)]
mod tests;
