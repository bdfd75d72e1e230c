//! Queries: everything here blocks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use utakata_model::{Quality, ReadingValue, TargetName};

use super::{
    latest::read_error,
    merge::HOLES,
    shared::{Held, Shared, View},
    write::{BACK, OWN},
};
use crate::{
    aggregate::{Aggregate, Overall, Steps},
    block::Block,
    file::Owner,
    gap::{Gap, Mark, gaps, median_distance, missing},
    plan::{Plan, Stored, day_of, plan},
    query::{Error, Query, Tick, Track},
    row::{ColumnId, Content, Point, Sample, Series, SourceId, What},
    tier::{self, Figures, Hour},
    time::{HOUR, Millis, Range, timestamp},
};

/// The largest number of moments of one series.
pub(super) const MAX_POINTS: usize = 2_000_000;

/// The number of sources from which on a question is answered by several threads, and those.
const MANY_SOURCES: usize = 64;
const MAX_THREADS: usize = 4;

/// Returns the series of targets whose metrics begin like this.
pub fn series(shared: &Shared, targets: &[TargetName], metric: &str) -> Result<Vec<Series>, Error> {
    let mut series = Vec::new();
    for target in targets {
        let dictionary = shared.dictionary.lock();
        series.extend(dictionary.series(target, metric).map_err(read_error)?);
    }
    Ok(series)
}

/// Returns the moments of one series.
pub fn points(shared: &Shared, series: &Series, range: Range) -> Result<Vec<Point>, Error> {
    let reading = Reading::begin(shared, range, None);
    let mut found = Found::default();
    reading.source(series.source, &[series.column], &mut found);
    let cells = found.columns.remove(&series.column).unwrap_or_default();
    let mut points: Vec<Point> = Vec::with_capacity(cells.values.len() + found.holes.len());
    points.extend(cells.values.into_iter().map(|(seen, heard, sample)| Point {
        seen: timestamp(seen),
        heard: timestamp(heard),
        what: What::Value(sample),
    }));
    points.extend(found.holes.into_iter().map(|(seen, heard, code)| Point {
        seen: timestamp(seen),
        heard: timestamp(heard),
        what: What::Hole(code),
    }));
    if points.len() > MAX_POINTS {
        return Err(Error::TooMuch {
            what: "values",
            max: MAX_POINTS,
        });
    }
    points.sort_by_key(|point| (point.seen, point.heard));
    points.dedup();
    Ok(points)
}

/// Returns the times in which history itself was away.
pub fn away(shared: &Shared, range: Range) -> Vec<Gap> {
    Reading::begin(shared, range, None).own()
}

/// Returns the tracks of series.
pub fn query(shared: &Shared, query: &Query) -> Result<Vec<Track>, Error> {
    let mut by_source: BTreeMap<SourceId, Vec<usize>> = BTreeMap::new();
    for (at, series) in query.series.iter().enumerate() {
        by_source.entry(series.source).or_default().push(at);
    }
    let reading = Reading::begin(shared, query.range, query.step);
    let own = reading.own();
    let sources: Vec<(SourceId, Vec<usize>)> = by_source.into_iter().collect();
    let (values, ticks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let part = |sources: &[(SourceId, Vec<usize>)]| -> Result<Vec<(usize, Track)>, Error> {
        let mut tracks = Vec::new();
        for (source, wanted) in sources {
            let columns: Vec<ColumnId> = wanted.iter().map(|at| query.series[*at].column).collect();
            let mut found = Found::default();
            reading.source(*source, &columns, &mut found);
            found.sort();
            let read = found.count();
            let read = values.fetch_add(read, Ordering::Relaxed) + read;
            limit("values", read, query.max_values)?;
            for at in wanted {
                let series = &query.series[*at];
                let cells = found.columns.remove(&series.column).unwrap_or_default();
                let track = Track {
                    overall: cells.overall(query.range),
                    ..reading.track(series, &cells, &found.holes, &own)
                };
                let shown = track.ticks.len();
                let shown = ticks.fetch_add(shown, Ordering::Relaxed) + shown;
                limit("points", shown, query.max_ticks)?;
                tracks.push((*at, track));
            }
        }
        Ok(tracks)
    };
    let threads = match sources.len() {
        0..MANY_SOURCES => 1,
        _ => std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS)),
    };
    let chunk = sources.len().div_ceil(threads).max(1);
    let mut tracks = Vec::with_capacity(query.series.len());
    std::thread::scope(|scope| {
        let mut chunks = sources.chunks(chunk);
        let mine = chunks.next().unwrap_or_default();
        let part = &part;
        let others: Vec<_> = chunks
            .map(|chunk| scope.spawn(move || part(chunk)))
            .collect();
        tracks.extend(part(mine)?);
        for other in others {
            tracks.extend(other.join().map_err(|_| Error::Ending)??);
        }
        Ok::<(), Error>(())
    })?;
    tracks.sort_by_key(|(at, _)| *at);
    Ok(tracks.into_iter().map(|(_, track)| track).collect())
}

