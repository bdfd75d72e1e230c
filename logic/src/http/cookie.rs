//! The cookie of a session, and what a request that has only a session must show besides.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use utakata_api::client::relay::RELAYED;
use utakata_model::PersonName;

use super::{Api, Refused};
use crate::{code::Code, people::Identity, session::SessionKey, token::TokenHash};

/// The name of the cookie over TLS: browsers accept it from this host alone.
const SECURE_NAME: &str = "__Host-utakata";
/// The beginning of its name without TLS. The port follows, since cookies do not know of ports.
const PLAIN_NAME: &str = "utakata";
/// The end of the name of the cookie of those who are at the identity provider.
const LOGIN: &str = "login";
/// The header that a request has to have that changes something. Another page cannot send it:
/// browsers would ask first, and nobody answers.
const OWN_HEADER: HeaderName = HeaderName::from_static("x-utakata");
/// The relation between the page and the server, which browsers state themselves
/// (<https://www.w3.org/TR/fetch-metadata/>).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The server, as a browser knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    is_secure: bool,
    port: Option<String>,
}

impl Site {
    /// Returns this server at its address, if that is set, or as the headers of a request have it.
    pub(super) fn of(address: Option<&str>, headers: &HeaderMap) -> Self {
        let origin = address.or_else(|| text(headers, &header::ORIGIN));
        match origin.and_then(|origin| origin.split_once("://")) {
            Some((scheme, host)) => Self {
                is_secure: scheme == "https",
                port: port(host),
            },
            None => Self {
                is_secure: false,
                port: text(headers, &header::HOST).and_then(port),
            },
        }
    }

    /// Returns the cookie of a session, for so many seconds. No other site can have it sent.
    pub(super) fn session(&self, session: &str, seconds: i64) -> String {
        self.cookie(&self.name(""), session, seconds, "Strict")
    }

    /// Returns the cookie of somebody who is at the identity provider. It is sent with the page that
    /// comes from there, which is another site's doing.
    pub(super) fn login(&self, seed: &str, seconds: i64) -> String {
        self.cookie(&self.name(LOGIN), seed, seconds, "Lax")
    }

    fn cookie(&self, name: &str, value: &str, seconds: i64, same_site: &str) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}")
    }

    fn name(&self, use_of_it: &str) -> String {
        let first = match self.is_secure {
            true => SECURE_NAME,
            false => PLAIN_NAME,
        };
        let port = self.port.as_deref().filter(|_| !self.is_secure);
        let parts = [first, use_of_it, port.unwrap_or_default()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("-")
    }
}

/// Returns the headers that set the session of a browser, for so many seconds.
pub(super) fn cookie(
    headers: &HeaderMap,
    session: &str,
    seconds: i64,
) -> [(HeaderName, String); 2] {
    let cookie = Site::of(None, headers).session(session, seconds);
    [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ]
}

fn port(host: &str) -> Option<String> {
    let (_, port) = host.trim_end_matches('/').rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
    is_port.then(|| port.to_owned())
}

/// Returns the one whose session came with a request.
pub(super) fn identity(api: &Api, headers: &HeaderMap) -> Option<Identity> {
    let key = SessionKey::new(&api.token);
    let now = crate::clock::now();
    sessions(headers).find_map(|session| {
        let opened = key.open(session, now, |name| tokens_of(api, name))?;
        let identity = match token_of_admin(api) == Some(opened.token) {
            true => Identity::admin(),
            false => api.handle.people().find_again(&opened.token, now).ok()?,
        };
        // Who has been given more since logs in again, for a shift.
        let counts = !opened.is_of_seeing(now) || identity.rights.only_see();
        counts.then_some(identity)
    })
}

/// Returns what may be sessions. Others on this host may have set cookies of these names.
fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = cookies(headers).filter(|(name, _)| {
        let is_ours = *name == SECURE_NAME || name.starts_with(PLAIN_NAME);
        is_ours && !is_of_login(name)
    });
    cookies.map(|(_, session)| session)
}

/// Returns what may be of somebody who comes back from the identity provider.
pub(super) fn logins(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = cookies(headers).filter(|(name, _)| is_of_login(name));
    cookies.map(|(_, seed)| seed)
}

fn is_of_login(name: &str) -> bool {
    let rest = name
        .strip_prefix(SECURE_NAME)
        .or_else(|| name.strip_prefix(PLAIN_NAME));
    let rest = rest.and_then(|rest| rest.strip_prefix('-')?.strip_prefix(LOGIN));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let cookies = cookies.flat_map(|cookies| cookies.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('='))
}

/// Returns the hash of the token that somebody used.
pub(super) fn token_of(api: &Api, caller: &Identity) -> Option<TokenHash> {
    match &caller.token {
        Some(token) => Some(token.hash),
        None => token_of_admin(api),
    }
}

fn tokens_of(api: &Api, name: &PersonName) -> Vec<TokenHash> {
    match *name == PersonName::admin() {
        true => token_of_admin(api).into_iter().collect(),
        false => api.handle.people().token_hashes(name),
    }
}

/// Under an empty key anybody could make sessions; nobody has an empty token either.
fn token_of_admin(api: &Api) -> Option<TokenHash> {
    let token = api.token.reveal();
    (!token.is_empty()).then(|| TokenHash::of(token))
}

