//! `/v1/history`: what was seen in the past.

use std::{collections::BTreeMap, time::Duration};

use axum::Json;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utakata_api::history::{Aggregate as Figure, GapView, HistoryView, OverallView, SeriesView};
use utakata_history::{
    Aggregate, Error, History, Query as Question, Range, Series, Track,
    aggregate::{Overall, group},
    time::timestamp,
};
use utakata_model::{Quality, ReadingValue, Selector, duration, reading::Attributes};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToSee},
    query::{Query, invalid, limit},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::{clock, code::Code};

/// The range if none is given.
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(1);
/// The largest number of steps of a series.
const MAX_STEPS: i64 = 11_000;
/// The number of steps where an aggregate is given without their length.
const STEPS: i64 = 300;
/// The largest number of values that are read for one answer: about a second's work.
const MAX_VALUES: usize = 20_000_000;
/// The largest number of points of an answer.
const MAX_POINTS: usize = 500_000;
/// The largest number of targets of a question.
const MAX_TARGETS: usize = 20_000;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

/// A question about the past.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// The selector: `kind=apc-pdu,room=A,rack in (A1,A2)`. Empty means all targets.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// A metric, or the beginning of its name: `hw.power`.
    #[param(max_length = 128)]
    metric: Option<String>,
    /// Attributes that the series must have: `hw.id=inlet,phase=*`.
    #[serde(rename = "where")]
    #[param(max_length = 1024)]
    filter: Option<String>,
    /// The beginning of the range; an hour before its end when not given.
    #[param(value_type = Option<String>, format = "date-time")]
    from: Option<Timestamp>,
    /// The end of the range; now when not given.
    #[param(value_type = Option<String>, format = "date-time")]
    to: Option<Timestamp>,
    /// The length of a step: `5m`. Steps begin at whole multiples of it, in UTC.
    #[param(max_length = 32)]
    step: Option<String>,
    /// The figure of each step; the mean if only a step is given. Without both, the values
    /// themselves are shown.
    aggregate: Option<Figure>,
    /// The label, or the attribute, by which series are put together: `rack`; `*` for all of them.
    /// Needs a step.
    #[param(max_length = 128)]
    by: Option<String>,
    /// The largest number of series in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Returns what was seen in a range of time: the values themselves, or a figure for each step. Times
