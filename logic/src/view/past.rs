//! The view of a time of the past, from history.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use utakata_api::view::ViewPast;
use utakata_history::{Attempt, Error, History, Query, Range, Series, Track};
use utakata_model::{ReadingValue, TargetName};

use super::{
    cell::{Cell, POWER, TEMPERATURE, is_of_device},
    target,
};
use crate::{inventory::TargetEntry, observe::Coverage};

/// The range before the moment in which values and attempts are looked for, in milliseconds. It is
/// longer where schedules read more rarely.
const LOOK_BACK: i64 = 15 * 60 * 1000;
/// The longest such range, in milliseconds.
const MAX_LOOK_BACK: i64 = 3 * 3600 * 1000;
/// The number of intervals of the rarest schedule that the range covers at least.
const INTERVALS: i64 = 3;
/// The number of targets whose values are in memory at once.
const CHUNK: usize = 500;
/// The number of targets whose attempts are read at once.
const AT_ONCE: usize = 8;
/// The largest number of values that are read for a chunk.
const MAX_VALUES: usize = 5_000_000;

/// Returns the view of some targets, as they are declared now, at a time of the past.
///
/// # Errors
/// History cannot be read, or the answer would take too long.
pub async fn past(
    history: &dyn History,
    entries: &[Arc<TargetEntry>],
    coverage: &Coverage,
    at: Timestamp,
) -> Result<ViewPast, Error> {
    let range = range(entries, coverage, at);
    let mut cells = Vec::new();
    for (part, chunk) in entries.chunks(CHUNK).enumerate() {
        let names: Vec<TargetName> = chunk.iter().map(|one| one.target.name.clone()).collect();
        let tracks = tracks(history, &names, range).await?;
        let attempts = attempts(history, &names, range).await?;
        let mut numbers = (part * CHUNK..).map(|number| number as u32);
        cells.extend(names.iter().zip(attempts).filter_map(|(name, attempts)| {
            let number = numbers.next()?;
            let values = tracks.get(name).into_iter().flatten();
            let values = values.filter_map(last);
            let cell = Cell::of_past(&attempts, values, coverage.of(name), at);
            (cell != Cell::UNSEEN).then(|| cell.numbered(number, at))
        }));
    }
    Ok(ViewPast {
        at: at.as_millisecond(),
        away: away(history, at).await?,
        targets: entries.iter().map(|entry| target(entry)).collect(),
        cells,
    })
}

/// Returns the range in which a value counts as that of the moment: as long as the rarest schedule
/// needs.
fn range(entries: &[Arc<TargetEntry>], coverage: &Coverage, at: Timestamp) -> Range {
    let covers = entries
        .iter()
        .filter_map(|one| coverage.of(&one.target.name));
    let longest = covers.map(|covers| covers.interval).max();
    let needs = longest.map_or(0, |interval| {
        let interval = i64::try_from(interval.as_millis()).unwrap_or(MAX_LOOK_BACK);
        interval.saturating_mul(INTERVALS)
    });
    let at = at.as_millisecond();
    Range {
        from: at.saturating_sub(needs.clamp(LOOK_BACK, MAX_LOOK_BACK)),
        to: at.saturating_add(1),
    }
}

/// Returns the values that a cell shows of each target: power and temperature.
async fn tracks(
    history: &dyn History,
    names: &[TargetName],
    range: Range,
) -> Result<HashMap<TargetName, Vec<Track>>, Error> {
    let mut series: Vec<Series> = Vec::new();
    for metric in [POWER, TEMPERATURE] {
        let found = history.series(names, metric).await?;
        let counts = |one: &Series| {
            one.metric.as_str() == metric && (metric != POWER || is_of_device(&one.attributes))
        };
        series.extend(found.into_iter().filter(counts));
    }
    let query = Query {
        series,
        range,
        step: None,
        max_values: MAX_VALUES,
        max_ticks: MAX_VALUES,
    };
    let mut tracks: HashMap<TargetName, Vec<Track>> = HashMap::new();
    for track in history.query(query).await? {
        let of_target = tracks.entry(track.series.target.clone()).or_default();
        of_target.push(track);
    }
    Ok(tracks)
}

/// Returns the attempts to read each of these targets, in the order of their times.
async fn attempts(
    history: &dyn History,
    names: &[TargetName],
    range: Range,
) -> Result<Vec<Vec<Attempt>>, Error> {
    let mut reads = Vec::with_capacity(names.len());
    for name in names {
        reads.push(attempts_of(history, name.clone(), range));
    }
    stream::iter(reads).buffered(AT_ONCE).try_collect().await
}

async fn attempts_of(
    history: &dyn History,
    name: TargetName,
    range: Range,
) -> Result<Vec<Attempt>, Error> {
    let mut attempts = history.attempts(&name, range).await?;
    // An attempt that ended by then counts only if it had also been heard of by then.
    attempts.retain(|one| range.holds(one.heard));
    Ok(attempts)
}

/// Returns the last value of a series, if it is a number.
fn last(track: &Track) -> Option<(&str, &utakata_model::reading::Attributes, f64)> {
    match track.ticks.last()?.value {
        ReadingValue::Number(number) => Some((
            track.series.metric.as_str(),
            &track.series.attributes,
            number,
        )),
        ReadingValue::Text(_) => None,
    }
}

/// Returns the reason why history itself knows nothing of a time.
async fn away(history: &dyn History, at: Timestamp) -> Result<Option<String>, Error> {
    let from = at.as_millisecond();
    let range = Range {
        from,
        to: from.saturating_add(1),
    };
    let gaps = history.away(range).await?;
    let gap = gaps.iter().find(|gap| gap.from <= from && from < gap.to);
    Ok(gap.map(|gap| gap.code.to_string()))
}
