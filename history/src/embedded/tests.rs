use std::{
    fs,
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tempfile::TempDir;
use utakata_model::{
    ActionName, Measurand, MetricName, Quality, Reading, ReadingValue, Readings, TargetName,
    TaskId, TaskKey,
};

use super::{Config, Embedded};
use crate::{
    aggregate::Aggregate,
    gap,
    query::{History, Query, Track},
    row::{Point, Record, Series, What},
    time::{DAY, HOUR, Millis, Range, timestamp},
};

const START: Millis = 20_786 * DAY;
const MINUTE: Millis = 60_000;

/// A history in a temporary folder, under a clock that is set by hand.
struct Room {
    folder: TempDir,
    clock: Arc<AtomicI64>,
    history: Embedded,
}

fn open(folder: &Path, clock: &Arc<AtomicI64>, max_bytes: u64) -> Embedded {
    let clock = Arc::clone(clock);
    let config = Config {
        folder: folder.into(),
        raw_days: 30,
        hour_days: 400,
        max_bytes,
        min_free: 0,
        clock: Arc::new(move || clock.load(Ordering::Acquire)),
    };
    let history = Embedded::open(config).unwrap();
    assert!(history.wait_until_complete(Duration::from_secs(10)));
    history
}

impl Room {
    fn new(max_bytes: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let history = open(folder.path(), &clock, max_bytes);
        Self {
            folder,
            clock,
            history,
        }
    }

    fn now(&self) -> Millis {
        self.clock.load(Ordering::Acquire)
    }

    fn set(&self, now: Millis) {
        self.clock.store(now, Ordering::Release);
    }

    /// Reads a target each minute for so long.
    async fn run(&self, name: &str, minutes: i64, value: impl Fn(i64) -> f64) {
        for minute in 0..minutes {
            let now = self.now();
            self.history.append(record(name, now, &[value(minute)]));
            // What is written in another hour than it was appended is in another file.
            if (now + MINUTE) / HOUR != now / HOUR {
                self.history.settle().await;
            }
            self.set(now + MINUTE);
        }
        self.history.settle().await;
    }

    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.folder.path().join(folder))
    }

    /// Waits until the folders have so many files: of the journal, raw, of the tier.
    async fn files(&self, expect: [usize; 3]) {
        let count = || ["journal", "raw", "hour"].map(|folder| self.names(folder).len());
        let is_so = async || count() == expect;
        utakata_tests::wait::until("the files of history", is_so).await;
    }

    async fn series(&self, name: &str) -> Vec<Series> {
        let names = [TargetName::new(name).unwrap()];
        self.history.series(&names, "").await.unwrap()
    }

    async fn points(&self, name: &str) -> Vec<Point> {
        self.history.settle().await;
        let series = self.series(name).await;
        self.history.points(&series[0], Range::ALL).await.unwrap()
    }

    async fn track(&self, name: &str, range: Range, step: Option<(Millis, Aggregate)>) -> Track {
        self.history.settle().await;
        let query = Query {
            series: self.series(name).await,
            range,
            step,
            max_values: 1_000_000,
            max_ticks: 100_000,
        };
        self.history.query(query).await.unwrap().remove(0)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn action() -> ActionName {
    ActionName::new("read").unwrap()
}

fn record(name: &str, seen: Millis, values: &[f64]) -> Record {
    let reading = |(at, value): (usize, &f64)| Reading {
        of: Measurand {
            metric: MetricName::new("hw.power").unwrap(),
            attributes: [("hw.id".into(), format!("{at}").into())].into(),
            unit: "W".into(),
        }
        .into(),
        value: ReadingValue::Number(*value),
        quality: Quality::Good,
    };
    let readings = Readings {
        target: TargetName::new(name).unwrap(),
        action: action(),
        seen_by: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        time: timestamp(seen),
        readings: values.iter().enumerate().map(reading).collect(),
    };
    Record::Readings {
        readings: Arc::new(readings),
        heard: timestamp(seen + 5),
    }
}

fn missed(name: &str, seen: Millis, code: &str) -> Record {
    Record::Missed {
        target: TargetName::new(name).unwrap(),
        action: action(),
        seen: timestamp(seen),
        heard: timestamp(seen + 5),
        code: code.into(),
    }
}

fn numbers(points: &[Point]) -> Vec<(Millis, f64)> {
    let number = |point: &Point| Some((point.seen.as_millisecond(), point.number()?));
    points.iter().filter_map(number).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

const PLENTY: u64 = 1 << 30;

#[tokio::test]
async fn values_are_the_same_in_the_journal_in_hours_and_in_days() {
    let room = Room::new(PLENTY);
    room.run("a", 50, |minute| minute as f64).await;
    room.history.append(missed("a", room.now(), "unreachable"));
    let before = room.points("a").await;
    assert_eq!(before.len(), 51);
    assert_eq!(before[50].what, What::Hole("unreachable".into()));
    assert_eq!(before[0].heard, timestamp(START + 5));
    // The next hour seals this one.
    room.set(START + HOUR);
    room.run("b", 1, |_| 1.0).await;
    room.files([1, 1, 0]).await;
    assert_eq!(room.points("a").await, before);
    // The next day merges this one.
    room.set(START + DAY);
    room.run("b", 1, |_| 1.0).await;
    room.files([1, 1, 1]).await;
    assert_eq!(room.points("a").await, before);
    let expect = format!("{}.0.db", crate::time::day_name(20_786));
    assert_eq!(room.names("raw"), [expect]);
}

#[tokio::test]
async fn a_query_by_hours_is_the_same_from_the_tier_as_from_values() {
    let room = Room::new(PLENTY);
    room.run("a", 25 * 60, |minute| ((minute * 37) % 101) as f64)
        .await;
    room.history.settle().await;
    room.files([1, 1, 1]).await;
    let range = Range {
        from: START + HOUR / 2,
        to: START + 25 * HOUR,
    };
    for aggregate in [
        Aggregate::Average,
        Aggregate::Least,
        Aggregate::Greatest,
        Aggregate::Sum,
        Aggregate::Last,
    ] {
        let tier = room.track("a", range, Some((HOUR, aggregate))).await;
        assert_eq!(tier.ticks.len(), 25, "{aggregate:?}");
        assert_eq!(tier.gaps, []);
        // Half an hour is never taken from the tier.
        let halves = room.track("a", range, Some((HOUR / 2, aggregate))).await;
        assert_eq!(halves.ticks.len(), 49);
        let number = |tick: &crate::query::Tick| match tick.value {
            ReadingValue::Number(number) => number,
            ReadingValue::Text(_) => f64::NAN,
        };
        let tail: Vec<f64> = halves.ticks[1..].iter().map(number).collect();
        for (hour, halves) in tier.ticks[1..].iter().zip(tail.chunks(2)) {
            let expect = match aggregate {
                Aggregate::Average => (halves[0] + halves[1]) / 2.0,
                Aggregate::Least => halves[0].min(halves[1]),
                Aggregate::Greatest => halves[0].max(halves[1]),
                Aggregate::Sum => halves[0] + halves[1],
                _ => halves[1],
            };
            assert!((number(hour) - expect).abs() < 1e-9, "{aggregate:?}");
        }
    }
}

#[tokio::test]
async fn after_a_crash_everything_that_was_written_is_found_and_the_time_away_is_told() {
    let room = Room::new(PLENTY);
    room.run("a", 90, |minute| minute as f64).await;
    let before = room.points("a").await;
    let image = TempDir::new().unwrap();
    copy(room.folder.path(), image.path());
    // The last row is torn.
    let last = names(&image.path().join("journal")).pop().unwrap();
    let path = image.path().join("journal").join(last);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let clock = Arc::new(AtomicI64::new(START + 3 * HOUR));
    let after = Room {
        history: open(image.path(), &clock, PLENTY),
        folder: image,
        clock,
    };
    assert_eq!(after.points("a").await, before[..89]);
    after.run("a", 10, |_| 1.0).await;
    let track = after
        .track(
            "a",
            Range {
                from: START,
                to: START + 4 * HOUR,
            },
            None,
        )
        .await;
    let [gap] = &track.gaps[..] else {
        panic!("{:?}", track.gaps)
    };
    assert_eq!(&*gap.code, gap::AWAY);
    assert_eq!(gap.to, START + 3 * HOUR);
    let mut latest = Vec::new();
    after.history.latest(|one| latest.push(one)).unwrap();
    assert_eq!(latest.len(), 1);
    assert_eq!(latest[0].seen, START + 3 * HOUR + 9 * MINUTE);
    assert_eq!(latest[0].heard, latest[0].seen + 5);
}

#[tokio::test]
async fn the_disk_is_never_used_beyond_the_bound() {
    const BOUND: u64 = 600 * 1024;
    let room = Room::new(BOUND);
    let size = |folder: &str| -> u64 {
        let folder = room.folder.path().join(folder);
        let files = fs::read_dir(folder).unwrap();
        files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum()
    };
    // Twice as much as there is room for, of numbers that cannot be compressed.
    for hour in 0..120 {
        for minute in 0..60 {
            let seen = START + hour * HOUR + minute * MINUTE;
            let mixed = |at: i64| (seen + at).wrapping_mul(0x5E37_79B9_7F4A_7C15);
            let values: Vec<f64> = (0..20).map(|at| mixed(at) as f64 / 7.0).collect();
            room.set(seen);
            room.history.append(record("a", seen, &values));
        }
        room.history.settle().await;
        let used = size("journal") + size("raw") + size("hour");
        assert!(used <= BOUND, "hour {hour}: {used}");
    }
    let points = room.points("a").await;
    assert_eq!(
        points.last().unwrap().seen,
        timestamp(START + 119 * HOUR + 59 * MINUTE)
    );
    assert!(points.len() < 120 * 60);
}

#[tokio::test]
async fn without_room_readings_are_lost_and_it_is_told() {
    let room = Room::new(1000);
    room.run("a", 5, |_| 1.0).await;
    room.history.settle().await;
    let status = room.history.status();
    assert_eq!(status.lost, 5);
    assert_eq!(status.trouble.unwrap().code, gap::NO_ROOM);
}

#[tokio::test]
async fn a_damaged_block_is_told_and_the_rest_is_read() {
    let room = Room::new(PLENTY);
    for hour in 0..3 {
        room.set(START + hour * HOUR);
        room.run("a", 30, |minute| minute as f64 * 1.7).await;
    }
    room.set(START + 3 * HOUR);
    room.run("a", 1, |_| 0.0).await;
    room.history.settle().await;
    room.files([1, 3, 0]).await;
    let image = TempDir::new().unwrap();
    copy(room.folder.path(), image.path());
    let path = image.path().join("raw").join(&room.names("raw")[1]);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes
        .windows(3)
        .position(|three| three == b"uB\x01")
        .unwrap();
    bytes[at + 20] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    let clock = Arc::clone(&room.clock);
    let after = Room {
        history: open(image.path(), &clock, PLENTY),
        folder: image,
        clock,
    };
    let points = after.points("a").await;
    assert_eq!(numbers(&points).len(), 61);
    assert!(after.history.status().damaged > 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_loses_nothing_and_deletes_nothing() {
    let room = Room::new(PLENTY);
    room.set(START + 5 * HOUR);
    room.run("a", 30, |_| 1.0).await;
    room.set(START + 2 * HOUR);
    room.run("a", 30, |_| 2.0).await;
    room.set(START + 5 * HOUR);
    room.run("a", 30, |_| 3.0).await;
    room.set(START + 900 * DAY);
    room.run("a", 30, |_| 4.0).await;
    room.set(START + 6 * HOUR);
    room.run("a", 30, |_| 5.0).await;
    let points = room.points("a").await;
    assert_eq!(points.len(), 150);
    assert!(points.is_sorted_by_key(|point| point.seen));
}

#[tokio::test]
async fn days_beyond_those_kept_are_deleted() {
    let room = Room::new(PLENTY);
    for day in 0..33 {
        room.set(START + day * DAY);
        room.run("a", 2, |_| day as f64).await;
        room.history.settle().await;
    }
    room.set(START + 33 * DAY);
    room.run("a", 1, |_| 33.0).await;
    room.history.settle().await;
    let is_so = async || {
        let raw = room.names("raw").len() + room.names("journal").len();
        raw <= 31 && room.names("hour").len() < 15
    };
    utakata_tests::wait::until("old days are deleted", is_so).await;
    let points = room.points("a").await;
    assert!(points[0].seen >= timestamp(START + 3 * DAY));
    // Older days are still in the tier, and are shown by the hour.
    let range = Range {
        from: START,
        to: START + 34 * DAY,
    };
    let track = room.track("a", range, None).await;
    assert_eq!(track.ticks[0].time, START);
}

#[tokio::test]
async fn a_text_is_kept_and_a_new_description_makes_no_new_series() {
    let room = Room::new(PLENTY);
    for (minute, (name, state)) in [
        ("Fan 1", "ok"),
        ("Fan 1", "ok"),
        ("Fan 1, failed", "failed"),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = START + minute as i64 * MINUTE;
        let Record::Readings { readings, heard } = record("a", seen, &[0.0]) else {
            panic!("readings")
        };
        let mut readings = Readings::clone(&readings);
        Arc::make_mut(&mut readings.readings[0].of)
            .attributes
            .insert("hw.name".into(), name.into());
        readings.readings[0].value = ReadingValue::Text(state.into());
        let readings = Arc::new(readings);
        room.history.append(Record::Readings { readings, heard });
    }
    let points = room.points("a").await;
    let shown = |point: &Point| match &point.what {
        What::Value(sample) => sample.value.to_string(),
        What::Hole(code) => code.to_string(),
    };
    assert_eq!(
        points.iter().map(shown).collect::<Vec<_>>(),
        ["ok", "ok", "failed"]
    );
    let series = room.series("a").await;
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].attributes["hw.name"], "Fan 1, failed".into());
}

#[tokio::test]
async fn a_question_that_is_too_large_is_refused() {
    let room = Room::new(PLENTY);
    room.run("a", 50, |_| 1.0).await;
    room.history.settle().await;
    let query = Query {
        series: room.series("a").await,
        range: Range::ALL,
        step: None,
        max_values: 49,
        max_ticks: 1000,
    };
    let error = room.history.query(query).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 49 values would be read");
}

fn trusted(value: ReadingValue) -> crate::row::Sample {
    crate::row::Sample {
        value,
        quality: Quality::Good,
    }
}

/// The inputs with which fuzzing begins; written anew with `UPDATE=1`.
#[test]
fn the_seeds_of_fuzzing_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/history");
    let row = |at: i64| crate::row::Row {
        seen: 1_796_000_000_000 + 60_000 * at,
        heard: 1_796_000_000_000 + 60_000 * at + at % 7,
        content: match at % 10 {
            9 => crate::row::Content::Hole("unreachable".into()),
            _ => crate::row::Content::Values(vec![
                (
                    0,
                    trusted(ReadingValue::Number(230.0 + (at % 5) as f64 / 10.0)),
                ),
                (
                    1,
                    trusted(ReadingValue::Text(
                        if at > 20 { "on" } else { "off" }.into(),
                    )),
                ),
            ]),
        },
    };
    let rows: Vec<crate::row::Row> = (0..40).map(row).collect();
    let block = crate::block::from_rows(&rows)[0].encode();
    let numbers = (0..40).map(|at| (60_000 * at * 5, at as f64));
    let hours = crate::tier::encode(&crate::tier::Hour::of(numbers));
    let (journal, _) = crate::journal::tests::journal(7, &rows[..12]);
    let seeds = [("block", block), ("hours", hours), ("journal", journal)];
    if std::env::var_os("UPDATE").is_some() {
        for (name, bytes) in &seeds {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(
        crate::block::Block::decode(&read("block"), |_| true)
            .unwrap()
            .rows(),
        rows
    );
    assert_eq!(crate::tier::decode(&read("hours")).unwrap().len(), 4);
    assert_eq!(
        crate::journal::step(&read("journal")),
        crate::journal::step(&seeds[2].1)
    );
}
