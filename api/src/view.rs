//! The view of a site: a cell for each target, as `GET /v1/view` streams them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Kind, TargetName, Zone};
use utoipa::ToSchema;

use crate::inventory::Health;

/// A server-sent event of `GET /v1/view`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViewEvent {
    /// The targets, in the order in which cells count them. They begin a stream, and come again
    /// when the inventory has changed or cells were missed; all cells follow.
    Targets(ViewTargets),
    /// The cells that have changed.
    Cells(ViewCells),
}

/// A part of the targets, so that no screen stands still while it reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ViewTargets {
    /// The number of the first target of this part.
    pub from: u32,
    /// The number of targets in all parts.
    pub of: u32,
    /// The targets of this part.
    pub items: Vec<ViewTarget>,
}

/// A target, as far as it does not change while it is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ViewTarget {
    /// The name of the target.
    pub name: TargetName,
    /// The kind of the target.
    pub kind: Kind,
    /// The part of the network from which it is reached.
    pub zone: Zone,
    /// Its labels: `room`, `row`, `rack`, `u`, `feed`, ...
    pub labels: BTreeMap<String, String>,
}

/// Answer to `GET /v1/view/past`: the cells of a time of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ViewPast {
    /// The time, in milliseconds since 1970.
    pub at: i64,
    /// The reason why history itself knows nothing of this time: `history-away`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
    /// The targets, as they are declared now, in the order in which cells count them.
    pub targets: Vec<ViewTarget>,
    /// The cells of those of which something is known; ages are those at that time.
    pub cells: Vec<ViewCell>,
}

/// Cells that have changed, and the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ViewCells {
    /// The time by the clock of the server, in milliseconds since 1970.
    pub at: i64,
    /// The number of changes of alarms so far: when it rises, the lists of alarms have changed.
    pub alarms: u64,
    /// The number of control tasks that have ended so far.
    pub outcomes: u64,
    /// The cells that have changed.
    pub cells: Vec<ViewCell>,
}

/// A cell, as short as it can be: the number of its target, from 0; its health, null if it answers;
/// its power in W; its greatest temperature in degrees Celsius, at the inlet where there is a
/// choice; the age of its last answer, in seconds, at the time of the message. What was not observed
/// is null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ViewCell(
    pub u32,
    pub Option<Health>,
    pub Option<f64>,
    pub Option<f64>,
    pub Option<i64>,
);

impl ViewCells {
    /// Returns none yet, at a time.
    pub fn at(time: Timestamp) -> Self {
        Self {
            at: time.as_millisecond(),
            alarms: 0,
            outcomes: 0,
            cells: Vec::new(),
        }
    }
}
