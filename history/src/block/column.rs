//! One column of a block.

use pco::{
    ChunkConfig,
    data_types::Number,
    standalone::{simple_compress, simple_decompress_into},
};
use utakata_model::Quality;

use crate::bytes::{Malformed, Reader, put_varint};

const NONE: u8 = 0;
const SAME: u8 = 1;
const PCO: u8 = 2;

/// The cells of one series: a shape for each row, the numbers, and the texts by their number in the
/// dictionary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// Runs of equal shapes, which together cover each row.
    pub shapes: Vec<(Shape, u32)>,
    pub numbers: Vec<f64>,
    pub texts: Vec<u32>,
}

/// The sort of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Absent,
    Number(Quality),
    Text(Quality),
}

impl Shape {
    fn code(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Number(Quality::Good) => 1,
            // Staleness is computed, never seen.
            Self::Number(Quality::Suspect | Quality::Stale) => 2,
            Self::Text(Quality::Good) => 3,
            Self::Text(Quality::Suspect | Quality::Stale) => 4,
        }
    }

    fn from_code(code: u64) -> Result<Self, Malformed> {
        Ok(match code {
            0 => Self::Absent,
            1 => Self::Number(Quality::Good),
            2 => Self::Number(Quality::Suspect),
            3 => Self::Text(Quality::Good),
            4 => Self::Text(Quality::Suspect),
            _ => return Err(Malformed::Contradiction("a cell of no known sort")),
        })
    }
}

impl Column {
    /// Adds cells of a shape at the end; their contents are added separately.
    pub fn grow(&mut self, shape: Shape, rows: u32) {
        if rows == 0 {
            return;
        }
        match self.shapes.last_mut() {
            Some((last, count)) if *last == shape => *count += rows,
            _ => self.shapes.push((shape, rows)),
        }
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        put_varint(to, self.shapes.len() as u64);
        for (shape, count) in &self.shapes {
            put_varint(to, u64::from(*count) << 3 | shape.code());
        }
        put_numbers(to, &self.numbers);
        let runs = self.texts.chunk_by(|a, b| a == b);
        put_varint(to, runs.clone().count() as u64);
        for run in runs {
            put_varint(to, u64::from(run[0]));
            put_varint(to, run.len() as u64);
        }
    }

    pub(super) fn decode(bytes: &[u8], rows: usize, texts: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut column = Self::default();
        let (mut covered, mut numbers, mut of_text) = (0usize, 0usize, 0usize);
        for _ in 0..reader.count()? {
            let run = reader.varint()?;
            let shape = Shape::from_code(run & 7)?;
            let count = u32::try_from(run >> 3).map_err(|_| TOO_MANY)?;
            covered += count as usize;
            if covered > rows {
                return Err(TOO_MANY);
            }
            match shape {
                Shape::Absent => {}
                Shape::Number(_) => numbers += count as usize,
                Shape::Text(_) => of_text += count as usize,
            }
            column.shapes.push((shape, count));
        }
        column.numbers = take_numbers(&mut reader, numbers)?;
        for _ in 0..reader.count()? {
            let text = reader.varint_u32()?;
            let count = reader.varint()?;
            let left = of_text - column.texts.len();
            let count = usize::try_from(count).ok().filter(|one| *one <= left);
            if text as usize >= texts {
                return Err(Malformed::Contradiction("a text that is not there"));
            }
            let len = column.texts.len() + count.ok_or(TOO_MANY)?;
            column.texts.resize(len, text);
        }
        match covered == rows && column.texts.len() == of_text && reader.is_empty() {
            true => Ok(column),
            false => Err(Malformed::Contradiction("a column does not cover its rows")),
        }
    }
}

const TOO_MANY: Malformed = Malformed::Contradiction("more cells than rows");

/// Appends numbers of an expected count: all the same, or compressed.
pub(crate) fn put_numbers<T: Number + Raw>(to: &mut Vec<u8>, numbers: &[T]) {
    let Some(first) = numbers.first() else {
        to.push(NONE);
        return;
    };
    let first = first.raw();
    if numbers.iter().all(|one| one.raw() == first) {
        to.push(SAME);
        to.extend_from_slice(&first.to_le_bytes());
        return;
    }
    to.push(PCO);
    let compressed = compress(numbers);
    put_varint(to, compressed.len() as u64);
    to.extend_from_slice(&compressed);
}

/// Takes as many numbers as are expected: nothing in the bytes decides how much is allocated.
pub(crate) fn take_numbers<T: Number + Raw>(
    reader: &mut Reader<'_>,
    expected: usize,
) -> Result<Vec<T>, Malformed> {
    match reader.byte()? {
        NONE if expected == 0 => Ok(Vec::new()),
        SAME if expected > 0 => {
            let one = T::from_raw(u64::from_le_bytes(reader.array()?));
            Ok(vec![one; expected])
        }
        PCO if expected > 0 => {
            let mut numbers = vec![T::from_raw(0); expected];
            let progress = simple_decompress_into(reader.section()?, &mut numbers)
                .map_err(|_| Malformed::Contradiction("numbers cannot be decompressed"))?;
            match progress.n_processed == expected && progress.finished {
                true => Ok(numbers),
                false => Err(TOO_MANY),
            }
        }
        _ => Err(Malformed::Contradiction("numbers of no known form")),
    }
}

/// Passes over numbers of an expected count.
pub(crate) fn skip_numbers(reader: &mut Reader<'_>, expected: usize) -> Result<(), Malformed> {
    match reader.byte()? {
        NONE if expected == 0 => Ok(()),
        SAME if expected > 0 => reader.array::<8>().map(drop),
        PCO if expected > 0 => reader.section().map(drop),
        _ => Err(Malformed::Contradiction("numbers of no known form")),
    }
}

/// The bits of a number.
pub(crate) trait Raw: Copy {
    fn raw(self) -> u64;
    fn from_raw(raw: u64) -> Self;
}

impl Raw for f64 {
    fn raw(self) -> u64 {
        self.to_bits()
    }

    fn from_raw(raw: u64) -> Self {
        Self::from_bits(raw)
    }
}

impl Raw for i64 {
    fn raw(self) -> u64 {
        self.cast_unsigned()
    }

    fn from_raw(raw: u64) -> Self {
        raw.cast_signed()
    }
}

#[allow(clippy::expect_used, reason = "the configuration is constant")]
fn compress<T: Number>(numbers: &[T]) -> Vec<u8> {
    simple_compress(numbers, &ChunkConfig::default())
        .expect("the default configuration compresses any numbers")
}
