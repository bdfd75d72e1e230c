//! Reading blocks.

use std::sync::Arc;

use utakata_model::ReadingValue;

use super::{Column, HEAD, MAGIC, MAX_CELLS, MAX_ROWS, Shape, VERSION, column::take_numbers};
use crate::{
    bytes::{Malformed, Reader},
    row::{ColumnId, Content, Row, Sample},
    time::Millis,
};

/// Rows in columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    pub seen: Vec<Millis>,
    pub heard: Vec<Millis>,
    /// Runs of rows with values (`None`), and of holes by the number of their code.
    pub(super) holes: Vec<(Option<u32>, u32)>,
    pub(super) dictionary: Vec<Arc<str>>,
    /// By number, ascending.
    pub(super) columns: Vec<(ColumnId, Column)>,
}

impl Block {
    /// Reads a block, and of its columns those that are wanted.
    ///
    /// # Errors
    /// The bytes are damaged.
    pub fn decode(bytes: &[u8], is_wanted: impl Fn(ColumnId) -> bool) -> Result<Self, Malformed> {
        let body = verified(bytes)?;
        let mut reader = Reader::new(body);
        let rows = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        if rows > MAX_ROWS {
            return Err(Malformed::Contradiction("more rows than any block has"));
        }
        let seen: Vec<i64> = take_numbers(&mut reader, rows)?;
        let lags: Vec<i64> = take_numbers(&mut reader, rows)?;
        let heard = seen
            .iter()
            .zip(&lags)
            .map(|(seen, lag)| seen.wrapping_add(*lag));
        let mut block = Self {
            heard: heard.collect(),
            seen,
            ..Self::default()
        };
        for _ in 0..reader.count()? {
            block.dictionary.push(reader.text()?.into());
        }
        block.holes = holes(&mut reader, rows, block.dictionary.len())?;
        block.columns = columns(&mut reader, rows, block.dictionary.len(), is_wanted)?;
        Ok(block)
    }

    pub fn len(&self) -> usize {
        self.seen.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    pub fn columns(&self) -> impl Iterator<Item = ColumnId> {
        self.columns.iter().map(|(id, _)| *id)
    }

    /// Visits the cells of a column that have a value, with their rows.
    pub fn each_value(&self, id: ColumnId, mut visit: impl FnMut(usize, Sample)) {
        let Ok(at) = self.columns.binary_search_by_key(&id, |(id, _)| *id) else {
            return;
        };
        let column = &self.columns[at].1;
        let (mut row, mut numbers) = (0, column.numbers.iter());
        let mut texts = column.texts.iter();
        for (shape, count) in &column.shapes {
            for _ in 0..*count {
                let sample = match shape {
                    Shape::Absent => None,
                    Shape::Number(quality) => numbers
                        .next()
                        .map(|number| (ReadingValue::Number(*number), *quality)),
                    Shape::Text(quality) => texts
                        .next()
                        .and_then(|text| self.dictionary.get(*text as usize))
                        .map(|text| (ReadingValue::Text(Arc::clone(text)), *quality)),
                };
                if let Some((value, quality)) = sample {
                    visit(row, Sample { value, quality });
                }
                row += 1;
            }
        }
    }

    /// Visits the numbers of a column that can be trusted, with their rows.
    pub fn each_number(&self, id: ColumnId, mut visit: impl FnMut(usize, f64)) {
        let Ok(at) = self.columns.binary_search_by_key(&id, |(id, _)| *id) else {
            return;
        };
        let column = &self.columns[at].1;
        let (mut row, mut taken) = (0, 0);
        for (shape, count) in &column.shapes {
            let count = *count as usize;
            if let Shape::Number(quality) = shape {
                if *quality == utakata_model::Quality::Good {
                    let numbers = column.numbers.iter().skip(taken).take(count);
                    numbers
                        .enumerate()
                        .for_each(|(at, number)| visit(row + at, *number));
                }
                taken += count;
            }
            row += count;
        }
    }

    /// Visits the holes: the row, and the code.
    pub fn each_hole(&self, mut visit: impl FnMut(usize, &Arc<str>)) {
        let mut row = 0;
        for (code, count) in &self.holes {
            let code = code.and_then(|code| self.dictionary.get(code as usize));
            for _ in 0..*count {
                if let Some(code) = code {
                    visit(row, code);
                }
                row += 1;
            }
        }
    }

    /// Returns the rows with all decoded columns, in their order.
    pub fn rows(&self) -> Vec<Row> {
        let times = self.seen.iter().zip(&self.heard);
        let mut rows: Vec<Row> = times
            .map(|(seen, heard)| Row {
                seen: *seen,
                heard: *heard,
                content: Content::Values(Vec::new()),
            })
            .collect();
        self.each_hole(|row, code| rows[row].content = Content::Hole(Arc::clone(code)));
        for (id, _) in &self.columns {
            self.each_value(*id, |row, sample| {
                if let Content::Values(values) = &mut rows[row].content {
                    values.push((*id, sample));
                }
            });
        }
        rows
    }
}

/// Returns what the checksum covers.
fn verified(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.array::<2>()? != MAGIC || reader.byte()? != VERSION {
        return Err(Malformed::Version);
    }
    let sum = u32::from_le_bytes(reader.array()?);
    let body = bytes.get(HEAD..).ok_or(Malformed::Short)?;
    match crc32fast::hash(body) == sum {
        true => Ok(body),
        false => Err(Malformed::Checksum),
    }
}

fn holes(
    reader: &mut Reader<'_>,
    rows: usize,
    texts: usize,
) -> Result<Vec<(Option<u32>, u32)>, Malformed> {
    let mut holes = Vec::new();
    let mut covered = 0usize;
    for _ in 0..reader.count()? {
        let code = reader.varint_u32()?.checked_sub(1);
        let count = reader.varint_u32()?;
        covered += count as usize;
        if covered > rows || code.is_some_and(|code| code as usize >= texts) {
            return Err(Malformed::Contradiction("holes beyond the rows"));
        }
        holes.push((code, count));
    }
    match covered == rows {
        true => Ok(holes),
        false => Err(Malformed::Contradiction("holes do not cover the rows")),
    }
}

fn columns(
    reader: &mut Reader<'_>,
    rows: usize,
    texts: usize,
    is_wanted: impl Fn(ColumnId) -> bool,
) -> Result<Vec<(ColumnId, Column)>, Malformed> {
    const ORDER: Malformed = Malformed::Contradiction("columns out of order");
    let count = reader.count()?;
    if count.saturating_mul(rows) > MAX_CELLS {
        return Err(Malformed::Contradiction("more cells than any block has"));
    }
    let mut directory: Vec<(ColumnId, usize)> = Vec::new();
    let mut last: Option<ColumnId> = None;
    for _ in 0..count {
        let step = reader.varint_u32()?;
        let id = match last {
            None => step,
            Some(last) if step > 0 => last.checked_add(step).ok_or(ORDER)?,
            Some(_) => return Err(ORDER),
        };
        let len = usize::try_from(reader.varint()?).map_err(|_| Malformed::Short)?;
        directory.push((id, len));
        last = Some(id);
    }
    let mut columns = Vec::new();
    for (id, len) in directory {
        let body = reader.take(len)?;
        if is_wanted(id) {
            columns.push((id, Column::decode(body, rows, texts)?));
        }
    }
    match reader.is_empty() {
        true => Ok(columns),
        false => Err(Malformed::Contradiction(
            "something follows the last column",
        )),
    }
}
