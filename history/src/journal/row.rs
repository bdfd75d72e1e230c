//! The payload of a row in the journal. Pure.

use std::{collections::HashMap, sync::Arc};

use utakata_model::{Quality, ReadingValue};

use crate::{
    bytes::{Malformed, Reader, put_section, put_signed, put_varint},
    row::{ColumnId, Content, Row, Sample, SourceId},
    time::Millis,
};

const VALUES: u8 = 0;
const HOLE: u8 = 1;

const NUMBER: u64 = 0;
const TEXT: u64 = 1;
const SAME_TEXT: u64 = 2;
const SUSPECT: u64 = 4;

/// A cell to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Number(f64),
    Text(&'a str),
    /// The text that the column had last in this file.
    SameText,
}

/// A row, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    pub source: SourceId,
    pub row: Row,
}

/// The texts that the columns of one source had last, while its rows are read in order.
pub type Texts = HashMap<ColumnId, Arc<str>>;

fn put_head(to: &mut Vec<u8>, head: RowHead) {
    put_varint(to, u64::from(head.source));
    to.extend_from_slice(&head.seen.to_le_bytes());
    put_signed(to, head.heard.wrapping_sub(head.seen));
}

/// Appends a row without values.
pub fn encode_hole(to: &mut Vec<u8>, head: RowHead, code: &str) {
    put_head(to, head);
    to.push(HOLE);
    put_section(to, code.as_bytes());
}

/// Appends a row with values.
pub fn encode_values<'a>(
    to: &mut Vec<u8>,
    head: RowHead,
    cells: impl ExactSizeIterator<Item = (ColumnId, Cell<'a>, Quality)>,
) {
    put_head(to, head);
    to.push(VALUES);
    put_varint(to, cells.len() as u64);
    let mut before = -1i64;
    for (column, cell, quality) in cells {
        let column = i64::from(column);
        let suspect = match quality {
            Quality::Good => 0,
            Quality::Suspect | Quality::Stale => SUSPECT,
        };
        let tag = suspect
            | match cell {
                Cell::Number(_) => NUMBER,
                Cell::Text(_) => TEXT,
                Cell::SameText => SAME_TEXT,
            };
        // One more than the last is the rule, and takes one byte.
        let step = crate::bytes::zigzag(column - before - 1);
        put_varint(to, step << 3 | tag);
        match cell {
            Cell::Number(number) => to.extend_from_slice(&number.to_le_bytes()),
            Cell::Text(text) => put_section(to, text.as_bytes()),
            Cell::SameText => {}
        }
        before = column;
    }
}

/// The beginning of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHead {
    pub source: SourceId,
    pub seen: Millis,
    pub heard: Millis,
}

/// Returns the beginning of a row.
///
/// # Errors
/// The bytes are no row.
pub fn row_head(payload: &[u8]) -> Result<RowHead, Malformed> {
    read_head(&mut Reader::new(payload))
}

fn read_head(reader: &mut Reader<'_>) -> Result<RowHead, Malformed> {
    let source = reader.varint_u32()?;
    let seen = reader.i64()?;
    let heard = seen.wrapping_add(reader.signed()?);
    Ok(RowHead {
        source,
        seen,
        heard,
    })
}

/// Reads a row. A text that is the same as one which was lost is left out.
///
/// # Errors
/// The bytes are no row.
pub fn decode(payload: &[u8], texts: &mut Texts) -> Result<JournalRow, Malformed> {
    let mut reader = Reader::new(payload);
    let RowHead {
        source,
        seen,
        heard,
    } = read_head(&mut reader)?;
    let content = match reader.byte()? {
        HOLE => Content::Hole(reader.text()?.into()),
        VALUES => Content::Values(values(&mut reader, texts)?),
        _ => return Err(Malformed::Contradiction("a row of no known sort")),
    };
    if !reader.is_empty() {
        return Err(Malformed::Contradiction("something follows the row"));
    }
    let row = Row {
        seen,
        heard,
        content,
    };
    Ok(JournalRow { source, row })
}

fn values(
    reader: &mut Reader<'_>,
    texts: &mut Texts,
) -> Result<Vec<(ColumnId, Sample)>, Malformed> {
    const COLUMN: Malformed = Malformed::Contradiction("a column of no possible number");
    let count = reader.count()?;
    let mut values = Vec::with_capacity(count);
    let mut before = -1i64;
    for _ in 0..count {
        let word = reader.varint()?;
        let column = before
            .checked_add(crate::bytes::unzigzag(word >> 3))
            .and_then(|column| column.checked_add(1))
            .ok_or(COLUMN)?;
        let id = ColumnId::try_from(column).map_err(|_| COLUMN)?;
        let quality = match word & SUSPECT {
            0 => Quality::Good,
            _ => Quality::Suspect,
        };
        let value = match word & 3 {
            NUMBER => Some(ReadingValue::Number(reader.f64()?)),
            TEXT => {
                let text: Arc<str> = reader.text()?.into();
                texts.insert(id, Arc::clone(&text));
                Some(ReadingValue::Text(text))
            }
            SAME_TEXT => texts.get(&id).cloned().map(ReadingValue::Text),
            _ => return Err(Malformed::Contradiction("a value of no known sort")),
        };
        values.extend(value.map(|value| (id, Sample { value, quality })));
        before = column;
    }
    Ok(values)
}
