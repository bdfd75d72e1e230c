//! Reading documents.

use std::fs;

use serde_json::json;
use utakata_tests::servers::Server;
use utakata_tests::servers::Transport;
use utakata_worker_http_json::HttpJsonWorker;
use utakata_worker_sdk::harness::alone::{Alone, value};

use crate::pdu::Pdu;

#[tokio::test]
async fn a_pdu_is_recognised_and_read() {
    let pdu = Pdu::start().await;
    let device = pdu.of_release("http-json", "admin");
    let task = device.task("read", json!({})).unwrap();
    let answer = device.carry_out(task).await.unwrap();
    let recognition = answer.recognition.unwrap();
    assert!(recognition.is_understood);
    assert_eq!(recognition.profiles.len(), 1);
    let readings = answer.readings;
    for (metric, attribute, expect) in [
        ("utakata.outlet.state", "AA1", Some("on")),
        ("utakata.outlet.state", "AA2", Some("off")),
        ("hw.power", "AA2", Some("0")),
        // Wh here, kWh there.
        ("hw.energy", "Outlet 1", Some("2524608000")),
        ("hw.energy", "L1-L2", Some("14671440000")),
        ("hw.status", "L1-L2", Some("degraded")),
        ("hw.temperature", "A1", Some("20.9")),
        // A sensor that is not there has no temperature.
        ("hw.temperature", "A2", None),
    ] {
        let found = value(&readings, metric, attribute);
        assert_eq!(found.as_deref(), expect, "{metric} {attribute}");
    }
    // It has no lines, branches and humidities, and need not.
    assert!(answer.missing.is_empty(), "{:?}", answer.missing);
}

#[tokio::test]
async fn only_what_is_asked_for_is_fetched() {
    let pdu = Pdu::start().await;
    let device = pdu.of_release("servertech-pdu", "admin");
    let asked = json!({ "metrics": ["utakata.outlet.state"] });
    let task = device.task("read", asked).unwrap();
    let answer = device.carry_out(task).await.unwrap();
    assert_eq!(answer.readings.len(), 2);
    assert_eq!(pdu.requests(), ["GET /jaws/monitor/outlets"]);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again_and_again() {
    let pdu = Pdu::start().await;
    let device = pdu.of_release("servertech-pdu", "wrong");
    for round in 0..5 {
        let task = device.task("read", json!({})).unwrap();
        let failure = device.carry_out(task).await.unwrap_err();
        assert_eq!(&*failure.problem.code, "bad-credential", "{round}");
    }
    assert_eq!(pdu.requests().len(), 2);
}

/// A folder with two text files is a kind of its own.
const RELEASE: &str = r#"
kind = "prometheus"
version = "1.0.0"
protocol = 2
[run]
program = "utakata-worker-http-json"
[settings]
profiles = ["prometheus"]
[[action]]
name = "read"
class = "observe"
timeout = "10s"
"#;
const PROFILE: &str = r#"
description = "What Prometheus scrapes"
[get]
targets = "/api/v1/targets?state=active"
build = "/api/v1/status/buildinfo"
[[read]]
in = "targets"
each = "/data/activeTargets"
attributes = { instance = { at = "/labels/instance" }, job = { at = "/labels/job" } }
metric = [{ metric = "utakata.reachable", at = "/health", states = { up = "yes", down = "no" }, other = "unknown" }]
[[read]]
in = "build"
metric = [{ metric = "hw.firmware_version", at = "/data/version", text = true }]
"#;

#[tokio::test]
async fn two_text_files_read_any_json_server() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("worker.toml"), RELEASE).unwrap();
    fs::create_dir(folder.path().join("profiles")).unwrap();
    fs::write(folder.path().join("profiles/prometheus.toml"), PROFILE).unwrap();
    let config = folder.path().join("prometheus.yml");
    let job = "scrape_configs: [{ job_name: room, scrape_interval: 1s, static_configs: [{ targets: ['127.0.0.1:1'] }] }]";
    fs::write(&config, job).unwrap();
    let server = Server::start("prometheus.sh", Transport::Tcp, &[&config]).unwrap();
    let address = format!("http://{}", server.address());
    let device = Alone::<HttpJsonWorker>::build(folder.path(), address, &[]).unwrap();
    let seen = async || {
        let task = device.task("read", json!({})).unwrap();
        let readings = device.carry_out(task).await.unwrap().readings;
        assert!(value(&readings, "hw.firmware_version", "").is_some());
        value(&readings, "utakata.reachable", "127.0.0.1:1")
    };
    let is_down = async || seen().await.as_deref() == Some("no");
    utakata_tests::wait::until("Prometheus has tried its target", is_down).await;
}
