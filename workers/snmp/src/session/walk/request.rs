//! The next request of a walk. Pure.

use std::cmp::Reverse;

use super::{Size, Walked};

/// A request for the next rows of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The columns, by position.
    pub columns: Vec<usize>,
    /// The number of rows of each.
    pub rows: usize,
    /// True if scalars may be read along.
    pub takes_singles: bool,
    /// True if GETNEXT is used because GETBULK is refused.
    pub by_next: bool,
}

/// Returns the columns to request next, by position, and the number of rows; `None` if nothing is
/// left. `is_mixing`: one cell at a time. `busy`: columns already requested.
///
/// A message has room for some cells, and every column in it gets the same number of rows. Of the
/// longest column, the two longest, and so on, the choice that yields the most cells is taken. A
/// cell beyond the end of its column yields nothing, and costs a quarter of one: the agent has to
/// look for it.
pub fn next_request(
    columns: &[Walked<'_>],
    size: Size,
    is_mixing: bool,
    busy: impl Fn(&usize) -> bool,
) -> Option<Request> {
    let max_rows = if size.is_bulk { usize::MAX - 1 } else { 1 };
    let going = columns.iter().enumerate();
    let going = going.filter(|(at, column)| column.is_going() && !busy(at));
    let (mut longest, mut alone) = (Vec::new(), None);
    for (at, column) in going {
        let wanted = (column.remaining() + 1).min(max_rows);
        let solo = if is_mixing { Some(1) } else { column.alone() };
        match solo {
            Some(rows) => alone = alone.or(Some((at, rows.min(wanted)))),
            None => longest.push((wanted, at)),
        }
    }
    longest.sort_by_key(|(wanted, _)| Reverse(*wanted));
    let Some((max, _)) = longest.first().copied() else {
        return alone.map(|(at, rows)| Request {
            columns: vec![at],
            rows: rows.min(size.cells).max(1),
            takes_singles: false,
            by_next: false,
        });
    };
    let rows_of = |count: usize| (size.cells / count).clamp(1, max);
    let worth = |count: usize| {
        let rows = rows_of(count);
        let taken = longest.iter().take(count);
        let useful: usize = taken.map(|(wanted, _)| rows.min(*wanted)).sum();
        (5 * useful).saturating_sub(rows * count)
    };
    let all = longest.len().min(size.names).min(size.cells).max(1);
    let count = (1..=all).max_by_key(|count| worth(*count)).unwrap_or(1);
    let mut asked: Vec<usize> = longest.into_iter().take(count).map(|(_, at)| at).collect();
    asked.sort_unstable();
    Some(Request {
        columns: asked,
        rows: rows_of(count),
        takes_singles: true,
        by_next: false,
    })
}
