//! Values in words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use utakata_api::{
    alarm::AlarmState, client::server_now, inventory::Health, ledger::Explanation,
    operation::PlannedTask,
};
use utakata_model::{
    EnvironmentState, EnvironmentStatus, Kind, Labels, MetricName, OperationState, Order, Orders,
    Priority, Problem, Quality, Reading, ReadingValue, Severity, Stop, StopState, TaskState,
    duration, reading::Attributes,
};

use super::{Cell, Tone, plain, time, units};

/// The largest number of characters of a target's text that are shown in a table.
const MAX_TEXT: usize = 48;

/// Returns the severity of an alarm.
pub fn severity(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Critical | Severity::Major => Tone::Bad,
        Severity::Minor => Tone::Doubtful,
        Severity::Notice => Tone::Dim,
    };
    Cell::toned(severity.as_str(), tone)
}

/// Returns the state of an alarm.
pub fn alarm_state(state: AlarmState) -> Cell {
    let tone = match state {
        AlarmState::Unacknowledged => Tone::Bad,
        AlarmState::Acknowledged | AlarmState::Returned => Tone::Doubtful,
        AlarmState::Shelved | AlarmState::Suppressed | AlarmState::Normal => Tone::Dim,
    };
    Cell::toned(state.as_str(), tone)
}

/// Returns the age of something that the server reports, by the server's clock, which may differ
/// from ours.
pub fn ago(time: Timestamp) -> String {
    age(time, server_now())
}

/// Returns the age of a value, and that of its arrival if it took long.
pub fn seen(time: Timestamp, heard: Option<Timestamp>) -> String {
    const LONG: i64 = 5;
    let seen = ago(time);
    match heard.filter(|heard| heard.duration_since(time).as_secs() > LONG) {
        Some(heard) => format!("{seen} (heard {})", ago(heard)),
        None => seen,
    }
}

/// Returns an age in the largest unit: `3s ago`.
pub fn age(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(time).as_secs();
    match seconds {
        ..0 => "in the future".into(),
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// Formats a short duration with as many digits as are significant: `1.2ms`, `340ms`, `2.5s`.
pub fn took(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1}ms"),
        ..1000.0 => format!("{milliseconds:.0}ms"),
        _ => format!("{:.1}s", milliseconds / 1000.0),
    }
}

/// Formats a number of bytes in the largest unit that fits: `1.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

/// Formats labels: `rack=A1 room=demo`.
pub fn labels(labels: &Labels) -> String {
    pairs(labels)
}

/// Formats pairs: `key=value key=value`.
pub fn pairs<K: Display, V: Display>(pairs: &BTreeMap<K, V>) -> String {
    let texts: Vec<String> = pairs
        .iter()
        .map(|(key, text)| format!("{key}={text}"))
        .collect();
    texts.join(" ")
}

/// Formats the attributes that distinguish one of several: indices first and names last, so that
/// rows are sorted by index.
pub fn attributes(attributes: &Attributes) -> String {
    let is_name = |key: &str| key == "hw.name";
    let (names, others): (Vec<_>, Vec<_>) = attributes.iter().partition(|(key, _)| is_name(key));
    let all = others.into_iter().chain(names);
    let texts: Vec<String> = all.map(|(key, text)| format!("{key}={text}")).collect();
    texts.join(" ")
}

/// Formats parameters or a result in one line: `outlet=3`.
pub fn json(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let texts: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key}={}", scalar(value)))
                .collect();
            texts.join(" ")
        }
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Formats a value with its unit.
pub fn reading(reading: &Reading) -> String {
    value(Some(reading.metric.as_str()), &reading.value, &reading.unit)
}

/// Formats a value of a metric, as far as the metric is known.
pub fn value(metric: Option<&str>, value: &ReadingValue, unit: &str) -> String {
    match value {
        ReadingValue::Number(number) => units::number(metric, *number, unit),
        ReadingValue::Text(text) => {
            let shown = shortened(text);
            match unit {
                "" | "1" => shown,
                unit => format!("{shown} {}", unit.trim_matches(['{', '}'])),
            }
        }
    }
}

/// Formats a value that the server gives as text, `0.53 1`, of `hw.load{hw.id=output}`.
pub fn measured(what: &str, text: &str) -> String {
    let metric = what.split('{').next();
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    match number.parse() {
        Ok(number) => units::number(metric, number, unit),
        Err(_) => plain::line(text).into_owned(),
    }
}

