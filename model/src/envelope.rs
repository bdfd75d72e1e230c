//! Envelopes: limits on what is done, whoever decides. The ledger enforces them.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ActionName, EnvelopeName, MetricName, Selector, action::Risk, duration};

words! {
    /// The requests that an envelope binds.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Applies {
        /// Those of policies.
        #[default]
        Policies = "policies",
        /// Those of people, too, unless they break the glass with a reason.
        All = "all",
    }
}

/// An envelope: limits that no policy can widen. Of several, the strictest counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The name of the envelope, which is unique.
    pub name: EnvelopeName,
    /// Its purpose, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The requests that it binds.
    #[serde(default)]
    pub applies: Applies,
    /// The targets that it is about; absent means all.
    #[serde(default, skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
    /// The limits within which tasks stay.
    #[serde(default)]
    pub limits: Limits,
    /// So many tasks of policies that fail within a time, from which no policy acts until a person
    /// says so: `8 in 10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "8 in 10m")]
    pub red: Option<Rate>,
}

/// Limits on what is done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The only targets and actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// So many acts within a time: `40 in 1h`, `1 in 1h per target`, `2 in 10m per label rack`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub at_most: Vec<ActLimit>,
    /// Never the last live feed of a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub both_feeds: Option<BothFeeds>,
    /// So many of a place stay as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Keep>,
    /// The bounds of parameters, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<String, ParameterRange>,
    /// Times at which nothing is begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<Quiet>,
}

/// The only targets and actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// The targets on which something may be done.
    pub selector: Selector,
    /// The actions that may be carried out on them.
    pub actions: Vec<ActionName>,
}

/// So many within a time: `8 in 10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// The largest number of times.
    pub count: u32,
    /// The time within which they are counted.
    pub within: Duration,
}

/// So many acts within a time, counted together or separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActLimit {
    /// The number and the time.
    pub rate: Rate,
    /// The acts that are counted together.
    pub per: Per,
}

/// The acts that are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// All of them.
    Site,
    /// Those of one policy.
    Policy,
    /// Those on targets of one kind.
    Kind,
    /// Those on one target.
    Target,
    /// Those on targets with the same value of a label.
    Label(String),
}

/// Never the last live feed of a machine: a request that takes a feed away is begun only if another
/// feed of each machine behind it is seen to deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BothFeeds {
    /// The actions that take a feed away.
    pub actions: Vec<ActionName>,
    /// The reading that shows that a feed delivers. Its attribute `outlet` is that of the relation.
    pub live: Shows,
    /// The machines that may lose their last feed; absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<Selector>,
}

/// A state that a target shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shows {
    /// The metric of the state.
    pub metric: MetricName,
    /// The state: `on`.
    pub is: String,
    /// The age up to which a reading counts.
    #[serde(default = "five_minutes", with = "duration")]
    #[schema(value_type = String, example = "5m")]
    pub fresh: Duration,
}

/// So many of a place stay as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// The targets of which some stay.
    pub of: Selector,
    /// The label by whose value they are counted: `rack`, `cooling-zone`.
    pub by: String,
    /// The number that stays for each value.
    pub at_least: u32,
    /// The actions that take one away.
    pub actions: Vec<ActionName>,
    /// The reading that shows that one is there.
    pub shows: Shows,
}

/// The bounds of a parameter that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterRange {
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The greatest difference from the present value, as the target shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
}

/// A time of each week, or of each day, at which nothing is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The time: `Fri 16:00 .. Mon 08:00`, or `22:00 .. 06:00` of every day.
    #[schema(value_type = String, example = "Fri 16:00 .. Mon 08:00")]
    pub when: WeekTime,
    /// The time zone: `Europe/Berlin`. Absent means UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The risk of the actions that it holds back; absent means every action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
}

/// A time of each week, or of each day, in minutes since its start. The end may be before the
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WeekTime {
    /// The first minute.
    pub from: u32,
    /// The minute after the last.
    pub to: u32,
    /// True if the minutes are those of a week, which begins on Monday.
    pub is_weekly: bool,
}

/// The reason why a text is not a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not of the form {form}")]
pub struct LimitError {
    text: String,
    form: &'static str,
}

const RATE: &str = "`8 in 10m`, with a number from 1 and at most 30d";
const ACT_LIMIT: &str =
    "`40 in 1h`, perhaps followed by `per target`, `per policy`, `per kind` or `per label rack`";
const WEEK_TIME: &str = "`Fri 16:00 .. Mon 08:00` or `22:00 .. 06:00`";
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY: u32 = 24 * 60;