/// without values are listed with their reasons. A question that would take too long is refused.
#[utoipa::path(get, path = "/v1/history", operation_id = "get_history", tag = "observe",
    params(HistoryQuery),
    responses((status = 200, description = "Values in the past", body = HistoryView)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<HistoryView>, Refused> {
    let api = &allowed.api;
    check_lengths(&query)?;
    let max = limit(query.limit)?;
    let plan = Request::parse(&query, clock::now())?;
    let history = api.handle.history().ok_or_else(away)?;
    let targets = allowed.select(&query.selector);
    if targets.len() > MAX_TARGETS {
        return Err(too_large(&format!(
            "more than {MAX_TARGETS} targets are selected"
        )));
    }
    let names: Vec<_> = targets.iter().map(|one| one.target.name.clone()).collect();
    let metric = query.metric.as_deref().unwrap_or_default();
    let mut series = history
        .series(&names, metric)
        .await
        .map_err(|error| refused(&error))?;
    series.retain(|one| plan.wants(one));
    if query.by.is_none() && series.len() > max {
        let count = series.len();
        return Err(too_large(&format!(
            "{count} series match, and the limit is {max}"
        )));
    }
    let tracks = plan.tracks(history, series).await?;
    let series = match &query.by {
        None => {
            let figure = plan.step.map(|(_, figure)| figure);
            tracks
                .into_iter()
                .map(|track| view(track, figure))
                .collect()
        }
        Some(by) => {
            let label = |track: &Track| {
                let at = targets.binary_search_by(|one| one.target.name.cmp(&track.series.target));
                let labels = at.ok().map(|at| &targets[at].target);
                let attribute = track.series.attributes.get(by.as_str());
                let label = labels.and_then(|target| target.labels.get(by.as_str()));
                attribute
                    .map(ToString::to_string)
                    .or_else(|| label.cloned())
            };
            groups(tracks, by, plan.aggregate(), label)
        }
    };
    if series.len() > max {
        return Err(too_large(&format!("there are more than {max} groups")));
    }
    Ok(Json(HistoryView {
        from: plan.from,
        to: plan.to,
        step: plan.step.map(|(step, _)| duration::format(step)),
        aggregate: plan.step.map(|(_, figure)| figure),
        series,
    }))
}

/// A question that was understood.
struct Request {
    from: Timestamp,
    to: Timestamp,
    step: Option<(Duration, Figure)>,
    filter: Vec<(String, String)>,
}

impl Request {
    fn parse(query: &HistoryQuery, now: Timestamp) -> Result<Self, Refused> {
        let to = query.to.unwrap_or(now);
        let hour_before = to.checked_sub(DEFAULT_RANGE).unwrap_or(to);
        let from = query.from.unwrap_or(hour_before);
        if from >= to {
            return Err(invalid("from is not before to"));
        }
        let length = to.as_millisecond() - from.as_millisecond();
        let step = match (&query.step, query.aggregate) {
            (None, None) => None,
            (None, Some(figure)) => Some((steps_of(length), figure)),
            (Some(text), figure) => {
                let step =
                    duration::parse(text).map_err(|error| invalid(format!("step: {error}")))?;
                let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
                if millis == 0 || length / millis > MAX_STEPS {
                    let detail = format!("the range has more than {MAX_STEPS} steps of {text}");
                    return Err(invalid(detail));
                }
                Some((step, figure.unwrap_or(Figure::Avg)))
            }
        };
        if query.by.is_some() && step.is_none() {
            return Err(invalid("by needs a step or an aggregate"));
        }
        let filter = query.filter.as_deref().unwrap_or_default();
        Ok(Self {
            from,
            to,
            step,
            filter: pairs(filter)?,
        })
    }

    fn aggregate(&self) -> Aggregate {
        match self.step.map(|(_, figure)| figure) {
            Some(Figure::Min) => Aggregate::Least,
            Some(Figure::Max) => Aggregate::Greatest,
            Some(Figure::Sum) => Aggregate::Sum,
            Some(Figure::Last) => Aggregate::Last,
            Some(Figure::Rate) => Aggregate::Rate,
            Some(Figure::P98) => Aggregate::Percentile(98),
            Some(Figure::Avg) | None => Aggregate::Average,
        }
    }

    fn wants(&self, series: &Series) -> bool {
        self.filter.iter().all(|(key, wanted)| {
            let found = series.attributes.get(key.as_str());
            found.is_some_and(|found| wanted == "*" || **found == **wanted)
        })
    }

    async fn tracks(
        &self,
        history: &dyn History,
        series: Vec<Series>,
    ) -> Result<Vec<Track>, Refused> {
        let step = self.step.map(|(step, _)| {
            let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
            (millis, self.aggregate())
        });
        let question = Question {
            series,
            range: Range {
                from: self.from.as_millisecond(),
                to: self.to.as_millisecond(),
            },
            step,
            max_values: MAX_VALUES,
            max_ticks: MAX_POINTS,
        };
        history
            .query(question)
            .await
            .map_err(|error| refused(&error))
    }
}

/// Returns a length of steps that people use, of which a range has about [`STEPS`].
fn steps_of(length: i64) -> Duration {
    const USUAL: [u64; 14] = [
        1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400,
    ];
    let wanted = u64::try_from(length / 1000 / STEPS).unwrap_or(1);
    let found = USUAL.iter().find(|one| **one >= wanted);
    let days = wanted.div_ceil(86_400) * 86_400;
    Duration::from_secs(found.copied().unwrap_or(days))
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Refused> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(invalid(format!(
            "where: \"{part:.80}\" is not of the form attribute=value"
        ))),
    };
    parts.map(pair).collect()
}

fn view(track: Track, figure: Option<Figure>) -> SeriesView {
    let is_good = track.ticks.iter().all(|tick| tick.quality == Quality::Good);
    let quality = match is_good {
        true => Vec::new(),
        false => track.ticks.iter().map(|tick| tick.quality).collect(),
    };
    SeriesView {
        target: Some(track.series.target),
        action: Some(track.series.action),
        group: None,
        members: None,
        metric: track.series.metric,
        attributes: track.series.attributes,
        unit: track.series.unit.to_string(),
        times: track.ticks.iter().map(|tick| tick.time).collect(),
        values: track.ticks.into_iter().map(|tick| tick.value).collect(),
        quality,
        gaps: track.gaps.iter().map(gap).collect(),
        // Those of a counter say nothing of its growth.
        overall: track
            .overall
            .filter(|_| figure != Some(Figure::Rate))
            .map(overall),
        turns: track.turns,
    }
}

