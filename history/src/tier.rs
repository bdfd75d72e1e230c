//! The tier of hours: what an hour of a series was. Pure.

use crate::{
    block::{put_numbers, skip_numbers, take_numbers},
    bytes::{Malformed, Reader, put_varint},
    rate::{Turn, rate},
    time::{HOUR, Millis, hour_of},
};

const MAGIC: [u8; 2] = *b"uT";
const VERSION: u8 = 1;
const HEAD: usize = 7;
/// The largest number of hours in a block: more than ten years.
const MAX_HOURS: usize = 100_000;
/// A series that falls more often within an hour is no counter.
const MAX_FALLS: u32 = 2;

/// One hour of one series. Only numbers that can be trusted count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// Its number since 1970.
    pub hour: i64,
    pub least: f64,
    pub greatest: f64,
    pub sum: f64,
    pub count: i64,
    pub last: f64,
    /// The time of the last number.
    pub last_seen: Millis,
    /// The growth, if it may be a counter; otherwise NaN.
    pub increase: f64,
    /// The time over which it grew.
    pub span: Millis,
    /// The resets and wraps of a counter.
    pub turns: i64,
}

impl Hour {
    /// Returns the hours of numbers in the order of their times. Those that are not a number are
    /// left out.
    pub fn of(numbers: impl Iterator<Item = (Millis, f64)>) -> Vec<Self> {
        let mut hours: Vec<Self> = Vec::new();
        let mut before: Option<(Millis, f64)> = None;
        let mut falls = 0;
        for (seen, number) in numbers.filter(|(_, number)| !number.is_nan()) {
            let hour = hour_of(seen);
            match hours.last_mut().filter(|one| one.hour == hour) {
                Some(last) => last.add(seen, number),
                None => {
                    hours.push(Self::first(seen, number));
                    falls = 0;
                }
            }
            if let (Some((then, value)), Some(hour)) = (before, hours.last_mut()) {
                let step = rate(value, number);
                if step.turn != Turn::Grew {
                    falls += 1;
                    hour.turns += 1;
                }
                hour.increase += step.increase;
                hour.span += seen - then;
                if falls > MAX_FALLS {
                    (hour.increase, hour.span, hour.turns) = (f64::NAN, 0, 0);
                }
            }
            before = Some((seen, number));
        }
        for hour in &mut hours {
            if hour.increase.is_nan() {
                (hour.span, hour.turns) = (0, 0);
            }
        }
        hours
    }

    fn first(seen: Millis, number: f64) -> Self {
        Self {
            hour: hour_of(seen),
            least: number,
            greatest: number,
            sum: number,
            count: 1,
            last: number,
            last_seen: seen,
            increase: 0.0,
            span: 0,
            turns: 0,
        }
    }

    fn add(&mut self, seen: Millis, number: f64) {
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.sum += number;
        self.count += 1;
        (self.last, self.last_seen) = (number, seen);
    }

    /// Adds what else was seen in the same hour.
    pub fn merge(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.sum += other.sum;
        self.count += other.count;
        self.increase += other.increase;
        self.span += other.span;
        self.turns += other.turns;
        if other.last_seen >= self.last_seen {
            (self.last, self.last_seen) = (other.last, other.last_seen);
        }
    }
}

/// Returns the hours of several blocks as one: in order, each once.
pub fn unite(blocks: impl IntoIterator<Item = Vec<Hour>>) -> Vec<Hour> {
    let mut all: Vec<Hour> = blocks.into_iter().flatten().collect();
    all.sort_by_key(|one| (one.hour, one.last_seen));
    let mut united: Vec<Hour> = Vec::with_capacity(all.len());
    for hour in all {
        match united.last_mut().filter(|last| last.hour == hour.hour) {
            Some(last) => last.merge(&hour),
            None => united.push(hour),
        }
    }
    united
}

