//! The needs of a browser: the files of the web UI, a session, and the view of a site.

use axum::{
    body::{self, Body, BodyDataStream},
    http::{Request, Response, StatusCode, header, request::Builder},
};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;
use utakata_tests::wait::soon;

use crate::room::{Room, TOKEN, target};

async fn answer(room: &Room, request: Request<Body>) -> Response<Body> {
    room.router.clone().oneshot(request).await.unwrap()
}

/// Begins a session, and returns its cookie as it is sent back.
async fn log_in(room: &Room, token: &str) -> String {
    let request = Request::post("/v1/session")
        .header("host", "dc:7700")
        .header("authorization", format!("Bearer {token}"));
    let response = answer(room, request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(token));
    cookie
}

/// Returns the number of hours that a new session of somebody lasts.
async fn hours(room: &Room, token: &str) -> i64 {
    let request = Request::post("/v1/session").header("authorization", format!("Bearer {token}"));
    let (status, told) = room.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let expires: Timestamp = told["expires"].as_str().unwrap().parse().unwrap();
    (expires.as_second() - Timestamp::now().as_second() + 1800) / 3600
}

/// A request with a session, from a page of the UI.
fn from_page(method: &str, path: &str, cookie: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", format!("other=1; {cookie}"))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
}

async fn status(room: &Room, request: Builder, body: &str) -> (StatusCode, Value) {
    room.answer(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn a_session_is_its_person_and_ends_with_the_token() {
    let room = Room::served().await;
    let (_, told) = room.send("PUT", "/v1/people/ana", None).await;
    let cookie = log_in(&room, told["token"].as_str().unwrap()).await;
    let me = || from_page("GET", "/v1/me", &cookie);
    let (seen, told) = status(&room, me(), "").await;
    assert_eq!((seen, &told["name"]), (StatusCode::OK, &json!("ana")));
    let session = from_page("POST", "/v1/session", &cookie).header("x-utakata", "1");
    let (seen, told) = status(&room, session, "").await;
    assert_eq!(seen, StatusCode::UNAUTHORIZED, "{told}");

    room.send("PUT", "/v1/people/ana", None).await;
    let (seen, _) = status(&room, me(), "").await;
    assert_eq!(seen, StatusCode::UNAUTHORIZED);
    let admin = log_in(&room, TOKEN).await;
    let (_, told) = status(&room, from_page("GET", "/v1/me", &admin), "").await;
    assert_eq!(told["name"], "admin");
    room.end().await;
}

#[tokio::test]
async fn the_session_of_a_wall_lasts_for_weeks_and_never_acts() {
    let room = Room::served().await;
    let (_, told) = room.send("PUT", "/v1/people/wall", None).await;
    let token = told["token"].as_str().unwrap().to_owned();
    let give = async |role: &str| {
        let body = json!({ "who": "wall", "role": role });
        let path = format!("/v1/bindings/wall-{role}");
        let (status, told) = room.send("PUT", &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    };
    give("viewer").await;
    assert_eq!(
        (hours(&room, TOKEN).await, hours(&room, &token).await),
        (12, 90 * 24)
    );
    let cookie = log_in(&room, &token).await;
    let me = || from_page("GET", "/v1/me", &cookie);
    assert_eq!(status(&room, me(), "").await.0, StatusCode::OK);
    // With more than that, it does not count any more.
    give("operator").await;
    assert_eq!(status(&room, me(), "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(hours(&room, &token).await, 12);
    room.end().await;
}

#[tokio::test]
async fn a_session_acts_only_from_a_page_of_the_ui() {
    let room = Room::served().await;
    room.furnish(1).await;
    let cookie = log_in(&room, TOKEN).await;
    let off =
        json!({ "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 } });
    let off = off.to_string();
    let act = || from_page("POST", "/v1/operations", &cookie);
    let (seen, told) = status(&room, act(), &off).await;
    assert_eq!(
        (seen, &told["code"]),
        (StatusCode::FORBIDDEN, &json!("cross-origin"))
    );
    let elsewhere = Request::post("/v1/operations")
        .header("cookie", &cookie)
        .header("sec-fetch-site", "same-site")
        .header("x-utakata", "1");
    let (seen, _) = status(&room, elsewhere, &off).await;
    assert_eq!(seen, StatusCode::FORBIDDEN);
    let (_, operations) = room.get("/v1/operations").await;
    assert_eq!(operations["items"], json!([]));

    let (seen, told) = status(&room, act().header("x-utakata", "1"), &off).await;
    assert_eq!(seen, StatusCode::OK, "{told}");
    assert_eq!(told["operation"]["by"], "admin");
    room.end().await;
}

#[tokio::test]
async fn the_files_need_no_token_and_everything_else_does() {
    let room = Room::served().await;
    for (path, accept, expect) in [
        ("/", "text/html", StatusCode::OK),
        ("/device/pdu-0", "text/html,*/*", StatusCode::OK),
        ("/app.js", "*/*", StatusCode::OK),
        ("/none.js", "*/*", StatusCode::UNAUTHORIZED),
        ("/v1/status", "text/html", StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get(path).header("accept", accept);
        let response = answer(&room, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), expect, "{path}");
    }
    room.end().await;
}

/// A view that is watched.
struct Watch {
    body: BodyDataStream,
    text: String,
}

impl Watch {
    async fn begin(room: &Room) -> Self {
        let request = Request::get("/v1/view").header("authorization", format!("Bearer {TOKEN}"));
        let response = answer(room, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let data = frame.split_once("\ndata: ").unwrap().1;
                let data = serde_json::from_str(data).unwrap();
                self.text = rest.to_owned();
                return data;
            }
            let bytes = soon("a message", self.body.next()).await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Returns the next list of targets, by name.
    async fn targets(&mut self) -> Vec<String> {
        loop {
            if let Some(targets) = self.next().await["targets"]["items"].as_array() {
                let name = |target: &Value| target["name"].as_str().unwrap().to_owned();
                return targets.iter().map(name).collect();
            }
        }
    }

    /// Returns the next cell of a target that has a power.
    async fn cell(&mut self, number: u64) -> Value {
        loop {
            let message = self.next().await;
            let cells = message["cells"]["cells"].as_array().cloned();
            let is_meant = |cell: &Value| cell[0] == number && cell[2].is_number();
            let found = cells.into_iter().flatten().find(is_meant);
            if let Some(cell) = found {
                return cell;
            }
        }
    }
}

#[tokio::test]
async fn a_view_has_all_targets_then_the_cells_that_change() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut watch = Watch::begin(&room).await;
    assert_eq!(watch.targets().await, ["pdu-0", "pdu-1"]);
    // The script of the room answers with a power.
    let read = json!({ "selector": "name=pdu-1", "wait": "10s" });
    let (seen, told) = room.post("/v1/reads", read).await;
    assert_eq!(seen, StatusCode::OK, "{told}");
    let cell = watch.cell(1).await;
    assert!(cell[4].is_number(), "{cell}");

    // A second watcher begins with what the first one has had.
    let mut second = Watch::begin(&room).await;
    assert_eq!(second.targets().await, ["pdu-0", "pdu-1"]);
    assert_eq!(second.cell(1).await[2], cell[2]);
    room.apply(json!([target("pdu-2")])).await;
    for watch in [&mut watch, &mut second] {
        assert_eq!(watch.targets().await, ["pdu-0", "pdu-1", "pdu-2"]);
    }
    room.end().await;
}

#[tokio::test]
async fn the_past_of_a_site_is_what_history_has_of_it() {
    let room = Room::served().await;
    room.furnish(2).await;
    let (seen, told) = room
        .post(
            "/v1/reads",
            json!({ "selector": "name=pdu-1", "wait": "10s" }),
        )
        .await;
    assert_eq!(seen, StatusCode::OK, "{told}");
    let (_, readings) = room.get("/v1/readings").await;
    let heard: Timestamp = readings["items"][0]["heard"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let path = |at: Timestamp| format!("/v1/view/past?at={at}");
    let past = room
        .until(&path(heard), |past| past["cells"] != json!([]))
        .await;
    let names = past["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["pdu-0", "pdu-1"]);
    let cells = past["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 1, "{past}");
    assert_eq!(
        (&cells[0][0], &cells[0][1]),
        (&json!(1), &Value::Null),
        "{past}"
    );
    assert!(cells[0][2].is_number() && cells[0][4] == 0, "{past}");
    // Before it was read nobody knew anything of it, and a part of the room has only its own.
    let (_, before) = room.get(&path(heard - SignedDuration::from_secs(60))).await;
    assert_eq!(before["cells"], json!([]));
    let (_, part) = room
        .get(&format!("{}&selector=name%3Dpdu-0", path(heard)))
        .await;
    assert_eq!(
        (part["targets"].as_array().unwrap().len(), &part["cells"]),
        (1, &json!([]))
    );
    let (seen, told) = room.get("/v1/view/past?at=2999-01-01T00:00:00Z").await;
    assert_eq!(
        (seen, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("query-invalid")),
        "{told}"
    );
    room.end().await;
}

#[tokio::test]
async fn who_leaves_takes_the_cookie_away() {
    let room = Room::served().await;
    let cookie = log_in(&room, TOKEN).await;
    let request = from_page("DELETE", "/v1/session", &cookie)
        .header("host", "dc:7700")
        .header("x-utakata", "1");
    let response = answer(&room, request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("utakata-7700=; ") && set.contains("Max-Age=0"),
        "{set}"
    );
    assert!(
        body::to_bytes(response.into_body(), 1)
            .await
            .unwrap()
            .is_empty()
    );
    room.end().await;
}
