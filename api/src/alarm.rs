//! Alarms: what is wrong, since when, who has seen it, and what explains it.

mod replay;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    AlarmId, AlarmName, AlarmRule, ReadingValue, Severity, TargetName, duration, words,
};
use utoipa::ToSchema;

pub use self::replay::{AlarmRuleTest, AlarmSpell, AlarmTest, RuleOrigin, TestAlarmRules};
use crate::ledger::Attribution;

words! {
    /// The state of an alarm after ISA-18.2.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
    pub enum AlarmState {
        /// It is so, and nobody has acknowledged it.
        Unacknowledged = "unacknowledged",
        /// It is so, and somebody has acknowledged it.
        Acknowledged = "acknowledged",
        /// It is no longer so, and nobody has acknowledged it.
        Returned = "returned",
        /// A person has shelved it until a time.
        Shelved = "shelved",
        /// Another alarm explains it, or its target is locked.
        Suppressed = "suppressed",
        /// It is over, and nobody has to do anything.
        Normal = "normal",
    }
}

words! {
    /// A change of an alarm.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
    pub enum AlarmChangeKind {
        /// It is so.
        Raised = "raised",
        /// It is no longer so.
        Over = "over",
        /// It comes and goes, and counts as one.
        Flapping = "flapping",
        /// It no longer comes and goes.
        Steady = "steady",
        /// A person has acknowledged it.
        Acknowledged = "acknowledged",
        /// A person has shelved it.
        Shelved = "shelved",
        /// It is no longer shelved.
        Unshelved = "unshelved",
        /// Its target is locked.
        Locked = "locked",
        /// Its target is no longer locked.
        Unlocked = "unlocked",
        /// Another alarm explains it.
        Explained = "explained",
        /// Nothing explains it any more.
        Unexplained = "unexplained",
    }
}

words! {
    /// A message to people about an alarm.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
    pub enum AlarmNotice {
        /// It is so, or still so after whatever held it back.
        Raised = "raised",
        /// It is over.
        Over = "over",
    }
}

/// An alarm: one rule on one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmView {
    /// The identifier of the alarm.
    pub id: AlarmId,
    /// The number of its last change. Numbers only grow.
    pub number: u64,
    /// The rule that raised it.
    pub rule: AlarmName,
    /// The target that it is about; `utakata` for utakata itself.
    pub target: TargetName,
    /// The attributes of its series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The severity that its rule gives it.
    pub severity: Severity,
    /// The state, from the four facts that follow.
    pub state: AlarmState,
    /// True while it is so.
    pub active: bool,
    /// The person who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Attribution>,
    /// The thing that holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<AlarmHold>,
    /// The time at which its series was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub heard: Option<Timestamp>,
    /// The time at which it was raised.
    #[schema(value_type = String, format = "date-time")]
    pub raised: Timestamp,
    /// The time at which it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub over: Option<Timestamp>,
    /// The last value of its series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ReadingValue>,
    /// The unit of the value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// True while it comes and goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
    /// The number of times that it was raised within the time in which that counts as flapping.
    pub times: u32,
    /// The sentence for people.
    pub text: String,
    /// The next step for whoever reads it.
    #[serde(default, rename = "do", skip_serializing_if = "String::is_empty")]
    pub what_to_do: String,
    /// The number of alarms that it explains, directly or through others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub explains: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The thing that holds an alarm back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum AlarmHold {
    /// A person has shelved it.
    Person {
        /// The person, the time and the reason.
        shelved: Attribution,
        /// The end of it.
        #[schema(value_type = String, format = "date-time")]
        until: Timestamp,
    },
    /// Its target is locked.
    Lock {
        /// The end of the lock.
        #[schema(value_type = String, format = "date-time")]
        until: Timestamp,
    },
    /// Another alarm explains it.
    Cause {
        /// The alarm that explains it.
        cause: AlarmId,
    },
    /// The targets that could explain it are being read.
    Suspicion {
        /// The end of the search.
        #[schema(value_type = String, format = "date-time")]
        until: Timestamp,
    },
}

/// A change of an alarm, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmChange {
    /// The number of the change. Numbers only grow: one that was seen before is the same change.
    pub number: u64,
    /// The time of the change.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The kind of the change.
    pub change: AlarmChangeKind,
    /// The message to people, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<AlarmNotice>,
    /// The alarm afterwards.
    pub alarm: AlarmView,
    /// True if nobody has to know the alarm any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

/// Body of `POST /v1/alarms/{id}/seen`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// Body of `POST /v1/alarms/{id}/shelve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shelve {
    /// The time for which nobody is told of it; at most a week.
    #[serde(rename = "for", with = "duration")]
    #[schema(value_type = String, example = "2h")]
    pub lasts: Duration,
    /// The reason, for the record.
    #[schema(max_length = 1000)]
    pub why: String,
}

/// The explanation of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmExplanation {
    /// The alarm that is explained.
    pub alarm: AlarmView,
    /// The rule that raised it, as it is now; absent if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<AlarmRule>,
    /// The alarms that explain it, nearest first: the last is the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<AlarmView>,
    /// Some of the alarms that it explains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explained: Vec<AlarmView>,
    /// The explanation in sentences.
    pub lines: Vec<String>,
}

/// An alarm rule, and its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmRuleView {
    /// The rule, as a document.
    pub rule: AlarmRule,
    /// True if it comes with utakata.
    pub shipped: bool,
    /// True if it takes the place of one that comes with utakata.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overrides: bool,
}

/// The numbers of alarms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmCounts {
    /// Active alarms that nothing explains.
    pub causes: u64,
    /// Active alarms that others explain.
    pub explained: u64,
    /// Active alarms that are shelved, or whose targets are locked.
    pub held: u64,
    /// Causes that nobody has acknowledged.
    pub unacknowledged: u64,
    /// Causes of severity critical.
    pub critical: u64,
}

/// The quality of a site's alarms, by the figures of ISA-18.2 and EEMUA 191.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmReport {
    /// The beginning of the time that it is about.
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    /// The end of that time.
    #[schema(value_type = String, format = "date-time")]
    pub to: Timestamp,
    /// The number of alarms that people were told of.
    pub alarms: u64,
    /// The number of them a day. Good is 150 or fewer.
    pub per_day: f64,
    /// The largest number in ten minutes. More than ten is a flood.
    pub most_in_ten_minutes: u64,
    /// The share of ten-minute windows with a flood. Good is less than 0.01.
    pub flood_share: f64,
    /// The alarms that were raised three times within a minute.
    pub chattering: Vec<Chattering>,
    /// The number of alarms that have been active for more than a day.
    pub stale: u64,
    /// The rules with the most alarms.
    pub rules: Vec<RuleCount>,
}

/// An alarm that was raised three times within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chattering {
    /// The rule that raised it.
    pub rule: AlarmName,
    /// The target that it is about.
    pub target: TargetName,
}

/// The number of alarms of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleCount {
    /// The rule that raised them.
    pub rule: AlarmName,
    /// The number of alarms.
    pub alarms: u64,
}
