//! The names of the MQTT topics, all of them below `utakata/v1/`.

use std::{fmt, str::FromStr};

use thiserror::Error;
use utakata_model::{ActionName, AlarmName, EnvironmentId, Kind, NameError, TargetName, Zone};

/// The prefix of all our topics.
pub const ROOT: &str = "utakata/v1/";
/// The filter for the readings of all targets.
pub const READINGS: &str = "utakata/v1/reading/#";
/// The filter for all outcomes.
pub const OUTCOMES: &str = "utakata/v1/outcome/#";
/// The filter for the statuses of all environments.
pub const ENVIRONMENTS: &str = "utakata/v1/environment/#";
/// The filter for the desired state of all zones.
pub const DESIRED: &str = "utakata/v1/desired/#";

/// The filter for all alarms.
pub const ALARMS: &str = "utakata/v1/alarm/#";
/// The filter for permit requests.
pub const STARTS: &str = "utakata/v1/start/#";
/// The filter for requests for release content.
pub const FETCHES: &str = "utakata/v1/fetch/#";
/// The filter for datagrams that devices sent unasked.
pub const DATAGRAMS: &str = "utakata/v1/datagram/#";
/// The filter for notifications of devices.
pub const NOTIFICATIONS: &str = "utakata/v1/notification/#";
/// The filter for deleted targets.
pub const DELETED: &str = "utakata/v1/deleted/#";

/// A topic, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `reading/<target>/<action>`: the latest readings. Retained.
    Reading {
        target: TargetName,
        /// The action that read them: two schedules of one target do not hide each other.
        action: ActionName,
    },
    /// `outcome/<zone>/<kind>`: one or more outcomes in a message.
    Outcome { zone: Zone, kind: Kind },
    /// `start/<environment>`: an environment requests permits from the logic environment.
    Start(EnvironmentId),
    /// `permit/<environment>`: the answers, for that environment only.
    Permit(EnvironmentId),
    /// `recorded/<environment>`: outcomes that have been recorded, for the environment that
    /// published them only.
    Recorded(EnvironmentId),
    /// `fetch/<environment>`: an environment requests release content from the logic environment.
    Fetch(EnvironmentId),
    /// `content/<environment>`: the answers, for that environment only.
    Content(EnvironmentId),
    /// `datagram/<environment>`: an environment received datagrams that devices sent unasked.
    Datagram(EnvironmentId),
    /// `reply/<environment>`: the replies to them, for that environment only.
    Reply(EnvironmentId),
    /// `notification/<zone>/<subject>`: a device said something unasked.
    Notification {
        zone: Zone,
        /// The name of the target, or the address of an unknown source.
        subject: String,
    },
    /// `environment/<id>`: the status of an environment. Retained.
    Environment(EnvironmentId),
    /// `deleted/<target>`: a target has been deleted.
    Deleted(TargetName),
    /// `desired/<zone>`: the desired state of the environments of a zone. Retained.
    Desired(Zone),
    /// `alarm/<target>/<rule>`: the alarms of a rule on a target, until they are over and seen.
    /// Retained.
    Alarm { target: TargetName, rule: AlarmName },
}

/// The error for a text that is not a topic of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicError {
    /// It does not begin with [`ROOT`].
    #[error("the topic \"{topic}\" does not begin with {ROOT}")]
    Foreign { topic: String },
    /// It has no meaning in this version.
    #[error("the topic \"{topic}\" has no meaning in this version")]
    Unknown { topic: String },
    /// One of its levels is not a valid name.
    #[error("the topic \"{topic}\" has a level that is not a name")]
    Name { topic: String, source: NameError },
}

impl Topic {
    /// Returns true if the broker keeps the last message for later subscribers.
    pub fn is_retained(&self) -> bool {
        matches!(
            self,
            Self::Reading { .. } | Self::Environment(_) | Self::Desired(_) | Self::Alarm { .. }
        )
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading { target, action } => f.write_str(&reading(target, action)),
            Self::Outcome { zone, kind } => f.write_str(&outcome(zone, kind)),
            Self::Start(environment) => write!(f, "{ROOT}start/{environment}"),
            Self::Permit(environment) => write!(f, "{ROOT}permit/{environment}"),
            Self::Recorded(environment) => write!(f, "{ROOT}recorded/{environment}"),
            Self::Fetch(environment) => write!(f, "{ROOT}fetch/{environment}"),
            Self::Content(environment) => write!(f, "{ROOT}content/{environment}"),
            Self::Datagram(environment) => write!(f, "{ROOT}datagram/{environment}"),
            Self::Reply(environment) => write!(f, "{ROOT}reply/{environment}"),
            Self::Notification { zone, subject } => f.write_str(&notification(zone, subject)),
            Self::Environment(id) => f.write_str(&environment(id)),
            Self::Deleted(target) => write!(f, "{ROOT}deleted/{target}"),
            Self::Desired(zone) => f.write_str(&desired(zone)),
            Self::Alarm { target, rule } => f.write_str(&alarm(target, rule)),
        }
    }
}