/// Makes sure that a request with a session comes from a page of the web UI.
///
/// # Errors
/// It comes from elsewhere, or does not show that it does not.
pub(super) fn from_own_page(method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
    elsewhere(method, headers).map_or(Ok(()), |detail| {
        let cure = "open the web UI at its own address; a program sends `Authorization: Bearer`";
        Err(Refused::new(Code::CrossOrigin, detail, cure))
    })
}

fn elsewhere(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    let is_safe = method.is_safe();
    match text(headers, &SITE) {
        Some("same-origin") => {}
        // Typed into the address bar.
        Some("none") if is_safe => {}
        Some(_) => return Some("the request comes from another page"),
        // Browsers say nothing to a server without TLS on another machine. A relayed request has
        // been looked at, and has another host by now.
        None if headers.contains_key(RELAYED) => {}
        None if has_other_origin(headers) => return Some("the request comes from another origin"),
        None => {}
    }
    if !is_safe && headers.get(&OWN_HEADER) != Some(&HeaderValue::from_static("1")) {
        return Some("the request has a session, but not the header `X-Utakata: 1`");
    }
    None
}

fn has_other_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = text(headers, &header::ORIGIN) else {
        return false;
    };
    let origin = origin.split_once("://").map(|(_, host)| host);
    origin.is_none() || origin != text(headers, &header::HOST)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        of.iter().map(header).collect()
    }

    #[test]
    fn only_a_page_of_the_ui_acts_with_a_session() {
        let own = ("x-utakata", "1");
        let here = ("host", "10.0.0.5:7700");
        for (method, of, is_own) in [
            (Method::GET, &[("sec-fetch-site", "same-origin")][..], true),
            (Method::GET, &[("sec-fetch-site", "none")], true),
            (Method::GET, &[("sec-fetch-site", "same-site")], false),
            (Method::GET, &[("sec-fetch-site", "cross-site")], false),
            (Method::GET, &[], true),
            (Method::POST, &[], false),
            (Method::POST, &[own], true),
            (Method::POST, &[("x-utakata", "0")], false),
            (Method::POST, &[("sec-fetch-site", "same-origin")], false),
            (
                Method::POST,
                &[("sec-fetch-site", "same-origin"), own],
                true,
            ),
            (Method::POST, &[("sec-fetch-site", "none"), own], false),
            (Method::PUT, &[("sec-fetch-site", "same-site"), own], false),
            (
                Method::DELETE,
                &[("sec-fetch-site", "cross-site"), own],
                false,
            ),
            (
                Method::POST,
                &[here, ("origin", "http://10.0.0.5:7700"), own],
                true,
            ),
            (
                Method::POST,
                &[here, ("origin", "http://10.0.0.5:80"), own],
                false,
            ),
            (Method::POST, &[here, ("origin", "null"), own], false),
            (
                Method::GET,
                &[here, ("origin", "http://evil.example")],
                false,
            ),
        ] {
            let found = elsewhere(&method, &headers(of));
            assert_eq!(found.is_none(), is_own, "{method} {of:?}: {found:?}");
        }
    }

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let all = headers(&[(
            "cookie",
            "a=1; utakata-7700=x.y.z;__Host-utakata=u; utakat=v; b",
        )]);
        assert_eq!(sessions(&all).collect::<Vec<_>>(), ["x.y.z", "u"]);
    }

    #[test]
    fn a_cookie_is_for_this_server_alone() {
        let plain = headers(&[("host", "[::1]:7700"), ("origin", "http://[::1]:7700")]);
        let [(_, set), _] = cookie(&plain, "s", 60);
        let flags = "Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(set, format!("utakata-7700=s; {flags}"));
        let secure = headers(&[("host", "dc"), ("origin", "https://dc")]);
        let [(_, set), _] = cookie(&secure, "s", 60);
        assert_eq!(set, format!("__Host-utakata=s; {flags}; Secure"));
        let named = |host: &'static str| Site::of(None, &headers(&[("host", host)])).name("");
        assert_eq!(named("dc"), "utakata");
        assert_eq!(named("[::1]"), "utakata");
        assert_eq!(named("dc:7700"), "utakata-7700");
        // Whoever passes a request on changes the host, and not the origin.
        let passed_on = headers(&[("host", "keeper:1"), ("origin", "http://dc:7700")]);
        let [(_, set), _] = cookie(&passed_on, "s", 60);
        assert_eq!(set, format!("utakata-7700=s; {flags}"));
    }

    #[test]
    fn the_cookie_of_a_login_comes_back_from_elsewhere_and_is_no_session() {
        let none = HeaderMap::new();
        let secure = Site::of(Some("https://dc/"), &none).login("x.1", 600);
        let flags = "Path=/; Max-Age=600; HttpOnly; SameSite=Lax";
        assert_eq!(secure, format!("__Host-utakata-login=x.1; {flags}; Secure"));
        let plain = Site::of(Some("http://127.0.0.1:7700"), &none).login("y.1", 600);
        assert_eq!(plain, format!("utakata-login-7700=y.1; {flags}"));
        let sent = headers(&[(
            "cookie",
            "utakata-login-7700=y.1; utakata-7700=s; __Host-utakata-login=x.1; utakata-loginx=z",
        )]);
        assert_eq!(logins(&sent).collect::<Vec<_>>(), ["y.1", "x.1"]);
        assert_eq!(sessions(&sent).collect::<Vec<_>>(), ["s", "z"]);
    }
}
