//! Readings as the text of a scrape, piece by piece: one metric after the other, and of each a few
//! hundred targets at a time, so that the size of a site is not the size of a buffer.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use utakata_model::{ReadingValue, Target};

use super::{
    Snapshot,
    name::{ExportName, plain},
};
use crate::{inventory::Selection, observed::Observed};

/// The number of targets in a piece.
const AT_ONCE: usize = 256;
/// The number of different metrics in a scrape; further ones are left out, and counted.
const MAX_METRICS: usize = 2_000;
/// The length of the value of a label, in characters.
const MAX_LABEL: usize = 256;

/// A scrape under way.
pub struct Scrape {
    snapshot: Snapshot,
    observed: Arc<Observed>,
    selection: Selection,
    /// The metrics that are still to be written.
    metrics: std::collections::btree_set::IntoIter<ExportName>,
    /// The metric that is being written, and the next target.
    current: Option<(ExportName, usize)>,
    left_out: usize,
    is_over: bool,
}

impl Scrape {
    /// Begins a scrape of these targets, of the metrics that begin with a prefix.
    pub fn begin(
        snapshot: Snapshot,
        observed: Arc<Observed>,
        selection: Selection,
        prefix: &str,
    ) -> Self {
        let mut metrics = BTreeSet::new();
        let mut left_out = 0;
        for entry in selection.iter() {
            observed.look(entry.device, |seen| {
                let all = seen.actions.iter().flat_map(|action| action.values());
                let wanted = all.filter(|one| one.reading.metric.as_str().starts_with(prefix));
                for one in wanted {
                    let name = ExportName::of(&one.reading.metric, &one.reading.unit);
                    if metrics.len() < MAX_METRICS {
                        metrics.insert(name);
                    } else if !metrics.contains(&name) {
                        left_out += 1;
                    }
                }
            });
        }
        Self {
            snapshot,
            observed,
            selection,
            metrics: metrics.into_iter(),
            current: None,
            left_out,
            is_over: false,
        }
    }

    /// Returns the next piece; `None` at the end. An empty piece is not the end.
    pub fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let mut text = String::new();
        let Some((name, from)) = self.current.take().or_else(|| self.begin_metric(&mut text))
        else {
            self.is_over = true;
            let left_out = self.left_out;
            text.push_str("# TYPE utakata_readings_left_out gauge\n");
            let _ = writeln!(text, "utakata_readings_left_out {left_out}");
            return Some(text);
        };
        let end = self.selection.len().min(from + AT_ONCE);
        for entry in self.selection.get(from..end).unwrap_or_default() {
            for one in self.snapshot.good(&self.observed, entry) {
                let reading = &one.reading;
                if ExportName::of(&reading.metric, &reading.unit) == name {
                    line(&mut text, &name, &entry.target, reading);
                }
            }
        }
        if end < self.selection.len() {
            self.current = Some((name, end));
        }
        Some(text)
    }

    fn begin_metric(&mut self, text: &mut String) -> Option<(ExportName, usize)> {
        let name = self.metrics.next()?;
        let kind = if name.is_total { "counter" } else { "gauge" };
        let _ = writeln!(text, "# TYPE {} {kind}", name.text);
        Some((name, 0))
    }
}

fn line(text: &mut String, name: &ExportName, target: &Target, reading: &utakata_model::Reading) {
    text.push_str(&name.text);
    text.push('{');
    label(text, "target", target.name.as_str());
    label(text, "kind", target.kind.as_str());
    label(text, "zone", target.zone.as_str());
    for (key, value) in &reading.attributes {
        label(text, &plain(key), value);
    }
    // Labels of the target give way to what is said already.
    for (key, value) in &target.labels {
        let key = plain(key);
        let is_taken = ["target", "kind", "zone", "state"].contains(&key.as_str())
            || reading.attributes.keys().any(|taken| plain(taken) == key);
        if !is_taken {
            label(text, &key, value);
        }
    }
    let number = match &reading.value {
        ReadingValue::Number(number) => *number,
        ReadingValue::Text(state) => {
            label(text, "state", state);
            1.0
        }
    };
    if text.ends_with(',') {
        text.pop();
    }
    let _ = writeln!(text, "}} {number}");
}

fn label(text: &mut String, key: &str, value: &str) {
    text.push_str(key);
    text.push_str("=\"");
    for c in value.chars().take(MAX_LABEL) {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push_str("\",");
}
