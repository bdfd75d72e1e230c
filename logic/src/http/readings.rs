//! `/v1/readings`: the latest reading of each metric.

use std::{collections::HashSet, sync::Arc};

use axum::Json;
use jiff::Timestamp;
use serde::Deserialize;
use utakata_api::{page::Page, reading::ReadingView};
use utakata_model::{Reading, Schedule, Selector, TargetName};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToSee},
    query::{Query, invalid, limit},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::{
    inventory::TargetEntry,
    kinds::KindsSnapshot,
    observe::{Covers, quality},
    observed::{LastSeen, Observed},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(list))]
}

/// A query for readings.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadingQuery {
    /// The selector: `kind=apc-pdu,room=A,rack in (A1,A2)`. Empty means all targets.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// A metric, or the beginning of its name: `hw.power`.
    #[param(max_length = 128)]
    metric: Option<String>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// The length of the longest prefix of a metric's name, in characters, as in the API's description.
const MAX_PREFIX: usize = 128;

pub(super) fn prefix(requested: Option<String>) -> Result<String, Refused> {
    let prefix = requested.unwrap_or_default();
    if prefix.chars().count() > MAX_PREFIX {
        let detail = format!("metric has more than {MAX_PREFIX} characters");
        return Err(invalid(detail));
    }
    Ok(prefix)
}

/// Lists the latest readings, by target and metric. A reading that is older than its schedule
/// allows has the quality `stale`.
#[utoipa::path(get, path = "/v1/readings", operation_id = "list_readings", tag = "observe",
    params(ReadingQuery),
    responses((status = 200, description = "Last readings", body = Page<ReadingView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<ReadingQuery>,
) -> Result<Json<Page<ReadingView>>, Refused> {
    let api = &allowed.api;
    let max = limit(query.limit)?;
    let from = query.cursor.as_deref().map(position).transpose()?;
    let inventory = api.handle.inventory();
    let finder = Finder {
        observed: api.handle.observed(),
        now: crate::clock::now(),
        metric: prefix(query.metric)?,
        served: api.handle.kinds().served(),
        schedules: inventory.schedules(),
    };
    let selection = allowed.select(&query.selector);
    let start = from.as_ref().map_or(0, |(name, _)| {
        selection.partition_point(|known| known.target.name < *name)
    });
    let mut items: Vec<ReadingView> = Vec::new();
    let mut next = None;
    for known in &selection[start..] {
        let views = finder.at(known);
        let name = &known.target.name;
        let skip = match &from {
            Some((from, seen)) if from == name => *seen,
            _ => 0,
        };
        let room = max - items.len();
        let is_more = views.len().saturating_sub(skip) > room;
        items.extend(views.into_iter().skip(skip).take(room));
        if is_more {
            next = Some(format!("{name}/{}", skip + room));
            break;
        }
    }
    Ok(Json(Page { items, next }))
}

/// Returns a target, and the number of its readings on previous pages.
fn position(cursor: &str) -> Result<(TargetName, usize), Refused> {
    let parts = cursor.rsplit_once('/');
    let parsed = parts.and_then(|(name, seen)| Some((name.parse().ok()?, seen.parse().ok()?)));
    parsed.ok_or_else(|| invalid(format!("\"{cursor:.80}\" is not a cursor of this list")))
}

/// A finder of the readings that match.
struct Finder<'a> {
    observed: &'a Observed,
    now: Timestamp,
    metric: String,
    served: KindsSnapshot,
    schedules: Vec<Arc<Schedule>>,
}

impl Finder<'_> {
    /// Returns the readings of one target, by metric and attributes; of a metric that several
    /// actions read, the newest.
    fn at(&self, known: &TargetEntry) -> Vec<ReadingView> {
        let mut views = self
            .observed
            .look(known.device, |seen| self.views(known, seen));
        views.sort_by(|a, b| {
            let series =
                |one: &ReadingView| (one.reading.metric.clone(), one.reading.attributes.clone());
            (series(a), b.time).cmp(&(series(b), a.time))
        });
        let mut shown = HashSet::new();
        views.retain(|one| {
            shown.insert((one.reading.metric.clone(), one.reading.attributes.clone()))
        });
        views
    }

    fn views(&self, known: &TargetEntry, seen: &LastSeen) -> Vec<ReadingView> {
        let served = self.served.get(&known.target.kind, &known.target.zone);
        let mut views = Vec::new();
        for action in &seen.actions {
            let schedules = self.schedules.iter().map(Arc::as_ref);
            let covers = Covers::find(&known.target, &action.action, served, schedules);
            let wanted = action.values().filter(|one| self.wants(one.reading));
            views.extend(wanted.map(|one| ReadingView {
                target: known.target.name.clone(),
                time: one.time,
                heard: Some(one.heard),
                reading: Reading {
                    quality: quality(one.reading.quality, one.time, self.now, covers),
                    ..one.reading.clone()
                },
            }));
        }
        views
    }

    fn wants(&self, reading: &Reading) -> bool {
        reading.metric.as_str().starts_with(&self.metric)
    }
}