fn overall(all: Overall) -> OverallView {
    OverallView {
        least: all.least,
        greatest: all.greatest,
        mean: all.mean,
        last: all.last,
        last_seen: timestamp(all.last_seen),
    }
}

fn gap(gap: &utakata_history::Gap) -> GapView {
    GapView {
        from: timestamp(gap.from),
        to: timestamp(gap.to),
        reason: gap.code.to_string(),
    }
}

/// Puts the series of each metric, unit and label together.
fn groups(
    tracks: Vec<Track>,
    by: &str,
    aggregate: Aggregate,
    label: impl Fn(&Track) -> Option<String>,
) -> Vec<SeriesView> {
    let mut groups: BTreeMap<_, Vec<Track>> = BTreeMap::new();
    for track in tracks {
        let name = match by {
            "*" => None,
            _ => label(&track),
        };
        let series = &track.series;
        let key = (series.metric.clone(), series.unit.clone(), name);
        groups.entry(key).or_default().push(track);
    }
    let together = |((metric, unit, name), tracks): ((_, std::sync::Arc<str>, _), Vec<Track>)| {
        let members: Vec<Vec<(i64, f64)>> = tracks.iter().map(numbers).collect();
        let figures = group(&members, aggregate);
        SeriesView {
            target: None,
            action: None,
            group: name,
            members: Some(tracks.len() as u64),
            metric,
            attributes: Attributes::default(),
            unit: unit.to_string(),
            times: figures.iter().map(|(time, _)| *time).collect(),
            values: figures
                .iter()
                .map(|(_, one)| ReadingValue::Number(*one))
                .collect(),
            quality: Vec::new(),
            gaps: Vec::new(),
            overall: None,
            turns: tracks.iter().map(|track| track.turns).sum(),
        }
    };
    groups.into_iter().map(together).collect()
}

fn numbers(track: &Track) -> Vec<(i64, f64)> {
    let number = |tick: &utakata_history::Tick| match tick.value {
        ReadingValue::Number(number) => Some((tick.time, number)),
        ReadingValue::Text(_) => None,
    };
    track.ticks.iter().filter_map(number).collect()
}

fn too_large(detail: &str) -> Refused {
    let cure = "select fewer targets or metrics, shorten the range, give a longer step, or put \
                series together with by";
    Refused::new(Code::HistoryTooLarge, detail, cure)
}

pub(super) fn away() -> Refused {
    let detail = "this logic environment keeps no history";
    Refused::new(
        Code::HistoryUnreadable,
        detail,
        "the status and the log say why",
    )
}

fn check_lengths(query: &HistoryQuery) -> Result<(), Refused> {
    for (name, text, max) in [
        ("metric", &query.metric, 128),
        ("where", &query.filter, 1024),
        ("step", &query.step, 32),
        ("by", &query.by, 128),
    ] {
        let length = text.as_deref().map_or(0, |text| text.chars().count());
        if length > max {
            return Err(invalid(format!("{name}: at most {max} characters")));
        }
    }
    Ok(())
}

pub(super) fn refused(error: &Error) -> Refused {
    match error {
        Error::TooMuch { .. } => too_large(&error.to_string()),
        Error::Ending => Refused::new(Code::Ending, error.to_string(), "ask again"),
        Error::Dictionary(_) | Error::Engine(_) => {
            let detail = match std::error::Error::source(error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            Refused::new(Code::HistoryUnreadable, detail, "the log says more")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_steps_that_people_use() {
        for (hours, expect) in [
            (1, "15s"),
            (6, "5m"),
            (24, "5m"),
            (24 * 30, "3h"),
            (24 * 365 * 5, "7d"),
        ] {
            let found = duration::format(steps_of(hours * 3_600_000));
            assert_eq!(found, expect, "{hours}");
        }
    }

    #[test]
    fn attributes_are_pairs() {
        assert_eq!(pairs("a=1, b=*").ok().map(|pairs| pairs.len()), Some(2));
        assert!(pairs("a").is_err());
        assert!(pairs("=1").is_err());
    }
}
