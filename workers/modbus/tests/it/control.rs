//! Writing registers.

use serde_json::json;
use utakata_tests::servers::Modbus;
use utakata_worker_sdk::model::OutcomeStatus;

use crate::device::{Device, cooler, value};

#[tokio::test]
async fn a_setpoint_is_written_exactly_or_not_at_all() {
    let server = Modbus::start(&cooler()).unwrap();
    let device = Device::cooler(server.address());
    let setpoint = async || value(&device.read().await.readings, "utakata.setpoint", "");
    device
        .run("setpoint", json!({ "celsius": 22.5 }))
        .await
        .unwrap();
    assert_eq!(setpoint().await.as_deref(), Some("22.5"));
    let again = device
        .run("setpoint", json!({ "celsius": 22.5 }))
        .await
        .unwrap();
    assert_eq!(again.result.unwrap()["already"], true);
    for celsius in [22.55, -4.0, 9000.0] {
        let failure = device.run("setpoint", json!({ "celsius": celsius })).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
        assert_eq!(&*failure.problem.code, "device-refused", "{failure:?}");
    }
    assert_eq!(setpoint().await.as_deref(), Some("22.5"));
}

#[tokio::test]
async fn what_the_device_refuses_has_failed() {
    let server = Modbus::start(&cooler()).unwrap();
    let device = Device::new(server.address());
    device
        .run("set", json!({ "at": 11, "value": 80 }))
        .await
        .unwrap();
    let found = device.run("get", json!({ "at": 11 })).await.unwrap();
    assert_eq!(found.result.unwrap()["values"], json!([80]));
    // It can be read, and not be written.
    let failure = device
        .run("set", json!({ "at": 0, "value": 1 }))
        .await
        .unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    assert!(
        failure.problem.message.contains("exception 2"),
        "{failure:?}"
    );
}
