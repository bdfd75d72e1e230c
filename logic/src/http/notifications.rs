//! `/v1/notifications`: what devices said unasked.

use axum::Json;
use jiff::Timestamp;
use serde::Deserialize;
use utakata_api::page::Page;
use utakata_model::{Notification, Selector};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToSee},
    page,
    query::{Query, invalid, limit},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(list))]
}

/// The length of the longest beginning of a name, in characters.
const MAX_NAME: usize = 128;

/// A query for notifications.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NotificationQuery {
    /// The selector of targets. Empty means all, and sources that are no targets.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// Only those whose name begins with this: `linkDown`.
    #[param(max_length = 128)]
    name: Option<String>,
    /// `true` for those of sources that are no targets.
    #[serde(default)]
    unknown: bool,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists the notifications of devices (SNMP traps and informs), the latest first. Messages of one
/// source about the same thing are one notification, with the number of times it came.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "list_notifications",
    tag = "observe", params(NotificationQuery),
    responses((status = 200, description = "Notifications, the latest first",
        body = Page<Notification>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<NotificationQuery>,
) -> Result<Json<Page<Notification>>, Refused> {
    let api = &allowed.api;
    let max = limit(query.limit)?;
    let after = query.cursor.as_deref().map(position).transpose()?;
    let inventory = api.handle.inventory();
    let name = query.name.unwrap_or_default();
    if name.chars().count() > MAX_NAME {
        return Err(invalid(format!("name: at most {MAX_NAME} characters")));
    }
    let is_of_target = |one: &Notification| {
        if query.unknown {
            return one.target.is_none();
        }
        query.selector.is_everything()
            || one.target.as_ref().is_some_and(|target| {
                let known = inventory.find(target);
                known.is_some_and(|known| query.selector.matches(&known.target))
            })
    };
    let is_shown = |one: &Notification| match &one.target {
        Some(target) => allowed.covers(target),
        None => allowed.scope.is_everything(),
    };
    let wanted =
        |one: &Notification| one.name.starts_with(&name) && is_of_target(one) && is_shown(one);
    let found = api.handle.notifications().list(wanted);
    let is_after = |one: &Notification| after.as_ref().is_none_or(|after| place(one) < *after);
    let items = found.into_iter().filter(is_after).take(max + 1).collect();
    Ok(Json(page::cut(items, max, |one| {
        let (last, zone, source, key) = place(one);
        format!("{last}/{zone}/{source}/{key}")
    })))
}

/// The place of a notification in the list, which is in descending order.
type Position = (Timestamp, String, std::net::IpAddr, String);

fn place(one: &Notification) -> Position {
    (
        one.last,
        one.zone.to_string(),
        one.source,
        one.key.to_string(),
    )
}

fn position(cursor: &str) -> Result<Position, Refused> {
    let parse = || {
        let mut parts = cursor.splitn(4, '/');
        let last = parts.next()?.parse().ok()?;
        let zone = parts.next()?.to_owned();
        let source = parts.next()?.parse().ok()?;
        Some((last, zone, source, parts.next()?.to_owned()))
    };
    parse().ok_or_else(|| invalid(format!("\"{cursor:.80}\" is not a cursor of this list")))
}
