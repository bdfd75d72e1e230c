//! `/v1/alarms`: what is wrong, and what people do about it.

mod acts;
mod explanation;
mod report;

use std::collections::HashMap;

use axum::Json;
use serde::Deserialize;
use utakata_api::{
    alarm::{AlarmExplanation, AlarmState, AlarmView},
    page::Page,
};
use utakata_model::{AlarmId, Selector, Severity, suggest};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToSee},
    page::{self, PageQuery},
    path::Path,
    query::{Query, invalid},
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{
    alarms::{self, Filter, order},
    code::Code,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(report::get)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(explain)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::seen)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::shelve)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::unshelve)),
    ]
}

/// A query for alarms.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlarmQuery {
    /// Those in this state: `unacknowledged`, `acknowledged`, `returned`, `shelved`, `suppressed`;
    /// or `all`. Absent means those that are active.
    #[param(max_length = 20)]
    state: Option<String>,
    /// Those of this severity.
    severity: Option<Severity>,
    /// Those of these targets. Empty means all.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// Those that this alarm explains; or `none`: those that nothing explains.
    #[param(max_length = 40)]
    cause: Option<String>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists alarms: the worst first, of those the newest.
#[utoipa::path(get, path = "/v1/alarms", operation_id = "list_alarms", tag = "alarms",
    params(AlarmQuery),
    responses((status = 200, description = "Alarms", body = Page<AlarmView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<AlarmQuery>,
) -> Result<Json<Page<AlarmView>>, Refused> {
    let api = &allowed.api;
    let filter = filter(&query)?;
    let alarms = api.handle.alarms();
    let inventory = api.handle.inventory();
    let (views, explained) =
        alarms.look(|shown| (shown.list(&filter, inventory), shown.explained()));
    let views = views.into_iter();
    let views = views.filter(|view| allowed.covers(&view.target));
    let keyed = views.map(|view| (order(&view), view));
    let page_query = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = page::of(keyed, &page_query, |(key, _)| key)?;
    let items = page.items.into_iter();
    let items = items.map(|(_, view)| fresh(api, AlarmView::clone(&view), &explained));
    Ok(Json(Page {
        items: items.collect(),
        next: page.next,
    }))
}

fn filter(query: &AlarmQuery) -> Result<Filter, Refused> {
    let mut filter = Filter {
        severity: query.severity,
        selector: query.selector.clone(),
        ..Filter::default()
    };
    match query.state.as_deref() {
        None | Some("") => {}
        Some("all") => filter.all = true,
        Some(word) => {
            let known = AlarmState::ALL.iter();
            filter.state = known.copied().find(|state| state.as_str() == word);
            if filter.state.is_none() {
                let words: Vec<&str> = AlarmState::ALL.iter().map(|one| one.as_str()).collect();
                let hint = suggest::hint(word, words.into_iter().chain(["all"]));
                return Err(invalid(format!("there is no state \"{word}\": {hint}")));
            }
        }
    }
    match query.cause.as_deref() {
        None | Some("") => {}
        Some("none") => filter.causes = true,
        Some(id) => {
            let id = id.parse::<AlarmId>();
            filter.cause = Some(id.map_err(|error| invalid(error.to_string()))?);
        }
    }
    Ok(filter)
}

/// Returns one alarm.
#[utoipa::path(get, path = "/v1/alarms/{id}", operation_id = "get_alarm", tag = "alarms",
    params(("id" = AlarmId, Path, description = "The alarm's id")),
    responses((status = 200, description = "The alarm", body = AlarmView)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Path(id): Path<AlarmId>,
) -> Result<Json<AlarmView>, Refused> {
    let api = &allowed.api;
    let found = find(api, id)?;
    allowed.check([&found.target])?;
    Ok(Json(found))
}

/// Explains an alarm: its rule, what explains it, and what it explains.
#[utoipa::path(get, path = "/v1/alarms/{id}/explain", operation_id = "explain_alarm",
    tag = "alarms",
    params(("id" = AlarmId, Path, description = "The alarm's id")),
    responses((status = 200, description = "The explanation", body = AlarmExplanation)))]
pub(super) async fn explain(
    allowed: Allowed<ToSee>,
    Path(id): Path<AlarmId>,
) -> Result<Json<AlarmExplanation>, Refused> {
    let api = &allowed.api;
    let alarm = find(api, id)?;
    allowed.check([&alarm.target])?;
    let mut explanation = explanation::of(api, alarm);
    explanation.causes.retain(|one| allowed.covers(&one.target));
    explanation
        .explained
        .retain(|one| allowed.covers(&one.target));
    Ok(Json(explanation))
}

fn find(api: &Api, id: AlarmId) -> Result<AlarmView, Refused> {
    let found = api.handle.alarms().look(|shown| {
        let view = shown.get(id).map(|view| AlarmView::clone(view));
        view.map(|view| (view, shown.explained()))
    });
    let (view, explained) = found.ok_or_else(|| alarms::Error::NotFound(id))?;
    Ok(fresh(api, view, &explained))
}

/// Returns an alarm with the last value of its series, and the number of alarms that it explains.
fn fresh(api: &Api, view: AlarmView, explained: &HashMap<AlarmId, u64>) -> AlarmView {
    let rules = api.handle.alarms().look(|shown| shown.rules.clone());
    let entry = api.handle.inventory().find(&view.target);
    let explains = explained.get(&view.id).copied().unwrap_or_default();
    let view = AlarmView { explains, ..view };
    alarms::freshened(view, &rules, api.handle.observed(), entry.as_deref())
}

impl From<alarms::Error> for Refused {
    fn from(error: alarms::Error) -> Self {
        let detail = error.to_string();
        match error {
            alarms::Error::NotFound(_) => {
                let cure = "see `utakata alarm list` (GET /v1/alarms)";
                Self::new(Code::NotFound, detail, cure)
            }
            alarms::Error::NotShelved(_) => {
                let cure = "see `utakata alarm show ID` (GET /v1/alarms/{id})";
                Self::new(Code::AlarmState, detail, cure)
            }
            alarms::Error::Ending => {
                Self::new(Code::Ending, detail, "try again when it has been restarted")
            }
            alarms::Error::Ledger(error) => error.into(),
        }
    }
}
