//! Assigns an answer to columns and scalars. Pure.

use async_snmp::{Value, VarBind};

use super::{CELLS_MAX, Part, State, Walk, Walked, Why};
use crate::{
    decode::Column,
    session::{
        message::{Absence, Binding, Bindings, Flaw},
        singles::Singles,
    },
    value,
};

/// The effect of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absorbed {
    /// It had bindings, and they were assigned.
    Something,
    /// It had no effect.
    Nothing,
    /// Its bindings are not in the order of the request, so missing ones cannot be told: none of
    /// them is used.
    Mixed,
    /// Its rows are not consecutive, so missing ones cannot be told: none of them is used.
    Disordered,
}

/// The effect of a binding.
enum Taken {
    /// It was put in its place.
    Well,
    /// It lacks a value that it should have.
    Without(Why),
    /// Its row was there before.
    Again,
    /// Its row should have come earlier.
    Back,
    /// It is the last one for which there is room.
    Full,
}

/// The state of a column before an answer.
struct Before {
    at: usize,
    cells: usize,
    place: Option<Vec<u32>>,
}

/// A binding in either form.
trait AnyBinding {
    /// Appends the numbers of its OID after the column's prefix to `index`; `None` if it is not of
    /// the column.
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()>;
    fn is_of(&self, column: &Walked<'_>) -> bool;
    fn is_same(&self, other: &Self) -> bool;
    fn absence(&self) -> Option<Absence>;
    fn value(&self) -> Result<Value, Flaw>;
}

impl AnyBinding for Binding<'_> {
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()> {
        self.index(&column.bytes, index)
    }

    fn is_of(&self, column: &Walked<'_>) -> bool {
        self.oid().starts_with(&column.bytes)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.oid() == other.oid()
    }

    fn absence(&self) -> Option<Absence> {
        self.absence()
    }

    fn value(&self) -> Result<Value, Flaw> {
        Binding::value(self)
    }
}

impl AnyBinding for &VarBind {
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()> {
        let arcs = self.oid.arcs().strip_prefix(column.oid.arcs())?;
        index.extend_from_slice(arcs);
        Some(())
    }

    fn is_of(&self, column: &Walked<'_>) -> bool {
        self.oid.starts_with(column.oid)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.oid == other.oid
    }

    fn absence(&self) -> Option<Absence> {
        match &self.value {
            Value::EndOfMibView => Some(Absence::End),
            value => value::is_absent(value).then_some(Absence::Hole),
        }
    }

    fn value(&self) -> Result<Value, Flaw> {
        Ok(self.value.clone())
    }
}

/// Assigns the first bindings to the scalars read along. Returns their number.
pub fn take_singles(singles: &mut Singles<'_>, taken: &[usize], answer: &Bindings) -> usize {
    match answer {
        Bindings::Raw(raw) => singles.take(taken, raw.iter()),
        // Their OIDs are not known as bytes: they are requested again separately.
        Bindings::Decoded(_) => singles.give_up(taken),
    }
    taken.len()
}

/// Assigns an answer to the columns, except its first `skipped` bindings. `rows`: the number of
/// rows requested of each column.
pub fn absorb(
    walk: &mut Walk<'_, '_>,
    (asked, rows): (&[usize], usize),
    answer: Bindings,
    skipped: usize,
) -> Absorbed {
    match answer {
        Bindings::Raw(raw) => put(walk, asked, rows, || raw.iter().skip(skipped)),
        Bindings::Decoded(found) => put(walk, asked, rows, || found.iter().skip(skipped)),
    }
}

fn put<F: AnyBinding, I: Iterator<Item = F>>(
    walk: &mut Walk<'_, '_>,
    asked: &[usize],
    rows: usize,
    answer: impl Fn() -> I,
) -> Absorbed {
    if is_mixed(walk.columns, asked, &answer) {
        return Absorbed::Mixed;
    }
    let before: Vec<Before> = asked.iter().filter_map(|at| walk.before(*at)).collect();
    let missed = walk.missed.len();
    let (mut index, mut count) = (Vec::new(), 0);
    for (found, at) in answer().zip(asked.iter().cycle()) {
        count += 1;
        let column = &mut walk.columns[*at];
        if !column.is_going() {
            continue;
        }
        index.clear();
        if found.index(column, &mut index).is_none() {
            column.state = State::Whole;
            continue;
        }
        let taken = match column.take(&index, &found, walk.limit) {
            Taken::Back if rows <= 1 => column.take_back(&index, &found, walk.limit),
            taken => taken,
        };
        match taken {
            Taken::Well => {}
            Taken::Without(why) => {
                let row = Part::Row(index.clone());
                walk.missed.push(column.missed(row, why));
            }
            Taken::Full => {
                column.state = State::Broken;
                let how = Why::BrokenOff(format!("it has {CELLS_MAX} rows, and no end"));
                walk.missed.push(column.missed(Part::Rest, how));
            }
            Taken::Again | Taken::Back if rows > 1 => {
                walk.missed.truncate(missed);
                walk.go_back(before);
                return Absorbed::Disordered;
            }
            Taken::Again | Taken::Back => {
                column.state = State::Broken;
                let how = Why::BrokenOff(format!(
                    "the device says again that the next row is {}",
                    shown(&index)
                ));
                walk.missed.push(column.missed(Part::Rest, how));
            }
        }
    }
    walk.skip_known();
    match count {
        0 => Absorbed::Nothing,
        _ => Absorbed::Something,
    }
}