/// The topic of the latest readings of an action on a target.
pub fn reading(target: &TargetName, action: &ActionName) -> String {
    join("reading/", target.as_str(), Some(action.as_str()))
}

/// The filter for the readings of one target.
pub fn readings_of(target: &TargetName) -> String {
    join("reading/", target.as_str(), Some("#"))
}

/// Returns the topic of outcomes.
pub fn outcome(zone: &Zone, kind: &Kind) -> String {
    join("outcome/", zone.as_str(), Some(kind.as_str()))
}

/// The topic of a device's notifications.
pub fn notification(zone: &Zone, subject: &str) -> String {
    join("notification/", zone.as_str(), Some(subject))
}

/// The topic of a client's own marker messages: when a marker arrives, everything sent before it
/// has arrived too.
pub fn mark(client: &str) -> String {
    join("mark/", client, None)
}

/// The topic of an environment's status.
pub fn environment(id: &EnvironmentId) -> String {
    join("environment/", id.as_str(), None)
}

/// The topic of the desired state of a zone's environments.
pub fn desired(zone: &Zone) -> String {
    join("desired/", zone.as_str(), None)
}

/// The topic of the alarms of a rule on a target.
pub fn alarm(target: &TargetName, rule: &AlarmName) -> String {
    join("alarm/", target.as_str(), Some(rule.as_str()))
}

/// Joins the levels with one allocation: a topic is built for every message.
fn join(what: &str, first: &str, second: Option<&str>) -> String {
    let rest = second.map_or(0, |second| second.len() + 1);
    let mut topic = String::with_capacity(ROOT.len() + what.len() + first.len() + rest);
    topic.push_str(ROOT);
    topic.push_str(what);
    topic.push_str(first);
    if let Some(second) = second {
        topic.push('/');
        topic.push_str(second);
    }
    topic
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(topic: &str) -> Result<Self, TopicError> {
        let rest = topic
            .strip_prefix(ROOT)
            .ok_or_else(|| TopicError::Foreign {
                topic: topic.into(),
            })?;
        let levels: Vec<&str> = rest.split('/').collect();
        parse(&levels)
            .map_err(|source| TopicError::Name {
                topic: topic.into(),
                source,
            })?
            .ok_or_else(|| TopicError::Unknown {
                topic: topic.into(),
            })
    }
}

fn parse(levels: &[&str]) -> Result<Option<Topic>, NameError> {
    Ok(Some(match *levels {
        ["reading", target, action] => Topic::Reading {
            target: target.parse()?,
            action: action.parse()?,
        },
        ["outcome", zone, kind] => Topic::Outcome {
            zone: zone.parse()?,
            kind: kind.parse()?,
        },
        ["start", environment] => Topic::Start(environment.parse()?),
        ["permit", environment] => Topic::Permit(environment.parse()?),
        ["recorded", environment] => Topic::Recorded(environment.parse()?),
        ["fetch", environment] => Topic::Fetch(environment.parse()?),
        ["content", environment] => Topic::Content(environment.parse()?),
        ["datagram", environment] => Topic::Datagram(environment.parse()?),
        ["reply", environment] => Topic::Reply(environment.parse()?),
        ["notification", zone, subject] => Topic::Notification {
            zone: zone.parse()?,
            subject: subject.into(),
        },
        ["environment", id] => Topic::Environment(id.parse()?),
        ["deleted", target] => Topic::Deleted(target.parse()?),
        ["desired", zone] => Topic::Desired(zone.parse()?),
        ["alarm", target, rule] => Topic::Alarm {
            target: target.parse()?,
            rule: rule.parse()?,
        },
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests;
