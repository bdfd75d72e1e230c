//! `/v1/session`: the session of a browser, in a cookie that no script can read.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use utakata_api::person::Session;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Anybody},
    auth::Means,
    cookie,
    route::{
        Answered::{Anywhere, ByKeeperIfAny},
        BodySize::NoBody,
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{
    audit::SiteNote,
    code::Code,
    session::{LIFETIME, LIFETIME_OF_SEEING, SessionKey},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Patient, routes!(begin)),
        Route::new(ByKeeperIfAny, NoBody, Prompt, routes!(end)),
    ]
}

/// Begins a session of a browser, for the person to whom the bearer token belongs.
///
/// The session is in a cookie, which no script can read. It ends after twelve hours, or with the
/// token; that of somebody who has no right but `see`, after ninety days: it is for screens on walls.
///
/// With a session in place of a token, a request must come from a page of the web UI.
#[utoipa::path(post, path = "/v1/session", operation_id = "begin_session", tag = "people",
    responses((status = 200, description = "The session, in a cookie", body = Session)))]
pub(super) async fn begin(
    allowed: Allowed<Anybody>,
    means: Means,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (api, caller) = (&allowed.api, &allowed.caller);
    let token = match means {
        Means::Token => cookie::token_of(api, caller),
        Means::Session => None,
    };
    let token = token.ok_or_else(|| {
        let detail = "a session begins with a token, and not with another session";
        Refused::new(Code::Unauthorized, detail, "log in again, with the token")
    })?;
    let now = crate::clock::now();
    let lasts = match caller.rights.only_see() {
        true => LIFETIME_OF_SEEING,
        false => LIFETIME,
    };
    let expires = caller
        .ends()
        .map_or(now + lasts, |ends| ends.min(now + lasts));
    let name = caller.name.clone();
    let session = SessionKey::new(&api.token).seal(&name, token, expires);
    let seconds = expires.as_second() - now.as_second();
    let cookie = cookie::cookie(&headers, &session, seconds);
    let body = Json(Session { name, expires });
    Ok((cookie, body).into_response())
}

/// Ends the session of this browser: its cookie is taken away. What was made by a login ends with it,
/// also on the command line.
#[utoipa::path(delete, path = "/v1/session", operation_id = "end_session", tag = "people",
    responses((status = 204, description = "The cookie is taken away, and the login has ended")))]
pub(super) async fn end(
    allowed: Allowed<Anybody>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (api, caller) = (&allowed.api, &allowed.caller);
    if let Some(token) = &caller.token
        && api.handle.people().log_out(token).await?
    {
        let note = SiteNote::LoggedOut {
            by: caller.name.clone(),
            token: token.name.clone(),
        };
        // It has ended, whoever writes it down.
        if let Err(error) = api.handle.ledger().note(note).await {
            tracing::warn!(%error, by = %caller.name, "a logout is not in the audit trail");
        }
    }
    let cookie = cookie::cookie(&headers, "", 0);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}