/// Returns true if the bindings are in another order than requested. A binding that is not of its
/// own column marks its end, and belongs to whatever follows, possibly another requested column:
/// then the same binding is also in its own place, or has come earlier.
fn is_mixed<F: AnyBinding, I: Iterator<Item = F>>(
    columns: &[Walked<'_>],
    asked: &[usize],
    answer: impl Fn() -> I,
) -> bool {
    if asked.is_empty() {
        return false;
    }
    let mut ended = vec![false; asked.len()];
    let mut index = Vec::new();
    for (place, found) in answer().enumerate() {
        let slot = place % asked.len();
        let own = asked.get(slot).and_then(|at| columns.get(*at));
        let is_own = own.is_some_and(|column| found.is_of(column));
        match (is_own, ended.get_mut(slot)) {
            (true, Some(true)) => return true,
            (false, Some(ended @ false)) => *ended = true,
            _ => continue,
        }
        let other = asked.iter().enumerate().find_map(|(slot, at)| {
            let column = columns.get(*at)?;
            found.is_of(column).then_some((slot, column))
        });
        let Some((other, column)) = other else {
            continue;
        };
        index.clear();
        let is_old = found.index(column, &mut index).is_some()
            && (index.as_slice() <= column.reached() || column.has_seen(&index));
        let mut own = answer().skip(other).step_by(asked.len());
        if !is_old && column.is_going() && !own.any(|own| own.is_same(&found)) {
            return true;
        }
    }
    false
}

impl Walked<'_> {
    /// Takes the next binding.
    fn take(&mut self, index: &[u32], found: &impl AnyBinding, limit: usize) -> Taken {
        let absence = found.absence();
        if absence == Some(Absence::End) {
            self.state = State::Whole;
            return Taken::Well;
        }
        let reached = self.reached();
        if index == reached && absence.is_some() {
            // The device says that there is no value, and not what follows.
            self.state = State::Stuck(None);
            return Taken::Well;
        }
        if index <= reached {
            return match index.is_empty() || index == reached || self.has_seen(index) {
                true => Taken::Again,
                false => Taken::Back,
            };
        }
        // If rows arrive in an order of their own, an earlier one may have arrived, too.
        if self.seen.is_some() && self.has_seen(index) {
            return Taken::Again;
        }
        self.put(index, found, limit)
    }

    /// Takes a row that should have come earlier.
    fn take_back(&mut self, index: &[u32], found: &impl AnyBinding, limit: usize) -> Taken {
        // From now on every row is remembered: they are out of order.
        let column = &self.column;
        self.seen.get_or_insert_with(|| {
            let indexes = (0..column.len()).filter_map(|at| column.index(at));
            indexes.map(<[u32]>::to_vec).collect()
        });
        self.put(index, found, limit)
    }

    fn put(&mut self, index: &[u32], found: &impl AnyBinding, limit: usize) -> Taken {
        if let Some(seen) = &mut self.seen {
            seen.insert(index.to_vec());
        }
        self.guesses = 0;
        match found.absence().is_none().then(|| found.value()) {
            Some(Ok(value)) => {
                self.at = self.seen.is_some().then(|| index.to_vec());
                self.column.push(index, value);
                if self.column.len() >= limit {
                    self.state = State::Whole;
                }
                match self.column.len() < CELLS_MAX {
                    true => Taken::Well,
                    false => Taken::Full,
                }
            }
            Some(Err(flaw)) => {
                self.at = Some(index.to_vec());
                Taken::Without(Why::Undecodable(flaw))
            }
            None => {
                self.at = Some(index.to_vec());
                Taken::Well
            }
        }
    }

    /// Returns true if this row has arrived before.
    fn has_seen(&self, index: &[u32]) -> bool {
        match &self.seen {
            Some(seen) => seen.contains(index),
            None => (0..self.column.len()).any(|at| self.column.index(at) == Some(index)),
        }
    }

    /// Sorts the cells by row.
    pub fn put_in_order(&mut self) {
        if self.seen.is_none() {
            return;
        }
        let mut cells: Vec<(Vec<u32>, Value)> = self
            .column
            .iter()
            .map(|(index, value)| (index.to_vec(), value))
            .collect();
        cells.sort_by(|one, other| one.0.cmp(&other.0));
        let mut column = Column::with_room(cells.len());
        for (index, value) in cells {
            column.push(&index, value);
        }
        self.column = column;
    }
}

impl Walk<'_, '_> {
    fn before(&self, at: usize) -> Option<Before> {
        let column = self.columns.get(at).filter(|column| column.is_going())?;
        Some(Before {
            at,
            cells: column.column.len(),
            place: column.at.clone(),
        })
    }

    /// Restarts all columns: earlier rows may be as much out of order as the latest, and only look
    /// right by chance.
    pub fn begin_anew(&mut self) {
        self.is_anew = true;
        self.missed.clear();
        self.queue.clear();
        for column in self.columns.iter_mut() {
            *column = Walked {
                bytes: std::mem::take(&mut column.bytes),
                expected: column.expected,
                known: column.known,
                ..Walked::new(column.oid)
            };
        }
    }

    /// Undoes the effect of an answer.
    fn go_back(&mut self, before: Vec<Before>) {
        for Before { at, cells, place } in before {
            let column = &mut self.columns[at];
            let mut kept = Column::with_room(cells);
            let all = column.column.iter();
            all.take(cells)
                .for_each(|(index, value)| kept.push(index, value));
            column.column = kept;
            column.at = place;
            column.state = State::Going;
        }
    }
}

fn shown(index: &[u32]) -> String {
    let arcs: Vec<String> = index.iter().map(u32::to_string).collect();
    arcs.join(".")
}
