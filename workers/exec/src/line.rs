//! The lines exchanged with a program: one JSON object on each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Task,
    model::{
        Cure, Measurand, MetricName, Missing, Problem, Quality, Reading, ReadingValue, TaskKey,
    },
};

/// The longest line accepted from a program, in bytes.
pub const LINE_MAX: usize = 1024 * 1024;

/// A task as it is written to a program.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// The attempt, to be repeated in the reply where a process has several.
    task: String,
    target: &'a str,
    address: &'a str,
    action: &'a str,
    class: &'a str,
    parameters: &'a Value,
    credential: BTreeMap<&'a str, &'a str>,
    /// Seconds left. Then the process is killed.
    timeout: f64,
    /// The deadline by the clock of `/proc/uptime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<f64>,
}

/// The end of a task, as reported by a program.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The attempt, where a process has several.
    #[serde(default)]
    pub task: Option<String>,
    status: Status,
    #[serde(default)]
    readings: Vec<ReplyReading>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    problem: Option<ReplyProblem>,
    /// Requested values that are missing.
    #[serde(default)]
    missing: Vec<Missing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Succeeded,
    Failed,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyReading {
    metric: MetricName,
    /// Numbers and booleans are accepted unquoted: shells have no types.
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    value: ReadingValue,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    quality: Quality,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyProblem {
    #[serde(default = "refused")]
    code: String,
    message: String,
    #[serde(default = "operator")]
    cure: Cure,
}

impl<'a> Request<'a> {
    /// Builds the request of a task with this deadline; `uptime` is what the clock shows now.
    pub fn new(task: &'a Task, until: Instant, uptime: Option<f64>) -> Self {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.as_secs_f64();
        Self {
            task: name(&task.key),
            target: task.target.as_str(),
            address: &task.address,
            action: task.action.as_str(),
            class: task.class.as_str(),
            parameters: &task.parameters,
            credential: crate::revealed(task),
            timeout: left,
            until: uptime.map(|now| now + left),
        }
    }

    /// Returns the line, with its end.
    pub fn line(&self) -> Vec<u8> {
        // Names and values are texts and JSON: serializing them cannot fail.
        let mut line = serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec());
        line.push(b'\n');
        line
    }
}

/// The name of an attempt on a line.
pub fn name(key: &TaskKey) -> String {
    format!("{}/{}", key.task, key.attempt)
}

impl Reply {
    /// Parses a line. Errors: the reason why it is not a reply, for people.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| {
            let shown: String = String::from_utf8_lossy(line).chars().take(80).collect();
            format!("{shown:?} is not the line of an answer: {error}")
        })
    }

    /// Returns true if it reports success.
    pub fn is_success(&self) -> bool {
        self.status == Status::Succeeded
    }

    /// Returns the end of the task.
    pub fn into_end(self) -> Result<Answer, Failure> {
        let problem = self
            .problem
            .map(|problem| Problem::new(&problem.code, problem.cure, problem.message));
        let silent = || {
            let message = "the program does not say why";
            Problem::new("device-refused", Cure::Operator, message)
        };
        match self.status {
            Status::Succeeded => Ok(Answer {
                readings: self.readings.into_iter().map(Reading::from).collect(),
                result: self.result,
                missing: self.missing.into_iter().collect(),
                ..Answer::default()
            }),
            Status::Failed => Err(Failure::failed(problem.unwrap_or_else(silent))),
            Status::Unknown => Err(Failure::unknown(problem.unwrap_or_else(silent))),
        }
    }
}

impl From<ReplyReading> for Reading {
    fn from(reading: ReplyReading) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let attributes = reading.attributes.into_iter();
        let of = Measurand {
            metric: reading.metric,
            attributes: attributes
                .map(|(key, value)| (key.into(), text(value).into()))
                .collect(),
            unit: reading.unit.into(),
        };
        Self {
            of: of.into(),
            value: reading.value,
            quality: reading.quality,
        }
    }
}

fn refused() -> String {
    "device-refused".into()
}

fn operator() -> Cure {
    Cure::Operator
}

#[cfg(test)]
mod tests {
    use utakata_worker_sdk::model::OutcomeStatus;

    use super::*;

    fn end(line: &str) -> Result<Answer, Failure> {
        Reply::parse(line.as_bytes()).unwrap().into_end()
    }

    #[test]
    fn only_what_says_its_status_is_an_answer() {
        let line = r#"{"status":"succeeded","readings":[{"metric":"hw.power","value":3,
            "attributes":{"outlet":4,"on":true,"name":"a"},"unit":"W"}],"result":[1]}"#;
        let answer = end(line).unwrap();
        let reading = &answer.readings[0];
        assert_eq!(&*reading.attributes["outlet"], "4");
        assert_eq!(&*reading.attributes["on"], "true");
        assert_eq!(reading.value, ReadingValue::Number(3.0));
        assert_eq!(answer.result, Some(serde_json::json!([1])));
        let line = r#"{"status":"succeeded","missing":[
            {"object":"fan","row":"3","reason":"refused","count":1}]}"#;
        let missing = end(line).unwrap().missing.into_entries();
        assert_eq!(missing, [Missing::value("fan", Some("3"), "refused", "")]);
        for (line, status, code) in [
            (
                r#"{"status":"failed"}"#,
                OutcomeStatus::Failed,
                "device-refused",
            ),
            (
                r#"{"status":"unknown","problem":{"code":"x","message":"m","cure":"retry"}}"#,
                OutcomeStatus::Unknown,
                "x",
            ),
        ] {
            let failure = end(line).unwrap_err();
            assert_eq!((failure.status, &*failure.problem.code), (status, code));
        }
        for line in [
            "",
            "21.5",
            "{}",
            r#"{"status":"ok"}"#,
            r#"{"status":"succeeded","reading":[]}"#,
            r#"{"status":"succeeded","readings":[{"metric":"hw power","value":1}]}"#,
            r#"{"status":"succeeded"} {"status":"succeeded"}"#,
        ] {
            assert!(Reply::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
