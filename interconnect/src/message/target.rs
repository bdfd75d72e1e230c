//! The end of a target.

use serde::{Deserialize, Serialize};
use utakata_model::TargetName;

use super::plain;

/// A notice that a target was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    pub target: TargetName,
}

plain! {
    Deleted: "message of a deleted target";
}
