//! The rows of things in tables.

mod people;

use utakata_api::{
    alarm::{AlarmRuleView, AlarmView},
    apply::{Change, Verdict},
    environment::EnvironmentView,
    inventory::{CredentialView, KindView, TargetView},
    ledger::{Lock, LockView},
    operation::{Counts, OperationView, PlannedTask},
    reading::ReadingView,
    relation::RelationView,
    task::TaskView,
};
use utakata_model::{Class, Floor, Notification, Schedule, duration};

use super::{Cell, Row, Tone, time, words};

impl Row for TargetView {
    const HEADERS: &'static [&'static str] = &[
        "NAME", "KIND", "ADDRESS", "ZONE", "HEALTH", "ANSWERED", "LABELS", "PROBLEM",
    ];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let target = &self.target;
        let answered = self.answered.map(words::ago);
        vec![
            target.name.to_string().into(),
            target.kind.to_string().into(),
            target.address.clone().into(),
            target.zone.to_string().into(),
            words::health(self.health),
            answered.unwrap_or_default().into(),
            words::labels(&target.labels).into(),
            words::problem(self.problem.as_ref()),
        ]
    }
}

impl Row for RelationView {
    const HEADERS: &'static [&'static str] = &["RELATION", "FROM", "TO"];
    const SORTED_BY: usize = 3;

    fn cells(&self) -> Vec<Cell> {
        let relation = &self.relation;
        vec![
            relation.relation.as_str().into(),
            relation.from.to_string().into(),
            relation.to.to_string().into(),
        ]
    }
}

impl Row for Floor {
    const HEADERS: &'static [&'static str] =
        &["NAME", "ROOM", "METRES", "ROWS", "RACKS", "AISLES", "UNITS"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let [width, depth] = self.size;
        vec![
            self.name.to_string().into(),
            self.room().to_owned().into(),
            format!("{width} x {depth}").into(),
            self.rows.len().to_string().into(),
            self.racks().count().to_string().into(),
            self.aisles.len().to_string().into(),
            self.units.len().to_string().into(),
        ]
    }
}

impl Row for AlarmRuleView {
    const HEADERS: &'static [&'static str] =
        &["NAME", "ON", "RAISE", "SEVERITY", "SELECTOR", "ORIGIN"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let rule = &self.rule;
        let on = match (&rule.on.metric, rule.on.silence, &rule.on.absence) {
            (Some(metric), ..) => metric.to_string(),
            (_, Some(intervals), _) => format!("silence of {intervals} intervals"),
            (.., Some(metric)) => format!("absence of {metric}"),
            _ => String::new(),
        };
        let origin = match (self.shipped, self.rule.off) {
            (true, _) => Cell::dim("utakata"),
            (false, true) => Cell::toned("switched off", Tone::Doubtful),
            (false, false) => "this site".into(),
        };
        vec![
            rule.name.to_string().into(),
            on.into(),
            rule.raise.clone().unwrap_or_default().into(),
            words::severity(rule.severity),
            rule.selector.to_string().into(),
            origin,
        ]
    }
}

impl Row for AlarmView {
    const HEADERS: &'static [&'static str] = &[
        "SEVERITY", "SINCE", "WHAT", "EXPLAINS", "STATE", "HEARD", "ID",
    ];

    fn cells(&self) -> Vec<Cell> {
        let explains = match self.explains {
            0 => String::new(),
            count => format!("{count} others"),
        };
        let what = match self.flapping {
            true => format!("{} (flapping, {} times)", self.text, self.times),
            false => self.text.clone(),
        };
        vec![
            words::severity(self.severity),
            words::ago(self.raised).into(),
            what.into(),
            explains.into(),
            words::alarm_state(self.state),
            self.heard.map(words::ago).unwrap_or_default().into(),
            Cell::dim(self.id.to_string()),
        ]
    }
}

impl Row for Schedule {
    const HEADERS: &'static [&'static str] =
        &["NAME", "SELECTOR", "INTERVAL", "ACTION", "PARAMETERS"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let selector = self.selector.to_string();
        let everything = || Cell::dim("(all targets)");
        let default = || Cell::dim("(default)");
        vec![
            self.name.to_string().into(),
            Some(selector)
                .filter(|text| !text.is_empty())
                .map_or_else(everything, Cell::from),
            duration::format(self.interval).into(),
            self.action
                .as_ref()
                .map_or_else(default, |action| action.to_string().into()),
            words::json(&self.parameters).into(),
        ]
    }
}

