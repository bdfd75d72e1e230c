//! The promises of every history, as checks: each begins with an empty one, or with times and
//! targets of its own.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{sync::Arc, time::Duration};

use utakata_history::{
    Aggregate, History, Point, Query, Range, Record, Series, Track, What, time::timestamp,
};
use utakata_model::{
    ActionName, Measurand, MetricName, Quality, Reading, ReadingValue, Readings, TargetName,
    TaskId, TaskKey,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EACH: Duration = Duration::from_millis(50);

/// The facts that a history keeps besides numbers and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeps {
    /// The times at which values were heard.
    pub heard: bool,
    /// Numbers that no device measures: infinite, or next to nothing.
    pub extremes: bool,
}

/// Checks all promises, from a time on that is a whole hour in the past.
///
/// # Panics
/// One is not kept; the message says which.
pub async fn check(history: &dyn History, start: i64, keeps: Keeps) {
    values_come_back(history, start, keeps).await;
    series_are_found(history, start).await;
    steps_have_figures(history, start).await;
    rates_survive_resets(history, start).await;
    texts_doubts_and_failures_come_back(history, start).await;
    attempts_come_back(history, start).await;
}

/// Numbers and times come back as they were, and a range has its beginning and not its end.
async fn values_come_back(history: &dyn History, start: i64, keeps: Keeps) {
    let numbers = match keeps.extremes {
        true => [0.1, -0.0, 1e300, 5e-324, 42.0, f64::INFINITY],
        false => [0.1, -7.25, 1e9, 0.005, 42.0, 4_294_967_295.0],
    };
    for (at, number) in numbers.iter().enumerate() {
        let seen = start + at as i64 * MINUTE + 7;
        append(
            history,
            "values",
            seen,
            &[("hw.power", "W", number.into_value())],
        );
    }
    let series = one_series(history, "values").await;
    let points = until(history, &series, numbers.len()).await;
    for (at, (point, number)) in points.iter().zip(numbers).enumerate() {
        let seen = start + at as i64 * MINUTE + 7;
        assert_eq!(point.seen, timestamp(seen));
        assert_eq!(
            point.number().map(f64::to_bits),
            Some(number.to_bits()),
            "{number}"
        );
        if keeps.heard {
            assert_eq!(point.heard, timestamp(seen + 5));
        }
    }
    let range = Range {
        from: start + MINUTE + 7,
        to: start + 3 * MINUTE + 7,
    };
    let part = history.points(&series, range).await.unwrap();
    assert_eq!(part, points[1..3], "from its beginning to before its end");
}

/// Series are found by their target and the beginning of their metric, with all that names them.
async fn series_are_found(history: &dyn History, start: i64) {
    let values = [
        ("hw.power", "W", 1.0_f64.into_value()),
        ("hw.power.limit", "W", 2.0_f64.into_value()),
        ("hw.temperature", "Cel", 3.0_f64.into_value()),
    ];
    append(history, "names", start, &values);
    append(history, "other", start, &values);
    let names = [TargetName::new("names").unwrap()];
    for (prefix, expect) in [("", 3), ("hw.power", 2), ("hw.temperature", 1), ("x", 0)] {
        let found = eventually(async || {
            let found = history.series(&names, prefix).await.unwrap();
            (found.len() == expect).then_some(found)
        })
        .await;
        for series in found {
            assert!(series.metric.as_str().starts_with(prefix));
            assert_eq!(series.target.as_str(), "names");
            assert_eq!(series.action.as_str(), "read");
            assert_eq!(&*series.attributes["hw.id"], "1 \"a\"");
            assert!(["W", "Cel"].contains(&&*series.unit));
        }
    }
}

