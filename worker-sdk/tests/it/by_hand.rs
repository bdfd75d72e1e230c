//! A worker without a manager.

use std::process::{Command, ExitCode};

use utakata_worker_sdk::{Answer, Context, EXIT_USAGE, Failure, Release, Task, Worker};

struct Nothing;

impl Worker for Nothing {
    fn build(_: &Release) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    async fn run(&self, _: Task, _: Context) -> Result<Answer, Failure> {
        Ok(Answer::default())
    }
}

/// The environment variable of the process that is to be the worker.
const BY_HAND: &str = "UTAKATA_TEST_BY_HAND";

#[test]
fn started_by_hand_a_worker_says_what_it_is_and_how_it_is_tried() {
    if std::env::var_os(BY_HAND).is_some() {
        let code = utakata_worker_sdk::main::<Nothing>();
        assert_eq!(code, ExitCode::from(EXIT_USAGE));
        return;
    }
    let name = "by_hand::started_by_hand_a_worker_says_what_it_is_and_how_it_is_tried";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(BY_HAND, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("is a worker of utakata"), "{said}");
    assert!(said.contains("utakata worker test DIR"), "{said}");
}
