//! The view of a policy at any time, from history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use utakata_history::{History, Point, Range, Series, What};
use utakata_model::{MetricName, Quality, TargetName, policy::Input};
use utakata_policy::{Candidate, Compiled, InputView, Sample, SampleValue, View};

use super::{
    live::{given, sample, silence},
    scope::{Place, Scope, count},
};

/// The longest time before the beginning for which a value is looked for.
const BEFORE: i64 = 24 * 3_600_000;

/// Everything that an instance could see in a range of time.
pub(super) struct Past {
    inputs: Vec<PastInput>,
    /// For each act and place, the amounts that it gave, in each of their series.
    gives: Vec<Vec<Vec<Track>>>,
    scope: Scope,
}

struct PastInput {
    targets: usize,
    is_silence: bool,
    tracks: Vec<(TargetName, Track)>,
}

/// Values by the time at which they were heard; absent where one is not to be trusted.
#[derive(Default)]
struct Track(Vec<(Timestamp, Option<SampleValue>)>);

impl Track {
    fn last(&self, time: Timestamp) -> Option<&(Timestamp, Option<SampleValue>)> {
        let after = self.0.partition_point(|(heard, _)| *heard <= time);
        self.0.get(after.checked_sub(1)?)
    }

    /// Returns the latest value at a time, if it can be trusted.
    fn at(&self, time: Timestamp) -> Option<(Timestamp, SampleValue)> {
        let (heard, value) = self.last(time)?;
        Some((*heard, value.clone()?))
    }
}

impl Past {
    /// Reads what an instance could see from a time to another.
    ///
    /// # Errors
    /// History cannot be read.
    pub async fn read(
        compiled: &Compiled,
        scope: Scope,
        history: &dyn History,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Self, utakata_history::Error> {
        let range = Range {
            from: from.as_millisecond().saturating_sub(BEFORE),
            to: to.as_millisecond().saturating_add(1),
        };
        let mut inputs = Vec::new();
        for (of, places) in compiled.inputs().zip(&scope.inputs) {
            inputs.push(PastInput {
                targets: count(places),
                is_silence: of.input.silence,
                tracks: tracks(of.input, places, history, range).await?,
            });
        }
        let mut gives = Vec::new();
        for (act, places) in compiled.acts().iter().zip(&scope.places) {
            let mut of_act = Vec::new();
            for place in places {
                of_act.push(match &act.act.gives {
                    None => Vec::new(),
                    Some(metric) => {
                        let name = place.entry.target.name.clone();
                        let outlet = place.outlet.as_deref();
                        amount(metric, name, outlet, history, range).await?
                    }
                });
            }
            gives.push(of_act);
        }
        Ok(Self {
            inputs,
            gives,
            scope,
        })
    }

    /// Returns the times at which something was heard, in order.
    pub fn times(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let tracks = self.inputs.iter().flat_map(|input| &input.tracks);
        let times = tracks.flat_map(|(_, track)| track.0.iter().map(|(heard, _)| *heard));
        let mut times: Vec<Timestamp> = times.filter(|time| *time >= from && *time <= to).collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// Returns the view at a time: only what had been heard by then.
    pub fn view(&self, compiled: &Compiled, now: Timestamp) -> View {
        let inputs = self.inputs.iter();
        let inputs = inputs.map(|input| InputView::new(input.targets, input.samples(now)));
        let acts = compiled
            .acts()
            .iter()
            .zip(&self.scope.places)
            .zip(&self.gives);
        let candidates = acts.map(|((_, places), gives)| {
            let places = places.iter().zip(gives);
            places
                .map(|(place, tracks)| Candidate {
                    target: place.entry.target.name.clone(),
                    outlet: place.outlet.clone(),
                    order: place.order.clone(),
                    gives: given(tracks.iter().filter_map(|track| track.at(now))),
                    is_free: true,
                })
                .collect()
        });
        View {
            inputs: inputs.collect(),
            candidates: candidates.collect(),
            fates: BTreeMap::new(),
            causes: Vec::new(),
        }
    }
}

impl PastInput {
    fn samples(&self, now: Timestamp) -> Vec<Sample> {
        if !self.is_silence {
            let seen = self.tracks.iter().filter_map(|(target, track)| {
                let (heard, value) = track.at(now)?;
                Some(Sample {
                    target: target.clone(),
                    value,
                    heard,
                })
            });
            return seen.collect();
        }
        let mut last: BTreeMap<&TargetName, Timestamp> = BTreeMap::new();
        for (target, track) in &self.tracks {
            if let Some((heard, _)) = track.last(now) {
                let latest = last.entry(target).or_insert(*heard);
                *latest = (*latest).max(*heard);
            }
        }
        let silent = last.iter();
        silent
            .map(|(target, heard)| silence(target, *heard, now))
            .collect()
    }
}

async fn tracks(
    input: &Input,
    places: &[Place],
    history: &dyn History,
    range: Range,
) -> Result<Vec<(TargetName, Track)>, utakata_history::Error> {
    let metric = input.metric.as_ref().map_or("", MetricName::as_str);
    let targets: Vec<TargetName> = places
        .iter()
        .map(|one| one.entry.target.name.clone())
        .collect();
    let found = history.series(&targets, metric).await?;
    let wants = |one: &Series| {
        let has = |(key, wanted): (&String, &String)| {
            let found = one.attributes.get(key.as_str());
            found.is_some_and(|found| wanted == "*" || **found == **wanted)
        };
        let is_its = input.silence || one.metric.as_str() == metric;
        let mut places = places.iter();
        let is_there =
            places.any(|place| place.entry.target.name == one.target && place.has(&one.attributes));
        is_there && is_its && input.attributes.iter().all(has)
    };
    let mut tracks = Vec::new();
    for series in found.iter().filter(|one| wants(one)) {
        let track = track(series, history, range).await?;
        tracks.push((series.target.clone(), track));
    }
    Ok(tracks)
}

async fn amount(
    metric: &MetricName,
    target: TargetName,
    outlet: Option<&str>,
    history: &dyn History,
    range: Range,
) -> Result<Vec<Track>, utakata_history::Error> {
    let found = history.series(&[target], metric.as_str()).await?;
    let its = found.iter().filter(|one| {
        let of = one.attributes.get("outlet").map(|outlet| &**outlet);
        one.metric == *metric && of == outlet
    });
    let mut tracks = Vec::new();
    for series in its {
        tracks.push(track(series, history, range).await?);
    }
    Ok(tracks)
}

async fn track(
    series: &Series,
    history: &dyn History,
    range: Range,
) -> Result<Track, utakata_history::Error> {
    let points = history.points(series, range).await?;
    let mut points: Vec<Point> = points
        .into_iter()
        .filter(|point| matches!(point.what, What::Value(_)))
        .collect();
    points.sort_by_key(|point| point.heard);
    let mut latest = Timestamp::MIN;
    let mut values = Vec::with_capacity(points.len());
    for point in points {
        // What was seen before what is known is no news, however late it arrives.
        if point.seen < latest {
            continue;
        }
        latest = point.seen;
        if let What::Value(value) = point.what {
            let is_good = value.quality == Quality::Good;
            values.push((point.heard, is_good.then(|| sample(&value.value))));
        }
    }
    Ok(Track(values))
}
