//! Pages of long lists.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most items of one page.
pub const LIMIT_MAX: u32 = 1000;

/// A part of a list, in the order of the items' names or ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give this as `cursor` to get the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
