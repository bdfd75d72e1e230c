//! Orders to the chassis.

use serde_json::json;
use utakata_tests::servers::Ipmi;
use utakata_worker_sdk::{harness::alone::value, model::OutcomeStatus};

use crate::bmc::Target;

async fn power(target: &Target) -> Option<String> {
    let asked = json!({ "metrics": ["utakata.power.state"] });
    let readings = target.run("read", asked).await.unwrap().readings;
    value(&readings, "utakata.power.state", "")
}

#[tokio::test]
async fn a_machine_is_switched_once_and_what_is_so_already_is_not_sent() {
    for (bmc, off) in [
        (Ipmi::sha1().unwrap(), "power 0"),
        (Ipmi::sha256().unwrap(), "off"),
    ] {
        let target = Target::new(&bmc);
        target.run("power-off", json!({})).await.unwrap();
        assert_eq!(power(&target).await.as_deref(), Some("off"));
        let again = target.run("power-off", json!({})).await.unwrap();
        assert_eq!(again.result.unwrap()["already"], true);
        let orders = bmc.orders().unwrap();
        let orders = orders.iter().filter(|one| *one == off).count();
        assert_eq!(orders, 1, "{:?}", bmc.orders());
        target.run("power-on", json!({})).await.unwrap();
        assert_eq!(power(&target).await.as_deref(), Some("on"));
        let told = bmc.ipmitool(&["chassis", "power", "status"]).unwrap();
        assert!(told.contains("is on"), "{told}");
    }
}

#[tokio::test]
async fn the_next_start_is_from_a_device() {
    let bmc = Ipmi::sha256().unwrap();
    let target = Target::new(&bmc);
    let asked = json!({ "device": "Pxe" });
    target.run("boot-once", asked).await.unwrap();
    let asked = json!({ "metrics": ["utakata.boot.target"] });
    let readings = target.run("read", asked).await.unwrap().readings;
    let device = value(&readings, "utakata.boot.target", "");
    assert_eq!(device.as_deref(), Some("Pxe"));
}

#[tokio::test]
async fn a_refusal_is_certain_and_who_may_look_may_look() {
    let asked = json!({ "seconds": 15 });
    // One has no light.
    let bmc = Ipmi::sha256().unwrap();
    let refused = Target::new(&bmc).run("identify", asked.clone()).await;
    let failure = refused.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    assert_eq!(&*failure.problem.code, "device-refused", "{failure:?}");
    assert!(failure.problem.message.contains("0xc1"), "{failure:?}");
    // The other has one.
    let bmc = Ipmi::sha1().unwrap();
    Target::new(&bmc).run("identify", asked).await.unwrap();
    assert_eq!(bmc.orders().unwrap(), ["identify 15 0"]);
    let viewer = Target::with(&bmc, &[("user", "viewer"), ("password", "viewonly")]);
    assert_eq!(power(&viewer).await.as_deref(), Some("on"));
}
