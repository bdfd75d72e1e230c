//! The quality of a site's alarms.

use std::{collections::BTreeMap, time::Duration};

use axum::Json;
use jiff::Timestamp;
use serde::Deserialize;
use utakata_alarm::{Occurrence, report};
use utakata_api::alarm::{AlarmChange, AlarmNotice, AlarmReport, Chattering, RuleCount};
use utakata_model::{AlarmId, duration};

use crate::{
    http::{
        Api, Refused,
        allowed::{Allowed, ToSeeAll},
        query::{Query, invalid},
    },
    store,
};

/// The time that a report is about, if the request names none.
const USUAL: Duration = Duration::from_secs(7 * 86_400);
/// The number of changes that are read at once.
const AT_ONCE: u32 = 5_000;

/// A query for a report.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ReportQuery {
    /// The time that it is about, until now: `24h`, `30d`. A week unless it is given.
    #[param(max_length = 20)]
    since: Option<String>,
}

/// Reports how good the alarms are, by the figures of ISA-18.2 and EEMUA 191.
#[utoipa::path(get, path = "/v1/alarms/report", operation_id = "report_alarms", tag = "alarms",
    params(ReportQuery),
    responses((status = 200, description = "The figures", body = AlarmReport)))]
pub(in crate::http) async fn get(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Query(query): Query<ReportQuery>,
) -> Result<Json<AlarmReport>, Refused> {
    let since = match query.since.as_deref() {
        None => USUAL,
        Some(text) => duration::parse(text).map_err(|error| invalid(format!("since: {error}")))?,
    };
    let to = crate::clock::now();
    let from = to
        .checked_sub(since)
        .map_err(|error| invalid(format!("since: {error}")))?;
    let occurrences = occurrences(&api).await?;
    let report = report(&occurrences, from, to);
    Ok(Json(AlarmReport {
        from,
        to,
        alarms: report.alarms,
        per_day: report.per_day,
        most_in_ten_minutes: report.most_in_ten_minutes,
        flood_share: report.flood_share,
        chattering: report
            .chattering
            .into_iter()
            .map(|(rule, target)| Chattering { rule, target })
            .collect(),
        stale: report.stale,
        rules: report
            .rules
            .into_iter()
            .map(|(rule, alarms)| RuleCount { rule, alarms })
            .collect(),
    }))
}

/// Returns the alarms that people were told of, from the changes that are kept.
async fn occurrences(api: &Api) -> Result<Vec<Occurrence>, store::Error> {
    let store = api.handle.store();
    let mut open: BTreeMap<AlarmId, Occurrence> = BTreeMap::new();
    let mut ended = Vec::new();
    let mut after = 0;
    loop {
        let rows = store.alarm_changes(after, AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        after = last.number;
        for row in &rows {
            if let Ok(change) = serde_json::from_str::<AlarmChange>(&row.body) {
                note(change, &mut open, &mut ended);
            }
        }
    }
    ended.extend(open.into_values());
    Ok(ended)
}

fn note(
    change: AlarmChange,
    open: &mut BTreeMap<AlarmId, Occurrence>,
    ended: &mut Vec<Occurrence>,
) {
    let id = change.alarm.id;
    match change.notice {
        Some(AlarmNotice::Raised) => {
            open.entry(id).or_insert_with(|| occurrence(change));
        }
        Some(AlarmNotice::Over) => {
            let found = open.remove(&id);
            ended.extend(found.map(|one| Occurrence {
                over: Some(change.at),
                ..one
            }));
        }
        None => {}
    }
}

fn occurrence(change: AlarmChange) -> Occurrence {
    let raised: Timestamp = change.at;
    Occurrence {
        rule: change.alarm.rule,
        target: change.alarm.target,
        raised,
        over: None,
    }
}
