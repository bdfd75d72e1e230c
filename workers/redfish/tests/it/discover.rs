//! `discover`: what services say without a login and with one, counted at their side.

use serde_json::json;
use utakata_tests::servers::{Openssl, Sushy};
use utakata_worker_sdk::model::{Discovered, DiscoveryAnswer};

use crate::{
    bmc::{Bmc, Habits, modern},
    device::Device,
};

async fn discover(port: u16, credential: &[(&str, &str)]) -> Vec<Discovered> {
    let device = Device::new("-", credential);
    let asked = json!({ "addresses": ["127.0.0.1"], "port": port });
    let answer = device.run("discover", asked).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 1);
    answer.found
}

#[tokio::test]
async fn a_service_is_found_by_its_root_alone_and_nobody_logs_in_in_plain() {
    let mut tree = modern();
    tree["/redfish/v1"]["Vendor"] = "HPE".into();
    tree["/redfish/v1"]["UUID"] = "4c4c4544-0032-4b10-8053-b7c04f4c4d32".into();
    tree["/redfish/v1"]["RedfishVersion"] = "1.15.0".into();
    let bmc = Bmc::start(tree, Habits::default()).await;
    for credential in [&[][..], &[("user", "admin"), ("password", "secret")]] {
        let found = discover(bmc.address.port(), credential).await;
        let [one] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(one.address, bmc.url());
        assert_eq!(one.profiles, ["hpe-ilo", "redfish"]);
        assert_eq!(one.vendor.as_deref(), Some("HPE"));
        let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
        assert_eq!(known, ["uuid:4c4c4544-0032-4b10-8053-b7c04f4c4d32"]);
        assert!(one.wants_credential);
    }
    let state = bmc.state.lock();
    assert_eq!(state.logins, 0);
    let roots = state.requests.iter();
    let others: Vec<&String> = roots
        .filter(|one| !one.starts_with("GET /redfish/v1"))
        .collect();
    assert_eq!(others, [] as [&String; 0]);
    assert_eq!(state.requests.len(), 2, "{:?}", state.requests);
}

#[tokio::test]
async fn with_a_credential_a_service_tells_its_machines_and_a_wrong_one_is_tried_once() {
    let server = Sushy::emulator(2).unwrap();
    let port = server.address().port();
    let right = [("user", Sushy::USER), ("password", Sushy::PASSWORD)];
    let found = discover(port, &right).await;
    let known: Vec<&str> = found[0]
        .identifiers
        .iter()
        .map(|one| one.as_str())
        .collect();
    for number in [1, 2] {
        let uuid = format!("uuid:{}", Sushy::system(number));
        assert!(known.contains(&uuid.as_str()), "{known:?}");
    }
    assert!(!found[0].wants_credential, "{found:?}");
    assert_eq!(found[0].problem, None);
    let wrong = [("user", Sushy::USER), ("password", "wrong")];
    let found = discover(port, &wrong).await;
    assert!(found[0].wants_credential, "{found:?}");
    let problem = found[0].problem.as_deref().unwrap();
    let expect = "its machines could not be read: it does not accept the credential";
    assert!(problem.starts_with(expect), "{problem}");
}

#[tokio::test]
async fn what_is_no_service_is_not_found() {
    let page = Openssl::start(30).unwrap();
    assert_eq!(discover(page.address().port(), &[]).await, []);
    let tree = json!({ "/redfish/v1": { "greeting": "hello" } });
    let other = Bmc::start(tree, Habits::default()).await;
    assert_eq!(discover(other.address.port(), &[]).await, []);
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(discover(port, &[]).await, []);
}
