//! Values of the past, as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    ActionName, MetricName, Quality, ReadingValue, TargetName, reading::Attributes,
};
use utoipa::ToSchema;

/// The figure that a step of time has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The mean.
    Avg,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The sum; over the series of a group that of their means.
    Sum,
    /// The last value.
    Last,
    /// The growth per second of a counter, right over wraps and resets.
    Rate,
    /// The value that 98 of 100 do not exceed.
    P98,
}

/// The answer of `/v1/history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// The beginning of the range.
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    /// The end of the range.
    #[schema(value_type = String, format = "date-time")]
    pub to: Timestamp,
    /// The length of a step. Absent if the values themselves are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5m")]
    pub step: Option<String>,
    /// The figure of each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// The series, by target and metric; with `by`, one for each group.
    pub series: Vec<SeriesView>,
}

/// One series, or a group of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesView {
    /// The target; absent for a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The observe action that obtained the values; absent for a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The value of the label, or the attribute, by which series were put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The number of series that were put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// The metric of the series.
    pub metric: MetricName,
    /// The attributes that distinguish it from others.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub attributes: Attributes,
    /// The UCUM unit of the values; of a rate, without its `/s`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// The times of the values, or the beginnings of the steps, in milliseconds since 1970.
    pub times: Vec<i64>,
    /// The values, one for each time.
    pub values: Vec<ReadingValue>,
    /// The quality of each value; absent if all are good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<Quality>,
    /// The times without values, and the reason of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapView>,
    /// What the values of the range are together, whatever the steps; absent for a group, and if a
    /// rate is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<OverallView>,
    /// The number of times that a counter began anew or passed the end of its range, if its rate is
    /// shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turns: u64,
}

/// What the values of a range are together: those of good quality. Where only hours are kept, or
/// steps are whole hours, the hours at its ends count whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverallView {
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub greatest: f64,
    /// The mean of all values.
    pub mean: f64,
    /// The last value.
    pub last: f64,
    /// The time at which the last value was seen.
    #[schema(value_type = String, format = "date-time")]
    pub last_seen: Timestamp,
}

/// A time without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapView {
    /// The time of the last value before it, or the beginning of the range.
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    /// The time of the first value after it, or the end of the range.
    #[schema(value_type = String, format = "date-time")]
    pub to: Timestamp,
    /// The code of the reason: that of the last attempt that failed, such as `unreachable` or
    /// `breaker-open`; `not-read` if there was no attempt; `history-away` and the like if history
    /// itself was not there.
    pub reason: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