/// Returns the bytes of hours in ascending order.
pub fn encode(hours: &[Hour]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(&[0; 4]);
    put_varint(&mut bytes, hours.len() as u64);
    let floats = |figure: fn(&Hour) -> f64| hours.iter().map(figure).collect::<Vec<f64>>();
    let whole = |figure: fn(&Hour) -> i64| hours.iter().map(figure).collect::<Vec<i64>>();
    put_numbers(&mut bytes, &steps(hours));
    put_numbers(&mut bytes, &whole(|one| one.count));
    put_numbers(&mut bytes, &floats(|one| one.sum));
    put_numbers(&mut bytes, &floats(|one| one.least));
    put_numbers(&mut bytes, &floats(|one| one.greatest));
    put_numbers(&mut bytes, &floats(|one| one.last));
    put_numbers(
        &mut bytes,
        &whole(|one| one.last_seen.wrapping_sub(one.hour.wrapping_mul(HOUR))),
    );
    put_numbers(&mut bytes, &floats(|one| one.increase));
    put_numbers(&mut bytes, &whole(|one| one.span));
    put_numbers(&mut bytes, &whole(|one| one.turns));
    let sum = crc32fast::hash(&bytes[HEAD..]);
    bytes[HEAD - 4..HEAD].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Returns the first hour, and from then on the distances, which are almost always the same.
fn steps(hours: &[Hour]) -> Vec<i64> {
    let mut before = 0i64;
    let step = |one: &Hour| {
        let step = one.hour.wrapping_sub(before);
        before = one.hour;
        step
    };
    hours.iter().map(step).collect()
}

/// The figures of hours that a reader wants; the others are left at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    All,
    /// The sum and the number.
    Sum,
    Least,
    Greatest,
}

/// Reads hours.
///
/// # Errors
/// The bytes are damaged.
pub fn decode(bytes: &[u8]) -> Result<Vec<Hour>, Malformed> {
    decode_figures(bytes, Figures::All)
}

/// Reads figures of hours.
///
/// # Errors
/// The bytes are damaged.
pub fn decode_figures(bytes: &[u8], wanted: Figures) -> Result<Vec<Hour>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.array::<2>()? != MAGIC || reader.byte()? != VERSION {
        return Err(Malformed::Version);
    }
    let sum = u32::from_le_bytes(reader.array()?);
    if crc32fast::hash(reader.rest()) != sum {
        return Err(Malformed::Checksum);
    }
    let count = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    if count > MAX_HOURS {
        return Err(Malformed::Contradiction("more hours than any block has"));
    }
    let mut columns = Columns { reader, count };
    let is_all = wanted == Figures::All;
    let steps = columns.whole()?;
    let counts = columns.whole()?;
    let sum = columns.floats(is_all || wanted == Figures::Sum)?;
    let least = columns.floats(is_all || wanted == Figures::Least)?;
    let greatest = columns.floats(is_all || wanted == Figures::Greatest)?;
    let last = columns.floats(is_all)?;
    if !is_all {
        return Ok(some_figures(&steps, &counts, [&sum, &least, &greatest]));
    }
    let offsets = columns.whole()?;
    let increase = columns.floats(true)?;
    let (spans, turns) = (columns.whole()?, columns.whole()?);
    let mut hour = 0i64;
    let hours = (0..count).map(|at| {
        hour = hour.wrapping_add(steps[at]);
        Hour {
            hour,
            least: least[at],
            greatest: greatest[at],
            sum: sum[at],
            count: counts[at],
            last: last[at],
            last_seen: offsets[at].wrapping_add(hour.wrapping_mul(HOUR)),
            increase: increase[at],
            span: spans[at],
            turns: turns[at],
        }
    });
    Ok(hours.collect())
}

struct Columns<'a> {
    reader: Reader<'a>,
    count: usize,
}

