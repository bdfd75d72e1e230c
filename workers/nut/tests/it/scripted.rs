//! A upsd that does what Debian's cannot be made to do: answers late, lies, breaks off.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use utakata_worker_sdk::model::OutcomeStatus;

use crate::device::Device;

/// The answer to a request, by the beginning of the request.
type Script = &'static [(&'static str, &'static str)];

const COMMON: Script = &[
    ("USERNAME", "OK\n"),
    ("PASSWORD", "OK\n"),
    (
        "LIST VAR",
        "BEGIN LIST VAR u\nVAR u ups.status \"OL\"\nVAR u ups.beeper.status \"enabled\"\nEND LIST VAR u\n",
    ),
    (
        "LIST CMD",
        "BEGIN LIST CMD u\nCMD u test.battery.start\nCMD u beeper.mute\nEND LIST CMD u\n",
    ),
];

/// Serves a script, and returns its address. An answer of nothing closes the connection; several
/// answers, each after a line `---`, are given in turn.
async fn serve(script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut turns = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                let all = script.iter().chain(COMMON);
                let answer = all.clone().find(|(request, _)| line.starts_with(request));
                line.clear();
                let Some((_, answer)) = answer else { continue };
                let answers: Vec<&str> = answer.split("---").collect();
                let answer = answers.get(turns).or(answers.last()).unwrap();
                turns += usize::from(answers.len() > 1);
                if answer.is_empty() {
                    break;
                }
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    format!("u@{address}")
}

#[tokio::test]
async fn the_outcome_is_that_of_the_driver_and_doubt_is_told() {
    use OutcomeStatus::{Failed, Succeeded, Unknown};
    let cases: &[(Script, OutcomeStatus, &str)] = &[
        (
            &[
                ("SET TRACKING", "OK\n"),
                ("INSTCMD u test.battery.start\n", "OK TRACKING 7\n"),
                ("GET TRACKING \"7\"", "PENDING\n---PENDING\n---SUCCESS\n"),
            ],
            Succeeded,
            "",
        ),
        // An old server, which cannot track: its word must do.
        (
            &[
                ("SET TRACKING", "ERR UNKNOWN-COMMAND\n"),
                ("INSTCMD", "OK\n"),
            ],
            Succeeded,
            "",
        ),
        (
            &[
                ("SET TRACKING", "OK\n"),
                ("INSTCMD", "OK TRACKING 7\n"),
                ("GET TRACKING", "ERR INVALID-ARGUMENT\n"),
            ],
            Failed,
            "device-refused",
        ),
        // The driver has tried.
        (
            &[
                ("SET TRACKING", "OK\n"),
                ("INSTCMD", "OK TRACKING 7\n"),
                ("GET TRACKING", "ERR FAILED\n"),
            ],
            Unknown,
            "device-refused",
        ),
        (
            &[("SET TRACKING", "OK\n"), ("INSTCMD", "")],
            Unknown,
            "unreachable",
        ),
        (
            &[("SET TRACKING", "OK\n"), ("INSTCMD", "hello\n")],
            Unknown,
            "unreachable",
        ),
        (
            &[("SET TRACKING", "OK\n"), ("INSTCMD", "ERR ACCESS-DENIED\n")],
            Failed,
            "bad-credential",
        ),
        (&[("LIST VAR", "ERR DATA-STALE\n")], Failed, "unreachable"),
        (
            &[("LIST VAR", "220 smtp ready\n")],
            Failed,
            "device-garbage",
        ),
    ];
    for (script, status, code) in cases {
        let device = Device::new(serve(script).await, Some("admin"));
        let (found, problem) = match device.run("battery-test", json!({})).await {
            Ok(_) => (Succeeded, String::new()),
            Err(failure) => (failure.status, failure.problem.code.to_string()),
        };
        assert_eq!((found, problem.as_str()), (*status, *code), "{script:?}");
    }
}

#[tokio::test]
async fn a_driver_that_gives_no_result_leaves_it_unknown() {
    let script: Script = &[
        ("SET TRACKING", "OK\n"),
        ("INSTCMD", "OK TRACKING 7\n"),
        ("GET TRACKING", "PENDING\n"),
    ];
    let address = serve(script).await;
    tokio::time::pause();
    let device = Device::new(address, Some("admin"));
    let ended = tokio::time::timeout(
        Duration::from_secs(60),
        device.run("battery-test", json!({})),
    );
    let failure = ended.await.unwrap().unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Unknown, "{failure:?}");
}

#[tokio::test]
async fn a_beeper_that_can_only_be_toggled_is_left_alone() {
    const SCRIPT: Script = &[
        (
            "LIST CMD",
            "BEGIN LIST CMD u\nCMD u beeper.toggle\nEND LIST CMD u\n",
        ),
        // Nobody could know what became of it.
        ("INSTCMD", ""),
    ];
    let login = Some("admin");
    for action in ["beeper-on", "beeper-off", "beeper-mute"] {
        let device = Device::new(serve(SCRIPT).await, login);
        let outcome = device.run(action, json!({})).await;
        match action {
            // It is so already.
            "beeper-on" => assert!(outcome.is_ok(), "{outcome:?}"),
            _ => assert_eq!(
                outcome.unwrap_err().status,
                OutcomeStatus::Failed,
                "{action}"
            ),
        }
    }
}
