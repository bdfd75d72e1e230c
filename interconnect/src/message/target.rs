//! The end of a target.

use serde::{Deserialize, Serialize};
use utakata_model::TargetName;

use super::plain;

/// A target is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The target.
    pub target: TargetName,
}

plain! {
    Deleted: "message of a deleted target";
}
