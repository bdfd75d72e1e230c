//! Alarms in the form of Alertmanager's API, version 2 (`POST /api/v2/alerts`). Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utakata_api::alarm::AlarmView;
use utakata_model::Labels;

/// The time after which an alert ends by itself, if nobody repeats it: if we die, it is not shown
/// as it was for ever.
const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// An alert, in the form of version 2 of the API of Alertmanager.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

/// Returns an alarm as an alert. Alertmanager knows it by its labels, so they never change while it
/// lasts.
pub(super) fn alert(alarm: &AlarmView, labels: &Labels, now: Timestamp) -> Alert {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in labels.iter().chain(&alarm.attributes) {
        all.insert(name(key), value.clone());
    }
    all.insert("alertname".into(), alarm.rule.to_string());
    all.insert("severity".into(), alarm.severity.as_str().into());
    all.insert("target".into(), alarm.target.to_string());
    let annotations = BTreeMap::from([
        ("summary", alarm.text.clone()),
        ("do", alarm.what_to_do.clone()),
        ("id", alarm.id.to_string()),
        ("number", alarm.number.to_string()),
    ]);
    let ends = match alarm.over {
        Some(over) if !alarm.active => over,
        _ => now.checked_add(LASTS).unwrap_or(now),
    };
    Alert {
        labels: all,
        annotations,
        starts_at: alarm.raised,
        ends_at: ends,
    }
}

/// Returns a key as the name of a label: letters, digits and underscores.
fn name(key: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c,
        false => '_',
    };
    let name: String = key.chars().map(plain).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}
