//! What only the keeper of the ledger can do is passed on to it, whichever logic environment was
//! asked.

use std::time::Duration;

use axum::{
    body::{self, Body},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;
use utakata_api::client::{
    self,
    relay::{Answer, RELAYED, Relayed},
};

use super::{Api, Refused};
use crate::observe::WAIT_MAX;

/// How long a keeper is waited for: one that has died is replaced within that time.
const KEEPER_WITHIN: Duration = Duration::from_secs(12);
/// Between two looks for a keeper that could not be reached.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn relay(State(api): State<Api>, request: Request, next: Next) -> Response {
    let is_relayed = request.headers().contains_key(RELAYED);
    let is_for_keeper = is_for_keeper(request.method(), request.uri().path())
        || is_for_keeper_if_any(&api, request.uri().path());
    if !is_for_keeper || is_relayed || api.handle.ledger().is_here() {
        return next.run(request).await;
    }
    let changes = !request.method().is_safe();
    let _place = api.large.place(request.headers()).await;
    let request = match taken(&api, request).await {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    match pass(&api, &request).await {
        Ok(Passed::Here) => match again(request) {
            Ok(request) => next.run(request).await,
            Err(refused) => refused.into_response(),
        },
        Ok(Passed::Answered(answer)) => {
            if changes {
                // Who asks us next sees what was changed.
                api.handle.refresh().await;
            }
            answered(answer)
        }
        Err(refused) => refused.into_response(),
    }
}

/// What came of passing on.
enum Passed {
    /// The ledger is kept here by now.
    Here,
    /// The keeper has answered.
    Answered(Answer),
}

/// Whether only the keeper of the ledger can answer: all that changes something, and what
/// tells of the ledger's memory.
fn is_for_keeper(method: &Method, path: &str) -> bool {
    let mut parts = path.trim_start_matches("/v1/").split('/');
    let (first, second, last) = (parts.next(), parts.next(), parts.next_back());
    match (method, first) {
        (&Method::POST, Some("reads")) => false,
        (_, Some("releases" | "release-files")) => false,
        (&Method::GET | &Method::HEAD, Some("targets")) => second.is_some(),
        (&Method::GET | &Method::HEAD, Some("locks" | "me")) => true,
        (&Method::GET | &Method::HEAD, _) => last == Some("explain"),
        _ => true,
    }
}

/// What any logic environment can tell, but one that keeps the ledger tells better. That nobody
/// keeps it is among what is told.
fn is_for_keeper_if_any(api: &Api, path: &str) -> bool {
    path == "/v1/overview" && api.handle.duties().ledger_at.is_some()
}

async fn taken(api: &Api, request: Request) -> Result<Relayed, Refused> {
    let (parts, body) = request.into_parts();
    let most = api.handle.config().http.body_limit;
    let within = api.handle.config().http.body_timeout;
    let body = tokio::time::timeout(within, body::to_bytes(body, most)).await;
    let body = body.map_err(|_| {
        let detail = format!(
            "the body did not arrive within {} seconds",
            within.as_secs()
        );
        Refused::new("timed-out", detail, "try again, or send less at once")
    })?;
    let body = body.map_err(|_| {
        let detail = format!("the body has more than {most} bytes");
        let cure = "send less at once, or raise logic.http.body_limit";
        Refused::new("body-too-large", detail, cure)
    })?;
    let path = parts.uri.path_and_query().map(ToString::to_string);
    Ok(Relayed {
        method: parts.method,
        path: path.unwrap_or_default(),
        headers: parts.headers,
        body: body.to_vec(),
    })
}

/// Tries until it is sent to a keeper, or none is found in time.
async fn pass(api: &Api, request: &Relayed) -> Result<Passed, Refused> {
    let give_up_at = Instant::now() + KEEPER_WITHIN;
    let within = api.handle.config().http.timeout + WAIT_MAX;
    let mut last = "no logic environment keeps it".to_owned();
    loop {
        if api.handle.ledger().is_here() {
            return Ok(Passed::Here);
        }
        if let Some(url) = api.handle.duties().ledger_at {
            match api.relay.pass(&url, request.clone(), within).await {
                // It kept it when we looked: not any more.
                Ok(answer) if is_elsewhere(&answer) => last = format!("{url} keeps it no more"),
                Ok(answer) if answer.status == 401 => return Err(tokens_differ(&url)),
                Ok(answer) => return Ok(Passed::Answered(answer)),
                Err(client::Error::Unreachable { .. }) => last = format!("{url} does not answer"),
                Err(error) => return Err(answer_lost(&url, &error)),
            }
        }
        if Instant::now() + AGAIN > give_up_at {
            let detail = format!("the keeper of the ledger of control is not to be found: {last}");
            let cure = "nothing was done: try again in some seconds";
            return Err(Refused::new("ledger-elsewhere", detail, cure));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn is_elsewhere(answer: &Answer) -> bool {
    let code = |body: &[u8]| {
        let problem: utakata_api::Problem = serde_json::from_slice(body).ok()?;
        Some(problem.code)
    };
    answer.status == 503 && code(&answer.body).as_deref() == Some("ledger-elsewhere")
}

fn tokens_differ(url: &str) -> Refused {
    let detail = format!("the token is known here, and not at {url}, which keeps the ledger");
    let cure = "give all logic environments the same token of admin (logic.http.token_file), or \
                ask with that of a person (`utakata person add NAME`)";
    Refused::new("tokens-differ", detail, cure)
}

fn answer_lost(url: &str, error: &client::Error) -> Refused {
    let detail = format!(
        "what was asked was passed on to {url}, and its answer was lost ({error}): it may have \
         been done"
    );
    let cure = "look before asking again (`utakata operation list`); with a key (`--key`), asking \
                twice is asking once";
    Refused::new("answer-lost", detail, cure)
}

fn again(request: Relayed) -> Result<Request, Refused> {
    let mut made = Request::builder().method(request.method).uri(request.path);
    if let Some(headers) = made.headers_mut() {
        *headers = request.headers;
    }
    made.body(Body::from(request.body)).map_err(|error| {
        let cure = "report it, with the log of that moment";
        Refused::new(
            "internal",
            format!("the request cannot be made again: {error}"),
            cure,
        )
    })
}

fn answered(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    let status = StatusCode::from_u16(answer.status);
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    if let Some(content_type) = answer.content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(RELAYED, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_keeper_can_answer_is_passed_on_and_nothing_else() {
        for (method, path, expect) in [
            (Method::POST, "/v1/operations", true),
            (Method::POST, "/v1/apply", true),
            (Method::PUT, "/v1/targets/pdu-1", true),
            (Method::DELETE, "/v1/targets/pdu-1/lock", true),
            (Method::POST, "/v1/tasks/7/settle", true),
            (Method::GET, "/v1/tasks/7/explain", true),
            (Method::GET, "/v1/operations/7/explain", true),
            (Method::GET, "/v1/targets/pdu-1", true),
            (Method::GET, "/v1/locks", true),
            (Method::GET, "/v1/targets", false),
            (Method::POST, "/v1/reads", false),
            (Method::POST, "/v1/releases", false),
            (Method::DELETE, "/v1/releases/pdu@1", false),
            (Method::PUT, "/v1/release-files/ab12", false),
            (Method::GET, "/v1/operations/7", false),
            (Method::GET, "/v1/tasks", false),
            (Method::GET, "/v1/events", false),
            (Method::GET, "/v1/status", false),
        ] {
            assert_eq!(is_for_keeper(&method, path), expect, "{method} {path}");
        }
    }
}
