//! Acts of people on alarms. Each is in the audit trail.

use std::time::Duration;

use axum::Json;
use utakata_alarm::Seen;
use utakata_api::alarm::{Acknowledge, AlarmView, Shelve};
use utakata_model::{AlarmId, PersonName, duration};

use super::find;
use crate::{
    alarms::{Act, ActVerb},
    code::Code,
    http::{
        Refused,
        allowed::{Allowed, Right, ToAcknowledge, ToShelve},
        body,
        caller::Person,
        path::Path,
        reason::check,
    },
};

/// The longest time for which an alarm may be shelved: a longer one is a change of the rule.
const MAX_SHELF: Duration = Duration::from_secs(7 * 86_400);

/// Acknowledges an alarm: somebody has seen it.
#[utoipa::path(post, path = "/v1/alarms/{id}/seen", operation_id = "acknowledge_alarm",
    tag = "alarms",
    params(("id" = AlarmId, Path, description = "The alarm's id")),
    request_body = Acknowledge,
    responses((status = 200, description = "The alarm afterwards", body = AlarmView)))]
pub(in crate::http) async fn seen(
    allowed: Allowed<ToAcknowledge>,
    Path(id): Path<AlarmId>,
    Person(by): Person,
    body::Json(requested): body::Json<Acknowledge>,
) -> Result<Json<AlarmView>, Refused> {
    let why = requested.why.as_deref().map(check).transpose()?;
    act(&allowed, id, ActVerb::Acknowledge, &by, why).await
}

/// Shelves an alarm: nobody is told of it for a time. At its end, what is still wrong is told anew.
#[utoipa::path(post, path = "/v1/alarms/{id}/shelve", operation_id = "shelve_alarm",
    tag = "alarms",
    params(("id" = AlarmId, Path, description = "The alarm's id")),
    request_body = Shelve,
    responses((status = 200, description = "The alarm afterwards", body = AlarmView)))]
pub(in crate::http) async fn shelve(
    allowed: Allowed<ToShelve>,
    Path(id): Path<AlarmId>,
    Person(by): Person,
    body::Json(requested): body::Json<Shelve>,
) -> Result<Json<AlarmView>, Refused> {
    let why = Some(check(&requested.why)?);
    let until = Some(requested.lasts)
        .filter(|lasts| !lasts.is_zero() && *lasts <= MAX_SHELF)
        .and_then(|lasts| crate::clock::now().checked_add(lasts).ok());
    let Some(until) = until else {
        let max = duration::format(MAX_SHELF);
        let detail = format!("an alarm is shelved for a time of at most {max}");
        let cure = "say how long: `for` (2h); what should be quiet for longer is a change of its \
                    rule";
        return Err(Refused::new(Code::AlarmShelf, detail, cure));
    };
    act(&allowed, id, ActVerb::Shelve(until), &by, why).await
}

/// Takes an alarm off the shelf. If it is still so, it is told anew.
#[utoipa::path(post, path = "/v1/alarms/{id}/unshelve", operation_id = "unshelve_alarm",
    tag = "alarms",
    params(("id" = AlarmId, Path, description = "The alarm's id")),
    request_body = Acknowledge,
    responses((status = 200, description = "The alarm afterwards", body = AlarmView)))]
pub(in crate::http) async fn unshelve(
    allowed: Allowed<ToShelve>,
    Path(id): Path<AlarmId>,
    Person(by): Person,
    body::Json(requested): body::Json<Acknowledge>,
) -> Result<Json<AlarmView>, Refused> {
    let why = requested.why.as_deref().map(check).transpose()?;
    act(&allowed, id, ActVerb::Unshelve, &by, why).await
}

async fn act<R: Right>(
    allowed: &Allowed<R>,
    alarm: AlarmId,
    verb: ActVerb,
    by: &PersonName,
    why: Option<String>,
) -> Result<Json<AlarmView>, Refused> {
    let found = find(&allowed.api, alarm)?;
    allowed.check([&found.target])?;
    let by = Seen {
        by: by.to_string(),
        at: crate::clock::now(),
        why,
    };
    let alarms = allowed.api.handle.alarms();
    Ok(Json(alarms.act(Act { alarm, verb, by }).await?))
}
