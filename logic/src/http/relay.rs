//! Relaying of requests that only the keeper of the ledger can answer, whichever logic environment
//! receives them.

use std::time::Duration;

use axum::{
    body::{self, Body, Bytes},
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::time::Instant;
use utakata_api::client::{
    self,
    relay::{self, Answer, RELAYED},
};

use super::{
    Api, Refused,
    body::{late, too_large},
    local::LocalAdmin,
    needs::{Answered, BodySize, Needs},
    passed_on,
};
use crate::{clock, code::Code, observe::WAIT_MAX};

/// The time within which a keeper that has died is replaced.
const KEEPER_TIMEOUT: Duration = Duration::from_secs(12);
/// The interval between looks for a keeper that cannot be reached.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// The fate of a relayed request.
pub(super) enum Relayed {
    /// The request is to be answered here.
    Here(Request),
    /// The request was answered, or refused.
    Answered(Response),
}

/// Relays a request to the keeper of the ledger, if its route requires that.
pub(super) async fn relay(api: &Api, needs: Needs, request: Request) -> Relayed {
    let is_relayed = request.headers().contains_key(RELAYED);
    let is_for_keeper = match needs.answered {
        Answered::Anywhere => false,
        Answered::ByKeeper => true,
        Answered::ByKeeperIfAny => api.handle.duties().ledger_at.is_some(),
    };
    if !is_for_keeper || is_relayed || api.handle.ledger().is_here() {
        return Relayed::Here(request);
    }
    match relay_now(api, needs, request).await {
        Ok(relayed) => relayed,
        Err(refused) => Relayed::Answered(refused.into_response()),
    }
}

async fn relay_now(api: &Api, needs: Needs, request: Request) -> Result<Relayed, Refused> {
    let changes = !request.method().is_safe();
    // Freed before the request is answered here, which takes a slot again.
    let _place = api.large.place(request.headers()).await;
    let (parts, body) = request.into_parts();
    let body = read(api, needs, body).await?;
    let Some(answer) = pass(api, &parts, &body).await? else {
        return Ok(Relayed::Here(Request::from_parts(parts, body.into())));
    };
    if changes || answer.headers.contains_key(header::SET_COOKIE) {
        // The next request to us sees the change.
        api.handle.refresh().await;
    }
    Ok(Relayed::Answered(answered(answer)))
}

async fn read(api: &Api, needs: Needs, body: Body) -> Result<Bytes, Refused> {
    if needs.body == BodySize::NoBody {
        return Ok(Bytes::new());
    }
    let config = &api.handle.config().http;
    let limit = needs.body_limit(config);
    let read = tokio::time::timeout(config.body_timeout, body::to_bytes(body, limit)).await;
    let read = read.map_err(|_| late(config.body_timeout))?;
    read.map_err(|_| too_large(limit))
}

/// Tries until a keeper has answered, or none is found in time. `None` means that the ledger is
/// kept here by now.
async fn pass(api: &Api, parts: &Parts, body: &Bytes) -> Result<Option<Answer>, Refused> {
    let give_up_at = Instant::now() + KEEPER_TIMEOUT;
    let limit = api.handle.config().http.timeout + WAIT_MAX;
    let mut last = "no logic environment keeps it".to_owned();
    loop {
        if api.handle.ledger().is_here() {
            return Ok(None);
        }
        let duties = api.handle.duties();
        if let (Some(url), Some(unfit)) = (&duties.ledger_at, duties.unfit) {
            last = format!("nothing is sent to {url}: {unfit}");
        } else if let Some(url) = duties.ledger_at {
            match api
                .relay
                .pass(
                    &url,
                    copy(parts, body, |request| {
                        passed_on::prove(api.handle.inventory().secrets(), request, clock::now())
                    }),
                    limit,
                )
                .await
            {
                // It kept the ledger when we looked, but no longer.
                Ok(answer) if is_elsewhere(&answer) => last = format!("{url} keeps it no more"),
                Ok(answer) if answer.status == 401 => return Err(tokens_differ(&url)),
                Ok(answer) => return Ok(Some(answer)),
                Err(client::Error::Unreachable { .. }) => last = format!("{url} does not answer"),
                Err(error) => return Err(answer_lost(&url, &error)),
            }
        }
        if Instant::now() + RETRY_AFTER > give_up_at {
            let detail = format!("the keeper of the ledger of control cannot be found: {last}");
            let cure = "nothing was done: try again in some seconds";
            return Err(Refused::new(Code::LedgerElsewhere, detail, cure));
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

fn copy(
    parts: &Parts,
    body: &Bytes,
    prove: impl FnOnce((&Method, &str)) -> Option<String>,
) -> relay::Relayed {
    let path = parts.uri.path_and_query();
    let path = path.map_or_else(|| "/".to_owned(), ToString::to_string);
    let mut headers = parts.headers.clone();
    // Whoever is admin by the local socket is admin at the keeper, too. Who has a session has shown it
    // in a cookie, and is nobody else there.
    if parts.extensions.get::<LocalAdmin>().is_some()
        && !headers.contains_key(header::AUTHORIZATION)
        && let Some(proof) = prove((&parts.method, &path))
        && let Ok(proof) = HeaderValue::try_from(proof)
    {
        headers.insert(header::AUTHORIZATION, proof);
    }
    relay::Relayed {
        method: parts.method.clone(),
        path,
        headers,
        body: body.to_vec(),
    }
}

fn is_elsewhere(answer: &Answer) -> bool {
    let problem = serde_json::from_slice::<utakata_api::Problem>(&answer.body);
    answer.status == Code::LedgerElsewhere.status()
        && problem.is_ok_and(|problem| problem.code == Code::LedgerElsewhere.as_str())
}

fn tokens_differ(url: &str) -> Refused {
    let detail = format!("the token is known here, and not at {url}, which keeps the ledger");
    let cure = "give all logic environments the same token of admin (logic.http.token_file), or \
                ask with that of a person (`utakata person add NAME`)";
    Refused::new(Code::TokensDiffer, detail, cure)
}

fn answer_lost(url: &str, error: &client::Error) -> Refused {
    let detail = format!(
        "the request was passed on to {url}, and its answer was lost ({error}): it may have \
         been done"
    );
    let cure = "look before asking again (`utakata operation list`); with a key (`--key`), asking \
                twice is asking once";
    Refused::new(Code::AnswerLost, detail, cure)
}

fn answered(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    let status = StatusCode::from_u16(answer.status);
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = answer.headers;
    let passed_on = HeaderValue::from_static("1");
    response.headers_mut().insert(RELAYED, passed_on);
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::put};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_session_that_is_passed_on_is_nobody_else_s() {
        let passed_on = |is_local: bool, header: Option<(&'static str, &'static str)>| {
            let mut request = Request::new(());
            if is_local {
                request.extensions_mut().insert(LocalAdmin);
            }
            if let Some((name, value)) = header {
                let value = HeaderValue::from_static(value);
                request.headers_mut().insert(name, value);
            }
            let (parts, ()) = request.into_parts();
            copy(&parts, &Bytes::new(), |(method, path)| {
                Some(format!("proof of {method} {path}"))
            })
            .headers
        };
        let session = passed_on(false, Some(("cookie", "utakata=x.y.z")));
        assert!(!session.contains_key(header::AUTHORIZATION));
        assert_eq!(session[header::COOKIE], "utakata=x.y.z");
        assert!(
            passed_on(false, None).is_empty(),
            "who logs in is nobody yet"
        );
        let local = passed_on(true, None);
        assert_eq!(local[header::AUTHORIZATION], "proof of GET /");
        let token = passed_on(true, Some(("authorization", "Bearer of-ana")));
        assert_eq!(token[header::AUTHORIZATION], "Bearer of-ana");
    }

    #[tokio::test]
    async fn an_answer_is_passed_on_with_what_it_says_about_itself() {
        let secret = || async { ([("cache-control", "no-store")], "the token, told once") };
        let keeper = Router::new().route("/v1/people/bo", put(secret));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keeper = tokio::spawn(async move { axum::serve(listener, keeper).await });

        let request = relay::Relayed {
            method: Method::PUT,
            path: "/v1/people/bo".into(),
            headers: Default::default(),
            body: Vec::new(),
        };
        let relay = relay::Relay::new().unwrap();
        let answer = relay.pass(&url, request, Duration::from_secs(30)).await;
        let response = answered(answer.unwrap());
        keeper.abort();

        let headers = response.headers();
        assert_eq!(headers["cache-control"], "no-store");
        assert!(
            headers["content-type"]
                .as_bytes()
                .starts_with(b"text/plain")
        );
        assert_eq!(headers[RELAYED], "1");
        // These are said anew by whoever writes the answer.
        assert!(!headers.contains_key("content-length") && !headers.contains_key("date"));
    }
}
