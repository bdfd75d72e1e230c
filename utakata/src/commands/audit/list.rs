//! `utakata audit list`: who did what, newest first.

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utakata_api::{Client, audit::AuditPageView};

use crate::{
    commands::Context,
    exit::{Exit, Usage},
    moment,
    output::{Cell, Row, time},
};

/// The pages that are asked for at once.
const WINDOW: u64 = 100;
/// The beginning of the lines by which a task goes its way; only the operation was somebody's act.
const OF_TASKS: &str = "task.";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  utakata audit list --by hana --since 7d
  utakata audit list --about pdu-a1-a --tasks
  utakata audit list --last 1000 -o json | jq 'select(.what == \"request.refused\")'")]
pub struct ListArguments {
    /// Begin here: so long ago (6h, 30d), or a time: 18:00, 2026-11-29 or 2026-11-29T08:00, all in
    /// local time
    #[arg(long, value_name = "TIME", default_value = "1d")]
    since: String,
    /// Only what this person, service, policy or environment did
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only what has this as one of its words: a target, an operation, a task, a policy
    #[arg(long, value_name = "WORD")]
    about: Option<String>,
    /// Each step of each task, too
    #[arg(long)]
    tasks: bool,
    /// The most lines
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    last: usize,
}

/// A line of the trail: an object with `at` and `what`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Line(Map<String, Value>);

pub async fn run(arguments: &ListArguments, context: &Context<'_>) -> Result<Exit> {
    let since = moment::past(&arguments.since, Timestamp::now()).map_err(Usage)?;
    let lines = newest(&context.client()?, arguments, since).await?;
    let none = format!("nothing of that since {}", time::moment(since));
    context.output.list(&lines, &none)?;
    Ok(Exit::Done)
}

/// Reads the trail from its end until there are enough lines.
async fn newest(client: &Client, arguments: &ListArguments, since: Timestamp) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    // The page after the last one that is still to be read.
    let mut end = client.audit_head().await?.page + 1;
    while end > 1 {
        let first = end.saturating_sub(WINDOW).max(1);
        let page = client.audit(first).await?;
        let pages = page.items.into_iter().filter(|page| page.page < end);
        let found: Vec<Line> = pages.flat_map(lines_of).collect();
        let is_older = |line: &Line| line.at().is_some_and(|at| at < since);
        let is_last = found.first().is_none_or(is_older);
        let wanted = found.into_iter().rev().filter(|line| !is_older(line));
        lines.extend(wanted.filter(|line| arguments.wants(line)));
        if is_last || lines.len() >= arguments.last {
            break;
        }
        end = first;
    }
    lines.truncate(arguments.last);
    Ok(lines)
}

fn lines_of(page: AuditPageView) -> impl Iterator<Item = Line> {
    let lines = page.lines.into_iter();
    lines.filter_map(|line| serde_json::from_str(line.get()).ok().map(Line))
}

impl ListArguments {
    fn wants(&self, line: &Line) -> bool {
        let is_step = line.text("what").starts_with(OF_TASKS);
        let is_by = |name: &String| {
            let by = line.by();
            by == *name || by.strip_prefix("policy ") == Some(name)
        };
        (self.tasks || !is_step)
            && self.by.as_ref().is_none_or(is_by)
            && self.about.as_ref().is_none_or(|word| line.has(word))
    }
}

impl Line {
    fn at(&self) -> Option<Timestamp> {
        self.text("at").parse().ok()
    }

    /// The text at a path of keys; empty if there is none.
    fn text(&self, path: &str) -> &str {
        let mut keys = path.split('.');
        let first = keys.next().and_then(|key| self.0.get(key));
        let found = keys.try_fold(first, |at, key| Some(at?.get(key)));
        found.flatten().and_then(Value::as_str).unwrap_or_default()
    }