impl Row for CredentialView {
    const HEADERS: &'static [&'static str] = &["NAME", "KEYS", "USED BY"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.name.to_string().into(),
            self.keys.join(" ").into(),
            format!("{} targets", self.used_by).into(),
        ]
    }
}

impl Row for KindView {
    const HEADERS: &'static [&'static str] = &[
        "KIND",
        "VERSION",
        "TARGETS",
        "OBSERVE",
        "CONTROL",
        "ENVIRONMENTS",
    ];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let actions = |class: Class| -> Cell {
            let names: Vec<&str> = self
                .manifest
                .actions
                .iter()
                .filter(|action| action.class == class && !action.is_internal())
                .map(|action| action.name.as_str())
                .collect();
            names.join(" ").into()
        };
        let environments: Vec<&str> = self.environments.iter().map(|id| id.as_str()).collect();
        vec![
            self.kind.to_string().into(),
            self.release.version.to_string().into(),
            self.targets.to_string().into(),
            actions(Class::Observe),
            actions(Class::Control),
            environments.join(" ").into(),
        ]
    }
}

impl Row for ReadingView {
    const HEADERS: &'static [&'static str] =
        &["TARGET", "METRIC", "ATTRIBUTES", "VALUE", "SEEN", "QUALITY"];
    const SORTED_BY: usize = 3;

    fn cells(&self) -> Vec<Cell> {
        let reading = &self.reading;
        vec![
            self.target.to_string().into(),
            reading.metric.to_string().into(),
            Cell::dim(words::attributes(&reading.attributes)),
            words::reading(reading).into(),
            words::seen(self.time, self.heard).into(),
            words::quality(reading.quality),
        ]
    }
}

impl Row for Notification {
    const HEADERS: &'static [&'static str] =
        &["SUBJECT", "NAME", "VALUES", "TIMES", "FIRST", "LAST"];
    const SORTED_BY: usize = 0;

    fn cells(&self) -> Vec<Cell> {
        let values = self.values.iter();
        let values = values.map(|one| format!("{}={}", one.name, one.value));
        let subject = match &self.target {
            Some(target) => Cell::from(target.to_string()),
            None => Cell::toned(self.source.to_string(), Tone::Doubtful),
        };
        vec![
            subject,
            self.name.to_string().into(),
            Cell::dim(values.collect::<Vec<_>>().join(" ")),
            self.count.to_string().into(),
            words::ago(self.first).into(),
            words::ago(self.last).into(),
        ]
    }
}

impl Row for TaskView {
    const HEADERS: &'static [&'static str] = &[
        "TASK", "TARGET", "ACTION", "STATE", "MADE", "TOOK", "RESULT", "PROBLEM",
    ];

    fn cells(&self) -> Vec<Cell> {
        let outcome = self.outcome.as_ref();
        let took = outcome.map(|outcome| words::took(outcome.timings.ran));
        let result = outcome
            .and_then(|outcome| outcome.result.as_ref())
            .and_then(|result| serde_json::from_str(result.get()).ok())
            .map(|result| words::json(&result));
        vec![
            Cell::dim(self.id.to_string()),
            self.target.to_string().into(),
            self.action.to_string().into(),
            words::state(self.state),
            words::ago(self.made).into(),
            took.unwrap_or_default().into(),
            result.unwrap_or_default().into(),
            words::problem(outcome.and_then(|outcome| outcome.problem.as_ref())),
        ]
    }
}

impl Row for OperationView {
    const HEADERS: &'static [&'static str] = &[
        "OPERATION",
        "ASKED",
        "BY",
        "SELECTOR",
        "ACTION",
        "PARAMETERS",
        "STATE",
        "TASKS",
        "WHY",
    ];

    fn cells(&self) -> Vec<Cell> {
        let operation = &self.operation;
        let action = operation.action.as_ref().map(ToString::to_string);
        let policy = operation
            .policy
            .as_ref()
            .map(|policy| format!("policy {policy}"));
        let by = operation.by.as_ref().map(ToString::to_string).or(policy);
        vec![
            Cell::dim(operation.id.to_string()),
            words::ago(operation.requested).into(),
            by.unwrap_or_default().into(),
            operation.selector.to_string().into(),
            action.unwrap_or_else(|| "(default)".into()).into(),
            words::json(&operation.parameters).into(),
            self.state.map_or_else(Cell::default, words::operation),
            counts(&self.counts),
            operation.why.clone().unwrap_or_default().into(),
        ]
    }
}

