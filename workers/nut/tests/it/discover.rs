//! `discover`: the UPSs of a server.

use serde_json::json;
use utakata_tests::servers::Nut;
use utakata_worker_sdk::model::DiscoveryAnswer;

use crate::{device::Device, read::ON_LINE};

#[tokio::test]
async fn each_ups_of_a_server_is_found_with_what_it_says_of_itself() {
    let nut = Nut::start(&[("ups1", ON_LINE), ("ups2", "ups.status: OB LB\n")]).unwrap();
    let port = nut.address().port();
    let asked = json!({ "addresses": ["127.0.0.2", "127.0.0.1"], "port": port });
    let answer = Device::new("-", None).run("discover", asked).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 2);
    let mut found = answer.found;
    found.sort_by(|one, other| one.address.cmp(&other.address));
    let [one, other] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(one.address, format!("ups1@127.0.0.1:{port}"));
    // The driver has a maker of its own.
    let told = |variable: &str| Some(nut.upsc("ups1", variable).unwrap());
    assert_eq!(one.vendor, told("device.mfr"));
    assert_eq!(one.model, told("device.model"));
    assert_eq!(one.serial.as_deref(), Some("EP0001"));
    let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
    assert!(known[0].starts_with("serial:") && known[0].ends_with(":EP0001"));
    assert_eq!(one.profiles, ["nut"]);
    assert_eq!(other.name.as_deref(), Some("ups2"));
    assert_eq!(other.identifiers, []);
}