pub(super) fn limit(what: &'static str, count: usize, max: usize) -> Result<(), Error> {
    match count > max {
        true => Err(Error::TooMuch { what, max }),
        false => Ok(()),
    }
}

/// The files that answer a question.
pub(super) struct Reading<'s> {
    pub(super) shared: &'s Shared,
    pub(super) view: Arc<View>,
    pub(super) plan: Plan,
    pub(super) range: Range,
    step: Option<(Millis, Aggregate)>,
}

/// The columns and the holes found of one source.
#[derive(Default)]
struct Found {
    columns: HashMap<ColumnId, Cells>,
    holes: Vec<(Millis, Millis, Arc<str>)>,
}

/// The values found of one series.
#[derive(Default)]
struct Cells {
    values: Vec<(Millis, Millis, Sample)>,
    hours: Vec<Hour>,
}

impl Cells {
    /// Returns the numbers that are in no doubt, with their times.
    fn trusted(&self) -> impl Iterator<Item = (Millis, f64)> {
        self.values
            .iter()
            .filter_map(|(seen, _, sample)| match (&sample.value, sample.quality) {
                (ReadingValue::Number(number), Quality::Good) => Some((*seen, *number)),
                _ => None,
            })
    }

    /// Returns what is together of a range, which may be less than whole steps.
    fn overall(&self, range: Range) -> Option<Overall> {
        let mine = self.trusted().filter(|(seen, _)| range.holds(*seen));
        Overall::of(&self.hours, mine)
    }
}

impl Found {
    fn count(&self) -> usize {
        let each = self.columns.values();
        each.map(|cells| cells.values.len() + cells.hours.len())
            .sum()
    }

    fn sort(&mut self) {
        self.holes.sort();
        self.holes.dedup();
        for cells in self.columns.values_mut() {
            let is_sorted = cells
                .values
                .is_sorted_by_key(|(seen, heard, _)| (*seen, *heard));
            if !is_sorted {
                cells.values.sort_by_key(|(seen, heard, _)| (*seen, *heard));
            }
            cells
                .values
                .dedup_by_key(|(seen, heard, _)| (*seen, *heard));
            cells.hours.sort_by_key(|hour| (hour.hour, hour.last_seen));
        }
    }
}

impl<'s> Reading<'s> {
    /// Chooses the files. A range in steps begins and ends with whole steps.
    pub(super) fn begin(
        shared: &'s Shared,
        range: Range,
        step: Option<(Millis, Aggregate)>,
    ) -> Self {
        let view = shared.view();
        let stored: Vec<Stored> = view.files.iter().map(|held| held.stored).collect();
        let range = match step {
            Some((step, _)) => whole_steps(range, step),
            None => range,
        };
        let is_coarse = step.is_some_and(|(step, aggregate)| Steps::is_coarse(step, aggregate));
        Self {
            shared,
            plan: plan(range, is_coarse, &stored),
            view,
            range,
            step,
        }
    }

