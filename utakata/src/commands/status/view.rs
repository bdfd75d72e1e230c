//! The overview as lines for a small screen.

use console::Style;
use utakata_api::overview::{
    ControlCounts, EnvironmentCounts, FailingGroup, Finding, Overview, TargetCounts, Weight,
};

/// The size of a small screen, not counting the next prompt.
const WIDTH: usize = 80;
const HEIGHT: usize = 23;
/// The amounts of detail, from the most to the least: the first that fits the screen is used.
const DETAILS: [Detail; 5] = [
    Detail::new(6, 8, true),
    Detail::new(6, 8, false),
    Detail::new(5, 5, false),
    Detail::new(4, 3, false),
    Detail::new(3, 2, false),
];

/// An amount of detail.
#[derive(Debug, Clone, Copy)]
struct Detail {
    groups: usize,
    /// The number of findings of each weight.
    findings: usize,
    cures: bool,
}

impl Detail {
    const fn new(groups: usize, findings: usize, cures: bool) -> Self {
        Self {
            groups,
            findings,
            cures,
        }
    }
}

/// Returns the text for the screen.
pub fn screen(overview: &Overview, colours: bool) -> String {
    let mut lines = Vec::new();
    for detail in DETAILS {
        lines = description(overview, detail, colours);
        if lines.len() <= HEIGHT {
            break;
        }
    }
    lines.join("\n")
}

fn description(overview: &Overview, detail: Detail, colours: bool) -> Vec<String> {
    let good = Style::new().green().force_styling(colours);
    let bad = Style::new().red().bold().force_styling(colours);
    let dim = Style::new().dim().force_styling(colours);
    let counts = counts(overview);
    let unread = overview.targets.unseen;
    let mut lines = vec![match (overview.well, overview.findings.is_empty()) {
        (true, true) if unread > 0 => {
            let are = plural(unread, "is", "are");
            format!(
                "{}: {counts}; {unread} {are} not read yet",
                good.apply_to("nothing is wrong so far")
            )
        }
        (true, true) => format!("{}: {counts}", good.apply_to("all is well")),
        (true, false) => format!("{}: {counts}", good.apply_to("nothing is wrong")),
        (false, _) => format!("{}: {counts}", bad.apply_to("something is wrong")),
    }];
    if !overview.failing.is_empty() || overview.targets.stale > 0 {
        lines.push(String::new());
        lines.push(dim.apply_to(targets(&overview.targets)).to_string());
    }
    if !overview.failing.is_empty() {
        for group in overview.failing.iter().take(detail.groups) {
            lines.extend(group_lines(group, &bad));
        }
        let hidden = overview.failing.iter().skip(detail.groups);
        let rest = hidden.map(|group| group.count).sum::<u64>() + overview.failing_left_out;
        if rest > 0 {
            lines.push(format!("  and {rest} more for other reasons"));
        }
        lines.push("  see them: `utakata target list --health failing,stale`".into());
    }
    for (weight, title) in [(Weight::Wrong, "wrong"), (Weight::Notice, "worth knowing")] {
        let of: Vec<&Finding> = overview
            .findings
            .iter()
            .filter(|finding| finding.weight == weight)
            .collect();
        if of.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(dim.apply_to(title).to_string());
        for finding in of.iter().take(detail.findings) {
            lines.extend(finding_lines(finding, detail, &bad));
        }
        let more = of.len().saturating_sub(detail.findings);
        if more > 0 {
            lines.push(format!("  and {more} more: `utakata status -o json`"));
        }
    }
    lines
}

/// Returns the counts of everything.
fn counts(overview: &Overview) -> String {
    let Overview {
        targets,
        environments,
        control,
        ..
    } = overview;
    let TargetCounts { all, .. } = targets;
    // A partial or unrecognised answer is an answer; the details follow below.
    let answering = targets.answering + targets.partial + targets.not_understood;
    let EnvironmentCounts {
        running, workers, ..
    } = environments;
    let mut text = format!(
        "{answering} of {} {} {}, {} {}",
        all,
        plural(*all, "target", "targets"),
        plural(*all, "answers", "answer"),
        running,
        plural(*running, "environment", "environments"),
    );
    text.push_str(&format!(
        ", {workers} {}",
        plural(*workers, "worker", "workers")
    ));
    match control {
        Some(ControlCounts { open: 0, .. }) => text.push_str(", no control in progress"),
        Some(ControlCounts { open, .. }) => {
            let tasks = plural(*open, "task", "tasks");
            text.push_str(&format!(", {open} control {tasks} open"));
        }
        None => text.push_str(", control does not answer"),
    }
    text
}

