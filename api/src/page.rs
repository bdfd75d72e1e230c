//! Pages of long lists.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The largest number of items in a page.
pub const MAX_LIMIT: u32 = 1000;

/// A part of a list, ordered by the names or ids of its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The value to send as `cursor` to get the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
