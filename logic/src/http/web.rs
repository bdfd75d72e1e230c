//! The web UI: its files, beside the API. They have no secrets in them, and need no token.

use std::{collections::HashMap, sync::LazyLock};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest, Sha256};
use utakata_web::{ASSETS, Asset, PAGE, find};

/// The rules that a browser keeps for the UI: it loads nothing from elsewhere, runs no script but
/// the one, and is in nobody's frame.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The headers of every file.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Asked for each time, and answered with "not modified" until utakata is another.
    (header::CACHE_CONTROL, "no-cache"),
    (header::VARY, "Accept-Encoding"),
    (
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// The tags of all files, by path.
static TAGS: LazyLock<HashMap<&str, HeaderValue>> = LazyLock::new(|| {
    let tag = |asset: &Asset| {
        let digest = Sha256::digest(asset.plain);
        let digits: String = digest[..12].iter().map(|it| format!("{it:02x}")).collect();
        HeaderValue::try_from(format!("\"{digits}\"")).ok()
    };
    let tags = ASSETS.iter();
    tags.filter_map(|asset| Some((asset.path, tag(asset)?)))
        .collect()
});

/// Serves a file of the UI, and passes on what is for the API.
pub(super) async fn serve(request: Request, next: Next) -> Response {
    match asset(request.method(), request.uri().path(), request.headers()) {
        Some(asset) => answer(asset, request.headers()),
        None => next.run(request).await,
    }
}

/// Returns the file that a request is for. Each view has a path of its own, and one page shows all.
fn asset(method: &Method, path: &str, headers: &HeaderMap) -> Option<&'static Asset> {
    if !matches!(*method, Method::GET | Method::HEAD) || path == "/v1" || path.starts_with("/v1/") {
        return None;
    }
    let wants_page = || has(headers, &header::ACCEPT, "text/html");
    find(path).or_else(|| wants_page().then_some(PAGE))
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let is_gzip = has(headers, &header::ACCEPT_ENCODING, "gzip");
    let tag = TAGS.get(asset.path);
    let known = headers.get(header::IF_NONE_MATCH);
    let is_known = tag.is_some() && tag == known;
    let body = match (is_known, is_gzip) {
        (true, _) => Body::empty(),
        (false, true) => Body::from(asset.gzip),
        (false, false) => Body::from(asset.plain),
    };
    let mut response = Response::new(body);
    let answered = response.headers_mut();
    for (name, value) in HEADERS {
        answered.insert(name, HeaderValue::from_static(value));
    }
    if let Some(tag) = tag {
        answered.insert(header::ETAG, tag.clone());
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let media_type = HeaderValue::from_static(asset.media_type);
    answered.insert(header::CONTENT_TYPE, media_type);
    if is_gzip {
        answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Finds a word in a header that is a list, with or without parameters.
pub(super) fn has(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let lines = headers.get_all(name).into_iter();
    let mut words = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    words.any(|one| one.split(';').next().is_some_and(|one| one.trim() == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(accept: &'static str) -> HeaderMap {
        [(header::ACCEPT, HeaderValue::from_static(accept))]
            .into_iter()
            .collect()
    }

    #[test]
    fn views_are_the_page_and_the_api_is_nobody_elses() {
        let html = page("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        let found = |method: Method, path, headers: &HeaderMap| {
            asset(&method, path, headers).map(|asset| asset.path)
        };
        assert_eq!(found(Method::GET, "/", &html), Some("/index.html"));
        assert_eq!(
            found(Method::GET, "/floor/north", &html),
            Some("/index.html")
        );
        assert_eq!(found(Method::GET, "/app.js", &html), Some("/app.js"));
        assert_eq!(found(Method::GET, "/app.js", &page("*/*")), Some("/app.js"));
        assert_eq!(
            found(Method::GET, "/floor/north", &page("application/json")),
            None
        );
        assert_eq!(found(Method::POST, "/", &html), None);
        for api in ["/v1", "/v1/status", "/v1/none"] {
            assert_eq!(found(Method::GET, api, &html), None, "{api}");
        }
    }

    #[test]
    fn a_file_is_sent_once_and_compressed_where_that_is_understood() {
        let gzip = [(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("br, gzip;q=1"),
        )];
        let gzip: HeaderMap = gzip.into_iter().collect();
        let first = answer(PAGE, &gzip);
        assert_eq!(first.headers()["content-encoding"], "gzip");
        assert!(
            first.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("'none'")
        );
        let tag = first.headers()["etag"].clone();
        let again: HeaderMap = [(header::IF_NONE_MATCH, tag)].into_iter().collect();
        assert_eq!(answer(PAGE, &again).status(), StatusCode::NOT_MODIFIED);
        let plain = answer(PAGE, &HeaderMap::new());
        assert!(!plain.headers().contains_key("content-encoding"));
        assert_eq!(plain.status(), StatusCode::OK);
    }
}