impl Rate {
    /// The longest time that is counted.
    pub const MAX_WITHIN: Duration = Duration::from_secs(30 * 86_400);
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.count, duration::format(self.within))
    }
}

impl FromStr for Rate {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let wrong = || LimitError {
            text: text.to_owned(),
            form: RATE,
        };
        let (count, within) = text.split_once(" in ").ok_or_else(wrong)?;
        let count: u32 = count.trim().parse().map_err(|_| wrong())?;
        let within = duration::parse(within.trim()).map_err(|_| wrong())?;
        let is_sensible = count > 0 && !within.is_zero() && within <= Self::MAX_WITHIN;
        is_sensible
            .then_some(Self { count, within })
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site => Ok(()),
            Self::Policy => f.write_str(" per policy"),
            Self::Kind => f.write_str(" per kind"),
            Self::Target => f.write_str(" per target"),
            Self::Label(label) => write!(f, " per label {label}"),
        }
    }
}

impl fmt::Display for ActLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.rate, self.per)
    }
}

impl FromStr for ActLimit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let wrong = || LimitError {
            text: text.to_owned(),
            form: ACT_LIMIT,
        };
        let (rate, per) = match text.split_once(" per ") {
            None => (text, Per::Site),
            Some((rate, per)) => (rate, per.trim().parse().map_err(|()| wrong())?),
        };
        let rate = rate.parse().map_err(|_| wrong())?;
        Ok(Self { rate, per })
    }
}

impl FromStr for Per {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "site" => Self::Site,
            "policy" => Self::Policy,
            "kind" => Self::Kind,
            "target" => Self::Target,
            text => match text.strip_prefix("label ").map(str::trim) {
                Some(label) if !label.is_empty() => Self::Label(label.to_owned()),
                _ => return Err(()),
            },
        })
    }
}

impl fmt::Display for WeekTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |minute: u32| {
            let clock = format!("{:02}:{:02}", minute % DAY / 60, minute % 60);
            let day = usize::try_from(minute / DAY)
                .ok()
                .and_then(|at| DAYS.get(at));
            match day.filter(|_| self.is_weekly) {
                Some(day) => format!("{day} {clock}"),
                None => clock,
            }
        };
        write!(f, "{} .. {}", one(self.from), one(self.to))
    }
}

impl FromStr for WeekTime {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let wrong = || LimitError {
            text: text.to_owned(),
            form: WEEK_TIME,
        };
        let (from, to) = text.split_once("..").ok_or_else(wrong)?;
        let (from, to) = (minute(from), minute(to));
        let ((from, one), (to, other)) = (from.ok_or_else(wrong)?, to.ok_or_else(wrong)?);
        if one != other || from == to {
            return Err(wrong());
        }
        Ok(Self {
            from,
            to,
            is_weekly: one,
        })
    }
}

/// Returns a minute, and true if it has a day.
fn minute(text: &str) -> Option<(u32, bool)> {
    let text = text.trim();
    let (day, clock) = match text.split_once(' ') {
        None => (None, text),
        Some((day, clock)) => {
            let at = DAYS
                .iter()
                .position(|known| known.eq_ignore_ascii_case(day));
            (Some(u32::try_from(at?).ok()?), clock.trim())
        }
    };
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let is_sensible = hour < 24 && minute < 60;
    let minute = hour * 60 + minute;
    is_sensible.then(|| (day.map_or(minute, |day| day * DAY + minute), day.is_some()))
}

text_form!(Rate);
text_form!(ActLimit);
text_form!(WeekTime);

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_they_are_read() {
        for text in [
            "40 in 1h",
            "1 in 1h per target",
            "5 in 1m per policy",
            "10 in 1d per kind",
            "2 in 10m per label rack",
        ] {
            let limit: ActLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), text);
        }
        for text in ["Fri 16:00 .. Mon 08:00", "22:00 .. 06:00"] {
            let time: WeekTime = text.parse().unwrap();
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_form() {
        for text in ["0 in 1h", "40", "40 in 1", "4 in 1h per rack", "4 in 90d"] {
            let error = text.parse::<ActLimit>().unwrap_err().to_string();
            assert!(error.contains("per label rack"), "{text}: {error}");
        }
        for text in [
            "Fri 16:00 .. 08:00",
            "25:00 .. 06:00",
            "Fri",
            "1:00 .. 1:00",
        ] {
            assert!(text.parse::<WeekTime>().is_err(), "{text}");
        }
    }
}
