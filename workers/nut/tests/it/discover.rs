//! `discover`: the UPSs of a server.

use serde_json::json;
use utakata_tests::servers::Nut;
use utakata_worker_sdk::model::{Discovered, DiscoveryAnswer};

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
    assert_eq!(one.vendor.as_deref(), Some("Example Power"));
    assert_eq!(one.model.as_deref(), Some("EP 6000"));
    let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
    assert_eq!(known, ["serial:example:EP0001"]);
    assert_eq!(one.profiles, ["nut"]);
    assert_eq!(other.name.as_deref(), Some("ups2"));
    let nameless = |one: &Discovered| one.identifiers.is_empty() && one.vendor.is_none();
    assert!(nameless(other), "{other:?}");
}
