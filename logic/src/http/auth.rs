//! The bearer token (RFC 6750) or the session of a browser, on everything, and the one to whom it
//! belongs.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{
    Api, Refused,
    caller::Caller,
    connections::ClientConnection,
    cookie,
    gate::Gate,
    local::{LocalAdmin, LocalStranger},
    passed_on,
};
use crate::{
    clock,
    code::Code,
    people::{Identity, NoIdentity},
    token::is_same,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utakata_api::client::relay::RELAYED;

const CURE: &str = "send the header `Authorization: Bearer <token>`; the token of admin is in the \
                    file `token` of the data folder, where `utakata` finds it by itself, and \
                    `utakata person add NAME` makes one for somebody else";

/// The paths that need no token: those of logging in. Their handlers get at nothing but an
/// `Arriving`.
const OPEN: [&str; 5] = [
    "/v1/login",
    "/v1/login/browser",
    "/v1/login/callback",
    "/v1/login/device",
    "/v1/login/device/token",
];

/// The means by which a request shows whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Token,
    /// The session of a browser, made from a token.
    Session,
}

impl FromRequestParts<Gate> for Means {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Refused> {
        // Without it a request could do less.
        let means = parts.extensions.get::<Self>().copied();
        Ok(means.unwrap_or(Self::Session))
    }
}

pub(super) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let guest = request.extensions().get::<ClientConnection>().cloned();
    let (identity, means) = match identify(&api, &request) {
        Ok(identified) => identified,
        Err(Unidentified::Wrong(reason)) => {
            let from = guest.map(|guest| guest.peer());
            return wrong(&api, reason, from).await.into_response();
        }
        Err(Unidentified::Stranger(stranger)) => {
            return without_key(&api, &stranger).await.into_response();
        }
        Err(Unidentified::Refused(refused)) => return refused.into_response(),
    };
    // A client that is being served does not make room for others.
    let _busy = guest.map(|guest| guest.know());
    request.extensions_mut().insert(Caller(Arc::new(identity)));
    request.extensions_mut().insert(means);
    next.run(request).await
}

/// The reason why nobody knows whose request it is.
enum Unidentified {
    /// It has a token that is not valid.
    Wrong(NoIdentity),
    /// It arrived on the local socket without the key of it.
    Stranger(LocalStranger),
    /// It has none, or a session that does not count.
    Refused(Refused),
}

fn identify(api: &Api, request: &Request) -> Result<(Identity, Means), Unidentified> {
    let headers = request.headers();
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let given = given.to_str().unwrap_or_default();
        if headers.contains_key(RELAYED) && is_local_elsewhere(api, request, given) {
            return Ok((Identity::admin(), Means::Token));
        }
        let given = bearer(given).unwrap_or_default();
        let identity = identity(api, given).map_err(Unidentified::Wrong)?;
        return Ok((identity, Means::Token));
    }
    if request.extensions().get::<LocalAdmin>().is_some() {
        return Ok((Identity::admin(), Means::Token));
    }
    if let Some(stranger) = request.extensions().get::<LocalStranger>() {
        return Err(Unidentified::Stranger(stranger.clone()));
    }
    let Some(identity) = cookie::identity(api, headers) else {
        let refused = Refused::new(Code::Unauthorized, "the request has no bearer token", CURE);
        return Err(Unidentified::Refused(refused));
    };
    cookie::from_own_page(request.method(), headers).map_err(Unidentified::Refused)?;
    Ok((identity, Means::Session))
}

/// Returns true if another logic environment has passed on what admin has asked for by its socket.
fn is_local_elsewhere(api: &Api, request: &Request, given: &str) -> bool {
    let secrets = api.handle.inventory().secrets();
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    passed_on::is_admin_s(secrets, given, (request.method(), path), clock::now())
}

/// Counts a wrong token or login; many from one address are answered ever later.
pub(super) async fn count_wrong(api: &Api, from: Option<IpAddr>) {
    let wrong_tokens = api.handle.people().wrong_tokens();
    let consequence = wrong_tokens.note(from, clock::now());
    if let Some(times) = consequence.log {
        let from = from.map(|from| from.to_string());
        tracing::warn!(
            from,
            times,
            "requests with a token or a login that is not valid"
        );
    }
    wait(api, consequence.delay).await;
}

async fn wait(api: &Api, delay: Duration) {
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = api.cancel.cancelled() => {}
    }
}

async fn wrong(api: &Api, reason: NoIdentity, from: Option<IpAddr>) -> Refused {
    count_wrong(api, from).await;
    match reason {
        NoIdentity::Unknown => {
            Refused::new(Code::Unauthorized, "the token is not valid here", CURE)
        }
        NoIdentity::Ended {
            owner,
            at,
            is_login: true,
        } => {
            let detail = format!("the login of {owner} has ended on {at}");
            Refused::new(Code::Unauthorized, detail, "log in again: `utakata login`")
        }
        NoIdentity::Ended { owner, at, .. } => {
            let detail = format!("the token of {owner} has ended on {at}");
            let cure = "somebody who may change people makes another: `utakata token add`";
            Refused::new(Code::Unauthorized, detail, cure)
        }
    }
}

/// Refuses a request on the local socket from somebody who may be a worker.
async fn without_key(api: &Api, stranger: &LocalStranger) -> Refused {
    let wrong_tokens = api.handle.people().wrong_tokens();
    let consequence = wrong_tokens.note(None, clock::now());
    if let Some(times) = consequence.log {
        tracing::warn!(
            has_another = stranger.has_another,
            times,
            "a process of this user has tried to be admin by the local socket without its key"
        );
    }
    wait(api, consequence.delay).await;
    stranger.refusal()
}

fn identity(api: &Api, token: &str) -> Result<Identity, NoIdentity> {
    if is_same(token.as_bytes(), api.token.reveal().as_bytes()) {
        return Ok(Identity::admin());
    }
    api.handle.people().find(token, clock::now())
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::{bearer, is_same};

    #[test]
    fn only_the_same_token_is_the_same() {
        for (given, expected, same) in [
            ("abc", "abc", true),
            ("abd", "abc", false),
            ("ab", "abc", false),
            ("abcd", "abc", false),
            ("", "", false),
        ] {
            assert_eq!(is_same(given.as_bytes(), expected.as_bytes()), same);
        }
    }

    #[test]
    fn a_bearer_token_is_found_in_its_header() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
