//! `discover`: a BMC without a session, and with one.

use std::path::Path;

use serde_json::json;
use utakata_tests::servers::{Ipmi, Sushy};
use utakata_worker_ipmi::IpmiWorker;
use utakata_worker_sdk::{
    harness::alone::Alone,
    model::{Discovered, DiscoveryAnswer},
};

async fn discover(port: u16, credential: &[(&str, &str)]) -> Vec<Discovered> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/ipmi");
    let worker = Alone::<IpmiWorker>::build(&folder, "-", credential).unwrap();
    // Nobody has the second address.
    let asked = json!({ "addresses": ["127.0.0.1", "127.0.0.2"], "port": port });
    let task = worker.task("discover", asked).unwrap();
    let answer = worker.carry_out(task).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 2);
    answer.found
}

#[tokio::test]
async fn a_bmc_says_which_machine_it_is_in_to_everybody_and_its_make_to_a_user() {
    let bmc = Ipmi::sha1().unwrap();
    let port = bmc.address().port();
    let found = discover(port, &[]).await;
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(one.address, bmc.address().to_string());
    assert!(one.wants_credential, "{one:?}");
    let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
    assert_eq!(known, [format!("uuid:{}", Sushy::system(1))]);

    let user = [("user", Ipmi::USER), ("password", Ipmi::PASSWORD)];
    let found = discover(port, &user).await;
    let description = found[0].description.as_deref().unwrap_or_default();
    // As the simulator is told: 0x1291 and 0xf02.
    assert!(description.contains("manufacturer 4753"), "{found:?}");
    assert!(!found[0].wants_credential);

    // It is found by the wrong one, too, and is not logged in to.
    let wrong = [("user", Ipmi::USER), ("password", "wrong")];
    let found = discover(port, &wrong).await;
    assert!(found[0].wants_credential, "{found:?}");
}
