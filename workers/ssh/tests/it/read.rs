//! Reading from a host.

use std::fs;

use serde_json::json;
use utakata_tests::servers::Sshd;
use utakata_worker_sdk::harness::alone::value;

use crate::host::{Own, borrowed, right, shipped};

#[tokio::test]
async fn what_is_read_is_what_the_host_tells() {
    let sshd = Sshd::start().unwrap();
    let credential = right(&sshd);
    let device = shipped(&sshd, &borrowed(&credential));
    let task = device.task("read", json!({})).unwrap();
    let answer = device.carry_out(task).await.unwrap();
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.unwrap().trim().trim_end_matches(" kB");
    let read = value(&answer.readings, "system.memory.limit", "").unwrap();
    let told = total.parse::<f64>().unwrap() * 1024.0;
    assert!((read.parse::<f64>().unwrap() - told).abs() < 1.0, "{read}");
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let read = value(&answer.readings, "system.name", "");
    assert_eq!(read.as_deref(), Some(name.trim()));
    let window = value(&answer.readings, "system.load_average", "15m");
    assert!(window.is_some(), "{:?}", answer.readings);
    // A host without sensors and GPUs lacks nothing.
    assert!(answer.missing.is_empty(), "{:?}", answer.missing);
}

#[tokio::test]
async fn a_host_is_entered_once_for_many_reads() {
    let sshd = Sshd::start().unwrap();
    let credential = right(&sshd);
    let device = shipped(&sshd, &borrowed(&credential));
    for _ in 0..3 {
        let asked = json!({ "metrics": ["system.uptime"] });
        let task = device.task("read", asked).unwrap();
        let readings = device.carry_out(task).await.unwrap().readings;
        assert_eq!(readings.len(), 1, "{readings:?}");
    }
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn only_the_right_host_is_told_who_the_user_is() {
    let sshd = Sshd::start().unwrap();
    let with = |key: &str, text: &str| {
        let mut credential = right(&sshd);
        credential.retain(|(key, _)| key != "host_key");
        if !key.is_empty() {
            credential.push((key.to_owned(), text.to_owned()));
        }
        credential
    };
    let other = format!("SHA256:{}", "A".repeat(43));
    for (key, text, code) in [
        ("host_key", other.as_str(), Some("another-certificate")),
        ("", "", Some("bad-credential")),
        ("trust", "first-seen", None),
        ("host_key", &sshd.public_key().unwrap(), None),
    ] {
        let credential = with(key, text);
        let device = shipped(&sshd, &borrowed(&credential));
        let task = device.task("read", json!({})).unwrap();
        let problem = device.carry_out(task).await.err().map(|one| one.problem);
        let found = problem.as_ref().map(|problem| &*problem.code);
        assert_eq!(found, code, "{key} {text}: {problem:?}");
        let before = sshd.logins();
        if let Some(problem) = problem {
            // The key that it has is told, so that it can be compared and written down.
            let print = sshd.fingerprint().unwrap();
            assert!(problem.message.contains(&print), "{problem}");
            assert_eq!(before, 0);
        }
    }
}

#[tokio::test]
async fn a_host_that_is_replaced_is_not_entered() {
    let mut sshd = Sshd::start().unwrap();
    let mut credential = right(&sshd);
    credential.retain(|(key, _)| key != "host_key");
    credential.push(("trust".into(), "first-seen".into()));
    let device = shipped(&sshd, &borrowed(&credential));
    let read = async || {
        let task = device.task("read", json!({ "metrics": ["system.uptime"] }));
        device.carry_out(task.unwrap()).await
    };
    read().await.unwrap();
    sshd.replace().unwrap();
    let problem = read().await.unwrap_err().problem;
    assert_eq!(&*problem.code, "another-certificate", "{problem}");
}

#[tokio::test]
async fn a_user_who_is_refused_is_not_tried_again_and_again() {
    let sshd = Sshd::start().unwrap();
    let print = sshd.fingerprint().unwrap();
    let user = sshd.user().unwrap();
    let credential = [
        ("user", user.as_str()),
        ("password", "wrong"),
        ("host_key", print.as_str()),
    ];
    let device = shipped(&sshd, &credential);
    for round in 0..3 {
        let task = device.task("read", json!({})).unwrap();
        let problem = device.carry_out(task).await.unwrap_err().problem;
        assert_eq!(&*problem.code, "bad-credential", "{round}: {problem}");
        let is_told = problem.message.contains("nothing was sent");
        assert_eq!(is_told, round > 0, "{problem}");
    }
}

#[tokio::test]
async fn exit_codes_outputs_and_floods_are_told_for_what_they_are() {
    let own = Own::new(
        "",
        r#"
        description = "own"
        [command.good]
        argv = ["printf", "%s", "it's $HOME; 4"]
        [command.bad]
        argv = ["ls", "/nowhere"]
        [command.code]
        argv = ["test", "-e", "/nowhere"]
        exit = [0, 1]
        [command.flood]
        argv = ["cat", "/dev/zero"]
        [command.absent]
        argv = ["no-such-program"]
        or_absent = true
        [[line]]
        in = "good"
        pattern = '^it.s (?P<text>\$HOME); (?P<number>\d)$'
        metric = [{ metric = "my.text", group = "text", text = true }, { metric = "my.number", group = "number", unit = "{thing}" }]
        [[exit]]
        in = "code"
        metric = "my.state"
        states = { 0 = "there", 1 = "absent" }
        [[line]]
        in = "bad"
        pattern = '(?P<x>.)'
        metric = { metric = "my.bad", group = "x", text = true }
        [[line]]
        in = "flood"
        pattern = '(?P<x>.)'
        metric = { metric = "my.flood", group = "x", text = true }
        [[line]]
        in = "absent"
        pattern = '(?P<x>.)'
        metric = { metric = "my.absent", group = "x", text = true }
        "#,
    );
    let sshd = Sshd::start().unwrap();
    let device = own.target(&sshd);
    let task = device.task("read", serde_json::Value::Null);
    let task = task.or_else(|_| device.task("read", json!({}))).unwrap();
    let answer = device.carry_out(task).await.unwrap();
    let found = |metric| value(&answer.readings, metric, "");
    assert_eq!(found("my.text").as_deref(), Some("$HOME"));
    assert_eq!(found("my.number").as_deref(), Some("4"));
    assert_eq!(found("my.state").as_deref(), Some("absent"));
    assert_eq!(answer.readings.len(), 3, "{:?}", answer.readings);
    let missing = format!("{:?}", answer.missing);
    for part in ["ended with 2", "larger than 1048576 bytes"] {
        assert!(missing.contains(part), "{missing}");
    }
}
