//! The worker against Debian's node exporter.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

use std::path::Path;

use serde_json::json;
use utakata_tests::servers::{NodeExporter, Openssl};
use utakata_worker_scrape::ScrapeWorker;
use utakata_worker_sdk::harness::alone::{Alone, value};

fn target(address: impl ToString, credential: &[(&str, &str)]) -> Alone<ScrapeWorker> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/scrape");
    Alone::build(&folder, address, credential).unwrap()
}

/// Samples that the exporter tells as they are.
const SAMPLES: &str = "\
node_hwmon_temp_celsius{chip=\"platform_coretemp_0\",sensor=\"temp1\"} 47.5
node_hwmon_fan_rpm{chip=\"platform_coretemp_0\",sensor=\"fan1\"} NaN
DCGM_FI_DEV_GPU_TEMP{gpu=\"0\",UUID=\"GPU-1\"} 61
DCGM_FI_DEV_MEMORY_TEMP{gpu=\"0\",UUID=\"GPU-1\"} 0
";

#[tokio::test]
async fn what_is_read_is_what_the_exporter_tells() {
    let exporter = NodeExporter::start(SAMPLES).unwrap();
    let device = target(exporter.address(), &[]);
    let task = device.task("read", json!({})).unwrap();
    let answer = device.carry_out(task).await.unwrap();
    let profiles = &answer.recognition.as_ref().unwrap().profiles;
    assert_eq!(profiles.len(), 2, "{profiles:?}");
    let readings = answer.readings;
    let told = exporter.sample("node_memory_MemTotal_bytes").unwrap();
    let read = value(&readings, "system.memory.limit", "").unwrap();
    assert_eq!(read.parse::<f64>().unwrap(), told.parse::<f64>().unwrap());
    for (metric, attribute, expect) in [
        ("hw.temperature", "platform_coretemp_0/temp1", Some("47.5")),
        ("hw.temperature", "GPU-1", Some("61")),
        ("hw.temperature", "memory", None),
        ("hw.fan.speed", "", None),
    ] {
        let found = value(&readings, metric, attribute);
        assert_eq!(found.as_deref(), expect, "{metric} {attribute}");
    }
    assert!(answer.missing.is_empty(), "{:?}", answer.missing);
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    let exporter = NodeExporter::start(SAMPLES).unwrap();
    let device = target(format!("http://{}/metrics", exporter.address()), &[]);
    let asked = json!({ "metrics": ["system.load_average"] });
    let task = device.task("read", asked).unwrap();
    let readings = device.carry_out(task).await.unwrap().readings;
    assert_eq!(readings.len(), 3, "{readings:?}");
}

#[tokio::test]
async fn a_page_of_something_else_is_named_with_the_remedy() {
    let other = Openssl::start(30).unwrap();
    for (address, code) in [
        (format!("https://{}/", other.address()), "device-garbage"),
        ("127.0.0.1:1".into(), "unreachable"),
        ("a b".into(), "bad-address"),
    ] {
        let device = target(&address, &[]);
        let task = device.task("read", json!({})).unwrap();
        let failure = device.carry_out(task).await.unwrap_err();
        assert_eq!(&*failure.problem.code, code, "{address}: {failure:?}");
    }
}
