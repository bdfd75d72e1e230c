//! `discover`: agents by what SNMPv3 tells everybody, and by what they tell with a credential.

use serde_json::json;
use utakata_tests::servers::Snmpd;
use utakata_worker_sdk::model::{Discovered, DiscoveryAnswer};

use crate::device::{Device, Values, community, values};

async fn discover(port: u16, credential: Values) -> Vec<Discovered> {
    let device = Device::new("snmp", "-", credential);
    let asked = json!({ "addresses": ["127.0.0.1", "127.0.0.2"], "port": port });
    let answer = device.run("discover", asked).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 2);
    answer.found
}

#[tokio::test]
async fn an_agent_is_known_by_its_engine_whoever_asks() {
    let agent = Snmpd::start().unwrap();
    let port = agent.address().port();
    let nobody = discover(port, Values::new()).await;
    let [one] = nobody.as_slice() else {
        panic!("{nobody:?}")
    };
    assert_eq!(one.address, agent.address().to_string());
    assert!(one.wants_credential);
    let engine = one.identifiers[0].as_str();
    assert!(engine.starts_with("engine:80001f88"), "{engine}");

    let user = values(&[
        ("user", Snmpd::USER),
        ("auth_password", Snmpd::AUTH_SECRET),
        ("priv_password", Snmpd::PRIVACY_SECRET),
    ]);
    for credential in [community(Snmpd::READ), user] {
        let found = discover(port, credential).await;
        assert_eq!(found[0].identifiers, one.identifiers);
        assert!(!found[0].wants_credential, "{found:?}");
        let description = found[0].description.as_deref().unwrap_or_default();
        assert!(description.starts_with("Linux"), "{found:?}");
    }
    // A wrong community is silence, and the agent is found all the same.
    let wrong = discover(port, community("wrong")).await;
    assert_eq!(wrong[0].identifiers, one.identifiers);
    assert!(wrong[0].wants_credential, "{wrong:?}");
}
