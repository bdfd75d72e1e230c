//! The last values of each source, for a start.

use std::collections::{BTreeMap, HashMap};

use utakata_model::{ActionName, Measurand, Reading, TargetName};

use super::{series_map::ROWS_PER_KEY, shared::Shared};
use crate::{
    block::Block,
    file::Owner,
    plan::Sort,
    query::Error,
    row::{ColumnId, Content, Row, Sample, SourceId},
    time::Millis,
};

/// The last values of a target by one action.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    pub target: TargetName,
    pub action: ActionName,
    /// The time of the last row with values.
    pub seen: Millis,
    /// The time at which it arrived.
    pub heard: Millis,
    /// The values of that row.
    pub readings: Vec<Reading>,
    /// Values of earlier rows that it did not have, with the times seen and heard.
    pub earlier: Vec<(Millis, Millis, Reading)>,
}

/// The last value of a column: its row's times, its place in the row, and itself.
struct Last {
    seen: Millis,
    heard: Millis,
    place: usize,
    sample: Sample,
}

/// The last values of columns.
type Values = BTreeMap<ColumnId, Last>;

/// Visits the last values of each source that has any in the journal or the newest blocks.
pub fn each(shared: &Shared, mut visit: impl FnMut(Latest)) -> Result<(), Error> {
    let dictionary = shared.dictionary.lock();
    let sources = dictionary.all_sources().map_err(read_error)?;
    drop(dictionary);
    for (source, (target, action)) in sources {
        let values = values(shared, source);
        let newest = values.values().map(|one| (one.seen, one.heard)).max();
        let Some((last, heard)) = newest else {
            continue;
        };
        let dictionary = shared.dictionary.lock();
        let entries = dictionary.entries(source, "").map_err(read_error)?;
        drop(dictionary);
        let mut entries: HashMap<ColumnId, _> = entries
            .into_iter()
            .map(|entry| (entry.number, entry))
            .collect();
        let (mut readings, mut earlier) = (Vec::new(), Vec::new());
        // In the order in which the worker reported them.
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by_key(|(_, one)| one.place);
        for (column, one) in values {
            let Some(entry) = entries.remove(&column) else {
                continue;
            };
            let reading = Reading {
                of: Measurand {
                    metric: entry.metric,
                    attributes: entry.attributes,
                    unit: entry.unit,
                }
                .into(),
                value: one.sample.value,
                quality: one.sample.quality,
            };
            match one.seen == last {
                true => readings.push(reading),
                false => earlier.push((one.seen, one.heard, reading)),
            }
        }
        visit(Latest {
            target,
            action,
            seen: last,
            heard,
            readings,
            earlier,
        });
    }
    Ok(())
}

pub(super) fn read_error(error: rusqlite::Error) -> Error {
    Error::Dictionary(std::sync::Arc::new(error))
}

/// Returns the last value of each column in the newest places that have any.
fn values(shared: &Shared, source: SourceId) -> Values {
    let view = shared.view();
    let mut values = Values::new();
    for journal in view.journals.iter().chain(&view.current) {
        // The texts of a row that is not read yet may be in an earlier one.
        let (rows, _) = journal.last_rows(source, ROWS_PER_KEY as usize);
        rows.iter().for_each(|row| take(&mut values, row));
    }
    if !values.is_empty() {
        return values;
    }
    let mut files: Vec<_> = view
        .files
        .iter()
        .filter(|held| held.stored.sort != Sort::Hours)
        .collect();
    files.sort_by_key(|held| std::cmp::Reverse(held.stored.last));
    for held in files {
        let Ok(blocks) = held.file.blocks(Owner::source(source)) else {
            continue;
        };
        for sealed in blocks {
            if let Ok(block) = Block::decode(&sealed.body, |_| true) {
                block.rows().iter().for_each(|row| take(&mut values, row));
            }
        }
        if !values.is_empty() {
            break;
        }
    }
    values
}

fn take(values: &mut Values, row: &Row) {
    let Content::Values(cells) = &row.content else {
        return;
    };
    for (place, (column, sample)) in cells.iter().enumerate() {
        let is_newer = values.get(column).is_none_or(|one| one.seen <= row.seen);
        if is_newer {
            let last = Last {
                seen: row.seen,
                heard: row.heard,
                place,
                sample: sample.clone(),
            };
            values.insert(*column, last);
        }
    }
}
