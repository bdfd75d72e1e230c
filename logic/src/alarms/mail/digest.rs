//! Digests: the alarms that people are told of in one message. Pure.

use std::fmt::Write as _;

use indexmap::IndexMap;
use utakata_api::alarm::{AlarmChange, AlarmNotice, AlarmView};
use utakata_model::{AlarmId, Severity};

/// The number of alarms that are listed in each part of a message; all are counted.
const LISTED: usize = 50;
/// The length of the longest subject, in characters.
const MAX_SUBJECT: usize = 180;

/// A message to people, about one alarm or many.
#[derive(Debug, Default, PartialEq)]
pub struct Digest {
    /// Alarms that are so.
    raised: Vec<AlarmView>,
    /// Alarms that people were told of before, and that are over.
    over: Vec<AlarmView>,
    /// Alarms that came and went since the last message.
    passed: Vec<AlarmView>,
}

impl Digest {
    /// Folds changes, in the order of their numbers: of each alarm the last state counts.
    pub fn of(changes: impl IntoIterator<Item = AlarmChange>, least: Severity) -> Self {
        let mut alarms: IndexMap<AlarmId, (AlarmNotice, AlarmNotice, AlarmView)> = IndexMap::new();
        for change in changes {
            // Severities begin with the worst.
            let Some(notice) = change.notice.filter(|_| change.alarm.severity <= least) else {
                continue;
            };
            let alarm = change.alarm;
            let first = alarms.get(&alarm.id).map_or(notice, |(first, ..)| *first);
            alarms.insert(alarm.id, (first, notice, alarm));
        }
        let mut digest = Self::default();
        for (first, last, alarm) in alarms.into_values() {
            match (first, last) {
                (_, AlarmNotice::Raised) => digest.raised.push(alarm),
                (AlarmNotice::Raised, AlarmNotice::Over) => digest.passed.push(alarm),
                (AlarmNotice::Over, AlarmNotice::Over) => digest.over.push(alarm),
            }
        }
        for part in [&mut digest.raised, &mut digest.over, &mut digest.passed] {
            part.sort_by_key(|alarm| (alarm.severity, alarm.raised));
        }
        digest
    }

    pub fn is_empty(&self) -> bool {
        self.raised.is_empty() && self.over.is_empty() && self.passed.is_empty()
    }

    /// Returns the subject: the numbers, and the worst of it.
    pub fn subject(&self) -> String {
        let parts = [
            (self.raised.len(), "raised"),
            (self.over.len(), "over"),
            (self.passed.len(), "came and went"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let worst = self.raised.iter().chain(&self.over).chain(&self.passed);
        let worst = worst
            .take(1)
            .map(|alarm| format!(": {}: {}", alarm.severity.as_str(), alarm.text));
        let worst: String = worst.collect();
        let subject = plain(&format!("utakata: {}{worst}", parts.join(", ")));
        match subject.char_indices().nth(MAX_SUBJECT) {
            Some((at, _)) => format!("{}...", &subject[..at]),
            None => subject,
        }
    }

    /// Returns the body of the mail, in plain text.
    pub fn text(&self) -> String {
        let parts = [
            ("Raised", &self.raised),
            ("Over", &self.over),
            ("Came and went", &self.passed),
        ];
        let parts = parts.iter().filter(|(_, alarms)| !alarms.is_empty());
        let mut text: String = parts.map(|(title, alarms)| part(title, alarms)).collect();
        text.push_str("All alarms: utakata alarm list\n");
        text
    }
}

fn part(title: &str, alarms: &[AlarmView]) -> String {
    let mut text = format!("{title}: {}\n\n", alarms.len());
    for alarm in alarms.iter().take(LISTED) {
        let severity = alarm.severity.as_str();
        let since = alarm.raised.strftime("%F %T UTC");
        let until = alarm.over.filter(|_| !alarm.active);
        let until = until.map_or_else(String::new, |over| {
            format!(" until {}", over.strftime("%F %T UTC"))
        });
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{severity}: {}", plain(&alarm.text));
        let _ = writeln!(text, "    since {since}{until}");
        if alarm.active && !alarm.what_to_do.is_empty() {
            let _ = writeln!(text, "    do: {}", plain(&alarm.what_to_do));
        }
        let _ = writeln!(text, "    utakata alarm explain {}\n", alarm.id);
    }
    let more = alarms.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = writeln!(text, "and {more} more\n");
    }
    text
}

/// Returns a text of a device as one line without characters that do something.
fn plain(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => ' ',
        false => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(number: u64, alarm: u8, notice: Option<AlarmNotice>, severity: &str) -> AlarmChange {
        let is_over = notice == Some(AlarmNotice::Over);
        let id = format!("0192f0c1-0000-7000-8000-0000000000{alarm:02x}");
        let mut view = json!({
            "id": id, "number": number, "rule": "x", "target": "pdu-1", "severity": severity,
            "state": "unacknowledged", "active": !is_over, "raised": "2026-11-29T10:00:00Z",
            "times": 1, "text": format!("alarm {alarm}\r\nBcc: x\u{1b}[31m"), "do": "look",
        });
        if is_over {
            view["over"] = "2026-11-29T11:00:00Z".into();
        }
        let kind = if is_over { "over" } else { "raised" };
        let change = json!({
            "number": number, "at": "2026-11-29T10:00:00Z", "change": kind, "notice": notice,
            "alarm": view,
        });
        serde_json::from_value(change).unwrap()
    }

    #[test]
    fn of_each_alarm_the_last_state_is_told_once() {
        use AlarmNotice::{Over, Raised};
        let changes = [
            change(1, 1, Some(Raised), "minor"),
            change(2, 2, Some(Raised), "critical"),
            change(3, 3, Some(Over), "major"),
            change(4, 1, None, "minor"),
            change(5, 2, Some(Over), "critical"),
            change(6, 4, Some(Raised), "notice"),
            change(7, 5, Some(Over), "major"),
            change(8, 5, Some(Raised), "major"),
        ];
        let digest = Digest::of(changes, Severity::Minor);
        let numbers = |alarms: &[AlarmView]| -> Vec<u64> {
            alarms.iter().map(|alarm| alarm.number).collect()
        };
        assert_eq!(numbers(&digest.raised), [8, 1]);
        assert_eq!(numbers(&digest.over), [3]);
        assert_eq!(numbers(&digest.passed), [5]);
        let subject = digest.subject();
        assert!(
            subject.starts_with("utakata: 2 raised, 1 over, 1 came and went: major: alarm 5"),
            "{subject}"
        );
        let text = digest.text();
        assert!(text.contains("since 2026-11-29 10:00:00 UTC until 2026-11-29 11:00:00 UTC"));
        assert!(text.contains("    do: look\n"), "{text}");
        // Nothing that a device says begins a line or a header of its own.
        for said in [&subject, &text] {
            assert!(!said.contains('\r') && !said.contains('\u{1b}'), "{said:?}");
        }
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        assert!(Digest::of([change(1, 1, None, "critical")], Severity::Notice).is_empty());
    }

    #[test]
    fn a_storm_is_counted_and_its_worst_listed() {
        let storm = (0..200).map(|n| change(u64::from(n), n, Some(AlarmNotice::Raised), "major"));
        let digest = Digest::of(storm, Severity::Major);
        assert!(digest.subject().starts_with("utakata: 200 raised: major"));
        let text = digest.text();
        assert_eq!(text.matches("since ").count(), LISTED);
        assert!(text.contains("and 150 more"), "{text}");
    }
}
