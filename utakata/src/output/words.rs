//! Values as people read them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use utakata_api::{inventory::Health, ledger::Explanation};
use utakata_model::{
    EnvironmentState, EnvironmentStatus, Kind, Labels, OperationState, Order, Orders, Priority,
    Problem, Quality, ReadingValue, Stop, StopState, TaskState,
};

use super::{Cell, Tone};

/// The most characters of a text that is read from a target, in a table.
const TEXT_MOST: usize = 48;

/// How long ago, in the largest unit: `3s ago`.
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

/// A short duration, with as many digits as mean something: `1.2ms`, `340ms`, `2.5s`.
pub fn took(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1}ms"),
        ..1000.0 => format!("{milliseconds:.0}ms"),
        _ => format!("{:.1}s", milliseconds / 1000.0),
    }
}

/// So many bytes, in the largest unit that fits: `1.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

/// `rack=A1 room=demo`.
pub fn labels(labels: &Labels) -> String {
    pairs(labels)
}

/// `key=value key=value`.
pub fn pairs<K: Display, V: Display>(pairs: &BTreeMap<K, V>) -> String {
    let texts: Vec<String> = pairs
        .iter()
        .map(|(key, text)| format!("{key}={text}"))
        .collect();
    texts.join(" ")
}

/// Parameters or a result in one line: `outlet=3`.
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

/// A value with its unit: numbers with three digits after the point at the most.
pub fn reading(value: &ReadingValue, unit: &str) -> String {
    let unit = match unit {
        "" | "1" => String::new(),
        "Cel" => " °C".into(),
        "By" => " B".into(),
        unit => format!(" {}", unit.trim_matches(['{', '}'])),
    };
    match value {
        ReadingValue::Text(text) => format!("{}{unit}", shortened(text)),
        ReadingValue::Number(number) => format!("{}{unit}", short(*number)),
    }
}

/// A text that would make a table wide, cut; `-o json` has all of it.
fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_MOST {
        return text.to_owned();
    }
    let start: String = text.chars().take(TEXT_MOST - 1).collect();
    format!("{start}…")
}

fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// Good in green, the rest in colours of warning.
pub fn quality(quality: Quality) -> Cell {
    match quality {
        Quality::Good => Cell::toned("good", Tone::Good),
        Quality::Suspect => Cell::toned("suspect", Tone::Doubtful),
        Quality::Stale => Cell::toned("stale", Tone::Bad),
    }
}

/// The state of a task.
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

/// What a target has now.
pub fn today(value: Option<&ReadingValue>) -> Cell {
    value.map_or_else(
        || Cell::dim("(not seen)"),
        |value| reading(value, "").into(),
    )
}

/// The state of an operation.
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

/// What something waits for, in a few lines.
pub fn explanation(explanation: &Explanation) -> String {
    let mut text = explanation.says.clone();
    if let Some(since) = explanation.since {
        text.push_str(&format!("; since {}", clock(since)));
    }
    if let Some(until) = explanation.until {
        text.push_str(&format!("; until {} at the latest", clock(until)));
    }
    if let Some(cure) = &explanation.cure {
        text.push_str(&format!("\n  {cure}"));
    }
    text
}

/// Which priorities pass a lock.
pub fn passed_by(lock: Priority) -> &'static str {
    match lock {
        Priority::Routine => "urgent, emergency",
        Priority::Urgent => "emergency",
        Priority::Emergency => "nobody",
    }
}

/// A time as a clock on the wall shows it, to the second.
pub fn clock(time: Timestamp) -> String {
    let local = time.to_zoned(TimeZone::system());
    let is_today = Timestamp::now().to_zoned(TimeZone::system()).date() == local.date();
    let format = if is_today { "%H:%M:%S" } else { "%F %H:%M:%S" };
    local.strftime(format).to_string()
}

/// How a target is.
pub fn health(health: Health) -> Cell {
    match health {
        Health::Unseen => Cell::dim("unseen"),
        Health::Answering => Cell::toned("answering", Tone::Good),
        Health::Failing => Cell::toned("failing", Tone::Bad),
    }
}

/// How an environment is, and what in it is stopped: `running, snmp drained`.
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

/// How far an order is carried out.
fn stopped(stop: Option<Stop>, state: Option<StopState>) -> Option<&'static str> {
    Some(match (stop, state) {
        (None, None) => return None,
        (Some(Stop::Pause), None) => "to be paused",
        (Some(Stop::Drain), None) => "to be drained",
        (_, Some(StopState::Pausing)) => "pausing",
        (_, Some(StopState::Paused)) => "paused",
        (_, Some(StopState::Draining)) => "draining",
        (_, Some(StopState::Drained)) => "drained",
    })
}

/// A problem, or nothing.
pub fn problem(problem: Option<&Problem>) -> Cell {
    problem.map_or_else(Cell::default, |problem| {
        Cell::toned(problem.to_string(), Tone::Bad)
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
    fn values_read_as_people_write_them() {
        let number = |number| ReadingValue::Number(number);
        for (value, unit, expect) in [
            (number(24.5), "Cel", "24.5 °C"),
            (number(230.0), "V", "230 V"),
            (number(0.123_456), "1", "0.123"),
            (number(3.0), "{outlet}", "3 outlet"),
            (ReadingValue::Text("on".into()), "", "on"),
        ] {
            assert_eq!(reading(&value, unit), expect);
        }
    }

    #[test]
    fn times_are_told_from_now_in_one_unit() {
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