/// Shortens a text that would make a table wide; `-o json` has all of it.
fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_TEXT - 1).collect();
    format!("{start}…")
}

/// Returns good in green, and other qualities in warning colours.
pub fn quality(quality: Quality) -> Cell {
    match quality {
        Quality::Good => Cell::toned("good", Tone::Good),
        Quality::Suspect => Cell::toned("suspect", Tone::Doubtful),
        Quality::Stale => Cell::toned("stale", Tone::Bad),
    }
}

pub fn state(state: TaskState) -> Cell {
    let tone = match state {
        TaskState::Succeeded => Tone::Good,
        TaskState::Failed | TaskState::Expired => Tone::Bad,
        TaskState::Unknown | TaskState::Unsettled | TaskState::Cancelled => Tone::Doubtful,
        TaskState::Planned | TaskState::Queued | TaskState::Permitted | TaskState::Verifying => {
            Tone::Dim
        }
    };
    Cell::toned(state.as_str(), tone)
}

/// Returns the present value of a target.
pub fn today(task: &PlannedTask) -> Cell {
    task.today.as_ref().map_or_else(
        || Cell::dim("(not seen)"),
        |today| {
            let metric = task.metric.as_ref().map(MetricName::as_str);
            // An older server does not give the unit: then this is the plain value.
            value(metric, today, task.unit.as_deref().unwrap_or("")).into()
        },
    )
}

pub fn operation(state: OperationState) -> Cell {
    let tone = match state {
        OperationState::Done => Tone::Good,
        OperationState::Running => Tone::Plain,
        OperationState::Awaiting | OperationState::Paused | OperationState::Cancelled => {
            Tone::Doubtful
        }
        OperationState::Stopped => Tone::Bad,
    };
    Cell::toned(state.as_str(), tone)
}

/// Describes the reason of a wait, in a few lines.
pub fn explanation(explanation: &Explanation) -> String {
    let mut text = sentence(&explanation.says);
    if let Some(since) = explanation.since {
        text.push_str(&format!("; since {}", time::clock(since)));
    }
    if let Some(until) = explanation.until {
        text.push_str(&format!("; until {} at the latest", time::clock(until)));
    }
    if let Some(cure) = &explanation.cure {
        text.push_str(&format!("\n  {}", sentence(cure)));
    }
    text
}

/// Returns a sentence of the server as one line, with local times.
pub fn sentence(text: &str) -> String {
    plain::line(&time::localised(text)).into_owned()
}

/// Returns the priorities that pass a lock.
pub fn passed_by(lock: Priority) -> &'static str {
    match lock {
        Priority::Routine => "urgent, emergency",
        Priority::Urgent => "emergency",
        Priority::Emergency => "nobody",
    }
}

/// Describes the offset of an environment's clock, if it is worth mentioning.
pub fn clock(ahead_ms: Option<i64>) -> Cell {
    /// The offset below which clocks count as equal, in milliseconds.
    const SAME: u64 = 2000;
    match ahead_ms {
        Some(ahead) if ahead.unsigned_abs() >= SAME => {
            let by = Duration::from_secs(ahead.unsigned_abs() / 1000);
            let how = if ahead > 0 { "ahead" } else { "behind" };
            let text = format!("{} {how}", duration::format(by));
            Cell::toned(text, Tone::Doubtful)
        }
        _ => Cell::default(),
    }
}

pub fn health(health: Health) -> Cell {
    match health {
        Health::Unseen => Cell::dim("unseen"),
        Health::Answering => Cell::toned("answering", Tone::Good),
        Health::Failing => Cell::toned("failing", Tone::Bad),
        Health::Stale => Cell::toned("stale", Tone::Doubtful),
        Health::Partial => Cell::toned("partial", Tone::Doubtful),
        Health::NotUnderstood => Cell::toned("not understood", Tone::Doubtful),
        Health::Unobserved => Cell::dim("not observed"),
    }
}