    fn first_of<'l>(&'l self, paths: &[&str]) -> &'l str {
        let mut texts = paths.iter().map(|path| self.text(path));
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The one who did it.
    fn by(&self) -> String {
        let policy = self.text("operation.policy");
        if !policy.is_empty() {
            return format!("policy {policy}");
        }
        let paths = [
            "by",
            "attribution.by",
            "operation.by",
            "lock.by",
            "outcome.ran_by.worker",
            "holder.environment",
        ];
        self.first_of(&paths).to_owned()
    }

    /// The thing that it was done to.
    fn about(&self) -> String {
        let changes = self.0.get("changes").and_then(Value::as_array);
        if let Some([first, rest @ ..]) = changes.map(Vec::as_slice) {
            let subject = first.get("subject").and_then(Value::as_str);
            let subject = subject.unwrap_or_default();
            return match rest.len() {
                0 => subject.to_owned(),
                more => format!("{subject} and {more} more"),
            };
        }
        let paths = [
            "operation.selector",
            "outcome.target",
            "target",
            "policy",
            "envelope",
            "request",
            "operation",
            "task",
            "subject",
            "token",
        ];
        self.first_of(&paths).to_owned()
    }

    /// The act, its end, and the reason.
    fn rest(&self) -> String {
        let operation = self.0.get("operation").and_then(Value::as_object);
        let parameters = operation.unwrap_or(&self.0).get("parameters");
        let parameters = parameters.and_then(Value::as_object).into_iter().flatten();
        let parameters = parameters.map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key}={text}"),
            None => format!("{key}={value}"),
        });
        let change = self.0.get("changes").and_then(|changes| changes.get(0));
        let verdict = change.and_then(|change| change.get("verdict"));
        let states = ["operation.action", "outcome.action", "action", "act"];
        let ends = ["state", "outcome.status", "evidence", "code"];
        let whys = ["why", "attribution.why", "operation.why", "lock.why"];
        let words = [self.first_of(&states).to_owned()].into_iter();
        let words = words.chain(parameters).chain([
            self.first_of(&ends).to_owned(),
            verdict.and_then(Value::as_str).unwrap_or_default().into(),
            self.first_of(&whys).to_owned(),
        ]);
        let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }

    /// Returns true if one of its texts is this word, or has it among its words.
    fn has(&self, word: &str) -> bool {
        fn is_in(value: &Value, word: &str) -> bool {
            let is_mark = |c: char| c.is_whitespace() || ",=()/".contains(c);
            match value {
                Value::String(text) => text == word || text.split(is_mark).any(|part| part == word),
                Value::Array(items) => items.iter().any(|item| is_in(item, word)),
                Value::Object(fields) => fields.values().any(|field| is_in(field, word)),
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
            }
        }
        self.0.values().any(|value| is_in(value, word))
    }
}

impl Row for Line {
    const HEADERS: &'static [&'static str] = &["WHEN", "BY", "WHAT", "ABOUT", "MORE"];

    fn cells(&self) -> Vec<Cell> {
        let at = self.at().map(time::stamp);
        vec![
            at.unwrap_or_default().into(),
            self.by().into(),
            self.text("what").into(),
            self.about().into(),
            self.rest().into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(value: Value) -> Line {
        Line(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn a_line_says_who_did_what_to_which_thing_and_why() {
        let operation = json!({"what": "operation.requested", "operation": {
            "selector": "name=pdu-1", "action": "outlet-off", "by": "ken",
            "parameters": {"outlet": 3}, "why": "it smokes"}});
        let by_policy = json!({"what": "operation.requested", "operation": {
            "selector": "name=pdu-1", "action": "outlet-off", "policy": "shed"}});
        let changed = json!({"what": "site.changed", "by": "ana", "request": "POST /v1/apply",
            "changes": [{"subject": "target a", "verdict": "created"}, {"subject": "target b"}]});
        let refused = json!({"what": "request.refused", "by": "eve", "request": "GET /v1/people",
            "code": "forbidden", "times": 3});
        let locked = json!({"what": "target.locked", "target": "pdu-1",
            "lock": {"by": "ana", "why": "a fan is changed"}});
        for (value, expect) in [
            (
                operation,
                ["ken", "name=pdu-1", "outlet-off outlet=3 it smokes"],
            ),
            (by_policy, ["policy shed", "name=pdu-1", "outlet-off"]),
            (changed, ["ana", "target a and 1 more", "created"]),
            (refused, ["eve", "GET /v1/people", "forbidden"]),
            (locked, ["ana", "pdu-1", "a fan is changed"]),
        ] {
            let line = line(value);
            assert_eq!([line.by(), line.about(), line.rest()], expect);
        }
    }

    #[test]
    fn lines_are_chosen_by_who_and_by_their_words() {
        let line = line(json!({"what": "operation.requested", "operation": {
            "selector": "name=pdu-1,rack=A1", "policy": "shed"}}));
        let arguments = |by: Option<&str>, about: Option<&str>| ListArguments {
            since: "1d".into(),
            by: by.map(Into::into),
            about: about.map(Into::into),
            tasks: false,
            last: 1,
        };
        for (by, about, wanted) in [
            (None, None, true),
            (Some("shed"), None, true),
            (Some("ana"), None, false),
            (None, Some("pdu-1"), true),
            (None, Some("pdu"), false),
            (Some("shed"), Some("A2"), false),
        ] {
            assert_eq!(
                arguments(by, about).wants(&line),
                wanted,
                "{by:?} {about:?}"
            );
        }
    }

    #[test]
    fn steps_of_tasks_are_shown_if_asked_for() {
        let step = line(json!({"what": "task.state", "task": "t", "state": "queued"}));
        let mut arguments = ListArguments {
            since: "1d".into(),
            by: None,
            about: None,
            tasks: false,
            last: 1,
        };
        assert!(!arguments.wants(&step));
        arguments.tasks = true;
        assert!(arguments.wants(&step));
    }
}
