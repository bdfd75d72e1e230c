//! Rules over history: the alarms that they would have raised. It reads, and changes nothing.
//!
//! Targets, their labels, and the schedules that read them are those of today. Causes, locks and
//! people's acts of that time do not count.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_alarm::{Compiled, Replay, Spell, Subject, Watch};
use utakata_history::{
    Attempt, Error, Gap, History, Point, Range, Sample, Series, What, time::timestamp,
};
use utakata_model::{MetricName, Quality, ReadingValue, TargetName, reading::Attributes};

use super::record::series;
use crate::{
    inventory::TargetEntry,
    observe::{Coverage, Covers},
};

/// The largest number of values that one request steps through: a few seconds' work.
const MAX_VALUES: usize = 5_000_000;
/// The largest number of alarms that one request finds.
const MAX_SPELLS: usize = 200_000;

/// The past of a site, and how much of it one request may still look at.
pub struct Past<'h> {
    history: &'h dyn History,
    range: Range,
    away: Arc<[Gap]>,
    coverage: Arc<Coverage>,
    values: usize,
    spells: usize,
}

/// The alarms that a rule would have raised.
#[derive(Debug, Default)]
pub struct Replayed {
    pub targets: u64,
    /// The targets that no schedule reads: nobody would have noticed that they are silent.
    pub unread: u64,
    pub series: u64,
    pub values: u64,
    pub first: Option<Timestamp>,
    /// By the time at which they would have been raised.
    pub spells: Vec<TargetSpell>,
}

/// A time in which the alarm of a target would have been active.
#[derive(Debug)]
pub struct TargetSpell {
    pub target: TargetName,
    pub attributes: Attributes,
    pub unit: Arc<str>,
    pub text: String,
    pub spell: Spell,
}

/// One series, or one target, under a rule.
struct Watched {
    rule: Arc<Compiled>,
    entry: Arc<TargetEntry>,
    attributes: Attributes,
    unit: Arc<str>,
    covers: Option<Covers>,
    moments: Vec<(Timestamp, Moment)>,
}

/// Something that the alarms would have heard.
#[derive(Debug, PartialEq)]
enum Moment {
    Value(ReadingValue),
    Answer,
}

impl<'h> Past<'h> {
    /// Begins to look at the past.
    ///
    /// # Errors
    /// History cannot be read.
    pub async fn begin(
        history: &'h dyn History,
        coverage: Arc<Coverage>,
        range: Range,
    ) -> Result<Self, Error> {
        let away = history.away(range).await?;
        Ok(Self {
            history,
            range,
            away: away.into(),
            coverage,
            values: MAX_VALUES,
            spells: MAX_SPELLS,
        })
    }

    /// Steps a rule through the past of the targets that it is about.
    ///
    /// # Errors
    /// History cannot be read, or there is too much of it.
    pub async fn replay(
        &mut self,
        rule: &Arc<Compiled>,
        targets: &[Arc<TargetEntry>],
    ) -> Result<Replayed, Error> {
        let mut found = Replayed::default();
        let is_meant = |entry: &&Arc<TargetEntry>| rule.rule().selector.matches(&entry.target);
        for entry in targets.iter().filter(is_meant) {
            found.targets += 1;
            let covers = self.coverage.of(&entry.target.name);
            let watched = match rule.watch() {
                Watch::Metric { metric, .. } => self.series(rule, metric, entry, covers).await?,
                Watch::Silence { .. } | Watch::Absence { .. } if covers.is_none() => {
                    found.unread += 1;
                    continue;
                }
                Watch::Silence { .. } => self.answers(rule, None, entry, covers).await?,
                Watch::Absence { metric } => {
                    self.answers(rule, Some(metric), entry, covers).await?
                }
            };
            for one in watched.into_iter().filter(|one| !one.moments.is_empty()) {
                self.step(one, &mut found).await?;
            }
        }
        found.spells.sort_by_key(|one| one.spell.raised);
        Ok(found)
    }