/// Returns the state of an environment, and its stopped parts: `running, snmp drained`.
pub fn environment(status: &EnvironmentStatus, orders: &Orders) -> Cell {
    let is_there = status.state == EnvironmentState::Running;
    let stop = |order: &Order| order.stop;
    let all = orders.all.as_ref().map(stop);
    let all = stopped(all, status.stopped.all.filter(|_| is_there));
    let (mut words, mut tone): (Vec<String>, Tone) = match status.state {
        EnvironmentState::Running if all.is_some() => (Vec::new(), Tone::Doubtful),
        EnvironmentState::Running => (vec!["running".into()], Tone::Good),
        EnvironmentState::Draining => (vec!["draining".into()], Tone::Doubtful),
        EnvironmentState::Gone => (vec!["gone".into()], Tone::Bad),
    };
    words.extend(all.map(Into::into));
    let states = &status.stopped.kinds;
    let kinds: BTreeSet<&Kind> = orders.kinds.keys().chain(states.keys()).collect();
    for kind in kinds {
        let state = states.get(kind).filter(|_| is_there).copied();
        let found = stopped(orders.kinds.get(kind).map(stop), state);
        words.extend(found.map(|found| format!("{kind} {found}")));
    }
    for (release, state) in status.stopped.releases.iter().filter(|_| is_there) {
        let found = stopped(None, Some(*state));
        words.extend(found.map(|found| format!("{release} {found}")));
    }
    if words.len() > 1 && tone == Tone::Good {
        tone = Tone::Doubtful;
    }
    Cell::toned(words.join(", "), tone)
}

/// Returns the progress of an order.
fn stopped(stop: Option<Stop>, state: Option<StopState>) -> Option<&'static str> {
    Some(match (stop, state) {
        (None, None) => return None,
        (Some(Stop::Pause), None) => "pausing",
        (Some(Stop::Drain), None) => "draining",
        (_, Some(StopState::Pausing)) => "pausing",
        (_, Some(StopState::Paused)) => "paused",
        (_, Some(StopState::Draining)) => "draining",
        (_, Some(StopState::Drained)) => "drained",
    })
}

pub fn problem(problem: Option<&Problem>) -> Cell {
    problem.map_or_else(Cell::default, |problem| {
        Cell::toned(sentence(&problem.to_string()), Tone::Bad)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        for (size, expect) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_300_000, "1.2 MiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(bytes(size), expect);
        }
    }

    #[test]
    fn what_counts_stands_before_what_it_is_called() {
        let of = [("hw.name", "server 12"), ("outlet", "3"), ("phase", "1")];
        let of = of.map(|(key, text)| (key.into(), text.into())).into();
        assert_eq!(attributes(&of), "outlet=3 phase=1 hw.name=server 12");
    }

    #[test]
    fn values_read_as_people_write_them() {
        let number = |number| ReadingValue::Number(number);
        let text = |text: &str| ReadingValue::Text(text.into());
        let long = "x".repeat(60);
        let cut = format!("{}…", "x".repeat(47));
        for (metric, of, unit, expect) in [
            ("hw.temperature", number(24.5), "Cel", "24.5 °C"),
            ("hw.load", number(0.53), "1", "53 %"),
            ("utakata.outlet.count", number(3.0), "{outlet}", "3 outlet"),
            ("utakata.outlet.state", text("on"), "", "on"),
            ("hw.serial", text(&long), "", &cut),
        ] {
            assert_eq!(value(Some(metric), &of, unit), expect);
        }
        for (what, text, expect) in [
            ("hw.load{hw.id=output}", "0.53 1", "53 %"),
            ("hw.temperature", "239.89999999999998 Cel", "239.9 °C"),
            ("utakata.outlet.state{outlet=3}", "on", "on"),
            ("outcome", "failed (no-answer)", "failed (no-answer)"),
            ("hw.serial", "a\u{1b}b", "a\\u{1b}b"),
        ] {
            assert_eq!(measured(what, text), expect);
        }
    }

    #[test]
    fn times_are_reported_from_now_in_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (ago, expect) in [
            (0, "0s ago"),
            (59, "59s ago"),
            (3599, "59m ago"),
            (-5, "in the future"),
        ] {
            let time = Timestamp::from_second(1_000_000 - ago).unwrap();
            assert_eq!(age(time, now), expect);
        }
        assert_eq!(took(Duration::from_micros(1234)), "1.2ms");
        assert_eq!(took(Duration::from_millis(340)), "340ms");
        assert_eq!(took(Duration::from_millis(2500)), "2.5s");
    }
}
