//! History in any engine that speaks Prometheus, for sites that outgrow the disk of one machine:
//! VictoriaMetrics, Prometheus, Thanos, Mimir.
//!
//! Readings go out by remote write; questions come back as the samples of a range, through the HTTP
//! API, and are aggregated here by the same functions as in the embedded history. An engine keeps
//! numbers and times: a text is a sample of 1 with the label `text`, a failed attempt one of the
//! metric `utakata_hole`. The time at which a value was heard is not kept.

#![allow(
    missing_docs,
    reason = "only utakata itself uses this crate: a name that says enough needs no comment"
)]

mod ask;
mod label;
mod write;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use utakata_history::{
    Aggregate, Attempt, Error, Gap, History, Point, Query, Range, Record, Sample, Series, Tick,
    Track, What,
    aggregate::{Overall, Steps},
    gap::{gaps, median_distance, missing},
    time::timestamp,
};
use utakata_model::{Quality, ReadingValue, TargetName};

use self::{
    ask::Found,
    label::HOLE,
    write::{Message, Writer},
};

/// The number of records that may wait for the engine.
const QUEUE: usize = 65_536;
/// The time that the engine may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Returns an HTTP client. Without TLS the authorities of the system are not read: it takes time,
/// and there may be none.
fn client(base: &str) -> reqwest::Client {
    let builder = reqwest::Client::builder();
    let builder = match base.starts_with("https://") {
        true => builder,
        false => builder.tls_certs_only([]),
    };
    builder.build().unwrap_or_else(|error| {
        tracing::error!(%error, "an engine with TLS cannot be reached without authorities");
        reqwest::Client::new()
    })
}

/// A history in another engine.
pub struct Prometheus {
    client: reqwest::Client,
    /// `http://victoria.example:8428`
    base: String,
    queue: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

impl Prometheus {
    /// Creates a history in the engine at this URL. Must be called within a runtime, which writes in
    /// the background until this is dropped.
    pub fn new(base: &str) -> Self {
        let (queue, records) = mpsc::channel(QUEUE);
        let client = client(base);
        let base = base.trim_end_matches('/').to_owned();
        let lost = Arc::<AtomicU64>::default();
        let writer = Writer::new(client.clone(), &base, Arc::clone(&lost));
        tokio::spawn(writer.run(records));
        Self {
            client,
            base,
            queue,
            lost,
        }
    }

    /// Returns the number of rows that the engine did not take.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    async fn ask(&self, selector: &str, range: Range) -> Result<Vec<Found>, Error> {
        let question = ask::range(&self.client, &self.base, selector, range);
        match tokio::time::timeout(TIMEOUT, question).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Engine(format!("{} does not answer", self.base))),
        }
    }

    /// Returns the moments of a series, and its failed attempts.
    async fn moments(&self, series: &Series, range: Range) -> Result<Vec<Point>, Error> {
        let mut points = Vec::new();
        for found in self.ask(&label::selector(series), range).await? {
            let labels = label::Labels::parse(&found.labels);
            // Another series may have more labels than this one.
            if labels.attributes != series.attributes {
                continue;
            }
            points.extend(found.samples.into_iter().map(|(time, number)| {
                let value = match &labels.text {
                    Some(text) => ReadingValue::Text(text.as_str().into()),
                    None => ReadingValue::Number(number),
                };
                let quality = labels.quality;
                point(time, What::Value(Sample { value, quality }))
            }));
        }
        let holes = label::of_source(HOLE, series.target.as_str(), Some(series.action.as_str()));
        for found in self.ask(&holes, range).await? {
            let code: Arc<str> = found.labels.get("code").map_or("", String::as_str).into();
            let hole = |(time, _)| point(time, What::Hole(Arc::clone(&code)));
            points.extend(found.samples.into_iter().map(hole));
        }
        points.sort_by_key(|point| point.seen);
        Ok(points)
    }
}

fn point(time: i64, what: What) -> Point {
    let seen = timestamp(time);
    Point {
        seen,
        heard: seen,
        what,
    }
}

