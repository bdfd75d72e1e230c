//! Policies: when something is done by itself, with what, and how it is taken back.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ActionName, MetricName, PolicyName, RelationKind, Selector, duration, envelope::Limits,
};

words! {
    /// The mode of a policy.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Mode {
        /// It decides nothing.
        Off = "off",
        /// It decides, and does nothing.
        #[default]
        Shadow = "shadow",
        /// Its operations wait for the approval of a person.
        Advise = "advise",
        /// It acts.
        Armed = "armed",
    }
}

words! {
    /// The behaviour while a policy cannot see what it decides by.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Blind {
        /// Nothing changes.
        #[default]
        Hold = "hold",
        /// All changes are handed back.
        Back = "back",
        /// It acts as if the last thing that it saw were still so.
        Act = "act",
    }
}

words! {
    /// The direction in which an input moves.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Direction {
        /// It rises.
        Up = "up",
        /// It falls.
        Down = "down",
    }
}

/// A policy: what it watches, when it acts, what it does, how it takes it back, within which
/// limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The name of the policy, which is unique.
    pub name: PolicyName,
    /// Its purpose, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The mode in which it begins: `off` or `shadow`. It is armed by `utakata policy arm`.
    #[serde(default)]
    pub mode: Mode,
    /// The interval between decisions.
    #[serde(default = "one_second", with = "duration")]
    #[schema(value_type = String, example = "1s")]
    pub every: Duration,
    /// The targets of which each has decisions of its own; absent means one for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Selector>,
    /// The inputs by name.
    pub watch: BTreeMap<String, Input>,
    /// Expressions by name, for use in others.
    #[serde(default, rename = "let", skip_serializing_if = "BTreeMap::is_empty")]
    pub lets: BTreeMap<String, String>,
    /// The condition on which it acts.
    pub when: String,
    /// The condition on which it stops acting; between the two nothing changes. Absent means that
    /// the first no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// A condition on which it does not act, whatever else holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// The time for which the condition has to hold.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "15s")]
    pub hold: Duration,
    /// The acts, each begun once those before it have been tried.
    pub act: Vec<PolicyAct>,
    /// The way in which it is taken back. Absent means only when a person says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
    /// The behaviour while it is blind.
    #[serde(default)]
    pub blind: Blind,
    /// The time after which its targets take its changes back by themselves, once nobody renews them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_man: Option<DeadMan>,
    /// The time for which it keeps its hands off after somebody else has changed what it changed.
    #[serde(default = "four_hours", rename = "yield", with = "duration")]
    #[schema(value_type = String, example = "4h")]
    pub yields: Duration,
    /// The policy after which it ranks, where both could do the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PolicyName>,
    /// The limits that it never exceeds. Others may be stricter.
    #[serde(default)]
    pub envelope: Limits,
    /// The number of acts without the expected effect after which it stops acting.
    #[serde(default = "three")]
    pub stop_after: u32,
}

/// An input: the values of a metric of some targets, as one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The metric. Absent for `silence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricName>,
    /// True for the time since a target last answered, in seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silence: bool,
    /// The targets whose values it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The relation through which others are found from the target of `for_each`. Without one, and
    /// without a selector, it is that target itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<RelationKind>,
    /// The attributes that the values must have.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The way in which many values become one.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schema(value_type = String, example = "p98")]
    pub aggregate: Aggregate,
    /// The age up to which a value counts.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "20s")]
    pub fresh: Duration,
    /// The share of the targets that must have a value that counts.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schema(value_type = String, example = "95%")]
    pub at_least: Share,
    /// The unit of the metric, where utakata does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The way in which many values become one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Aggregate {
    /// The only one.
    #[default]
    One,
    /// Their sum.
    Sum,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// Their mean.
    Mean,
    /// The one that so many percent do not exceed.
    Percentile(u8),
    /// The number of values, or of those that are a state.
    Count(Option<String>),
    /// Each target's own value: only in parameters of an act on these targets.
    Each,
}

/// A share in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u8);

