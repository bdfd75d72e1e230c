//! Every check, and what it says when nobody answers.

use std::{net::TcpListener, path::Path, process::Command};

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_tests::servers::Openssl;
use utakata_worker_probe::ProbeWorker;
use utakata_worker_sdk::{
    Answer, Failure, Release, Task, Worker as _,
    model::{ActionName, ReadingValue, TargetName, TaskId, TaskKey},
};

async fn run(address: &str, action: &str, parameters: Json) -> Result<Answer, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/probe");
    let release = Release::read(&folder).unwrap();
    let name = ActionName::new(action).unwrap();
    let declared = release.manifest.action(&name).unwrap();
    declared.schema().unwrap().check(&parameters).unwrap();
    let task = Task {
        key: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        target: TargetName::new("thing").unwrap(),
        kind: release.manifest.kind.clone(),
        address: address.into(),
        credential: Default::default(),
        action: name,
        class: declared.class,
        parameters,
        timeout: declared.timeout,
    };
    let worker = ProbeWorker::build(&release).unwrap();
    let deadline = Instant::now() + task.timeout;
    worker.perform(&task, deadline).await
}

fn value(answer: &Answer, metric: &str) -> Option<String> {
    let found = answer
        .readings
        .iter()
        .find(|one| one.metric.as_str() == metric);
    found.map(|reading| reading.value.to_string())
}

fn number(answer: &Answer, metric: &str) -> f64 {
    let found = answer
        .readings
        .iter()
        .find(|one| one.metric.as_str() == metric);
    match found.map(|reading| &reading.value) {
        Some(ReadingValue::Number(number)) => *number,
        other => panic!("{metric}: {other:?}"),
    }
}

/// A port at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_host_that_answers_is_reachable() {
    for address in ["127.0.0.1", "::1"] {
        match run(address, "read", json!({})).await {
            Ok(answer) => {
                assert_eq!(
                    value(&answer, "utakata.reachable").unwrap(),
                    "yes",
                    "{address}"
                );
                assert_eq!(number(&answer, "utakata.loss"), 0.0);
                assert!(number(&answer, "utakata.rtt") < 2.0);
            }
            // Without the right to ping, that is what is told; or there is no IPv6 here.
            Err(failure) => assert_eq!(&*failure.problem.code, "cannot-ping", "{failure:?}"),
        }
    }
}

#[tokio::test]
async fn a_port_is_open_or_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let answer = run(&open.to_string(), "read", json!({})).await.unwrap();
    assert_eq!(value(&answer, "utakata.reachable").unwrap(), "yes");
    let closed = run(&nobody(), "read", json!({})).await.unwrap();
    assert_eq!(value(&closed, "utakata.reachable").unwrap(), "no");
    assert_eq!(closed.result, None);
    let reason = value(&closed, "utakata.reachable.reason").unwrap();
    assert!(reason.contains("refused"), "{reason}");
    let other = run("127.0.0.1", "tcp", json!({ "port": open.port() })).await;
    assert_eq!(value(&other.unwrap(), "utakata.reachable").unwrap(), "yes");
}

#[tokio::test]
async fn a_certificate_says_when_it_ends_and_is_the_one_that_openssl_shows() {
    let server = Openssl::start(30).unwrap();
    let address = format!("tls://{}", server.address());
    let answer = run(&address, "read", json!({})).await.unwrap();
    assert_eq!(value(&answer, "utakata.reachable").unwrap(), "yes");
    let left = number(&answer, "utakata.certificate.left") / 86_400.0;
    assert!((29.9..=30.0).contains(&left), "{left} days");
    let shown = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(server.certificate())
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let shown = shown
        .trim()
        .split('=')
        .next_back()
        .unwrap()
        .replace(':', "");
    let read = value(&answer, "utakata.certificate.fingerprint").unwrap();
    assert_eq!(read, shown.to_lowercase());
}

#[tokio::test]
async fn a_page_is_asked_for_by_tls() {
    let server = Openssl::start(30).unwrap();
    let address = format!("https://{}/", server.address());
    let answer = run(&address, "read", json!({})).await.unwrap();
    assert_eq!(value(&answer, "utakata.http.status").unwrap(), "200");
    assert_eq!(value(&answer, "hw.status").unwrap(), "ok");
    assert!(number(&answer, "utakata.certificate.left") > 0.0);
    // It speaks TLS, and not plain HTTP.
    let plain = format!("http://{}/", server.address());
    let answer = run(&plain, "read", json!({})).await.unwrap();
    assert_eq!(value(&answer, "utakata.reachable").unwrap(), "no");
}

#[tokio::test]
async fn an_address_that_asks_for_nothing_is_refused() {
    for address in ["ftp://127.0.0.1", "10.0.0.300", "tcp://127.0.0.1"] {
        let failure = run(address, "read", json!({})).await.unwrap_err();
        assert_eq!(&*failure.problem.code, "bad-address", "{address}");
    }
}
