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

#[tokio::test]
async fn a_user_gets_another_password_and_the_old_one_opens_nothing() {
    const NEW: &str = "new-passw0rd-16b";
    let bmc = Ipmi::sha1().unwrap();
    let target = Target::new(&bmc);
    let asked = json!({ "password": NEW, "user": "nobody-here" });
    let failure = target.run("set-password", asked).await.unwrap_err();
    assert!(
        failure.problem.message.contains("nobody-here"),
        "{failure:?}"
    );
    let asked = json!({ "password": NEW });
    let done = target.run("set-password", asked.clone()).await.unwrap();
    let told = done.result.unwrap().to_string();
    assert!(!told.contains(NEW), "{told}");
    let new = Target::with(&bmc, &[("user", Ipmi::USER), ("password", NEW)]);
    assert!(power(&new).await.is_some());
    let read = json!({ "metrics": ["utakata.power.state"] });
    let old = target.run("read", read).await.unwrap_err();
    assert_eq!(&*old.problem.code, "bad-credential", "{old:?}");
    // The other one has no such command.
    let bmc = Ipmi::sha256().unwrap();
    let failure = Target::new(&bmc).run("set-password", asked).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    assert!(!format!("{failure:?}").contains(NEW), "{failure:?}");
}