/// One act of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyAct {
    /// The action that is carried out.
    pub action: ActionName,
    /// The targets among which it chooses.
    pub on: On,
    /// The parameters. A text that begins with `=` is an expression; `$outlet` is the outlet of a
    /// relation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// The amount that is needed: as few targets as will do are chosen. Absent means as many as
    /// `at_a_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enough: Option<String>,
    /// The metric of the amount that each target gives. Absent means that each gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<MetricName>,
    /// The label by whose value they are chosen, the least first. Absent means by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<String>,
    /// The largest number of targets at a time.
    #[serde(default = "one")]
    pub at_a_time: u32,
    /// The time after an act before the next decision to act.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "20s")]
    pub settle: Duration,
    /// The effect that it must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expects>,
    /// True if a person has to approve it, also when the policy is armed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// True if the inputs are read from the devices anew before it is begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
}

/// The targets of an act.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct On {
    /// The targets; with a relation, those at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The relation whose sources are meant: `feeds` is the outlets that feed the targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<RelationKind>,
    /// Of the sources of the relation, only these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Selector>,
}

/// The effect that an act must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Expects {
    /// The input that it moves.
    pub input: String,
    /// The direction in which the input moves.
    pub moves: Direction,
    /// The least amount by which the input moves, in its unit.
    #[serde(default)]
    pub by: f64,
    /// The time that it may take.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "30s")]
    pub within: Duration,
}

/// The way in which something is taken back: the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// The expression that has to hold before anything is handed back.
    pub when: String,
    /// The time for which it has to hold.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "10m")]
    pub hold: Duration,
    /// The largest number at a time.
    #[serde(default = "one")]
    pub at_a_time: u32,
    /// The time between them.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "60s")]
    pub settle: Duration,
}

/// A lease on each change: the target takes it back by itself unless it is told again, whatever
/// becomes of whoever decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadMan {
    /// The time for which a change holds after it was last told.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "20m")]
    pub lease: Duration,
    /// The time after which it is told again, as long as the policy sees what it decides by.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "5m")]
    pub renew: Duration,
}

/// The reason why a text is no aggregate or share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {form}")]
pub struct WordError {
    text: String,
    form: &'static str,
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("one"),
            Self::Sum => f.write_str("sum"),
            Self::Max => f.write_str("max"),
            Self::Min => f.write_str("min"),
            Self::Mean => f.write_str("mean"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Count(None) => f.write_str("count"),
            Self::Count(Some(state)) => write!(f, "count('{state}')"),
            Self::Each => f.write_str("each"),
        }
    }
}

impl FromStr for Aggregate {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        Ok(match text {
            "one" => Self::One,
            "sum" => Self::Sum,
            "max" => Self::Max,
            "min" => Self::Min,
            "mean" => Self::Mean,
            "count" => Self::Count(None),
            "each" => Self::Each,
            text => {
                let state = text.strip_prefix("count('");
                let state = state.and_then(|rest| rest.strip_suffix("')"));
                let percent = text.strip_prefix('p').and_then(|rest| rest.parse().ok());
                match (state, percent.filter(|percent| (1..=99).contains(percent))) {
                    (Some(state), _) => Self::Count(Some(state.to_owned())),
                    (None, Some(percent)) => Self::Percentile(percent),
                    (None, None) => {
                        return Err(WordError {
                            text: text.to_owned(),
                            form: "one of one, sum, max, min, mean, p1 to p99, count, \
                                   count('ok') and each",
                        });
                    }
                }
            }
        })
    }
}

impl Share {
    /// Returns the share from 0 to 1.
    pub fn as_ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(100)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Share {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let percent = text.strip_suffix('%').and_then(|text| text.parse().ok());
        percent
            .filter(|percent| (1..=100).contains(percent))
            .map(Self)
            .ok_or_else(|| WordError {
                text: text.to_owned(),
                form: "a share from 1% to 100%",
            })
    }
}

text_form!(Aggregate);
text_form!(Share);

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn four_hours() -> Duration {
    Duration::from_secs(4 * 3600)
}

fn one() -> u32 {
    1
}

fn three() -> u32 {
    3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_they_are_read() {
        for text in ["one", "sum", "p98", "count", "count('ok')", "each"] {
            let aggregate: Aggregate = text.parse().unwrap();
            assert_eq!(aggregate.to_string(), text);
        }
        assert!("p100".parse::<Aggregate>().is_err());
        assert_eq!("95%".parse::<Share>().unwrap().to_string(), "95%");
        for text in ["95", "0%", "101%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
