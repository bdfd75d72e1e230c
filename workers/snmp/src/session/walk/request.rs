//! What to ask for next. Pure.

use std::cmp::Reverse;

use super::{State, Walked};

/// Columns asked for in one message.
const COLUMNS: usize = 40;

/// The columns to ask for next, by position, and how many rows of them.
///
/// A message has room for `batch` cells, and every column of it gets the same number of rows. Of
/// the longest column, the two longest, and so on, those are taken that bring the most cells. A
/// cell that lies beyond the end of its column brings nothing, and costs a quarter of one: the
/// agent has to look for it.
pub fn next_request(columns: &[Walked<'_>], batch: usize, most_rows: usize) -> (Vec<usize>, usize) {
    let going = columns.iter().enumerate();
    let going = going.filter(|(_, column)| column.state == State::Going);
    let mut longest: Vec<(usize, usize)> = going
        .map(|(at, column)| ((column.remaining() + 1).min(most_rows), at))
        .collect();
    longest.sort_by_key(|(wanted, _)| Reverse(*wanted));
    let Some((most, _)) = longest.first().copied() else {
        return (Vec::new(), 0);
    };
    let rows_of = |count: usize| (batch / count).clamp(1, most);
    let worth = |count: usize| {
        let rows = rows_of(count);
        let taken = longest.iter().take(count);
        let useful: usize = taken.map(|(wanted, _)| rows.min(*wanted)).sum();
        (5 * useful).saturating_sub(rows * count)
    };
    let all = longest.len().min(COLUMNS);
    let count = (1..=all).max_by_key(|count| worth(*count)).unwrap_or(1);
    let mut asked: Vec<usize> = longest.into_iter().take(count).map(|(_, at)| at).collect();
    asked.sort_unstable();
    (asked, rows_of(count))
}
