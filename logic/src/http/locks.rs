//! `/v1/locks` and `/v1/targets/{name}/lock`: targets that people have locked.

use std::time::Duration;

use axum::{Json, http::StatusCode};
use jiff::Timestamp;
use utakata_api::{
    inventory::LaneView,
    ledger::{Lock, LockView, NewLock, Reason},
    page::Page,
};
use utakata_model::TargetName;
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToLock, ToSee},
    body,
    caller::Person,
    page::{self, PageQuery},
    path::Path,
    query::{Query, invalid},
    reason::{check, statement},
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};
use crate::code::Code;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// The longest duration that a lock may have.
const MAX_LOCK: Duration = Duration::from_secs(366 * 24 * 3600);

/// Lists the locked targets, by name.
#[utoipa::path(get, path = "/v1/locks", operation_id = "list_locks", tag = "control",
    params(PageQuery),
    responses((status = 200, description = "Locked targets, by name", body = Page<LockView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<LockView>>, Refused> {
    let api = &allowed.api;
    let mut locks = api.handle.store().locks().await?;
    locks.retain(|(target, _)| allowed.covers(target));
    locks.sort_by(|(one, _), (other, _)| one.cmp(other));
    let views = locks
        .into_iter()
        .map(|(target, lock)| LockView { target, lock });
    page::of(views, &query, |one| one.target.as_str()).map(Json)
}

/// Locks a target for the caller: no task of this priority or a lower one begins on it meanwhile.
///
/// A running task ends as usual. A previous lock is replaced.
#[utoipa::path(put, path = "/v1/targets/{name}/lock", operation_id = "lock_target",
    tag = "control",
    params(("name" = TargetName, Path, description = "The target's name")),
    request_body = NewLock,
    responses((status = 200, description = "The lane of the target afterwards", body = LaneView)))]
pub(super) async fn put(
    allowed: Allowed<ToLock>,
    Path(name): Path<TargetName>,
    Person(by): Person,
    body::Json(requested): body::Json<NewLock>,
) -> Result<Json<LaneView>, Refused> {
    let api = &allowed.api;
    allowed.target(&name)?;
    let now = crate::clock::now();
    let lock = Lock {
        by: by.to_string(),
        until: until(&requested, now)?,
        why: check(&requested.why)?,
        since: now,
        priority: requested.priority,
    };
    let until = lock.until;
    api.handle.ledger().lock(name.clone(), lock).await?;
    let alarms = api.handle.alarms();
    alarms.locked(name.clone(), Some(until)).await;
    lane(api, name).await.map(Json)
}

/// Unlocks a target, whoever has locked it.
#[utoipa::path(delete, path = "/v1/targets/{name}/lock", operation_id = "unlock_target",
    tag = "control",
    params(("name" = TargetName, Path, description = "The target's name"),
        ("why" = Option<String>, Query, description = "The reason, for the record", max_length = 1000)),
    responses((status = 204, description = "Unlocked")))]
pub(super) async fn delete(
    allowed: Allowed<ToLock>,
    Path(name): Path<TargetName>,
    Query(reason): Query<Reason>,
    Person(by): Person,
) -> Result<StatusCode, Refused> {
    let api = &allowed.api;
    allowed.check([&name])?;
    // The reason is in the query, and there is no body.
    let statement =
        statement(&by, &reason).map_err(|refused| invalid(refused.problem().detail.clone()))?;
    if api.handle.ledger().unlock(name.clone(), statement).await? {
        api.handle.alarms().locked(name, None).await;
        return Ok(StatusCode::NO_CONTENT);
    }
    // A deleted target may still be locked; one that never existed is a slip.
    api.handle.inventory().target(&name)?;
    let detail = format!("the target {name} is not locked");
    let cure = "see `utakata target show NAME` (GET /v1/locks)";
    Err(Refused::new(Code::NotFound, detail, cure))
}

/// Returns the holder of a target, and the number of tasks that wait for it.
pub(super) async fn lane(api: &Api, name: TargetName) -> Result<LaneView, Refused> {
    let (lock, holder, waiting) = api.handle.ledger().lane_of(name).await?;
    Ok(LaneView {
        lock,
        holder,
        waiting: waiting as u64,
    })
}

fn until(requested: &NewLock, now: Timestamp) -> Result<Timestamp, Refused> {
    let wrong = |detail: &str| {
        let cure = "say how long: `for` (2h), or `until` (a future time), up to a year";
        Refused::new(Code::LockInvalid, detail, cure)
    };
    let until = match (requested.lasts, requested.until) {
        (Some(lasts), None) => now.checked_add(lasts).ok(),
        (None, Some(until)) => Some(until),
        (None, None) => return Err(wrong("the duration of the lock is missing")),
        (Some(_), Some(_)) => return Err(wrong("the lock has both `for` and `until`")),
    };
    let latest = now + MAX_LOCK;
    match until.filter(|until| *until <= latest) {
        None => Err(wrong("the lock would last longer than a year")),
        Some(until) if until <= now => Err(wrong("the lock would already have ended")),
        Some(until) => Ok(until),
    }
}