    async fn step(&mut self, watched: Watched, found: &mut Replayed) -> Result<(), Error> {
        found.series += 1;
        found.values += watched.moments.len() as u64;
        let first = watched.moments.first().map(|(at, _)| *at);
        found.first = found.first.into_iter().chain(first).min();
        let (away, range) = (Arc::clone(&self.away), self.range);
        let spells = tokio::task::spawn_blocking(move || watched.decide(&away, range));
        let spells = spells.await.map_err(|_| Error::Ending)?;
        self.spells = spend(self.spells, spells.len(), ("alarms", MAX_SPELLS))?;
        found.spells.extend(spells);
        Ok(())
    }

    /// Returns the series of a target that a rule on a metric watches.
    async fn series(
        &mut self,
        rule: &Arc<Compiled>,
        metric: &MetricName,
        entry: &Arc<TargetEntry>,
        covers: Option<Covers>,
    ) -> Result<Vec<Watched>, Error> {
        let mut watched: BTreeMap<u64, Watched> = BTreeMap::new();
        for one in self.of_metric(rule, metric, &entry.target.name).await? {
            let moments = self.values(&one).await?;
            let known = watched.entry(series(&one.attributes));
            let known = known.or_insert_with(|| Watched {
                rule: Arc::clone(rule),
                entry: Arc::clone(entry),
                attributes: one.attributes.clone(),
                unit: Arc::clone(&one.unit),
                covers,
                moments: Vec::new(),
            });
            known.moments.extend(moments);
        }
        let mut watched: Vec<Watched> = watched.into_values().collect();
        for one in &mut watched {
            one.moments.sort_by_key(|(at, _)| *at);
        }
        Ok(watched)
    }

    async fn of_metric(
        &self,
        rule: &Compiled,
        metric: &MetricName,
        target: &TargetName,
    ) -> Result<Vec<Series>, Error> {
        let names = std::slice::from_ref(target);
        let mut found = self.history.series(names, metric.as_str()).await?;
        found.retain(|one| one.metric == *metric && rule.has(&one.attributes));
        Ok(found)
    }

    async fn values(&mut self, of: &Series) -> Result<Vec<(Timestamp, Moment)>, Error> {
        let points = self.history.points(of, self.range).await?;
        self.values = spend(self.values, points.len(), ("values", MAX_VALUES))?;
        Ok(heard(points))
    }

    /// Returns a target whose answers a rule watches, and the metric that it waits for in them.
    async fn answers(
        &mut self,
        rule: &Arc<Compiled>,
        metric: Option<&MetricName>,
        entry: &Arc<TargetEntry>,
        covers: Option<Covers>,
    ) -> Result<Vec<Watched>, Error> {
        let name = &entry.target.name;
        let attempts = self.history.attempts(name, self.range).await?;
        self.values = spend(self.values, attempts.len(), ("attempts", MAX_VALUES))?;
        let mut moments = Vec::new();
        if let Some(metric) = metric {
            for one in self.of_metric(rule, metric, name).await? {
                moments.extend(self.values(&one).await?);
            }
        }
        // Of one moment the values are heard first.
        moments.extend(
            attempts
                .iter()
                .filter_map(|attempt| answer(attempt, metric)),
        );
        moments.sort_by_key(|(at, _)| *at);
        Ok(vec![Watched {
            rule: Arc::clone(rule),
            entry: Arc::clone(entry),
            attributes: Attributes::default(),
            unit: "".into(),
            covers,
            moments,
        }])
    }
}