/// Each step has the figure of the values in it.
async fn steps_have_figures(history: &dyn History, start: i64) {
    let value = |minute: i64| ((minute * 37) % 11) as f64;
    for minute in 0..120 {
        let values = [("hw.power", "W", value(minute).into_value())];
        append(history, "steps", start + minute * MINUTE, &values);
    }
    let series = one_series(history, "steps").await;
    until(history, &series, 120).await;
    for (step, aggregate) in [
        (HOUR, Aggregate::Average),
        (30 * MINUTE, Aggregate::Least),
        (HOUR, Aggregate::Greatest),
        (HOUR, Aggregate::Sum),
        (10 * MINUTE, Aggregate::Last),
        (HOUR, Aggregate::Percentile(98)),
    ] {
        let track = track(history, &series, start, Some((step, aggregate))).await;
        let mut steps = utakata_history::aggregate::Steps::new(step, aggregate);
        (0..120).for_each(|minute| steps.number(start + minute * MINUTE, value(minute)));
        assert_eq!(numbers(&track), steps.figures(), "{aggregate:?}");
        assert!(track.gaps.iter().all(|gap| gap.from >= start + 2 * HOUR));
        let all = (0..120).map(|minute| (start + minute * MINUTE, value(minute)));
        let overall = utakata_history::aggregate::Overall::of(&[], all);
        assert_eq!(track.overall, overall, "whatever the steps: {aggregate:?}");
    }
}

/// A counter that is reset grows on, and that is told.
async fn rates_survive_resets(history: &dyn History, start: i64) {
    for minute in 0..60 {
        let value = if minute < 30 {
            minute * 600
        } else {
            (minute - 30) * 600
        };
        let values = [("hw.energy", "J", (value as f64).into_value())];
        append(history, "rates", start + minute * MINUTE, &values);
    }
    let series = one_series(history, "rates").await;
    until(history, &series, 60).await;
    let track = track(history, &series, start, Some((HOUR, Aggregate::Rate))).await;
    // 29 times 600 twice, and a step from 0 to 0, in 59 minutes.
    let expect = 58.0 * 600.0 / (59.0 * 60.0);
    let [(time, rate)] = numbers(&track)[..] else {
        panic!("one step: {track:?}")
    };
    assert_eq!(time, start);
    assert!((rate - expect).abs() < 1e-9, "{rate} is not {expect}");
    assert_eq!(track.turns, 1);
}

/// Texts, values in doubt, and failed attempts come back.
async fn texts_doubts_and_failures_come_back(history: &dyn History, start: i64) {
    for (minute, state) in ["ok", "ok", "failed"].into_iter().enumerate() {
        let seen = start + minute as i64 * MINUTE;
        append(
            history,
            "texts",
            seen,
            &[("hw.status", "", state.into_value())],
        );
    }
    let series = one_series(history, "texts").await;
    let points = until(history, &series, 3).await;
    assert_eq!(shown(&points), ["ok Good", "ok Good", "failed Good"]);
    let doubt = Reading {
        quality: Quality::Suspect,
        ..reading("hw.temperature", "Cel", 2_147_483_647.0_f64.into_value())
    };
    history.append(readings("doubts", start, vec![doubt]));
    let missed = Record::Missed {
        target: TargetName::new("doubts").unwrap(),
        action: ActionName::new("read").unwrap(),
        seen: timestamp(start + MINUTE),
        heard: timestamp(start + MINUTE),
        code: "unreachable".into(),
    };
    history.append(missed);
    let series = one_series(history, "doubts").await;
    let points = until(history, &series, 2).await;
    assert_eq!(shown(&points), ["2147483647 Suspect", "unreachable"]);
}

/// Attempts are found by their target alone, with whether there was an answer.
async fn attempts_come_back(history: &dyn History, start: i64) {
    for minute in [0, 1, 3] {
        let values = [
            ("hw.power", "W", 1.0_f64.into_value()),
            ("hw.status", "", "ok".into_value()),
        ];
        append(history, "attempts", start + minute * MINUTE, &values);
    }
    history.append(Record::Missed {
        target: TargetName::new("attempts").unwrap(),
        action: ActionName::new("read").unwrap(),
        seen: timestamp(start + 2 * MINUTE),
        heard: timestamp(start + 2 * MINUTE + 5),
        code: "unreachable".into(),
    });
    let target = TargetName::new("attempts").unwrap();
    history.settle().await;
    let found = eventually(async || {
        let found = history.attempts(&target, Range::ALL).await.unwrap();
        (found.len() == 4).then_some(found)
    })
    .await;
    let answers: Vec<bool> = found.iter().map(|attempt| attempt.is_answer).collect();
    assert_eq!(answers, [true, true, false, true]);
    let minutes: Vec<i64> = found
        .iter()
        .map(|attempt| (attempt.heard - start) / MINUTE)
        .collect();
    assert_eq!(minutes, [0, 1, 2, 3]);
    let range = Range {
        from: start + MINUTE,
        to: start + 2 * MINUTE,
    };
    let part = history.attempts(&target, range).await.unwrap();
    assert_eq!(part, found[1..2], "from its beginning to before its end");
    let other = TargetName::new("nobody").unwrap();
    assert_eq!(history.attempts(&other, Range::ALL).await.unwrap(), []);
}

