//! Refusals of logins, also as a page: a browser has come from elsewhere, and shows what it gets.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use utakata_openid as openid;

use super::Refused;
use crate::{code::Code, http::web, people};

impl From<openid::Error> for Refused {
    fn from(error: openid::Error) -> Self {
        let detail = error.to_string();
        match error {
            openid::Error::Away { .. } => {
                let cure = "try again in some seconds; who has a token can use it meanwhile";
                Self::new(Code::LoginAway, detail, cure)
            }
            openid::Error::Unfit { .. } | openid::Error::File { .. } => {
                let cure = "whoever takes care of the server compares logic.login with the client \
                            at the identity provider";
                Self::new(Code::LoginUnfit, detail, cure)
            }
            openid::Error::Refused { .. } => {
                let cure = "log in again; if it persists, show this to whoever takes care of the \
                            identity provider";
                Self::new(Code::LoginRefused, detail, cure)
            }
            openid::Error::Expired => Self::new(Code::LoginExpired, detail, "log in again"),
        }
    }
}

/// Refuses somebody whom the provider knows.
pub(super) fn not_admitted(error: &people::Error) -> Refused {
    let detail = error.to_string();
    match error {
        people::Error::Taken { name, subject, .. } => {
            let cure = format!(
                "if you are that {name}, somebody else who may change people says so: \
                 `utakata person link {name} {subject}`; otherwise get another name at the provider"
            );
            Refused::new(Code::LoginTaken, detail, cure)
        }
        people::Error::Linked { .. } => {
            let cure = "`utakata person list` shows who is who; remove that person first, or choose \
                        them";
            Refused::new(Code::LoginTaken, detail, cure)
        }
        _ => {
            let cure = "names have letters, digits, '.', '_' and '-': whoever takes care of the \
                        server can take them from another claim (logic.login.name_claim)";
            Refused::new(Code::LoginName, detail, cure)
        }
    }
}

/// A refusal as a page, for whoever asks for one.
pub(in crate::http) struct InBrowser(pub Refused, pub HeaderMap);

impl IntoResponse for InBrowser {
    fn into_response(self) -> Response {
        let Self(refused, headers) = self;
        if !web::has(&headers, &header::ACCEPT, "text/html") {
            return refused.into_response();
        }
        let page = page(&refused);
        let mut response = refused.into_response();
        *response.body_mut() = page.into();
        let answered = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, web::POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            answered.insert(name, HeaderValue::from_static(value));
        }
        answered.remove(header::CONTENT_LENGTH);
        response
    }
}

fn page(refused: &Refused) -> String {
    let problem = refused.problem();
    let [title, detail, cure] =
        [&problem.title, &problem.detail, &problem.cure].map(|text| escaped(text));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/app.css\">\
         <main class=\"login\"><form><h1>{title}</h1><p>{detail}</p><p class=\"hint\">{cure}</p>\
         <p><a href=\"/\">utakata</a></p></form></main></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(accept: &'static str) -> Response {
        let refused = Refused::new(Code::LoginRefused, "<script>x</script>", "a & b");
        let accept = [(header::ACCEPT, HeaderValue::from_static(accept))];
        InBrowser(refused, accept.into_iter().collect()).into_response()
    }

    #[test]
    fn a_page_has_nothing_in_it_that_a_browser_would_run() {
        let refused = Refused::new(Code::LoginRefused, "<script>'x'</script>", "a & \"b\"");
        let page = page(&refused);
        assert!(
            page.contains("&lt;script&gt;&#39;x&#39;&lt;/script&gt;"),
            "{page}"
        );
        assert!(page.contains("a &amp; &quot;b&quot;"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn a_program_gets_a_problem_and_a_browser_a_page() {
        let page = answered("text/html,*/*;q=0.8");
        assert_eq!(
            page.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
        assert!(page.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        assert_eq!(page.status(), Code::LoginRefused.status());
        let problem = answered("application/json");
        let kind = &problem.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "application/problem+json");
    }
}