impl Row for LockView {
    const HEADERS: &'static [&'static str] =
        &["TARGET", "BY", "SINCE", "UNTIL", "PASSED BY", "WHY"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let Lock {
            by,
            why,
            since,
            until,
            priority,
        } = &self.lock;
        vec![
            self.target.to_string().into(),
            by.clone().into(),
            time::clock(*since).into(),
            time::clock(*until).into(),
            words::passed_by(*priority).into(),
            why.clone().into(),
        ]
    }
}

/// Returns a text such as `3 succeeded, 1 failed`.
pub fn counts(counts: &Counts) -> Cell {
    let parts = [
        (counts.planned, "planned"),
        (counts.queued, "queued"),
        (counts.permitted, "permitted"),
        (counts.verifying, "verifying"),
        (counts.succeeded, "succeeded"),
        (counts.failed, "failed"),
        (counts.unknown, "unknown"),
        (counts.unsettled, "unsettled"),
        (counts.expired, "expired"),
        (counts.cancelled, "cancelled"),
    ];
    let texts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .chain((counts.partial > 0).then(|| format!("{} of them in part", counts.partial)))
        .collect();
    let tone = match counts {
        counts if counts.failed + counts.expired > 0 => Tone::Bad,
        counts if counts.unknown + counts.unsettled + counts.cancelled > 0 => Tone::Doubtful,
        counts if counts.planned + counts.queued + counts.permitted + counts.verifying > 0 => {
            Tone::Plain
        }
        counts if counts.partial > 0 => Tone::Doubtful,
        _ => Tone::Good,
    };
    Cell::toned(texts.join(", "), tone)
}

impl Row for PlannedTask {
    const HEADERS: &'static [&'static str] = &["TARGET", "TODAY", "RELEASE"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.target.to_string().into(),
            words::today(self),
            self.release.to_string().into(),
        ]
    }
}

impl Row for EnvironmentView {
    const HEADERS: &'static [&'static str] = &[
        "ENVIRONMENT",
        "ZONE",
        "STATE",
        "KINDS",
        "WORKERS",
        "RUNNING",
        "WAITING",
        "REFUSED",
        "CLOCK",
        "VERSION",
        "TOLD",
    ];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let Self { status, orders, .. } = self;
        let kinds = status.pools.iter().filter(|pool| pool.active).count();
        let sum = |of: fn(&utakata_model::PoolStatus) -> u32| -> Cell {
            status.pools.iter().map(of).sum::<u32>().to_string().into()
        };
        vec![
            status.id.to_string().into(),
            status.zone.to_string().into(),
            words::environment(status, orders),
            kinds.to_string().into(),
            sum(|pool| pool.ready),
            sum(|pool| pool.running),
            sum(|pool| pool.waiting),
            refused(status.refused.len()),
            words::clock(status.clock_ahead_ms),
            status.version.clone().into(),
            words::ago(status.time).into(),
        ]
    }
}

fn refused(count: usize) -> Cell {
    match count {
        0 => Cell::default(),
        count => Cell::toned(format!("{count} releases"), Tone::Bad),
    }
}

impl Row for Change {
    const HEADERS: &'static [&'static str] = &["DOCUMENT", "VERDICT"];

    fn cells(&self) -> Vec<Cell> {
        let (word, tone) = verdict(self.verdict);
        vec![self.subject.clone().into(), Cell::toned(word, tone)]
    }
}

/// Returns the word for a verdict, and its meaning.
pub fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Created => ("created", Tone::Good),
        Verdict::Changed => ("changed", Tone::Doubtful),
        Verdict::Unchanged => ("unchanged", Tone::Dim),
        Verdict::Deleted => ("deleted", Tone::Bad),
    }
}
