//! The result of a drill, for people and for programs.

use std::time::Duration;

use console::Style;
use serde::Serialize;
use utakata_api::audit::AuditReport;
use utakata_model::duration;
use utakata_up::drill::{Envelopes, Permits, Settings};

use crate::{
    count::{Counts, Finding},
    crew::Log,
    cut::Cut,
    disaster::{Among, Victim},
    invariants::Broken,
    observed::Observed,
    roller::Rolled,
};

/// The number of findings shown to people; `-o json` has all of them.
const SHOWN: usize = 20;

/// The result of a drill.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    /// The duration, in words.
    pub took: String,
    #[serde(skip)]
    pub among: Among,
    /// The disasters so far.
    #[serde(flatten)]
    pub log: Log,
    /// The result of cutting environments off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// The results of its rollouts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled: Option<Rolled>,
    /// The result of comparing the ledger with the devices.
    pub counts: Counts,
    /// The impossible states of processes.
    pub broken: Broken,
    /// The result of comparing alarms and history.
    pub observed: Observed,
    /// The result of verifying the audit trail.
    pub audit: Audit,
    /// The command that repeats the drill.
    pub repeat: String,
    /// The folder in which data and logs are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// The result of verifying the audit trail.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Audit {
    /// The audit trail was verified.
    Checked(AuditReport),
    /// The audit trail could not be verified.
    Failed(String),
}

impl Report {
    /// Returns true if every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.fault().is_none()
    }

    /// Returns the first broken promise.
    fn fault(&self) -> Option<&'static str> {
        let is_back = self.cut.as_ref().is_none_or(Cut::is_clean);
        // A rollout that goes back is no fault while everything is killed, but none completed is
        // one.
        let is_rolled = self.rolled.as_ref().is_none_or(|rolled| rolled.done > 0);
        let is_tidy = self.log.left.is_none_or(|left| left == 0);
        let promised = [
            (self.counts.is_clean(), "control did not keep its promises"),
            (
                self.log.ended.is_empty(),
                "a process ended by itself: its log says why",
            ),
            (
                self.audit.is_whole(),
                "the audit trail could not be verified",
            ),
            (
                is_back,
                "the environments cut off did not come back as promised",
            ),
            (
                self.broken.count() == 0,
                "a process was in an impossible state: its log says in which",
            ),
            (
                self.observed.is_clean(),
                "alarms or history did not keep their promises",
            ),
            (is_rolled, "no rollout was completed"),
            (
                is_tidy,
                "containers or pods are left over that nobody manages",
            ),
            (
                self.counts.succeeded > 0,
                "no task succeeded, so nothing is proven: the logs say why",
            ),
        ];
        let broken = promised.into_iter().find(|(is_kept, _)| !is_kept);
        broken.map(|(_, fault)| fault)
    }

    /// Returns the report in words.
    pub fn text(&self, colours: bool) -> String {
        let mut lines = vec![format!("seed {}, {}", self.seed, self.took), String::new()];
        let kills = Victim::all(self.among).map(|victim| {
            let count = self.log.kills.get(&victim).copied().unwrap_or_default();
            let what = format!("{}: {}", victim.fate(), victim.as_str());
            Row::new(what, count, "")
        });
        let row = |(what, count, meaning)| Row::new(what, count, meaning);
        let rows = kills.chain(self.rows().map(row)).collect();
        lines.push(table(rows, self.wrongs().map(row).into(), colours));
        if !self.counts.findings.is_empty() {
            lines.push(String::new());
            lines.extend(self.counts.findings.iter().take(SHOWN).map(line));
        }
        let hidden = self.counts.findings.len().saturating_sub(SHOWN);
        if hidden > 0 {
            lines.push(format!("… and {hidden} more; -o json has all"));
        }
        lines.push(String::new());
        lines.extend(self.broken.text());
        lines.extend(self.observed.findings.iter().take(SHOWN).cloned());
        lines.extend(self.log.ended.iter().cloned());
        lines.push(self.audit.line());
        lines.extend(self.cut.iter().map(Cut::line));
        lines.extend(self.rolled.iter().map(Rolled::line));
        let left = self.log.left.iter();
        lines.extend(left.map(|left| format!("containers or pods left at the end: {left}")));
        lines.extend(self.kept.iter().map(|path| format!("kept: {path}")));
        lines.push(format!("again: {}", self.repeat));
        lines.push(self.verdict().to_owned());
        lines.join("\n")
    }

    fn verdict(&self) -> &'static str {
        self.fault()
            .unwrap_or("nothing was lost, done twice or misreported")
    }

    fn rows(&self) -> [(&str, u64, &str); 8] {
        let counts = &self.counts;
        let found_out = "unknown attempts whose outcome was found out";
        [
            ("operations", counts.operations, "accepted"),
            ("tasks", counts.sent, "one per device of each operation"),
            ("succeeded", counts.succeeded, ""),
            ("failed", counts.failed, ""),
            ("expired", counts.expired, "not begun in time"),
            ("cancelled", counts.cancelled, ""),
            ("unknown, settled", counts.settled, found_out),
            (
                "for a person",
                counts.waiting,
                "nobody can know, and utakata does not guess",
            ),
        ]
    }

    fn wrongs(&self) -> [(&str, u64, &str); 8] {
        let counts = &self.counts;
        [
            ("LOST", counts.lost, "accepted, and never ended"),
            (
                "DONE TWICE",
                counts.twice,
                "must be done once, and was done more often",
            ),
            (
                "LIES",
                counts.lies,
                "reported otherwise than the device did it",
            ),
            (
                "NOT RECORDED",
                counts.nowhere,
                "sent to a device, and not in the ledger",
            ),
            (
                "IMPOSSIBLE",
                self.broken.count(),
                "impossible states that occurred: bugs in utakata",
            ),
            (
                "ALARMS WRONG",
                self.observed.wrong,
                "differ from the devices at the end",
            ),
            (
                "TOLD TWICE",
                self.observed.twice,
                "changes of alarms that were told under another number",
            ),
            (
                "READINGS GONE",
                self.observed.gone,
                "were shown by history, and are not there at the end",
            ),
        ]
    }
}

