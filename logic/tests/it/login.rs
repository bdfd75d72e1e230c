//! Logging in by an identity provider, which is a real one.

use std::path::Path;

use axum::{
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;
use utakata_logic::{Config, config::Login};
use utakata_tests::servers::Openid;

use crate::{
    rights::{ask, give, make_with, trail},
    room::{Room, TOKEN, config},
};

/// A change of the settings.
type Change<'a> = &'a dyn Fn(&mut Login);

/// Settings for a provider, as its client without a secret unless a folder for one is given.
fn settings(provider: &Openid, secret_in: Option<&Path>) -> Config {
    let secret = secret_in.map(|folder| provider.secret_in(folder).unwrap());
    Config {
        login: Login {
            issuer: Some(provider.issuer()),
            name: Some("Lab".into()),
            client_id: secret.as_ref().map_or("public", |_| "utakata").into(),
            client_secret_file: secret,
            url: Some("http://127.0.0.1:7700".into()),
            ..Login::default()
        },
        ..config()
    }
}

fn people() -> Value {
    json!({
        "0042": { "preferred_username": "Ana", "email": "ana@x", "groups": ["netops", "/dc/night"] },
        "0043": { "preferred_username": "ana", "groups": ["netops"] },
        "0044": { "preferred_username": "bo@corp.example" },
        "0045": { "preferred_username": "a name" },
    })
}

async fn send(room: &Room, request: axum::http::request::Builder, body: Body) -> Response<Body> {
    let request = request.body(body).unwrap();
    room.router.clone().oneshot(request).await.unwrap()
}

fn cookies(response: &Response<Body>) -> Vec<String> {
    let set = response.headers().get_all(header::SET_COOKIE).into_iter();
    set.map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

fn location(response: &Response<Body>) -> String {
    let location = response.headers()[header::LOCATION].to_str();
    location.unwrap().to_owned()
}

/// Leaves for the provider; returns its address and the cookie that the browser keeps.
async fn leave(room: &Room) -> (String, String) {
    let response = send(room, Request::get("/v1/login/browser"), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
    let set = cookies(&response).remove(0);
    let flags = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax";
    assert!(
        set.starts_with("utakata-login-7700=") && set.ends_with(flags),
        "{set}"
    );
    let kept = set.split(';').next().unwrap().to_owned();
    (location(&response), kept)
}

/// Comes back from the provider at an address.
async fn come_back(room: &Room, url: &str, kept: &str) -> Response<Body> {
    let path = url.strip_prefix("http://127.0.0.1:7700").unwrap();
    let request = Request::get(path)
        .header("cookie", kept)
        .header("accept", "application/json");
    send(room, request, Body::empty()).await
}

/// Logs in with a browser; returns the cookie of its session.
async fn log_in(room: &Room, provider: &Openid, subject: &str) -> String {
    let (url, kept) = leave(room).await;
    let back = provider.agree(&url, subject).unwrap();
    let response = come_back(room, &back, &kept).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{response:?}");
    assert_eq!(location(&response), "/");
    let set = cookies(&response);
    let session = set.iter().find(|set| set.starts_with("utakata-7700="));
    let session = session.unwrap();
    assert!(session.contains("; HttpOnly; SameSite=Strict"), "{session}");
    let gone = |set: &&String| set.starts_with("utakata-login-7700=;") && set.contains("Max-Age=0");
    assert!(set.iter().any(|set| gone(&set)), "{set:?}");
    session.split(';').next().unwrap().to_owned()
}

/// Asks as a page of the web UI does.
async fn from_page(room: &Room, method: &str, path: &str, cookie: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", cookie)
        .header("sec-fetch-site", "same-origin")
        .header("x-utakata", "1");
    room.answer(request.body(Body::empty()).unwrap()).await
}

async fn code(response: Response<Body>) -> (StatusCode, String, String) {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    let problem: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    let text = |key: &str| problem[key].as_str().unwrap().to_owned();
    (
        status,
        text("code"),
        format!("{} {}", text("detail"), text("cure")),
    )
}

#[tokio::test]
async fn a_browser_logs_in_with_its_groups_and_out() {
    let provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&provider, Some(folder.path()));
    let room = Room::empty(settings).await;
    let (_, options) = from_page(&room, "GET", "/v1/login", "").await;
    let browser = "http://127.0.0.1:7700/v1/login/browser";
    assert_eq!(options, json!({ "provider": "Lab", "browser": browser }));

    let session = log_in(&room, &provider, "0042").await;
    let (_, me) = from_page(&room, "GET", "/v1/me", &session).await;
    assert_eq!(me["name"], "ana", "{me}");
    assert_eq!(me["rights"], Value::Null, "nothing is allowed yet: {me}");
    assert_eq!(me["groups"], json!(["/dc/night", "netops"]), "{me}");
    let (status, _) = from_page(&room, "GET", "/v1/targets", &session).await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    let body = json!({ "who": "group:netops", "role": "viewer" });
    let path = "/v1/bindings/netops-viewer";
    let (status, told) = ask(&room, TOKEN, "PUT", path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, _) = from_page(&room, "GET", "/v1/targets", &session).await;
    assert_eq!(status, StatusCode::OK, "a role of a group counts at once");

    let (_, tokens) = ask(&room, TOKEN, "GET", "/v1/tokens", None).await;
    let token = &tokens["items"][0];
    assert_eq!(
        (&token["owner"], &token["login"]),
        (&json!("ana"), &json!(true))
    );
    assert!(
        token["name"].as_str().unwrap().starts_with("web-"),
        "{token}"
    );
    let (status, _) = from_page(&room, "DELETE", "/v1/session", &session).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = from_page(&room, "GET", "/v1/me", &session).await;
    assert_eq!(
        status,
        StatusCode::UNAUTHORIZED,
        "the login ends with the session"
    );

    let lines = trail(&room).await;
    let found = |what: &str| lines.iter().find(|line| line["what"] == what);
    let made = found("login.made").unwrap();
    assert_eq!(
        (&made["by"], &made["subject"]),
        (&json!("ana"), &json!("0042"))
    );
    assert_eq!(found("login.ended").unwrap()["by"], "ana");
    room.end().await;
}

#[tokio::test]
async fn an_answer_counts_for_the_browser_that_asked_and_once() {
    let provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let room = Room::empty(settings(&provider, None)).await;
    let (url, kept) = leave(&room).await;
    let (_, of_another) = leave(&room).await;
    let back = provider.agree(&url, "0042").unwrap();
    for wrong in [of_another.as_str(), "", "utakata-login-7700=x.99999999999"] {
        let (status, code, _) = code(come_back(&room, &back, wrong).await).await;
        assert_eq!(
            (status, code.as_str()),
            (StatusCode::GONE, "login-expired"),
            "{wrong}"
        );
    }
    let other_state = back.replace("state=", "state=x");
    let (status, ..) = code(come_back(&room, &other_state, &kept).await).await;
    assert_eq!(status, StatusCode::GONE);
    let other_provider = back.replace("iss=http", "iss=https");
    let (_, said, _) = code(come_back(&room, &other_provider, &kept).await).await;
    assert_eq!(said, "login-refused");
    let first = come_back(&room, &back, &kept).await;
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let (_, said, detail) = code(come_back(&room, &back, &kept).await).await;
    assert_eq!(said, "login-refused", "a code counts once: {detail}");

    let (url, kept) = leave(&room).await;
    let back = provider.refuse(&url, "0042").unwrap();
    let (_, said, detail) = code(come_back(&room, &back, &kept).await).await;
    assert_eq!(said, "login-refused");
    assert!(detail.contains("access_denied"), "{detail}");
    let (_, status) = room.get("/v1/status").await;
    assert_eq!(
        status["wrong_tokens"]["count"], 7,
        "{}",
        status["wrong_tokens"]
    );
    let (_, tokens) = room.get("/v1/tokens").await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1, "{tokens}");
    room.end().await;
}

#[tokio::test]
async fn a_name_that_is_given_again_gets_nothing_until_somebody_says_so() {
    let provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let room = Room::empty(settings(&provider, None)).await;
    log_in(&room, &provider, "0042").await;
    assert_eq!(
        give(&room, TOKEN, "ana", "operator", "").await,
        StatusCode::OK
    );
    let sec = make_with(&room, TOKEN, "sec", "security", "").await;
    make_with(&room, TOKEN, "bo", "viewer", "").await;

    let refusal = async |subject: &str| {
        let (url, kept) = leave(&room).await;
        let back = provider.agree(&url, subject).unwrap();
        code(come_back(&room, &back, &kept).await).await
    };
    let (status, said, detail) = refusal("0043").await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::CONFLICT, "login-taken")
    );
    assert!(detail.contains("person link ana 0043"), "{detail}");
    let (_, said, _) = refusal("0044").await;
    assert_eq!(
        said, "login-taken",
        "the name of somebody with a token is theirs"
    );
    let (status, said, detail) = refusal("0045").await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "login-name")
    );
    assert!(detail.contains("\"a name\""), "{detail}");

    let link = |subject: &str| Some(json!({ "subject": subject }));
    let (status, _) = ask(&room, &sec, "PUT", "/v1/people/sec/link", link("9")).await;
    assert_eq!(status, StatusCode::CONFLICT, "nobody links themselves");
    let (status, _) = ask(&room, &sec, "PUT", "/v1/people/bo/link", link("0042")).await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "one at the provider is one person"
    );
    let (status, told) = ask(&room, &sec, "PUT", "/v1/people/bo/link", link("0044")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let session = log_in(&room, &provider, "0044").await;
    let (_, me) = from_page(&room, "GET", "/v1/me", &session).await;
    assert_eq!(
        (&me["name"], &me["roles"][0]["role"]),
        (&json!("bo"), &json!("viewer"))
    );
    assert_eq!(
        me["token"]["by"], "sec",
        "who linked them has made their logins: {me}"
    );

    let lines = trail(&room).await;
    let is_link = |line: &&Value| line["request"] == "PUT /v1/people/bo/link";
    assert_eq!(lines.iter().find(is_link).unwrap()["by"], "sec");
    let refused = lines;
    let refused = refused
        .iter()
        .filter(|line| line["what"] == "login.refused");
    let codes: Vec<&Value> = refused.map(|line| &line["code"]).collect();
    assert_eq!(codes, ["login-taken", "login-taken", "login-name"]);

    let (status, _) = ask(&room, TOKEN, "DELETE", "/v1/people/bo", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = from_page(&room, "GET", "/v1/me", &session).await;
    assert_eq!(
        status,
        StatusCode::UNAUTHORIZED,
        "sessions end with the person"
    );
    room.end().await;
}

#[tokio::test]
async fn while_the_provider_is_away_everything_else_goes_on() {
    let mut provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let before = Room::empty(settings(&provider, None)).await;
    let session = log_in(&before, &provider, "0042").await;
    let fresh = Room::empty(settings(&provider, None)).await;
    provider.server().kill().unwrap();

    let response = send(&fresh, Request::get("/v1/login/browser"), Body::empty()).await;
    let (status, said, detail) = code(response).await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "login-away")
    );
    assert!(detail.contains(&provider.issuer()), "{detail}");
    let as_page = Request::get("/v1/login/browser").header("accept", "text/html");
    let page = send(&fresh, as_page, Body::empty()).await;
    assert_eq!(
        page.headers()[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    let (status, _) = fresh.get("/v1/status").await;
    assert_eq!(status, StatusCode::OK);
    let (status, me) = from_page(&before, "GET", "/v1/me", &session).await;
    assert_eq!(status, StatusCode::OK, "{me}");
    let (url, _) = leave(&before).await;
    assert!(
        url.starts_with(&provider.issuer()),
        "what it said of itself is known"
    );
    let (_, status) = fresh.get("/v1/status").await;
    let wrong = &status["wrong_tokens"];
    assert_eq!(*wrong, Value::Null, "who is away was not deceived");

    provider.server().start_again().unwrap();
    utakata_tests::wait::until("it is asked again", async || {
        let request = Request::get("/v1/login/browser");
        send(&fresh, request, Body::empty()).await.status() == StatusCode::SEE_OTHER
    })
    .await;
    // Its keys are others now.
    let session = log_in(&fresh, &provider, "0042").await;
    let (status, _) = from_page(&fresh, "GET", "/v1/me", &session).await;
    assert_eq!(status, StatusCode::OK);
    before.end().await;
    fresh.end().await;
}

#[tokio::test]
async fn settings_that_do_not_fit_say_so_and_stop_nothing() {
    let provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wrong_secret = folder.path().join("wrong");
    std::fs::write(&wrong_secret, "wrong").unwrap();
    let refusal = async |change: Change<'_>| {
        let mut config = settings(&provider, Some(folder.path()));
        change(&mut config.login);
        let room = Room::empty(config).await;
        let response = send(&room, Request::post("/v1/login/device"), Body::empty()).await;
        let found = code(response).await;
        room.end().await;
        found
    };
    let localhost = provider.issuer().replace("127.0.0.1", "localhost");
    let cases: [(Change<'_>, &str); 5] = [
        (
            &|login| login.issuer = Some(localhost.clone()),
            "it calls itself",
        ),
        (
            &|login| login.client_secret_file = Some(wrong_secret.clone()),
            "invalid_client",
        ),
        (
            &|login| login.client_secret_file = Some(folder.path().join("none")),
            "cannot be used",
        ),
        (&|login| login.client_id = "nobody".into(), "invalid_client"),
        (
            &|login| {
                login.client_id = "browser-only".into();
                login.client_secret_file = None;
            },
            "is not allowed for this client",
        ),
    ];
    for (change, says) in cases {
        let (status, said, detail) = refusal(change).await;
        assert_eq!(
            (status, said.as_str()),
            (StatusCode::BAD_GATEWAY, "login-unfit"),
            "{detail}"
        );
        assert!(detail.contains(says), "{says}: {detail}");
    }
    let (status, said, _) = refusal(&|login| *login = Login::default()).await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::NOT_FOUND, "login-off")
    );
}