/// Takes what was used from what is left.
fn spend(left: usize, used: usize, (what, max): (&'static str, usize)) -> Result<usize, Error> {
    left.checked_sub(used).ok_or(Error::TooMuch { what, max })
}

/// Returns what the alarms would have heard of points: good values, in the order in which they
/// arrived, without those that arrived after newer ones.
fn heard(mut points: Vec<Point>) -> Vec<(Timestamp, Moment)> {
    points.sort_by_key(|point| (point.heard, point.seen));
    let mut latest = Timestamp::MIN;
    let good = points.into_iter().filter_map(|point| {
        let What::Value(Sample { value, quality }) = point.what else {
            return None;
        };
        if point.seen < latest {
            return None;
        }
        latest = point.seen;
        (quality == Quality::Good).then_some((point.heard, Moment::Value(value)))
    });
    good.collect()
}

fn answer(attempt: &Attempt, metric: Option<&MetricName>) -> Option<(Timestamp, Moment)> {
    let moment = match metric {
        // For silence an answer is the value.
        None => Moment::Value(ReadingValue::Text("answers".into())),
        Some(_) => Moment::Answer,
    };
    let at = timestamp(attempt.heard);
    attempt.is_answer.then_some((at, moment))
}

impl Watched {
    /// Decides as it would have been decided then.
    fn decide(self, away: &[Gap], range: Range) -> Vec<TargetSpell> {
        let subject = Subject {
            target: Some(&self.entry.target),
            attributes: &self.attributes,
        };
        // A target that came later was not silent before.
        let Some((began, _)) = self.moments.first() else {
            return Vec::new();
        };
        let mut replay = Replay::new(&self.rule, subject, self.patience(), *began);
        let mut away = away.iter().peekable();
        for (at, moment) in &self.moments {
            while let Some(gap) = away.next_if(|gap| timestamp(gap.from) <= *at) {
                replay.away(timestamp(gap.from), timestamp(gap.to));
            }
            match moment {
                Moment::Value(value) => replay.value(value, *at),
                Moment::Answer => replay.answer(*at),
            }
        }
        for gap in away {
            replay.away(timestamp(gap.from), timestamp(gap.to));
        }
        let name = self.entry.target.name.as_str();
        let spells = replay.end(timestamp(range.to)).into_iter();
        let told = spells.map(|spell| {
            let value = spell.value.as_ref();
            let text = self.rule.sentence(name, subject, value, &self.unit);
            TargetSpell {
                target: self.entry.target.name.clone(),
                attributes: self.attributes.clone(),
                unit: Arc::clone(&self.unit),
                text: match text.is_empty() {
                    true => format!("{}: {name}", self.rule.rule().name),
                    false => text,
                },
                spell,
            }
        });
        told.collect()
    }

    /// Returns the time after which hearing nothing is silence.
    fn patience(&self) -> Option<Duration> {
        let covers = self.covers?;
        Some(match self.rule.watch() {
            Watch::Silence { intervals } => covers.silence(*intervals),
            Watch::Metric { .. } | Watch::Absence { .. } => covers.allows(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_arrived_late_or_is_in_doubt_would_not_have_been_heard() {
        let point = |seen, heard, number: f64, quality| Point {
            seen: at(seen),
            heard: at(heard),
            what: What::Value(Sample {
                value: ReadingValue::Number(number),
                quality,
            }),
        };
        let hole = Point {
            what: What::Hole("unreachable".into()),
            ..point(15, 15, 0.0, Quality::Good)
        };
        let points = vec![
            point(10, 12, 1.0, Quality::Good),
            point(20, 40, 2.0, Quality::Good),
            point(30, 31, 3.0, Quality::Good),
            point(50, 51, 4.0, Quality::Suspect),
            hole,
        ];
        let number =
            |at_second, number| (at(at_second), Moment::Value(ReadingValue::Number(number)));
        assert_eq!(heard(points), [number(12, 1.0), number(31, 3.0)]);
    }

    #[test]
    fn what_is_used_is_taken_from_what_is_left_and_never_more() {
        assert!(matches!(spend(10, 4, ("values", 10)), Ok(6)));
        assert!(matches!(spend(10, 10, ("values", 10)), Ok(0)));
        let error = spend(3, 4, ("values", 10)).unwrap_err().to_string();
        assert_eq!(error, "more than 10 values would be read");
    }
}
