//! Requests that another logic environment is to answer.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use tokio::{net::TcpListener, sync::mpsc};
use utakata_logic::{
    config,
    peers::{Addresses, Peers},
    store::{LeaseRequest, Member, Store, sqlite::Sqlite},
};
use utakata_model::{EnvironmentId, Incarnation, LogicId};

use crate::room::{self, Room};

/// Somebody who may write to the database names an address of theirs, to have tokens sent there.
#[tokio::test]
async fn nothing_is_sent_to_an_address_that_no_logic_environment_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3")).await;
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (heard, mut hears) = mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        while let Ok(connection) = listener.accept().await {
            let _ = heard.send(connection);
        }
    });
    let written = LeaseRequest {
        by: Member {
            environment: EnvironmentId::new("le-9").unwrap(),
            incarnation: Incarnation::generate(),
        },
        address: address.clone(),
        proof: "{}".into(),
        lasts: Duration::from_secs(3600),
        take: vec!["ledger".into()],
        release: Vec::new(),
    };
    store.lease(&written).await.unwrap();

    let room = Room::among(
        folder,
        room::config(),
        store,
        Vec::new(),
        |store, secrets| {
            let id = LogicId::new("le-1").unwrap();
            let addresses = Addresses::new(Arc::clone(secrets), false);
            let own = ("http://127.0.0.1:1".into(), addresses);
            Peers::join(store.clone(), &id, own, config::Lease::default()).ok()
        },
    )
    .await;
    room.until("/v1/status", |status| {
        status["duties"]["ledger_at"] == address
    })
    .await;
    let (_, status) = room.get("/v1/status").await;
    assert!(status["duties"]["unfit"].is_string(), "{status}");
    let (status, told) = room.send("PUT", "/v1/people/ana", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    assert_eq!(told["code"], "ledger-elsewhere", "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("nothing is sent to"), "{told}");
    assert!(hears.try_recv().is_err(), "something was sent");
    listening.abort();
    room.end().await;
}
