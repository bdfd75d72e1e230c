//! The result of a drill of policies, for people and for programs.

use serde::Serialize;

use super::{
    count::Counts,
    losses::{End, Judged},
};
use crate::{
    crew::Log,
    disaster::{Among, Victim},
    invariants::Broken,
    report::{Audit, Row, table},
};

/// The number of findings shown to people; `-o json` has all of them.
const SHOWN: usize = 20;

/// The result of a drill of policies.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    /// The duration, in words.
    pub took: String,
    #[serde(flatten)]
    pub log: Log,
    /// The number of times that a PDU did not answer for a while.
    pub silences: u64,
    /// The losses of the utility feed.
    pub losses: Vec<Judged>,
    /// The result of comparing the devices with the envelope and the ledger.
    pub counts: Counts,
    /// The reason why the policy has stopped by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The changes that the policy says that it has not handed back, those for a person apart.
    pub not_handed_back: u64,
    /// The impossible states of processes.
    pub broken: Broken,
    /// The result of verifying the audit trail.
    pub audit: Audit,
    /// The command that repeats the drill.
    pub repeat: String,
    /// The folder in which data and logs are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

impl Report {
    /// Returns true if every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.fault().is_none()
    }

    fn ended(&self, end: End) -> u64 {
        self.losses.iter().filter(|one| one.end == end).count() as u64
    }

    /// Returns the first broken promise.
    fn fault(&self) -> Option<&'static str> {
        let promised = [
            (
                self.counts.is_clean() && self.not_handed_back == 0,
                "the policy did not keep its promises",
            ),
            (
                self.ended(End::Tripped) == 0,
                "the breaker tripped, and the policy could have prevented it",
            ),
            (
                self.log.ended.is_empty(),
                "a process ended by itself: its log says why",
            ),
            (
                self.stopped.is_none(),
                "the policy has stopped by itself: nothing was wrong with the room",
            ),
            (
                self.audit.is_whole(),
                "the audit trail could not be verified",
            ),
            (
                self.broken.count() == 0,
                "a process was in an impossible state: its log says in which",
            ),
            (
                self.ended(End::Relieved) > 0,
                "the policy never had to relieve the breaker, so nothing is proven",
            ),
        ];
        let broken = promised.into_iter().find(|(is_kept, _)| !is_kept);
        broken.map(|(_, fault)| fault)
    }

    /// Returns the report in words.
    pub fn text(&self, colours: bool) -> String {
        let mut lines = vec![format!("seed {}, {}", self.seed, self.took), String::new()];
        lines.push(table(self.rows(), self.wrongs(), colours));
        let findings = &self.counts.findings;
        if !findings.is_empty() {
            lines.push(String::new());
            lines.extend(findings.iter().take(SHOWN).cloned());
        }
        lines.push(String::new());
        lines.extend(self.losses.iter().map(line));
        lines.extend(self.broken.text());
        lines.extend(self.log.ended.iter().cloned());
        let stopped = self.stopped.iter();
        lines.extend(stopped.map(|why| format!("the policy has stopped: {why}")));
        lines.push(self.audit.line());
        lines.extend(self.kept.iter().map(|path| format!("kept: {path}")));
        lines.push(format!("again: {}", self.repeat));
        let fault = self.fault();
        lines.push(fault.unwrap_or("every promise was kept").to_owned());
        lines.join("\n")
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let kills = Victim::all(Among::Ourselves).map(|victim| {
            let count = self.log.kills.get(&victim).copied().unwrap_or_default();
            let what = format!("{}: {}", victim.fate(), victim.as_str());
            Row::new(what, count, "")
        });
        let counts = &self.counts;
        let lost = self.losses.len() as u64;
        let person = counts.for_a_person;
        kills
            .chain([
                Row::new("silent: PDU", self.silences, ""),
                Row::new("feed lost", lost, "the other feed carries everything"),
                Row::new(
                    "relieved",
                    self.ended(End::Relieved),
                    "before its breaker tripped",
                ),
                Row::new("came back", self.ended(End::CameBack), "before either"),
                Row::new(
                    "too soon",
                    self.ended(End::TooSoon),
                    "it tripped before anything could be done",
                ),
                Row::new(
                    "switched off",
                    counts.acts,
                    "commands that outlets received",
                ),
                Row::new("switched on", counts.backs, ""),
                Row::new(
                    "repeated",
                    counts.repeated,
                    "second attempts, where nobody knew of the first",
                ),
                Row::new("for a person", person, "outlets of which nobody can know"),
            ])
            .collect()
    }

    fn wrongs(&self) -> Vec<Row<'_>> {
        let counts = &self.counts;
        let left = counts.left.max(self.not_handed_back);
        vec![
            Row::new(
                "TRIPPED",
                self.ended(End::Tripped),
                "the breaker, and the policy could have prevented it",
            ),
            Row::new(
                "OUTSIDE",
                counts.outside,
                "of the envelope, by what devices received",
            ),
            Row::new(
                "DONE TWICE",
                counts.twice,
                "what had been done was done again",
            ),
            Row::new(
                "NOT RECORDED",
                counts.nowhere,
                "received by a device, and not in the ledger",
            ),
            Row::new("NOT BACK", left, "not handed back at the end"),
            Row::new(
                "IMPOSSIBLE",
                self.broken.count(),
                "impossible states that occurred: bugs in utakata",
            ),
        ]
    }
}

fn line(loss: &Judged) -> String {
    let seconds = |millis: u64| format!("{:.1} s", millis as f64 / 1000.0);
    let deadline = loss.deadline_ms.map(seconds);
    let deadline = deadline.map_or_else(
        || "the breaker would not have tripped".to_owned(),
        |time| format!("the breaker would have tripped after {time}"),
    );
    let end = match loss.end {
        End::Relieved => "relieved",
        End::CameBack => "the feed came back",
        End::Tripped => "TRIPPED",
        End::TooSoon => "tripped too soon",
    };
    format!(
        "feed lost: {end} after {}; {deadline}, and something was out for {} at most",
        seconds(loss.after_ms),
        seconds(loss.out_ms)
    )
}
