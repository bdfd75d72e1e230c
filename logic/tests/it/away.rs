//! A broker is away: refusals caused by that name it.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;
use utakata_interconnect::connection::Health;
use utakata_logic::store::sqlite::Sqlite;

use crate::{
    control::off,
    room::{Room, config},
};

#[tokio::test]
async fn what_is_refused_while_a_broker_is_away_names_it_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3")).await;
    let tasks = Health::new("tasks", "amqp://rabbit.example:5672/site");
    let events = Health::new("events", "mqtt://mosquitto.example:1883");
    tasks.made();
    events.made();
    let connections = vec![tasks.clone(), events.clone()];
    let room = Room::connected(folder, config(), Arc::new(store.unwrap()), connections).await;
    room.furnish(1).await;
    let names = |told: &serde_json::Value| told["detail"].to_string().contains("mosquitto.example");
    for path in ["/v1/operations", "/v1/reads"] {
        let body = || match path {
            "/v1/reads" => json!({ "selector": "kind=pdu" }),
            _ => off(json!({})),
        };
        // Nobody serves the kind, and all brokers are there: it is not their fault.
        let (status, told) = room.post(path, body()).await;
        assert!(status.is_client_error(), "{told}");
        assert!(!names(&told), "{told}");
        assert!(!told["cure"].to_string().contains("broker"), "{told}");

        events.lost("connection refused");
        let (_, told) = room.post(path, body()).await;
        assert!(names(&told), "{told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains("the connection for events to"), "{detail}");
        assert!(detail.ends_with("is lost: connection refused"), "{detail}");
        let cure = told["cure"].as_str().unwrap();
        assert!(cure.contains("bring that broker back"), "{cure}");

        // Unrelated refusals do not name it.
        let nobody = json!({ "selector": "name=nobody", "action": "off" });
        let (status, told) = room.post(path, nobody).await;
        assert_ne!(status, StatusCode::OK, "{told}");
        assert!(!names(&told), "{told}");
        events.made();
    }
    room.end().await;
}
