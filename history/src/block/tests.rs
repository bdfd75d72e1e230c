use std::sync::Arc;

use proptest::{collection::vec, prelude::*};
use utakata_model::{Quality, ReadingValue};

use super::{Block, build::from_rows, concatenate};
use crate::row::{Content, Row, Sample};

/// Any bits are a number.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (-1000i32..1000).prop_map(|tenths| f64::from(tenths) / 10.0),
        Just(f64::NAN),
        Just(-0.0),
        Just(f64::INFINITY),
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    let value = prop_oneof![
        3 => number().prop_map(ReadingValue::Number),
        1 => "[a-z°]{0,6}".prop_map(|text| ReadingValue::Text(text.into())),
    ];
    let quality = prop_oneof![Just(Quality::Good), Just(Quality::Suspect)];
    (value, quality).prop_map(|(value, quality)| Sample { value, quality })
}

fn content() -> impl Strategy<Value = Content> {
    let values = proptest::collection::btree_map(0u32..200, sample(), 0..6);
    prop_oneof![
        4 => values.prop_map(|values| Content::Values(values.into_iter().collect())),
        1 => "[a-z-]{1,8}".prop_map(|code| Content::Hole(code.into())),
    ]
}

pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let times = prop_oneof![any::<i64>(), 1_700_000_000_000i64..1_700_000_100_000];
    let row = (times, any::<i64>(), content()).prop_map(|(seen, heard, content)| Row {
        seen,
        heard,
        content,
    });
    vec(row, 0..40)
}

/// Returns the rows so that numbers are compared by their bits.
pub(crate) fn exact(rows: &[Row]) -> String {
    let bits = |sample: &Sample| match &sample.value {
        ReadingValue::Number(number) => format!("{:016x}", number.to_bits()),
        ReadingValue::Text(text) => format!("{text:?}"),
    };
    let content = |row: &Row| match &row.content {
        Content::Hole(code) => format!("hole {code}"),
        Content::Values(values) => values
            .iter()
            .map(|(id, sample)| format!("{id}={}{:?} ", bits(sample), sample.quality))
            .collect(),
    };
    rows.iter()
        .map(|row| format!("{} {} {}\n", row.seen, row.heard, content(row)))
        .collect()
}

fn all(blocks: &[Block]) -> Vec<Row> {
    let decoded = blocks
        .iter()
        .map(|block| Block::decode(&block.encode(), |_| true).unwrap());
    decoded.flat_map(|block| block.rows()).collect()
}

proptest! {
    #[test]
    fn what_is_decoded_is_what_was_encoded(rows in rows()) {
        prop_assert_eq!(exact(&all(&from_rows(&rows))), exact(&rows));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found(rows in rows(), at in any::<usize>(), bit in 0..8u8) {
        for block in from_rows(&rows) {
            let mut bytes = block.encode();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(Block::decode(&bytes, |_| true).is_err());
        }
    }

    #[test]
    fn blocks_that_are_cut_are_refused(rows in rows(), at in any::<usize>()) {
        for block in from_rows(&rows) {
            let bytes = block.encode();
            prop_assert!(Block::decode(&bytes[..at % bytes.len()], |_| true).is_err());
        }
    }

    #[test]
    fn a_wanted_column_is_as_in_the_whole(rows in rows(), wanted in 0u32..200) {
        for block in from_rows(&rows) {
            let part = Block::decode(&block.encode(), |id| id == wanted).unwrap();
            let collect = |block: &Block| {
                let mut found = Vec::new();
                block.each_value(wanted, |row, sample| found.push((row, format!("{sample:?}"))));
                found
            };
            prop_assert_eq!(collect(&part), collect(&block));
        }
    }

    #[test]
    fn blocks_merged_have_the_rows_of_all_in_order(a in rows(), b in rows()) {
        let blocks: Vec<Block> = from_rows(&a).into_iter().chain(from_rows(&b)).collect();
        let merged = all(&concatenate(&blocks));
        prop_assert!(merged.is_sorted_by_key(|row| (row.seen, row.heard)));
        let mut expect: Vec<Row> = a.into_iter().chain(b).collect();
        expect.sort_by_key(|row| (row.seen, row.heard));
        let (mut found, mut expect) = (lines(&merged), lines(&expect));
        found.dedup();
        expect.dedup();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in vec(any::<u8>(), 0..400)) {
        let _ = Block::decode(&bytes, |_| true);
        // With a checksum that matches, so that what is behind it is read.
        if bytes.len() > super::HEAD {
            bytes[..3].copy_from_slice(b"uB\x01");
            let sum = crc32fast::hash(&bytes[super::HEAD..]);
            bytes[3..7].copy_from_slice(&sum.to_le_bytes());
            let _ = Block::decode(&bytes, |_| true);
        }
    }
}

fn lines(rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<String> = exact(rows).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_text_that_stays_costs_nothing_and_a_number_that_stays_almost_nothing() {
    let row = |at: i64| Row {
        seen: 60_000 * at,
        heard: 60_000 * at + 3,
        content: Content::Values(vec![
            (0, good(ReadingValue::Text("on".into()))),
            (1, good(ReadingValue::Number(230.0))),
        ]),
    };
    let rows: Vec<Row> = (0..1440).map(row).collect();
    let [block] = &from_rows(&rows)[..] else {
        panic!("one block")
    };
    let bytes = block.encode();
    assert!(bytes.len() < 150, "{}", bytes.len());
    assert_eq!(Block::decode(&bytes, |_| true).unwrap().rows(), rows);
}

fn good(value: ReadingValue) -> Sample {
    Sample {
        value,
        quality: Quality::Good,
    }
}

#[test]
fn many_rows_become_several_blocks() {
    let hole = Content::Hole(Arc::from("away"));
    let row = |at: i64| Row {
        seen: at,
        heard: at,
        content: hole.clone(),
    };
    let rows: Vec<Row> = (0..200_000).map(row).collect();
    let blocks = from_rows(&rows);
    assert_eq!(blocks.len(), 2);
    assert_eq!(all(&blocks).len(), rows.len());
}
