//! Operations: what a user asked for, once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionName, Class, OperationId, Selector};

/// What a user asked for: it becomes one task for each target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Operation {
    /// Its identifier.
    pub id: OperationId,
    /// Which targets.
    pub selector: Selector,
    /// What to do; absent for a plain read, which means the default of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// Whether that only looks, or changes something.
    pub class: Class,
    /// With which parameters.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// When it was asked for.
    #[schema(value_type = String, format = "date-time")]
    pub asked: Timestamp,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
