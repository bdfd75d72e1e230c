use std::{fs, io::Write as _};

use proptest::prelude::*;
use tempfile::TempDir;
use utakata_model::ReadingValue;

use super::{Cell, Journal, RowHead, encode_hole, encode_values, frame};
use crate::{
    block::tests::{exact, rows},
    row::{Content, Row, SourceId},
};

/// Returns the bytes of rows, and the place of each.
pub(crate) fn journal(source: SourceId, rows: &[Row]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for row in rows {
        places.push(bytes.len());
        let head = RowHead {
            source,
            seen: row.seen,
            heard: row.heard,
        };
        frame(&mut bytes, |to| match &row.content {
            Content::Hole(code) => encode_hole(to, head, code),
            Content::Values(values) => {
                let cells = values.iter().map(|(id, sample)| match &sample.value {
                    ReadingValue::Number(number) => (*id, Cell::Number(*number), sample.quality),
                    ReadingValue::Text(text) => (*id, Cell::Text(text), sample.quality),
                });
                encode_values(to, head, cells);
            }
        });
    }
    (bytes, places)
}

/// Returns the rows of source 7 in a file of these bytes, and whether damage was found.
fn read(bytes: &[u8]) -> (Vec<Row>, bool) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    let (journal, damaged) = Journal::scan(&path).unwrap();
    let (rows, unreadable) = journal.rows(7);
    assert_eq!(unreadable, 0, "only whole rows have places");
    (rows, damaged > 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_read_as_written(rows in rows()) {
        let (bytes, _) = journal(7, &rows);
        let (found, damaged) = read(&bytes);
        prop_assert_eq!(exact(&found), exact(&rows));
        prop_assert!(!damaged);
    }

    #[test]
    fn of_a_journal_cut_anywhere_all_whole_rows_are_read(rows in rows(), at in any::<usize>()) {
        let (bytes, places) = journal(7, &rows);
        let at = at % (bytes.len() + 1);
        let (found, _) = read(&bytes[..at]);
        let ends = places.iter().skip(1).copied().chain([bytes.len()]);
        let whole = ends.filter(|end| *end <= at).count().min(rows.len());
        prop_assert_eq!(exact(&found), exact(&rows[..whole]));
    }

    #[test]
    fn a_flipped_bit_costs_one_row_and_is_noticed(
        rows in rows().prop_filter("rows", |rows| !rows.is_empty()),
        at in any::<usize>(),
        bit in 0..8u8,
    ) {
        let (mut bytes, places) = journal(7, &rows);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let (found, damaged) = read(&bytes);
        prop_assert!(damaged);
        let hit = places.partition_point(|place| *place <= at) - 1;
        let mut rest = rows;
        rest.remove(hit);
        prop_assert_eq!(exact(&found), exact(&rest));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
        let _ = super::decode(&bytes, &mut super::Texts::default());
    }
}

#[test]
fn a_text_that_stays_is_written_once() {
    let mut bytes = Vec::new();
    for (seen, cell) in [
        (1, Cell::Text("on")),
        (2, Cell::SameText),
        (3, Cell::SameText),
    ] {
        let cells = [(0, cell, utakata_model::Quality::Good)];
        let head = RowHead {
            source: 7,
            seen,
            heard: seen,
        };
        frame(&mut bytes, |to| encode_values(to, head, cells.into_iter()));
    }
    let (found, _) = read(&bytes);
    let text = |row: &Row| match &row.content {
        Content::Values(values) => values[0].1.value.to_string(),
        Content::Hole(code) => code.to_string(),
    };
    assert_eq!(
        found.iter().map(text).collect::<Vec<_>>(),
        ["on", "on", "on"]
    );
}
