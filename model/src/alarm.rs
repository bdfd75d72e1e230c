//! Alarm rules: when something is wrong, for how long, and how bad that is.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{AlarmName, MetricName, RelationKind, Selector, duration};

words! {
    /// The severity of an alarm, worst first.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        utoipa::ToSchema,
    )]
    pub enum Severity {
        /// Something fails now, or within minutes: wake somebody.
        Critical = "critical",
        /// Something will fail, or has lost its spare: act today.
        #[default]
        Major = "major",
        /// Something is not as it should be: act in working hours.
        Minor = "minor",
        /// Worth knowing. Nobody has to acknowledge it.
        Notice = "notice",
    }
}

words! {
    /// The effect of silence on an alarm.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum WhenSilent {
        /// The alarm stays as it is, and says since when nothing was heard.
        #[default]
        Keep = "keep",
        /// Silence raises it.
        Raise = "raise",
        /// Silence clears it.
        Clear = "clear",
    }
}

/// A rule by which alarms are raised: one alarm for each series that it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmRule {
    /// The name of the rule, which is unique. A rule of the name of a shipped one takes its place.
    pub name: AlarmName,
    /// The watched values.
    pub on: Watched,
    /// The targets that it is about; absent means all.
    #[serde(default, skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
    /// The condition that raises it: `value > 27.0`. Only of rules on a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<String>,
    /// The condition that clears it: `value < 26.0`. Absent means that the first no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<String>,
    /// The time for which it has to be wrong before the alarm is raised.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "30s")]
    pub hold: Duration,
    /// The time for which it has to be right before the alarm is over.
    #[serde(default, with = "duration", skip_serializing_if = "Duration::is_zero")]
    #[schema(value_type = String, example = "2m")]
    pub release: Duration,
    /// The severity of its alarms.
    #[serde(default)]
    pub severity: Severity,
    /// The sentence for people, with `{target}`, `{value}`, `{value:percent}`, labels and
    /// attributes in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The next step of whoever reads it.
    #[serde(default, rename = "do", skip_serializing_if = "String::is_empty")]
    pub what_to_do: String,
    /// The effect of silence.
    #[serde(default, skip_serializing_if = "is_default")]
    pub silent: WhenSilent,
    /// The relations through which another alarm may explain this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<RelationKind>,
    /// The relations through which this alarm may explain others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explains: Vec<RelationKind>,
    /// The number of times within a time from which it counts as flapping: `5 in 30m`.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schema(value_type = String, example = "5 in 30m")]
    pub flap: Flap,
    /// True if the rule is switched off: it raises nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
}

/// The values that a rule watches: exactly one of `metric`, `silence` and `absence`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// The metric that its conditions are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricName>,
    /// The number of intervals of its schedule without an answer after which a target is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub silence: Option<u32>,
    /// A metric that a target should have while it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<MetricName>,
    /// The attributes of the series: `{ phase: "*" }` is every series with a phase.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The unit of the metric, where utakata does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// So many times within a time, from which an alarm counts as flapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Flap {
    /// The number of times that it is raised.
    pub times: u32,
    /// The time within which that counts.
    pub within: Duration,
}

/// The reason why a text is not a limit for flapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not of the form `5 in 30m`, with 2 to 100 times in at most 24h")]
pub struct FlapError(String);

impl Flap {
    const MAX_TIMES: u32 = 100;
    const MAX_WITHIN: Duration = Duration::from_secs(86_400);
}

impl Default for Flap {
    fn default() -> Self {
        Self {
            times: 5,
            within: Duration::from_secs(30 * 60),
        }
    }
}

impl fmt::Display for Flap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.times, duration::format(self.within))
    }
}

impl FromStr for Flap {
    type Err = FlapError;

    fn from_str(text: &str) -> Result<Self, FlapError> {
        let wrong = || FlapError(text.to_owned());
        let (times, within) = text.split_once(" in ").ok_or_else(wrong)?;
        let times = times.trim().parse().map_err(|_| wrong())?;
        let within = duration::parse(within.trim()).map_err(|_| wrong())?;
        let is_sensible = (2..=Self::MAX_TIMES).contains(&times)
            && !within.is_zero()
            && within <= Self::MAX_WITHIN;
        is_sensible
            .then_some(Self { times, within })
            .ok_or_else(wrong)
    }
}

text_form!(Flap);

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_short_defaults_and_is_written_as_it_was_read() {
        let json = r#"{"name":"hot","on":{"metric":"hw.temperature"},"raise":"value > 27.0","severity":"critical"}"#;
        let rule: AlarmRule = serde_json::from_str(json).unwrap();
        assert_eq!(rule.flap.to_string(), "5 in 30m");
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
        let json =
            r#"{"name":"x","on":{"silence":3},"hold":"30s","severity":"major","flap":"3 in 10m"}"#;
        let rule: AlarmRule = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
    }

    #[test]
    fn a_limit_for_flapping_is_sensible() {
        for wrong in [
            "",
            "5",
            "1 in 30m",
            "5 in 0s",
            "101 in 1h",
            "5 in 25h",
            "five in 1h",
        ] {
            assert!(wrong.parse::<Flap>().is_err(), "{wrong}");
        }
    }
}
