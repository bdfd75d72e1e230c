//! The worker against sushy-tools: an emulator whose power changes seconds later, and a server of
//! trees that says yes to everything and does nothing.

use serde_json::json;
use utakata_tests::{servers::Sushy, wait};

use crate::device::Device;

#[tokio::test]
async fn the_machines_of_the_emulator_are_read_and_switched() {
    let server = Sushy::emulator(2).unwrap();
    let at = |number: u32| format!("{}/{}", server.address(), Sushy::system(number));
    let device = Device::new(
        at(1),
        &[("user", Sushy::USER), ("password", Sushy::PASSWORD)],
    );
    let state = async || device.value("utakata.power.state").await;
    assert_eq!(state().await.as_deref(), Some("on"));
    device.run("power-off", json!({})).await.unwrap();
    wait::until("off", async || state().await.as_deref() == Some("off")).await;
    device.run("power-on", json!({})).await.unwrap();
    wait::until("on", async || state().await.as_deref() == Some("on")).await;
    device
        .run("boot-once", json!({ "device": "Pxe" }))
        .await
        .unwrap();
    assert_eq!(
        device.value("utakata.boot.target").await.as_deref(),
        Some("Pxe")
    );
    device
        .run("indicator", json!({ "state": "off" }))
        .await
        .unwrap();
    assert_eq!(
        device.value("utakata.indicator").await.as_deref(),
        Some("off")
    );
    // Without the name of one, nobody knows which is meant.
    let several = server.address().to_string();
    let failure = device.run_at(&several, "power-off", json!({})).await;
    assert!(failure.is_err());
    let readings = device
        .run_at(&several, "read", json!({}))
        .await
        .unwrap()
        .readings;
    let states = readings
        .iter()
        .filter(|one| one.metric.as_str() == "utakata.power.state");
    assert_eq!(states.count(), 2);
    let wrong = Device::new(at(1), &[("user", Sushy::USER), ("password", "wrong")]);
    let failure = wrong.run("read", json!({})).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "bad-credential", "{failure:?}");
}

#[tokio::test]
async fn a_service_that_says_yes_and_does_nothing_is_seen_through() {
    let server = Sushy::tree(&crate::bmc::tree()).unwrap();
    let device = Device::new(server.address(), &[]);
    assert_eq!(
        device.value("utakata.power.state").await.as_deref(),
        Some("on")
    );
    device.run("power-off", json!({})).await.unwrap();
    // The read-back is what proves it.
    assert_eq!(
        device.value("utakata.power.state").await.as_deref(),
        Some("on")
    );
}
