//! Lists, page by page.

use serde::Deserialize;
use utakata_api::page::Page;

use super::{
    Refused,
    query::{cursor, limit},
};

/// Which page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The most items of the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// What the page before had as `next`.
    #[param(min_length = 1, max_length = 512)]
    pub cursor: Option<String>,
}

/// The page of a list that is whole in memory, by name.
pub(super) fn of<T>(
    items: impl IntoIterator<Item = T>,
    query: &PageQuery,
    name: impl Fn(&T) -> &str,
) -> Result<Page<T>, Refused> {
    let most = limit(query.limit)?;
    let after: Option<String> = cursor(query.cursor.as_deref())?;
    let is_after = |item: &T| {
        after
            .as_ref()
            .is_none_or(|after| name(item) > after.as_str())
    };
    let items: Vec<T> = items.into_iter().filter(is_after).take(most + 1).collect();
    Ok(cut(items, most, |item| name(item).to_owned()))
}

/// The page out of one item more than it has at the most.
pub(super) fn cut<T>(mut items: Vec<T>, most: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let is_more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| is_more).map(cursor);
    Page { items, next }
}
