//! The bearer token (RFC 6750) or the session of a browser, on everything, and the person to whom
//! it belongs.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utakata_model::PersonName;

use super::{Api, Refused, connections::ClientConnection, cookie};
use crate::code::Code;

const CURE: &str = "send the header `Authorization: Bearer <token>`; the token of admin is in the \
                    file `token` of the data folder, where `utakata` finds it by itself, and \
                    `utakata person add NAME` makes one for somebody else";

/// The person who makes a request. Every admitted request carries it, for handlers to use.
#[derive(Debug, Clone)]
pub(super) struct Person(pub PersonName);

impl FromRequestParts<Api> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Refused> {
        let person = parts.extensions.get::<Self>().cloned();
        person.ok_or_else(|| {
            let detail = "the request was accepted without a token";
            Refused::new(
                Code::Internal,
                detail,
                "report it, with the log of that moment",
            )
        })
    }
}

/// The means by which a request shows whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Token,
    /// The session of a browser, made from a token.
    Session,
}

impl FromRequestParts<Api> for Means {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Refused> {
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
    let (name, means) = match identify(&api, &request) {
        Ok(identified) => identified,
        Err(refused) => return refused.into_response(),
    };
    // A client that is being served does not make room for others.
    let guest = request.extensions().get::<ClientConnection>().cloned();
    let _busy = guest.map(|guest| guest.know());
    request.extensions_mut().insert(Person(name));
    request.extensions_mut().insert(means);
    next.run(request).await
}

fn identify(api: &Api, request: &Request) -> Result<(PersonName, Means), Refused> {
    let headers = request.headers();
    let unknown = |detail| Refused::new(Code::Unauthorized, detail, CURE);
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let token = given.to_str().ok().and_then(bearer);
        let name = token.and_then(|token| person(api, token));
        let name = name.ok_or_else(|| unknown("the token is not valid here"))?;
        return Ok((name, Means::Token));
    }
    let name = cookie::person(api, headers);
    let name = name.ok_or_else(|| unknown("the request has no bearer token"))?;
    cookie::from_own_page(request.method(), headers)?;
    Ok((name, Means::Session))
}

fn person(api: &Api, token: &str) -> Option<PersonName> {
    if is_same(token.as_bytes(), api.token.reveal().as_bytes()) {
        return Some(PersonName::admin());
    }
    api.handle.people().find(token)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// Compares in a time that depends only on the lengths. Nothing equals an empty token.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let differing = given
        .iter()
        .zip(expected)
        .fold(0, |sum, (a, b)| sum | std::hint::black_box(a ^ b));
    !expected.is_empty() && given.len() == expected.len() && std::hint::black_box(differing) == 0
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