/// A line of the table of a report.
pub struct Row<'r> {
    what: String,
    count: u64,
    meaning: &'r str,
}

impl<'r> Row<'r> {
    pub fn new(what: impl Into<String>, count: u64, meaning: &'r str) -> Self {
        Self {
            what: what.into(),
            count,
            meaning,
        }
    }
}

/// Returns a table: first what happened, then what must never happen.
pub fn table(rows: Vec<Row<'_>>, wrongs: Vec<Row<'_>>, colours: bool) -> String {
    let title = (
        "WHAT".to_owned(),
        "COUNT".to_owned(),
        "MEANING",
        Style::new(),
    );
    let plain = rows
        .into_iter()
        .map(|row| (row.what, row.count.to_string(), row.meaning, Style::new()));
    let wrong = wrongs.into_iter().map(|row| {
        let style = match row.count {
            0 => Style::new().green(),
            _ => Style::new().red().bold(),
        };
        (row.what, row.count.to_string(), row.meaning, style)
    });
    let rows: Vec<(String, String, &str, Style)> =
        [title].into_iter().chain(plain).chain(wrong).collect();
    let width = |of: fn(&(String, String, &str, Style)) -> usize| {
        rows.iter().map(of).max().unwrap_or_default()
    };
    let (whats, counts) = (width(|row| row.0.len()), width(|row| row.1.len()));
    let dim = Style::new().dim().force_styling(colours);
    let lines = rows.iter().map(|(what, count, meaning, style)| {
        let count = style
            .clone()
            .force_styling(colours)
            .apply_to(format!("{count:<counts$}"));
        let line = format!("{what:<whats$}  {count}  {}", dim.apply_to(meaning));
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(finding: &Finding) -> String {
    let task = finding.task.map(|task| task.to_string());
    format!(
        "{:?}: {} {} on {}: {}; state {}, received {}, done {}; task {}",
        finding.what,
        finding.action,
        finding.token,
        finding.device,
        finding.why,
        finding.state.map_or("none", |state| state.as_str()),
        finding.truth.received,
        finding.truth.done,
        task.as_deref().unwrap_or("none"),
    )
}

impl Audit {
    /// Formats it for people.
    pub fn line(&self) -> String {
        match self {
            Self::Checked(report) if report.whole => format!(
                "audit trail: whole, {} lines on {} pages agree with {} tasks of the ledger",
                report.lines, report.pages, report.tasks
            ),
            Self::Checked(report) => {
                let first = report.findings.first();
                let first = first.map_or_else(String::new, |one| {
                    format!(", the first: {}: {}", one.subject, one.message)
                });
                format!(
                    "audit trail: NOT WHOLE, {} things are wrong{first}",
                    report.found
                )
            }
            Self::Failed(why) => format!("audit trail: not checked: {why}"),
        }
    }

    /// Returns true if it was verified.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Checked(report) if report.whole)
    }
}

/// Formats a duration in seconds, for people.
pub fn took(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// Returns the command that repeats the drill.
pub fn repeat(settings: &Settings) -> String {
    let time = |time| duration::format(time);
    if settings.policies {
        let mut text = format!(
            "utakata drill --policies --for {} --seed {} --kill-every {} --faults {}",
            time(settings.time),
            settings.seed,
            time(settings.kill_every),
            settings.faults,
        );
        if settings.envelopes == Envelopes::Ignored {
            text.push_str(" --without-envelopes");
        }
        return text;
    }
    let mut text = format!(
        "utakata drill --for {} --seed {} --devices {} --kill-every {} --in-flight {} --faults {}",
        time(settings.time),
        settings.seed,
        settings.devices,
        time(settings.kill_every),
        settings.in_flight,
        settings.faults,
    );
    if let Some(rate) = settings.rate {
        text.push_str(&format!(" --rate {rate}"));
    }
    if let Some(servers) = &settings.servers {
        text.push_str(&format!(" --servers {}", servers.display()));
    }
    if let Some(scripts) = &settings.docker {
        text.push_str(&format!(" --docker {}", scripts.display()));
    }
    if settings.kubernetes {
        text.push_str(" --kubernetes");
    }
    if settings.rolls {
        text.push_str(" --rollouts");
    }
    if let Some(cut) = settings.cut {
        text.push_str(&format!(" --cut {}", time(cut)));
    }
    if settings.permits == Permits::Ignored {
        text.push_str(" --without-permits");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(broken: Broken) -> Report {
        let audit = serde_json::json!({
            "whole": true, "pages": 1, "lines": 1, "operations": 1, "tasks": 1, "older": 0,
            "head": { "page": 1, "hash": "" }, "found": 0, "findings": [],
        });
        Report {
            seed: 1,
            took: String::new(),
            among: Among::Ourselves,
            log: Log::default(),
            cut: None,
            rolled: None,
            counts: Counts {
                succeeded: 1,
                ..Counts::default()
            },
            broken,
            observed: Observed::default(),
            audit: Audit::Checked(serde_json::from_value(audit).unwrap()),
            repeat: String::new(),
            kept: None,
        }
    }

    #[test]
    fn a_drill_is_not_passed_where_a_state_was_that_cannot_be() {
        assert_eq!(report(Broken::default()).fault(), None);
        let broken = Broken {
            counted: [("wee-1".to_owned(), 1)].into(),
            ..Broken::default()
        };
        let report = report(broken);
        assert!(!report.is_clean());
        let text = report.text(false);
        let line = text.lines().find(|line| line.starts_with("IMPOSSIBLE"));
        let count = line.and_then(|line| line.split_whitespace().nth(1));
        assert_eq!(count, Some("1"), "{text}");
        assert!(text.contains("wee-1 counts broken invariants: 1"), "{text}");
    }
}
