//! Candidates, described well enough to recognise them: a few, and how many more there are.

use utakata_api::{alarm::AlarmView, task::TaskView};

use crate::output::words;

/// The largest number of candidates that are listed.
const NAMED: usize = 5;

/// Lists the first few.
pub(super) fn some(all: &[String]) -> String {
    let more = match all.len() {
        ..=NAMED => String::new(),
        all => format!("; and {} more", all - NAMED),
    };
    let named = all[..all.len().min(NAMED)].join("; ");
    format!("{named}{more}")
}

/// Lists tasks with what they do, and their states.
pub(super) fn tasks<'a>(tasks: impl IntoIterator<Item = &'a TaskView>) -> String {
    let tasks: Vec<String> = tasks.into_iter().map(task).collect();
    some(&tasks)
}

fn task(task: &TaskView) -> String {
    let TaskView {
        id, action, target, ..
    } = task;
    format!("{id}, {action} on {target}, {}", task.state.as_str())
}

/// Describes an alarm.
pub(super) fn alarm(alarm: &AlarmView) -> String {
    format!(
        "{}, {} {}: {}, raised {}",
        alarm.id,
        alarm.severity.as_str(),
        alarm.state.as_str(),
        alarm.text,
        words::ago(alarm.raised)
    )
}
