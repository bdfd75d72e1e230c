//! Alarm rules over history: the alarms that they would have raised.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{AlarmName, AlarmRule, ReadingValue, Selector, TargetName, words};
use utoipa::ToSchema;

/// Body of `POST /v1/alarm-rules/test`: rules of its own, rules in force by their names, or both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestAlarmRules {
    /// Rules to test; nothing is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub rules: Vec<AlarmRule>,
    /// The names of rules in force to test: of this site, or shipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub names: Vec<AlarmName>,
    /// Only these targets, of those that each rule is about; absent means all.
    #[serde(default, skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
    /// The beginning of the time; seven days before its end when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub from: Option<Timestamp>,
    /// The end of the time; now when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub to: Option<Timestamp>,
    /// The largest number of alarms that are listed of each rule, the latest ones; all are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
}

/// The alarms that rules would have raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmTest {
    /// The beginning of the time.
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    /// The end of the time.
    #[schema(value_type = String, format = "date-time")]
    pub to: Timestamp,
    /// Each rule, in the order of the request: its own rules first.
    pub rules: Vec<AlarmRuleTest>,
}

words! {
    /// The origin of a rule that was tested.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub enum RuleOrigin {
        /// It was in the request.
        Request = "request",
        /// It is declared at this site.
        Site = "site",
        /// It comes with utakata.
        Shipped = "shipped",
    }
}

/// The alarms that one rule would have raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmRuleTest {
    /// The name of the rule.
    pub rule: AlarmName,
    /// The origin of the rule.
    pub origin: RuleOrigin,
    /// The number of targets that it is about.
    pub targets: u64,
    /// The number of their series that it watches; for silence and absence, of targets with a past.
    pub series: u64,
    /// The number of values, or of attempts to read, that it was stepped through.
    pub values: u64,
    /// The time of the earliest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub first: Option<Timestamp>,
    /// The number of alarms.
    pub alarms: u64,
    /// The number of them a day. Good is 150 or fewer, of all rules together.
    pub per_day: f64,
    /// The largest number in ten minutes. More than ten is a flood.
    pub most_in_ten_minutes: u64,
    /// The latest alarms, by the time at which they would have been raised.
    pub spells: Vec<AlarmSpell>,
    /// Everything that makes the figures less than they seem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A time in which an alarm would have been active.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmSpell {
    /// The target that it would have been about.
    pub target: TargetName,
    /// The attributes of the series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The time at which it would have been raised.
    #[schema(value_type = String, format = "date-time")]
    pub raised: Timestamp,
    /// The time at which it would have been over; absent if it still was so at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub over: Option<Timestamp>,
    /// The value when it was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ReadingValue>,
    /// The unit of the value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// True if it came and went so often that it counted as one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
    /// The sentence for people.
    pub text: String,
}
