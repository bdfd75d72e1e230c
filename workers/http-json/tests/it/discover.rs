//! `discover`: devices that a profile recognises, by what they show.

use std::path::Path;

use serde_json::json;
use utakata_worker_http_json::HttpJsonWorker;
use utakata_worker_sdk::{
    harness::alone::Alone,
    model::{Discovered, DiscoveryAnswer},
};

use crate::pdu::Pdu;

async fn discover(pdu: &Pdu, credential: &[(&str, &str)]) -> Vec<Discovered> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/http-json");
    let worker = Alone::<HttpJsonWorker>::build(&folder, "-", credential).unwrap();
    // Nobody has the second address.
    let asked = json!({ "addresses": ["127.0.0.1", "127.0.0.2"], "port": pdu.address.port() });
    let task = worker.task("discover", asked).unwrap();
    let answer = worker.carry_out(task).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 2);
    answer.found
}

#[tokio::test]
async fn a_device_that_shows_itself_is_found_with_its_identity() {
    let pdu = Pdu::start().await;
    pdu.state.lock().public = "/";
    let found = discover(&pdu, &[]).await;
    let [one] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(one.address, format!("http://{}", pdu.address));
    assert_eq!(one.profiles, ["servertech"]);
    assert_eq!(one.vendor.as_deref(), Some("Server Technology"));
    assert_eq!(one.model.as_deref(), Some("C2L36TE"));
    let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
    assert_eq!(known, ["serial:server:AEVB0000345"]);
    assert!(!one.wants_credential);
    // Each document once.
    let requests = pdu.requests();
    assert_eq!(
        requests,
        ["GET /jaws/monitor/units", "GET /jaws/config/info/units"]
    );
}

#[tokio::test]
async fn one_that_wants_a_login_is_told_from_a_server_that_wants_one_for_everything() {
    let pdu = Pdu::start().await;
    let user = [("user", "admin"), ("password", "admin")];
    assert_eq!(discover(&pdu, &user).await, []);
    pdu.state.lock().public = "/no-such";
    pdu.requests();
    let found = discover(&pdu, &user).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].wants_credential, "{found:?}");
    assert_eq!(found[0].profiles, ["servertech"]);
    assert_eq!(found[0].identifiers, []);
    // Without TLS no password is sent, whatever the server wants.
    let requests = pdu.requests();
    assert_eq!(
        requests,
        ["GET /jaws/monitor/units", "GET /no-such-document"]
    );
}

#[tokio::test]
async fn a_login_is_used_over_tls_where_a_profile_needs_it_and_a_wrong_one_is_told() {
    let pdu = Pdu::start_with_tls().await;
    pdu.state.lock().public = "/no-such";
    let found = discover(&pdu, &[]).await;
    assert!(found[0].wants_credential, "{found:?}");
    let found = discover(&pdu, &[("user", "admin"), ("password", "admin")]).await;
    assert_eq!(found[0].address, pdu.address.to_string());
    assert_eq!(found[0].serial.as_deref(), Some("AEVB0000345"));
    assert!(!found[0].wants_credential, "{found:?}");
    pdu.requests();
    let found = discover(&pdu, &[("user", "admin"), ("password", "wrong")]).await;
    assert!(found[0].wants_credential, "{found:?}");
    let problem = found[0].problem.as_deref().unwrap_or_default();
    assert!(
        problem.contains("does not accept the credential"),
        "{problem}"
    );
    // As nobody twice, and twice as the user, as everywhere; then it is left alone.
    assert_eq!(pdu.requests().len(), 4);
    // A server that wants a login for everything is sent no password.
    pdu.state.lock().public = "/none";
    assert_eq!(
        discover(&pdu, &[("user", "admin"), ("password", "admin")]).await,
        []
    );
}