#[tokio::test]
async fn a_code_of_a_device_is_good_for_one_login_and_only_of_this_site() {
    let provider = Openid::start().unwrap();
    provider.accounts(&people()).unwrap();
    let room = Room::empty(settings(&provider, None)).await;
    let post = async |path: &str, body: Value| {
        let request = Request::post(path).header("content-type", "application/json");
        room.answer(request.body(Body::from(body.to_string())).unwrap())
            .await
    };
    let (status, device) = post("/v1/login/device", Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{device}");
    let question = json!({ "code": device["code"] });
    let (status, answer) = post("/v1/login/device/token", question.clone()).await;
    assert_eq!((status, &answer), (StatusCode::OK, &json!({})), "not yet");
    let url = device["verification_uri_complete"].as_str().unwrap();
    let page = provider.agree_on_device(url, "0042").unwrap();
    assert!(page.contains("Success"), "{page}");
    let (status, answer) = post("/v1/login/device/token", question.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let token = answer["login"]["token"].as_str().unwrap();
    let (_, me) = ask(&room, token, "GET", "/v1/me", None).await;
    assert_eq!(me["name"], "ana");
    assert!(
        me["token"]["name"].as_str().unwrap().starts_with("cli-"),
        "{me}"
    );
    let (status, answer) = post("/v1/login/device/token", question).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let made_up = json!({ "code": "eA.99999999999.eA" });
    let (status, answer) = post("/v1/login/device/token", made_up).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::FORBIDDEN, &json!("login-refused"))
    );
    room.end().await;
}