/// Describes targets by health, except for those that are well.
fn targets(counts: &TargetCounts) -> String {
    let parts = [
        (counts.failing, "failing"),
        (counts.stale, "stale"),
        (counts.partial, "in part"),
        (counts.not_understood, "not understood"),
        (counts.unseen, "not read yet"),
        (counts.unobserved, "not observed"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!("targets: {}", told.join(", "))
}

/// Describes a group: the number of targets and the reason, then the place.
fn group_lines(group: &FailingGroup, bad: &Style) -> Vec<String> {
    let FailingGroup {
        kind,
        code,
        count,
        of,
        ..
    } = group;
    let head = format!("  {} {kind} of {of}: {code}", bad.apply_to(count));
    let places: Vec<String> = group
        .places
        .iter()
        .map(|place| {
            let value = &place.value;
            match place.count == place.of {
                true => format!("{}={value} (all {})", place.label, place.of),
                false => format!("{}={value} ({} of {})", place.label, place.count, place.of),
            }
        })
        .collect();
    let examples: Vec<&str> = group.examples.iter().map(|name| name.as_str()).collect();
    let more = |count: u64| match count {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    let whereabouts = match places.is_empty() {
        false => format!("{}{}", places.join(", "), more(group.more_places)),
        true => {
            let rest = count.saturating_sub(examples.len() as u64);
            format!("{}{}", examples.join(", "), more(rest))
        }
    };
    let line = format!("{head}; {whereabouts}");
    if console::measure_text_width(&line) <= WIDTH {
        return vec![line];
    }
    let mut lines = vec![head];
    lines.extend(wrapped(&whereabouts, "      "));
    lines
}

fn finding_lines(finding: &Finding, detail: Detail, bad: &Style) -> Vec<String> {
    let text = format!("{}: {}", finding.subject, finding.says);
    let mut lines = wrapped(&text, "  ");
    if finding.weight == Weight::Wrong
        && let Some(first) = lines.first_mut()
        && let Some(rest) = first.strip_prefix("  ")
    {
        let subject = &finding.subject;
        *first = match rest.strip_prefix(subject.as_str()) {
            Some(rest) => format!("  {}{rest}", bad.apply_to(subject)),
            None => first.clone(),
        };
    }
    if let Some(cure) = finding.cure.as_ref().filter(|_| detail.cures) {
        lines.extend(wrapped(cure, "      "));
    }
    lines
}

/// Wraps a text between words.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::from(indent);
    for word in text.split_whitespace() {
        let is_first = line.trim().is_empty();
        let width = console::measure_text_width(&line) + 1 + console::measure_text_width(word);
        if !is_first && width > WIDTH {
            lines.push(std::mem::replace(&mut line, String::from(indent)));
            line.push_str("  ");
            line.push_str(word);
            continue;
        }
        if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn overview(more: &serde_json::Value) -> Overview {
        let mut overview = json!({
            "time": "2026-03-01T12:00:00Z", "version": "1", "well": true,
            "targets": { "all": 9, "answering": 9 }, "failing": [], "failing_left_out": 0,
            "control": { "open": 0 }, "environments": { "running": 1, "workers": 4 },
            "findings": [], "findings_left_out": 0,
        });
        overview
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(overview).unwrap()
    }

    #[test]
    fn a_site_that_is_well_is_one_line_with_its_numbers() {
        assert_eq!(
            screen(&overview(&json!({})), false),
            "all is well: 9 of 9 targets answer, 1 environment, 4 workers, no control in progress"
        );
    }

    #[test]
    fn what_was_not_read_yet_is_not_said_to_be_well() {
        let targets = json!({ "targets": { "all": 9, "answering": 7, "unseen": 2 } });
        assert_eq!(
            screen(&overview(&targets), false),
            "nothing is wrong so far: 7 of 9 targets answer, 1 environment, 4 workers, no control in progress; \
             2 are not read yet"
        );
    }

    #[test]
    fn what_is_wrong_fits_on_a_small_screen_however_much_it_is() {
        let group = |code: usize| {
            json!({
                "kind": "apc-pdu", "health": "failing", "code": format!("code-{code}"), "count": 667,
                "of": 5014, "says": "does not answer", "examples": ["a", "b", "c"],
                "more_places": 3, "places": [
                    { "label": "rack", "value": "A1", "count": 12, "of": 12 },
                    { "label": "rack", "value": "A2", "count": 8, "of": 12 },
                ],
            })
        };
        let finding = |weight: &str, at: usize| {
            json!({ "weight": weight, "about": "environment",
                "subject": format!("environment wee-{at}"),
                "says": "gone, last heard from 20s ago: nobody serves the zone hall-1",
                "cure": "see whether it still runs, and its log" })
        };
        let text = screen(
            &overview(&json!({
                "well": false,
                "targets": { "all": 5014, "answering": 1012, "failing": 4002 },
                "failing": (0..9).map(group).collect::<Vec<_>>(),
                "findings": (0..40)
                    .map(|at| finding(if at < 30 { "wrong" } else { "notice" }, at))
                    .collect::<Vec<_>>(),
            })),
            false,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= 24, "{}: {text}", lines.len());
        assert!(
            lines.iter().skip(1).all(|line| line.len() <= WIDTH),
            "{text}"
        );
        for expect in [
            "something is wrong: 1012 of 5014 targets answer",
            "  667 apc-pdu of 5014: code-0; rack=A1 (all 12), rack=A2 (8 of 12), and 3 more",
            "more for other reasons",
            "  environment wee-0: gone",
            "more: `utakata status -o json`",
        ] {
            assert!(text.contains(expect), "{expect}: {text}");
        }
    }
}
