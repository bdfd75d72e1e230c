//! The echo worker passes the conformance checks of workers.

use std::path::{Path, PathBuf};

use serde_json::json;
use utakata_worker_sdk::{
    harness::{self, CheckResult, Example, Options},
    model::ActionName,
};

fn name(name: &str) -> ActionName {
    ActionName::new(name).unwrap()
}

fn options() -> Options {
    let program = Path::new(env!("CARGO_BIN_EXE_utakata-worker-echo"));
    Options {
        programs: vec![program.parent().unwrap().into()],
        slow: Some((name("echo"), json!({ "delay": "1h" }))),
        ..Options::default()
    }
}

fn release() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/echo")
}

#[tokio::test]
async fn the_echo_worker_passes_every_check_of_the_harness() {
    let report = harness::check(&release(), options()).await;
    assert!(report.passed(), "{report}");
    let skipped = |check: &&harness::Check| matches!(check.result, CheckResult::Skipped(_));
    let skipped: Vec<_> = report.checks.iter().filter(skipped).collect();
    assert_eq!(
        skipped.len(),
        1,
        "only the example target is left out: {report}"
    );
}

#[tokio::test]
async fn on_an_example_target_a_crash_and_a_frozen_worker_are_seen() {
    let mut options = options();
    options.example = Some(Example {
        address: "anywhere".into(),
        allowed_control: vec![name("set")],
        ..Example::default()
    });
    options.time_scale = 0.5;
    let report = harness::check(&release(), options).await;
    let result = |action: &str| {
        let name = format!("{action} succeeds on anywhere");
        let check = report.checks.iter().find(|check| check.name == name);
        check.map(|check| check.result.clone()).unwrap()
    };
    assert_eq!(result("read"), CheckResult::Passed);
    assert_eq!(result("echo"), CheckResult::Passed);
    assert_eq!(result("set"), CheckResult::Passed);
    let said = |result| match result {
        CheckResult::Failed(why) => why,
        other => panic!("{other:?}"),
    };
    let crash = said(result("crash"));
    assert!(crash.contains("ended the stream"), "{crash}");
    let hang = said(result("hang"));
    assert!(hang.contains("1 of 1 tasks were not answered"), "{hang}");
}
