//! Lists, page by page.

use serde::Deserialize;
use utakata_api::page::Page;

use super::{
    Refused,
    query::{cursor, limit},
    size,
};

/// A page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    pub cursor: Option<String>,
}

/// Returns a page of a list that is completely in memory, by name.
pub(super) fn of<T>(
    items: impl IntoIterator<Item = T>,
    query: &PageQuery,
    name: impl Fn(&T) -> &str,
) -> Result<Page<T>, Refused> {
    let max = limit(query.limit)?;
    let after: Option<String> = cursor(query.cursor.as_deref())?;
    let is_after = |item: &T| {
        after
            .as_ref()
            .is_none_or(|after| name(item) > after.as_str())
    };
    let items: Vec<T> = items.into_iter().filter(is_after).take(max + 1).collect();
    Ok(cut(items, max, |item| name(item).to_owned()))
}

/// The largest size of the items in an answer, in bytes; a single item may be larger.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The number of rows that are fetched first, while their size is unknown.
const FIRST: usize = 16;

/// A page built from a store, a few rows at a time, until it has enough rows or enough bytes.
pub(super) struct PageBuilder<T> {
    max: usize,
    bytes: usize,
    items: Vec<T>,
    /// The number of rows requested last.
    wanted: usize,
    /// True once there are no further rows.
    is_end: bool,
}

impl<T: serde::Serialize> PageBuilder<T> {
    /// Creates a page of at most this many items.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            bytes: 0,
            items: Vec::new(),
            wanted: 0,
            is_end: false,
        }
    }

    /// Returns the number of rows to fetch next; `None` means that the page is complete.
    pub(super) fn wanted(&mut self) -> Option<u32> {
        if self.is_end || self.items.len() > self.max || self.bytes > MAX_BYTES {
            return None;
        }
        let left = self.max + 1 - self.items.len();
        let fits = match self.items.len() {
            0 => FIRST,
            count => (MAX_BYTES - self.bytes) / (self.bytes / count).max(1) + 1,
        };
        self.wanted = left.min(fits);
        u32::try_from(self.wanted).ok()
    }

    /// Adds the rows that were fetched.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = T>) {
        let rows: Vec<T> = rows.into_iter().collect();
        self.add_some(rows.len(), rows);
    }

    /// Adds some of the rows that were fetched: those that are shown.
    pub(super) fn add_some(&mut self, fetched: usize, rows: impl IntoIterator<Item = T>) {
        for row in rows {
            self.bytes += size::of(&row);
            self.items.push(row);
        }
        self.is_end = fetched < self.wanted;
    }

    /// Returns the items, and the cursor if there are more.
    pub(super) fn page(mut self, cursor: impl Fn(&T) -> String) -> Page<T> {
        let mut bytes = 0;
        let fits = |item: &&T| {
            let is_first = bytes == 0;
            bytes += size::of(*item);
            is_first || bytes <= MAX_BYTES
        };
        let kept = self.items.iter().take(self.max).take_while(fits).count();
        let is_more = kept < self.items.len() || !self.is_end;
        self.items.truncate(kept);
        let next = self.items.last().filter(|_| is_more).map(cursor);
        Page {
            items: self.items,
            next,
        }
    }
}

/// Cuts a page from one item more than it may have.
pub(super) fn cut<T>(mut items: Vec<T>, max: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let is_more = items.len() > max;
    items.truncate(max);
    let next = items.last().filter(|_| is_more).map(cursor);
    Page { items, next }
}
