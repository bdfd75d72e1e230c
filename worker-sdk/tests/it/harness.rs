//! Every check can fail, and a worker that meets all requirements passes.

use std::{env, fs, path::Path};

use futures::{StreamExt as _, stream};
use tempfile::TempDir;
use utakata_worker_sdk::harness::{self, CheckResult, Options, Report};

/// The number of workers under test at a time: they mostly wait.
const AT_ONCE: usize = 4;

/// A release whose program is this test, as the scripted worker with this fault.
fn release(fault: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    let manifest = format!(
        r#"
        kind = "scripted"
        version = "1.0.0"
        protocol = 2
        settings = {{ fault = "{fault}" }}
        [run]
        program = "{program}"
        arguments = ["scripted::worker", "--exact", "--nocapture"]
        [[action]]
        name = "read"
        class = "observe"
        [[action]]
        name = "set"
        class = "control"
        "#
    );
    fs::write(folder.path().join("worker.toml"), manifest).unwrap();
    folder
}

async fn check(release: &Path, time_scale: f64) -> Report {
    let program = env::current_exe().unwrap();
    let options = Options {
        programs: vec![program.parent().unwrap().into()],
        targets: 20,
        time_scale,
        ..Options::default()
    };
    harness::check(release, options).await
}

/// Returns the reason why the check with this name failed.
fn why(report: &Report, name: &str) -> String {
    let check = report.checks.iter().find(|check| check.name.contains(name));
    match check.map(|check| &check.result) {
        Some(CheckResult::Failed(why)) => why.clone(),
        _ => format!("\"{name}\" did not fail:\n{report}"),
    }
}

#[tokio::test]
async fn a_worker_that_keeps_to_everything_passes() {
    let release = release("none");
    let report = check(release.path(), 1.0).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn every_check_fails_for_a_worker_that_does_just_that_wrong() {
    const HELLO: &str = "it says hello";
    let faults = [
        ("exits", HELLO, "it ended without a hello (exit status: 3)"),
        ("never connects", HELLO, "it did not connect"),
        ("heartbeat first", HELLO, "its first message is no hello"),
        ("no hello", HELLO, "it ended the stream without a hello"),
        ("wrong token", HELLO, "does not have the token"),
        ("other protocol", HELLO, "speaks version 9"),
        ("other manifest", HELLO, "is not that of its release"),
        ("no capacity", HELLO, "capacity 0"),
        (
            "ignores refusal",
            "it ends when it is refused",
            "it did not end",
        ),
        (
            "content when refused",
            "it ends when it is refused",
            "exit code 0",
        ),
        (
            "no heartbeats",
            "heard of as often",
            "nothing was heard of it",
        ),
        (
            "does anything",
            "an unknown action",
            "the code \"deadline\"",
        ),
        (
            "takes anything",
            "parameters that do not fit",
            "STATUS_SUCCEEDED",
        ),
        (
            "touches",
            "parameters that do not fit",
            "talked to the target",
        ),
        (
            "no deadline",
            "ends by its timeout",
            "1 of 1 tasks were not answered",
        ),
        ("guesses", "ends by its timeout", "answered STATUS_UNKNOWN"),
        ("deaf", "a cancelled task", "1 of 1 tasks were not answered"),
        (
            "one at a time",
            "many targets",
            "of 20 tasks were not answered",
        ),
        ("begins no more", "many targets", "were not begun"),
        ("answers twice", "arrives twice", "it was answered"),
        ("older protocol", HELLO, "its manifest says protocol 2"),
        (
            "begins by itself",
            "nothing is touched before its go",
            "did not say that control is ready",
        ),
        (
            "answers before its go",
            "nothing is touched before its go",
            "did not wait for a go",
        ),
        (
            "touches before its go",
            "nothing is touched before its go",
            "talked to the target before its go",
        ),
        (
            "believes any go",
            "arrives too late",
            "talked to the target after an old go",
        ),
        ("stays", "drained", "did not end the stream"),
        ("drops", "drained", "did not answer what it had"),
        ("exits with 1", "drained", "it ended with exit status: 1"),
        (
            "outlives",
            "its manager has gone",
            "goes on without a manager",
        ),
    ];
    let tried = stream::iter(faults).map(|(fault, name, expected)| async move {
        let release = release(fault);
        let why = why(&check(release.path(), 0.3).await, name);
        (!why.contains(expected)).then(|| format!("{fault}: {why}"))
    });
    let wrong: Vec<_> = tried.buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn without_a_manifest_or_a_program_the_rest_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let report = check(folder.path(), 1.0).await;
    assert!(why(&report, "the manifest is valid").contains("a folder with a worker.toml"));
    assert!(!report.passed());
    assert_eq!(report.checks.len(), 14);

    let release = release("none");
    let file = release.path().join("worker.toml");
    let text = fs::read_to_string(&file).unwrap();
    let lines = text.lines().map(|line| {
        let program = line.trim_start().starts_with("program");
        if program {
            "program = \"not-there\""
        } else {
            line
        }
    });
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let report = check(release.path(), 1.0).await;
    let why = why(&report, "it says hello");
    assert!(why.contains("the program \"not-there\" is not in"), "{why}");
    let skipped = |check: &&harness::Check| matches!(check.result, CheckResult::Skipped(_));
    assert_eq!(report.checks.iter().filter(skipped).count(), 12);
}