/// Returns hours with some of their figures.
fn some_figures(steps: &[i64], counts: &[i64], figures: [&[f64]; 3]) -> Vec<Hour> {
    let mut hour = 0i64;
    let [sum, least, greatest] = figures;
    let figure = |of: &[f64], at: usize| of.get(at).copied().unwrap_or_default();
    let hours = steps
        .iter()
        .zip(counts)
        .enumerate()
        .map(|(at, (step, count))| {
            hour = hour.wrapping_add(*step);
            Hour {
                sum: figure(sum, at),
                least: figure(least, at),
                greatest: figure(greatest, at),
                count: *count,
                ..Hour::first(hour.wrapping_mul(HOUR), 0.0)
            }
        });
    hours.collect()
}

impl Columns<'_> {
    /// Returns numbers, or nothing of those that nobody wants.
    fn floats(&mut self, is_wanted: bool) -> Result<Vec<f64>, Malformed> {
        match is_wanted {
            true => take_numbers(&mut self.reader, self.count),
            false => skip_numbers(&mut self.reader, self.count).map(|()| Vec::new()),
        }
    }

    fn whole(&mut self) -> Result<Vec<i64>, Malformed> {
        take_numbers(&mut self.reader, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Vec<(Millis, f64)>> {
        let one = (0i64..20 * HOUR, whole());
        proptest::collection::vec(one, 0..200).prop_map(|mut numbers| {
            numbers.sort_by_key(|(seen, _)| *seen);
            numbers.dedup_by_key(|(seen, _)| *seen);
            numbers
        })
    }

    /// Whole numbers, whose sums are exact in any order.
    fn whole() -> impl Strategy<Value = f64> {
        prop_oneof![
            5 => (-1000i32..1000).prop_map(f64::from),
            1 => Just(f64::NAN),
        ]
    }

    /// Without what only the order of all values tells.
    fn figures(hours: &[Hour]) -> Vec<(i64, String)> {
        let text = |one: &Hour| {
            let Hour {
                least,
                greatest,
                sum,
                count,
                last,
                last_seen,
                ..
            } = one;
            format!("{least} {greatest} {sum} {count} {last} {last_seen}")
        };
        hours.iter().map(|one| (one.hour, text(one))).collect()
    }

    proptest! {
        #[test]
        fn the_tiers_of_blocks_are_the_tier_of_their_union(
            numbers in numbers(),
            part in proptest::collection::vec(0usize..3, 200),
        ) {
            let mut parts: Vec<Vec<(Millis, f64)>> = vec![Vec::new(); 3];
            for (one, part) in numbers.iter().zip(part) {
                parts[part].push(*one);
            }
            let united = unite(parts.into_iter().map(|part| Hour::of(part.into_iter())));
            let whole = Hour::of(numbers.into_iter());
            prop_assert_eq!(figures(&united), figures(&whole));
        }

        #[test]
        fn what_is_decoded_is_what_was_encoded(numbers in numbers()) {
            let hours = Hour::of(numbers.into_iter());
            let again = decode(&encode(&hours)).unwrap();
            prop_assert_eq!(format!("{again:?}"), format!("{hours:?}"));
        }

        #[test]
        fn a_flipped_bit_anywhere_is_found(numbers in numbers(), at in any::<usize>(), bit in 0..8u8) {
            let mut bytes = encode(&Hour::of(numbers.into_iter()));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn only_what_may_be_a_counter_has_an_increase() {
        let at = |minute: i64, value: f64| (minute * 60_000, value);
        let counter = (0..60).map(|minute| at(minute, f64::from(minute as u32) * 10.0));
        let [hour] = Hour::of(counter)[..] else {
            panic!("one hour")
        };
        assert_eq!((hour.increase, hour.span), (590.0, 59 * 60_000));
        let gauge = (0..60).map(|minute| at(minute, if minute % 2 == 0 { 20.0 } else { 21.0 }));
        let [hour] = Hour::of(gauge)[..] else {
            panic!("one hour")
        };
        assert!(hour.increase.is_nan());
    }
}
