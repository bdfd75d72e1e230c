//! Server-sent events.

use axum::{
    body::{Body, BodyDataStream},
    http::Request,
};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use utakata_tests::wait::soon;

use crate::room::{Room, TOKEN, target};

struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(room: &Room, query: &str) -> Self {
        let request = Request::get(format!("/v1/events{query}"))
            .header("authorization", format!("Bearer {TOKEN}"));
        let request = request.body(Body::empty()).unwrap();
        let response = room.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        };
        let first = stream.frame().await;
        assert_eq!(first, ": connected");
        stream
    }

    async fn frame(&mut self) -> String {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = frame.to_owned();
                self.text = rest.to_owned();
                return frame;
            }
            let next = soon("an event", self.body.next());
            let bytes = next.await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn event(&mut self) -> (String, Value) {
        let frame = self.frame().await;
        let (event, data) = frame.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (event.strip_prefix("event: ").unwrap().to_owned(), data)
    }
}

#[tokio::test]
async fn who_follows_gets_environments_first_then_readings_and_outcomes() {
    let room = Room::served().await;
    room.furnish(1).await;
    let mut stream = Stream::open(&room, "").await;
    let (event, data) = stream.event().await;
    assert_eq!(
        (event.as_str(), &data["environment"]["id"]),
        ("environment", &json!("env-1"))
    );
    room.post("/v1/reads", json!({ "selector": "rack=A1" }))
        .await;
    let (event, data) = stream.event().await;
    assert_eq!(event, "readings");
    assert_eq!(data["readings"]["target"], "pdu-0");
    let (event, data) = stream.event().await;
    assert_eq!(event, "outcomes");
    assert_eq!(data["outcomes"][0]["status"], "succeeded");
    room.end().await;
}

#[tokio::test]
async fn a_selector_and_types_leave_out_what_is_not_meant() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut other = target("other");
    other["labels"] = json!({ "rack": "B1" });
    room.apply(json!([other])).await;
    let mut stream = Stream::open(&room, "?selector=rack%3DB1&types=outcomes").await;
    room.post("/v1/reads", json!({ "selector": "", "wait": "5s" }))
        .await;
    let (event, data) = stream.event().await;
    assert_eq!(event, "outcomes");
    let outcomes = data["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 1, "{data}");
    assert_eq!(outcomes[0]["target"], "other");
    room.end().await;
}

#[tokio::test]
async fn who_is_too_slow_is_told_how_much_was_missed() {
    let mut config = crate::room::config();
    config.http.events_kept = 16;
    let mut room = Room::empty(config).await;
    let succeed = |_: &_| Some((utakata_model::OutcomeStatus::Succeeded, None));
    room.serve("pdu", std::sync::Arc::new(succeed)).await;
    room.furnish(100).await;
    let mut stream = Stream::open(&room, "?types=readings").await;
    room.post("/v1/reads", json!({ "selector": "", "wait": "10s" }))
        .await;
    let (event, data) = stream.event().await;
    assert_eq!(event, "missed");
    assert!(data["missed"].as_u64().unwrap() >= 80, "{data}");
    room.end().await;
}
