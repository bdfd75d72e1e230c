//! Puts what was answered where it belongs. Pure.

use super::{CELLS_MAX, Error, State, VarBind, Walked};
use crate::{
    session::{
        message::{Binding, Bindings},
        singles::Singles,
    },
    value,
};
use async_snmp::Value;

/// A binding of either form.
trait Found {
    /// The numbers of its OID after those of the column, onto `index`; `None` when it is not of
    /// the column.
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()>;
    fn is_absent(&self) -> bool;
    fn value(self) -> Value;
}

impl Found for Binding<'_> {
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()> {
        self.index(&column.bytes, index)
    }

    fn is_absent(&self) -> bool {
        self.is_absent()
    }

    fn value(self) -> Value {
        Binding::value(&self)
    }
}

impl Found for VarBind {
    fn index(&self, column: &Walked<'_>, index: &mut Vec<u32>) -> Option<()> {
        let arcs = self.oid.arcs().strip_prefix(column.oid.arcs())?;
        index.extend_from_slice(arcs);
        Some(())
    }

    fn is_absent(&self) -> bool {
        value::is_absent(&self.value)
    }

    fn value(self) -> Value {
        self.value
    }
}

/// Puts the first bindings to the single values that were asked for. Returns how many these are.
pub fn take_singles(singles: &mut Singles<'_>, taken: &[usize], answer: &Bindings) -> usize {
    match answer {
        Bindings::Raw(raw) => singles.take(taken, raw.iter()),
        // Their OIDs are not known as bytes: they are asked for once more, apart.
        Bindings::Decoded(_) => singles.give_up(taken),
    }
    taken.len()
}

/// Puts an answer to the columns, but for its first `skipped` bindings. Errors: it makes no
/// progress.
pub fn absorb(
    columns: &mut [Walked<'_>],
    asked: &[usize],
    answer: Bindings,
    skipped: usize,
    limit: usize,
) -> Result<(), Error> {
    match answer {
        Bindings::Raw(raw) => put(columns, asked, raw.iter().skip(skipped), limit),
        Bindings::Decoded(found) => put(columns, asked, found.into_iter().skip(skipped), limit),
    }
}

fn put(
    columns: &mut [Walked<'_>],
    asked: &[usize],
    answer: impl Iterator<Item = impl Found>,
    limit: usize,
) -> Result<(), Error> {
    let mut index = Vec::new();
    let mut count = 0;
    for (found, at) in answer.zip(asked.iter().cycle()) {
        count += 1;
        let Some(column) = columns
            .get_mut(*at)
            .filter(|column| column.state == State::Going)
        else {
            continue;
        };
        index.clear();
        if found.is_absent() || found.index(column, &mut index).is_none() {
            column.state = State::Whole;
        } else if index.as_slice() <= column.column.last_index().unwrap_or_default() {
            return Err(backwards(column, &index));
        } else {
            column.column.push(&index, found.value());
            if column.column.len() >= limit.min(CELLS_MAX) {
                column.state = State::Whole;
            }
        }
    }
    match count {
        0 => Err(Error::Garbage {
            problem: "the next rows were asked for, it answered none at all".into(),
        }),
        _ => Ok(()),
    }
}

fn backwards(column: &Walked<'_>, index: &[u32]) -> Error {
    let next = async_snmp::Oid::new(column.oid.arcs().iter().chain(index).copied());
    Error::Garbage {
        problem: format!("the row after {} is said to be {next}", column.place()),
    }
}
