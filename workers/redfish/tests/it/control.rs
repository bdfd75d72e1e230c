//! Control: what is sent, and what the answer proves.

use serde_json::{Value as Json, json};
use utakata_worker_sdk::model::OutcomeStatus;

use crate::{
    bmc::{Bmc, Habits, PASSWORD, USER, modern, tree},
    device::Device,
};

const LOGIN: &[(&str, &str)] = &[("user", USER), ("password", PASSWORD)];

async fn start(tree: Json, habits: Habits) -> (Bmc, Device) {
    let bmc = Bmc::start(tree, habits).await;
    let device = Device::new(bmc.url(), LOGIN);
    (bmc, device)
}

#[tokio::test]
async fn what_the_service_allows_is_sent_and_read_back() {
    let (bmc, device) = start(tree(), Habits::default()).await;
    for (action, sent, state) in [
        ("power-off", &["ForceOff"][..], "off"),
        // "On" is not among what it allows.
        ("power-on", &["ForceOff", "ForceOn"], "on"),
        // It is on already.
        ("power-on", &["ForceOff", "ForceOn"], "on"),
        (
            "power-cycle",
            &["ForceOff", "ForceOn", "ForceRestart"],
            "on",
        ),
    ] {
        device.run(action, json!({})).await.unwrap();
        assert_eq!(bmc.state.lock().resets, sent, "{action}");
        let read = device.value("utakata.power.state").await;
        assert_eq!(read.as_deref(), Some(state), "{action}");
    }
    // GracefulShutdown is not allowed, and force is another wish.
    let failure = device.run("shut-down", json!({})).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert!(
        failure.problem.message.contains("GracefulShutdown"),
        "{failure:?}"
    );
    assert_eq!(bmc.state.lock().resets.len(), 3);
}

#[tokio::test]
async fn changes_are_made_with_the_tag_that_the_service_takes() {
    for tag in ["", "weak", "strong", "none"] {
        let habits = Habits {
            tag,
            ..Habits::default()
        };
        let (_bmc, device) = start(tree(), habits).await;
        device
            .run("boot-once", json!({ "device": "Pxe" }))
            .await
            .unwrap();
        let target = device.value("utakata.boot.target").await;
        assert_eq!(target.as_deref(), Some("Pxe"), "{tag}");
        device
            .run("indicator", json!({ "state": "on" }))
            .await
            .unwrap();
        let lit = device.value("utakata.indicator").await;
        assert_eq!(lit.as_deref(), Some("on"), "{tag}");
        device
            .run("power-limit", json!({ "watts": 450 }))
            .await
            .unwrap();
        let limit = device.value("hw.power.limit").await;
        assert_eq!(limit.as_deref(), Some("450"), "{tag}");
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_not_sent() {
    let (bmc, device) = start(tree(), Habits::default()).await;
    let failure = device.run("boot-once", json!({ "device": "Tape" })).await;
    let problem = failure.unwrap_err().problem;
    assert!(problem.message.contains("None, Pxe, Hdd"), "{problem}");
    assert_eq!(bmc.count("PATCH"), 0);
}

#[tokio::test]
async fn the_outcome_is_what_the_answer_proves() {
    use OutcomeStatus::{Failed, Succeeded, Unknown};
    let with = |reset: u16| Habits {
        reset,
        ..Habits::default()
    };
    let task = Habits {
        task: 2,
        ..Habits::default()
    };
    let breaks = Habits {
        breaks: true,
        ..Habits::default()
    };
    for (habits, expect) in [
        (with(204), Succeeded),
        (task, Succeeded),
        (with(400), Failed),
        (with(403), Failed),
        (with(409), Failed),
        (with(500), Unknown),
        (with(503), Unknown),
        // Carried out, and not answered.
        (breaks, Unknown),
    ] {
        let shown = format!("{habits:?}");
        let (bmc, device) = start(tree(), habits).await;
        let done = device.run("power-off", json!({})).await;
        let status = done.map_or_else(|failure| failure.status, |_| Succeeded);
        assert_eq!(status, expect, "{shown}");
        // Once, whatever became of it.
        assert!(
            bmc.count("POST /redfish/v1/Systems/1/Actions") == 1,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn of_several_systems_one_must_be_named() {
    let (bmc, device) = start(modern(), Habits::default()).await;
    let failure = device.run("power-off", json!({})).await.unwrap_err();
    assert!(failure.problem.message.contains("A, B"), "{failure:?}");
    let at = format!("{}/A", bmc.url());
    device.run_at(&at, "power-off", json!({})).await.unwrap();
    assert_eq!(
        bmc.state.lock().tree["/redfish/v1/Systems/A"]["PowerState"],
        "Off"
    );
    // What it allows is told by its action info.
    let failure = device.run_at(&at, "restart", json!({})).await.unwrap_err();
    assert!(
        failure.problem.message.contains("On, ForceOff"),
        "{failure:?}"
    );
    let missing = format!("{}/C", bmc.url());
    let failure = device.run_at(&missing, "power-on", json!({})).await;
    assert_eq!(failure.unwrap_err().status, OutcomeStatus::Failed);
}