    /// Reads columns of a source from all files.
    fn source(&self, source: SourceId, columns: &[ColumnId], found: &mut Found) {
        for (at, only) in &self.plan.hours {
            self.tier(
                &self.view.files[*at],
                only.as_ref(),
                (source, columns),
                found,
            );
        }
        for at in &self.plan.raw {
            self.raw(&self.view.files[*at], source, columns, found);
        }
        for journal in self.view.journals.iter().chain(&self.view.current) {
            if !journal.meets(self.range) {
                continue;
            }
            let (rows, damaged) = journal.rows(source);
            let error = &"rows changed after they were written";
            self.shared.found_damage(damaged, &journal.path, error);
            for row in rows.into_iter().filter(|row| self.range.holds(row.seen)) {
                match row.content {
                    Content::Hole(code) => found.holes.push((row.seen, row.heard, code)),
                    Content::Values(values) => {
                        for (column, sample) in values {
                            if columns.contains(&column) {
                                let cells = found.columns.entry(column).or_default();
                                cells.values.push((row.seen, row.heard, sample));
                            }
                        }
                    }
                }
            }
        }
    }

    fn raw(&self, held: &Held, source: SourceId, columns: &[ColumnId], found: &mut Found) {
        let read = held.file.each_of(&[Owner::source(source)], |sealed| {
            if !self.range.meets(sealed.first, sealed.last) {
                return;
            }
            match Block::decode(&sealed.body, |id| columns.contains(&id)) {
                Ok(block) => self.block(&block, columns, found),
                Err(error) => self.shared.found_damage(1, &held.file.path, &error),
            }
        });
        if let Err(error) = read {
            self.shared.found_damage(1, &held.file.path, &error);
        }
    }

    fn block(&self, block: &Block, columns: &[ColumnId], found: &mut Found) {
        let times = |row: usize| {
            let seen = block.seen[row];
            self.range.holds(seen).then(|| (seen, block.heard[row]))
        };
        for column in columns {
            let cells = found.columns.entry(*column).or_default();
            block.each_value(*column, |row, sample| {
                if let Some((seen, heard)) = times(row) {
                    cells.values.push((seen, heard, sample));
                }
            });
        }
        block.each_hole(|row, code| {
            if let Some((seen, heard)) = times(row) {
                found.holes.push((seen, heard, Arc::clone(code)));
            }
        });
    }

    fn tier(
        &self,
        held: &Held,
        only: Option<&BTreeSet<i64>>,
        (source, columns): (SourceId, &[ColumnId]),
        found: &mut Found,
    ) {
        let is_meant = |time: Millis| {
            self.range.meets(time, time.saturating_add(HOUR - 1))
                && only.is_none_or(|only| only.contains(&day_of(time)))
        };
        let damaged = |error: &dyn std::fmt::Display| {
            self.shared.found_damage(1, &held.file.path, error);
        };
        let figures = match self.step {
            Some((_, Aggregate::Average | Aggregate::Sum)) | None => Figures::Sum,
            Some((_, Aggregate::Least)) => Figures::Least,
            Some((_, Aggregate::Greatest)) => Figures::Greatest,
            Some(_) => Figures::All,
        };
        for column in columns {
            let cells = found.columns.entry(*column).or_default();
            let owner = Owner::series(source, *column);
            let read = held.file.each_of(&[owner], |sealed| {
                match tier::decode_figures(&sealed.body, figures) {
                    Ok(hours) => {
                        let meant = |hour: &Hour| is_meant(hour.hour.saturating_mul(HOUR));
                        cells.hours.extend(hours.into_iter().filter(meant));
                    }
                    Err(error) => damaged(&error),
                }
            });
            if let Err(error) = read {
                damaged(&error);
            }
        }
        let owner = Owner::series(source, HOLES);
        let read = held.file.each_of(&[owner], |sealed| {
            match Block::decode(&sealed.body, |_| false) {
                Ok(block) => block.each_hole(|row, code| {
                    let seen = block.seen[row];
                    if is_meant(seen) && self.range.holds(seen) {
                        found.holes.push((seen, block.heard[row], Arc::clone(code)));
                    }
                }),
                Err(error) => damaged(&error),
            }
        });
        if let Err(error) = read {
            damaged(&error);
        }
    }

