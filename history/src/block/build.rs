//! Building blocks from rows, and from other blocks.

use std::{collections::HashMap, sync::Arc};

use utakata_model::{Quality, ReadingValue};

use super::{Block, Column, HEAD, MAGIC, MAX_CELLS, MAX_ROWS, Shape, VERSION, column::put_numbers};
use crate::{
    bytes::{put_section, put_varint},
    row::{ColumnId, Content, Row, Sample},
};

/// A builder of a block, row by row.
#[derive(Debug, Default)]
pub struct Builder {
    block: Block,
    texts: HashMap<Arc<str>, u32>,
    /// The columns by their numbers, as places in the block.
    places: HashMap<ColumnId, usize>,
    /// The rows that each column covers so far.
    covered: Vec<u32>,
    /// The place where the next cell of a row probably belongs.
    next: usize,
}

impl Builder {
    pub fn is_empty(&self) -> bool {
        self.block.seen.is_empty()
    }

    /// Returns true if there is no room for a row.
    pub fn is_full_for(&self, row: &Row) -> bool {
        let rows = self.block.seen.len() + 1;
        let new = match &row.content {
            Content::Values(values) => values.len(),
            Content::Hole(_) => 0,
        };
        // As if all of its columns were new.
        let columns = self.block.columns.len() + new;
        rows > MAX_ROWS || rows > 1 && rows.saturating_mul(columns) > MAX_CELLS
    }

    /// Adds a row. Of a column that occurs twice, the first cell counts.
    pub fn push(&mut self, row: &Row) {
        let at = u32::try_from(self.block.seen.len()).unwrap_or(u32::MAX);
        self.block.seen.push(row.seen);
        self.block.heard.push(row.heard);
        self.next = 0;
        match &row.content {
            Content::Hole(code) => {
                let code = self.text(code);
                self.block.grow_holes(Some(code), 1);
            }
            Content::Values(values) => {
                self.block.grow_holes(None, 1);
                for (id, sample) in values {
                    self.cell(at, *id, sample);
                }
            }
        }
    }

    fn cell(&mut self, at: u32, id: ColumnId, sample: &Sample) {
        let text = match &sample.value {
            ReadingValue::Text(text) => Some(self.text(text)),
            ReadingValue::Number(_) => None,
        };
        let columns = &mut self.block.columns;
        // Rows almost always have the same columns in the same order.
        let place = match columns.get(self.next) {
            Some((next, _)) if *next == id => self.next,
            _ => *self.places.entry(id).or_insert_with(|| {
                columns.push((id, Column::default()));
                columns.len() - 1
            }),
        };
        self.next = place + 1;
        if self.covered.len() <= place {
            self.covered.resize(place + 1, 0);
        }
        let covered = self.covered[place];
        if covered > at {
            return;
        }
        let column = &mut self.block.columns[place].1;
        column.grow(Shape::Absent, at - covered);
        let quality = match sample.quality {
            Quality::Good => Quality::Good,
            Quality::Suspect | Quality::Stale => Quality::Suspect,
        };
        match (&sample.value, text) {
            (ReadingValue::Number(number), _) => {
                column.grow(Shape::Number(quality), 1);
                column.numbers.push(*number);
            }
            (ReadingValue::Text(_), text) => {
                column.grow(Shape::Text(quality), 1);
                column.texts.extend(text);
            }
        }
        self.covered[place] = at + 1;
    }

    fn text(&mut self, text: &Arc<str>) -> u32 {
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        let next = u32::try_from(self.block.dictionary.len()).unwrap_or(u32::MAX);
        self.block.dictionary.push(Arc::clone(text));
        self.texts.insert(Arc::clone(text), next);
        next
    }

    /// Completes columns that end early, and returns the block.
    pub fn finish(mut self) -> Block {
        let rows = u32::try_from(self.block.seen.len()).unwrap_or(u32::MAX);
        for ((_, column), covered) in self.block.columns.iter_mut().zip(&self.covered) {
            column.grow(Shape::Absent, rows - covered);
        }
        self.block.columns.sort_by_key(|(id, _)| *id);
        self.block
    }
}

impl Block {
    pub(super) fn grow_holes(&mut self, code: Option<u32>, rows: u32) {
        match self.holes.last_mut() {
            Some((last, count)) if *last == code => *count += rows,
            _ => self.holes.push((code, rows)),
        }
    }

    /// Returns the bytes of the block.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.seen.len() * self.columns.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&[0; 4]);
        put_varint(&mut bytes, self.seen.len() as u64);
        let pairs = self.heard.iter().zip(&self.seen);
        let lags: Vec<i64> = pairs
            .map(|(heard, seen)| heard.wrapping_sub(*seen))
            .collect();
        put_numbers(&mut bytes, &self.seen);
        put_numbers(&mut bytes, &lags);
        put_varint(&mut bytes, self.dictionary.len() as u64);
        for text in &self.dictionary {
            put_section(&mut bytes, text.as_bytes());
        }
        put_varint(&mut bytes, self.holes.len() as u64);
        for (code, count) in &self.holes {
            put_varint(&mut bytes, code.map_or(0, |code| u64::from(code) + 1));
            put_varint(&mut bytes, u64::from(*count));
        }
        let mut bodies = Vec::new();
        put_varint(&mut bytes, self.columns.len() as u64);
        let mut before = 0;
        for (id, column) in &self.columns {
            let start = bodies.len();
            column.encode(&mut bodies);
            put_varint(&mut bytes, u64::from(*id - before));
            put_varint(&mut bytes, (bodies.len() - start) as u64);
            before = *id;
        }
        bytes.extend_from_slice(&bodies);
        let sum = crc32fast::hash(&bytes[HEAD..]);
        bytes[HEAD - 4..HEAD].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// Returns blocks with the rows of several, in the order of their times; a row that several have
/// counts once.
pub fn concatenate(blocks: &[Block]) -> Vec<Block> {
    let mut rows: Vec<Row> = blocks.iter().flat_map(Block::rows).collect();
    rows.sort_by_key(|row| (row.seen, row.heard));
    rows.dedup_by(|a, b| (a.seen, a.heard) == (b.seen, b.heard) && a.content == b.content);
    from_rows(&rows)
}

/// Returns as many blocks as these rows need.
pub fn from_rows(rows: &[Row]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut builder = Builder::default();
    for row in rows {
        if builder.is_full_for(row) {
            blocks.push(std::mem::take(&mut builder).finish());
        }
        builder.push(row);
    }
    if !builder.is_empty() {
        blocks.push(builder.finish());
    }
    blocks
}