#[async_trait]
impl History for Prometheus {
    fn append(&self, record: Record) {
        if self.queue.try_send(Message::Record(record)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn settle(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Message::Settle(done)).await.is_ok() {
            let _ = wait.await;
        }
    }

    async fn series(&self, targets: &[TargetName], metric: &str) -> Result<Vec<Series>, Error> {
        let mut all = BTreeMap::new();
        for target in targets {
            let selector = label::of_target(target.as_str(), metric);
            let found = ask::series(&self.client, &self.base, &selector).await?;
            for labels in found {
                let labels = label::Labels::parse(&labels);
                if let Some(series) = labels.series() {
                    let key = (
                        series.target.clone(),
                        series.metric.clone(),
                        series.action.clone(),
                        series.attributes.clone(),
                        series.unit.clone(),
                    );
                    all.insert(key, series);
                }
            }
        }
        Ok(all.into_values().collect())
    }

    async fn points(&self, series: &Series, range: Range) -> Result<Vec<Point>, Error> {
        self.moments(series, range).await
    }

    async fn attempts(&self, target: &TargetName, range: Range) -> Result<Vec<Attempt>, Error> {
        let selector = label::of_source("", target.as_str(), None);
        let mut attempts = Vec::new();
        for found in self.ask(&selector, range).await? {
            let is_answer = found.labels.get("__name__").is_none_or(|name| name != HOLE);
            let heard = found.samples.into_iter().map(|(heard, _)| heard);
            attempts.extend(heard.map(|heard| Attempt { heard, is_answer }));
            // Each value of an answer is a sample of its own.
            attempts.sort_unstable();
            attempts.dedup();
        }
        Ok(attempts)
    }

    /// The engine knows of no time in which it was away.
    async fn away(&self, _range: Range) -> Result<Vec<Gap>, Error> {
        Ok(Vec::new())
    }

    async fn query(&self, query: Query) -> Result<Vec<Track>, Error> {
        let mut tracks = Vec::new();
        let (mut values, mut ticks) = (0, 0);
        for series in &query.series {
            let points = self.moments(series, query.range).await?;
            values += points.len();
            if values > query.max_values {
                return Err(too_much("values", query.max_values));
            }
            let track = track(series, &points, &query);
            ticks += track.ticks.len();
            if ticks > query.max_ticks {
                return Err(too_much("points", query.max_ticks));
            }
            tracks.push(track);
        }
        Ok(tracks)
    }
}

fn too_much(what: &'static str, max: usize) -> Error {
    Error::TooMuch { what, max }
}

fn track(series: &Series, points: &[Point], query: &Query) -> Track {
    let holes: Vec<(i64, Arc<str>)> = points
        .iter()
        .filter_map(|point| match &point.what {
            What::Hole(code) => Some((point.seen.as_millisecond(), Arc::clone(code))),
            What::Value(_) => None,
        })
        .collect();
    let end = now();
    let (from, to) = (query.range.from.max(0), query.range.to.min(end));
    let to = to.max(from);
    let mine = trusted(points).filter(|(seen, _)| query.range.holds(*seen));
    let overall = Overall::of(&[], mine);
    let Some((step, aggregate)) = query.step else {
        let mark = |point: &Point| match &point.what {
            What::Hole(code) => (point.seen.as_millisecond(), Some(Arc::clone(code))),
            What::Value(_) => (point.seen.as_millisecond(), None),
        };
        let marks: Vec<_> = points.iter().map(mark).collect();
        return Track {
            series: series.clone(),
            ticks: points.iter().filter_map(tick).collect(),
            gaps: gaps(&marks, &[], (from, to)),
            overall,
            turns: 0,
        };
    };
    let mut steps = Steps::new(step, aggregate);
    let mut times = Vec::new();
    for (seen, number) in trusted(points) {
        steps.number(seen, number);
        times.push(seen);
    }
    let figures = steps.figures();
    let start = from.div_euclid(step.max(1)) * step;
    Track {
        series: series.clone(),
        gaps: missing(
            &figures,
            &holes,
            &[],
            (start, to, step),
            median_distance(&times),
        ),
        ticks: figures
            .iter()
            .map(|(time, figure)| Tick {
                time: *time,
                value: ReadingValue::Number(*figure),
                quality: Quality::Good,
            })
            .collect(),
        overall,
        turns: match aggregate {
            Aggregate::Rate => steps.turns,
            _ => 0,
        },
    }
}

/// Returns the numbers that are in no doubt, with their times.
fn trusted(points: &[Point]) -> impl Iterator<Item = (i64, f64)> {
    points.iter().filter_map(|point| match &point.what {
        What::Value(Sample {
            value: ReadingValue::Number(number),
            quality: Quality::Good,
        }) => Some((point.seen.as_millisecond(), *number)),
        What::Value(_) | What::Hole(_) => None,
    })
}

fn tick(point: &Point) -> Option<Tick> {
    match &point.what {
        What::Value(sample) => Some(Tick {
            time: point.seen.as_millisecond(),
            value: sample.value.clone(),
            quality: sample.quality,
        }),
        What::Hole(_) => None,
    }
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