    /// Returns the times in which history itself was away.
    fn own(&self) -> Vec<Gap> {
        let mut found = Found::default();
        // From before the range, too: a time may have begun there.
        let from = self.range.from.saturating_sub(crate::time::DAY);
        let whole = Self {
            shared: self.shared,
            view: Arc::clone(&self.view),
            plan: self.plan.clone(),
            range: Range {
                from,
                to: self.range.to,
            },
            step: None,
        };
        whole.source(OWN, &[], &mut found);
        found.sort();
        let mut own: Vec<Gap> = Vec::new();
        let mut since: Option<(Millis, Arc<str>)> = None;
        for (seen, _, code) in found.holes {
            match (&*code == BACK, since.take()) {
                (true, Some((from, code))) => own.push(Gap {
                    from,
                    to: seen,
                    code,
                }),
                (true, None) => {}
                (false, before) => since = before.or(Some((seen, code))),
            }
        }
        own
    }

    fn track(
        &self,
        series: &Series,
        cells: &Cells,
        holes: &[(Millis, Millis, Arc<str>)],
        own: &[Gap],
    ) -> Track {
        let series = series.clone();
        let end = self.range.to.min(self.shared.now());
        match self.step {
            None => {
                let (ticks, marks) = self.values(cells, holes);
                let from = self.range.from.max(0);
                Track {
                    gaps: gaps(&marks, own, (from, end.max(from))),
                    ticks,
                    series,
                    overall: None,
                    turns: 0,
                }
            }
            Some((step, aggregate)) => {
                let mut steps = Steps::new(step, aggregate);
                cells.hours.iter().for_each(|hour| steps.hour(hour));
                cells
                    .trusted()
                    .for_each(|(seen, number)| steps.number(seen, number));
                let figures = steps.figures();
                let holes: Vec<(Millis, Arc<str>)> = holes
                    .iter()
                    .map(|(seen, _, code)| (*seen, Arc::clone(code)))
                    .collect();
                let times: Vec<Millis> = cells.values.iter().map(|(seen, ..)| *seen).collect();
                let usual = median_distance(&times);
                let from = self.range.from.max(0);
                let ticks = figures.iter().map(|(time, figure)| Tick {
                    time: *time,
                    value: ReadingValue::Number(*figure),
                    quality: Quality::Good,
                });
                Track {
                    ticks: ticks.collect(),
                    gaps: missing(&figures, &holes, own, (from, end.max(from), step), usual),
                    series,
                    overall: None,
                    turns: match aggregate {
                        Aggregate::Rate => steps.turns,
                        _ => 0,
                    },
                }
            }
        }
    }

    /// Returns the values themselves; where only hours are left, their means.
    fn values(
        &self,
        cells: &Cells,
        holes: &[(Millis, Millis, Arc<str>)],
    ) -> (Vec<Tick>, Vec<Mark>) {
        let means = cells.hours.iter().map(|hour| Tick {
            time: hour.hour * HOUR,
            #[allow(
                clippy::cast_precision_loss,
                reason = "there are not so many in an hour"
            )]
            value: ReadingValue::Number(hour.sum / hour.count.max(1) as f64),
            quality: Quality::Good,
        });
        let values = cells.values.iter().map(|(seen, _, sample)| Tick {
            time: *seen,
            value: sample.value.clone(),
            quality: sample.quality,
        });
        let mut ticks: Vec<Tick> = means.chain(values).collect();
        ticks.sort_by_key(|tick| tick.time);
        let holes = holes
            .iter()
            .map(|(seen, _, code)| (*seen, Some(Arc::clone(code))));
        let seen = ticks.iter().map(|tick| (tick.time, None));
        let mut marks: Vec<Mark> = seen.chain(holes).collect();
        marks.sort();
        (ticks, marks)
    }
}

/// Widens a range to whole steps.
fn whole_steps(range: Range, step: Millis) -> Range {
    let step = step.max(1);
    let below = |time: Millis| time.div_euclid(step).saturating_mul(step);
    let to = below(range.to);
    Range {
        from: below(range.from),
        to: match to == range.to {
            true => to,
            false => to.saturating_add(step),
        },
    }
}
