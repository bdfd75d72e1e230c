//! Control of Debian's upsd.

use serde_json::json;
use utakata_tests::{servers::Nut, wait};
use utakata_worker_sdk::model::OutcomeStatus;

use crate::{
    device::{Device, number},
    read::ON_LINE,
};

#[tokio::test]
async fn a_variable_that_is_set_is_read_back() {
    let nut = Nut::start(&[("ups1", ON_LINE)]).unwrap();
    let device = Device::new(format!("ups1@{}", nut.address()), Some(Nut::USER));
    let done = device.run("shutdown-delay", json!({ "seconds": 75 })).await;
    let result = done.unwrap().result.unwrap();
    assert_eq!(result["result"], "done", "{result}");
    let delay = async || number(&device.read().await, "utakata.ups.delay.shutdown", "");
    wait::until("a delay of 75 s", async || delay().await == 75.0).await;
    assert_eq!(nut.upsc("ups1", "ups.delay.shutdown").unwrap(), "75");
}

#[tokio::test]
async fn what_the_driver_refuses_after_an_ok_has_failed() {
    let nut = Nut::start(&[("ups1", ON_LINE)]).unwrap();
    let device = Device::new(format!("ups1@{}", nut.address()), Some(Nut::USER));
    // dummy-ups lists load.off, upsd answers OK, and the driver does not know it.
    let failure = device.run("load-off", json!({})).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert_eq!(&*failure.problem.code, "device-refused");
    let failure = device.run("battery-test", json!({})).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert!(
        failure.problem.message.contains("nothing was sent"),
        "{failure:?}"
    );
    // It is so already: nothing is sent.
    let done = device.run("beeper-on", json!({})).await.unwrap();
    assert_eq!(done.result.unwrap()["already"], true);
}

#[tokio::test]
async fn without_the_right_nothing_is_done() {
    let nut = Nut::start(&[("ups1", ON_LINE)]).unwrap();
    let address = format!("ups1@{}", nut.address());
    for user in [None, Some(Nut::VIEWER)] {
        let device = Device::new(&address, user);
        let failure = device.run("shutdown-delay", json!({ "seconds": 9 })).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed, "{user:?}");
        assert_eq!(&*failure.problem.code, "bad-credential", "{failure:?}");
    }
    assert_eq!(nut.upsc("ups1", "ups.delay.shutdown").unwrap(), "20");
}