fn shown(points: &[Point]) -> Vec<String> {
    let show = |point: &Point| match &point.what {
        What::Value(sample) => format!("{} {:?}", sample.value, sample.quality),
        What::Hole(code) => code.to_string(),
    };
    points.iter().map(show).collect()
}

trait IntoValue {
    fn into_value(self) -> ReadingValue;
}

impl IntoValue for f64 {
    fn into_value(self) -> ReadingValue {
        ReadingValue::Number(self)
    }
}

impl IntoValue for &f64 {
    fn into_value(self) -> ReadingValue {
        ReadingValue::Number(*self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> ReadingValue {
        ReadingValue::Text(self.into())
    }
}

fn reading(metric: &str, unit: &str, value: ReadingValue) -> Reading {
    Reading {
        of: Measurand {
            metric: MetricName::new(metric).unwrap(),
            attributes: [
                ("hw.id".into(), "1 \"a\"".into()),
                ("hw.sensor_location".into(), "inlet".into()),
            ]
            .into(),
            unit: unit.into(),
        }
        .into(),
        value,
        quality: Quality::Good,
    }
}

fn readings(target: &str, seen: i64, readings: Vec<Reading>) -> Record {
    let readings = Readings {
        target: TargetName::new(target).unwrap(),
        action: ActionName::new("read").unwrap(),
        seen_by: TaskKey {
            task: TaskId::from_bytes([0; 16]),
            attempt: 1,
        },
        time: timestamp(seen),
        readings,
    };
    Record::Readings {
        readings: Arc::new(readings),
        heard: timestamp(seen + 5),
    }
}

fn append(history: &dyn History, target: &str, seen: i64, values: &[(&str, &str, ReadingValue)]) {
    let all = values
        .iter()
        .map(|(metric, unit, value)| reading(metric, unit, value.clone()));
    history.append(readings(target, seen, all.collect()));
}

async fn one_series(history: &dyn History, target: &str) -> Series {
    history.settle().await;
    let names = [TargetName::new(target).unwrap()];
    eventually(async || history.series(&names, "").await.unwrap().pop()).await
}

async fn until(history: &dyn History, series: &Series, count: usize) -> Vec<Point> {
    let mut last = Vec::new();
    eventually(async || {
        last = history.points(series, Range::ALL).await.unwrap();
        (last.len() == count).then(|| last.clone())
    })
    .await
}

async fn track(
    history: &dyn History,
    series: &Series,
    start: i64,
    step: Option<(i64, Aggregate)>,
) -> Track {
    let query = Query {
        series: vec![series.clone()],
        range: Range {
            from: start,
            to: start + 3 * HOUR,
        },
        step,
        max_values: 1_000_000,
        max_ticks: 10_000,
    };
    history.query(query).await.unwrap().remove(0)
}

fn numbers(track: &Track) -> Vec<(i64, f64)> {
    let number = |tick: &utakata_history::Tick| match tick.value {
        ReadingValue::Number(number) => Some((tick.time, number)),
        ReadingValue::Text(_) => None,
    };
    track.ticks.iter().filter_map(number).collect()
}

/// Polls until there is a value: an engine may show what it has taken a little later.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let polled = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
    };
    match tokio::time::timeout(PATIENCE, polled).await {
        Ok(found) => found,
        Err(_) => panic!("what was appended is never found"),
    }
}
