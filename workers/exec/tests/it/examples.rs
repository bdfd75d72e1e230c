//! The examples of the guide pass the conformance checks of workers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use utakata_worker_sdk::{
    harness::{self, CheckResult, Example, Options},
    model::ActionName,
};

fn release(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("examples/line-workers").join(name)
}

/// Starts a thermostat and returns its address.
async fn thermostat() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut celsius = "21.5".to_owned();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            let answer = match line.trim().split_once(' ') {
                Some(("set", wanted)) => {
                    celsius = wanted.to_owned();
                    "ok"
                }
                _ => &celsius,
            };
            let answer = format!("{answer}\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

async fn passes(name: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_utakata-worker-exec"));
    let set = ActionName::new("set").unwrap();
    let options = Options {
        programs: vec![program.parent().unwrap().into()],
        example: Some(Example {
            address: thermostat().await,
            parameters: BTreeMap::from([(set.clone(), json!({ "celsius": 19.5 }))]),
            allowed_control: vec![set],
            ..Example::default()
        }),
        targets: 50,
        ..Options::default()
    };
    let report = harness::check(&release(name), options).await;
    let passed = |check: &harness::Check| check.result == CheckResult::Passed;
    assert!(report.checks.iter().all(passed), "{report}");
}

#[tokio::test]
async fn the_example_in_shell_passes_every_check_and_controls_a_thermostat() {
    passes("shell").await;
}

#[tokio::test]
async fn the_example_in_python_passes_every_check_and_controls_a_thermostat() {
    passes("python").await;
}
