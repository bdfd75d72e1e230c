//! An agent with randomly combined faults: whatever it does, the report is true, the task ends, and
//! nothing is left out silently.
//!
//! `BENT_SEEDS=100-200` tries other seeds than the usual ones, for a longer run.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::device::{Device, text, values};

const SYSTEM: &str = "1.3.6.1.2.1.1";
const TABLE: &str = "1.3.6.1.4.1.8072.9999.9999.7";
/// Longer than the timeout of any action.
const ENDS: Duration = Duration::from_secs(32);

/// An agent; it ends when dropped.
struct Bent {
    child: Child,
    truth: Json,
    seed: u64,
}

impl Drop for Bent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.parent().unwrap().parent().unwrap();
    built.join("utakata-simulator")
}

impl Bent {
    fn start(seed: u64, only: &[&str]) -> Self {
        let only = only.iter().flat_map(|sort| ["--only", *sort]);
        let mut child = Command::new(program())
            .args(["bent", "--exit-with-stdin", "--seed", &seed.to_string()])
            .args(only)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        Self {
            child,
            truth: serde_json::from_str(&line).unwrap(),
            seed,
        }
    }

    /// The agent as seen by a v3 user. `None` where it speaks SNMPv1 only.
    fn device_of_a_user(&self) -> Option<Device> {
        let user = &self.truth["user"];
        let credential = values(&[
            ("version", "3"),
            ("user", user["name"].as_str()?),
            ("auth", user["auth"].as_str()?),
            ("auth_password", user["auth_password"].as_str()?),
        ]);
        let address = self.truth["address"].as_str().unwrap();
        Some(Device::new("snmp", address, credential))
    }

    fn device(&self) -> Device {
        let version = self.truth["version"].as_str().unwrap();
        let credential = values(&[("version", version), ("community", "public")]);
        Device::new("snmp", self.truth["address"].as_str().unwrap(), credential)
    }

    fn objects(&self) -> impl Iterator<Item = &Json> {
        self.truth["objects"].as_array().unwrap().iter()
    }

    fn fault(&self, name: &str) -> &str {
        self.truth["faults"][name].as_str().unwrap()
    }

    /// Returns true if its faults make its answers unpredictable.
    fn is_odd(&self) -> bool {
        ["id", "version"].contains(&self.fault("oddity"))
    }

    /// Returns true if the time of an action may be too short for it.
    fn takes_long(&self) -> bool {
        let faults = &self.truth["faults"];
        faults["loses"] != 0 || faults["delay"].as_u64() > Some(40)
    }

    fn told(&self) -> String {
        format!("seed {}: {}", self.seed, self.truth["faults"])
    }
}

/// Returns true if the time was too short.
fn is_late(problem: &Json) -> bool {
    problem == "no-time" || problem == "no-answer"
}

fn said(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

/// Gets all objects and compares each.
async fn check_get(bent: &Bent, device: &Device) {
    let oids: Vec<&str> = bent
        .objects()
        .map(|object| object["oid"].as_str().unwrap())
        .collect();
    for part in oids.chunks(40) {
        let answer = device.run("get", json!({ "oids": part })).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{}: {failure:?}", bent.told()));
        for found in answer.result.unwrap().as_array().unwrap() {
            let object = bent
                .objects()
                .find(|object| object["oid"] == found["oid"])
                .unwrap();
            let problem = &found["problem"];
            let is_true = match object["state"].as_str().unwrap() {
                "good" if found["type"] == "none" => bent.takes_long() && is_late(problem),
                "good" => said(&found["value"]) == said(&object["value"]),
                "hole" => found["type"] == "none" && problem.is_null(),
                state => {
                    found["type"] == "none"
                        && (problem == state || bent.takes_long() && is_late(problem))
                }
            };
            assert!(is_true, "{}: {found} is {object}", bent.told());
        }
    }
}

/// Walks the subtree of an OID: each value must be that of its object, and omissions must be
/// reported.
async fn check_walk(bent: &Bent, device: &Device, root: &str) {
    let answer = device.run("walk", json!({ "oid": root })).await;
    let answer = answer.unwrap_or_else(|failure| panic!("{}: {failure:?}", bent.told()));
    let result = answer.result.unwrap();
    let found = result.as_array().unwrap();
    let is_reported = found.iter().any(|found| !found["problem"].is_null());
    for found in found.iter().filter(|found| found["type"] != "none") {
        let object = bent.objects().find(|object| object["oid"] == found["oid"]);
        let object = object.unwrap_or_else(|| panic!("{}: {found} is nothing", bent.told()));
        let is_true = object["state"] == "good" && said(&found["value"]) == said(&object["value"]);
        assert!(is_true, "{}: {found} is {object}", bent.told());
    }
    for object in bent.objects() {
        let oid = object["oid"].as_str().unwrap();
        let is_due = object["state"] == "good"
            && object["is_reachable"] == true
            && oid
                .strip_prefix(root)
                .is_some_and(|rest| rest.starts_with('.'));
        let is_there = found.iter().any(|found| found["oid"] == object["oid"]);
        assert!(
            !is_due || is_there || is_reported,
            "{}: {object} is left out",
            bent.told()
        );
    }
    let loops = !bent.truth["faults"]["loops"].is_null();
    assert!(
        !loops || root == SYSTEM || is_reported,
        "{}: a loop is not told",
        bent.told()
    );
}

async fn check(seed: u64, only: &[&str]) {
    let bent = Bent::start(seed, only);
    check_as(&bent, &bent.device(), bent.is_odd()).await;
    if let Some(device) = bent.device_of_a_user() {
        // Odd v2c messages surround an answer; in v3 its id and signature are right.
        check_as(&bent, &device, false).await;
    }
}

async fn check_as(bent: &Bent, device: &Device, is_odd: bool) {
    if is_odd {
        let failure = device.run("read", json!({})).await.unwrap_err();
        let is_reported = failure.problem.message.contains("answers");
        assert!(
            is_reported && &*failure.problem.code != "unreachable",
            "{}: {failure:?}",
            bent.told()
        );
        return;
    }
    for _ in 0..2 {
        let checks = async {
            check_get(bent, device).await;
            check_walk(bent, device, SYSTEM).await;
            check_walk(bent, device, TABLE).await;
        };
        let ended = tokio::time::timeout(5 * ENDS, checks).await;
        assert!(ended.is_ok(), "{}: it does not end", bent.told());
        let name = bent
            .objects()
            .find(|object| object["oid"] == "1.3.6.1.2.1.1.5.0")
            .unwrap();
        let read = device
            .run("read", json!({ "metrics": ["system.name"] }))
            .await;
        match (name["state"].as_str().unwrap(), read) {
            ("good", Err(_)) if bent.takes_long() => {}
            ("good", read) => {
                let read = read.unwrap_or_else(|failure| panic!("{}: {failure:?}", bent.told()));
                let name = said(&name["value"]);
                assert_eq!(
                    text(&read.readings, "system.name", &[]),
                    name,
                    "{}",
                    bent.told()
                );
            }
            (_, Ok(read)) => assert!(read.readings.is_empty(), "{}", bent.told()),
            (_, Err(_)) => {}
        }
    }
}

fn seeds(usual: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(given) = std::env::var("BENT_SEEDS") else {
        return usual;
    };
    let (from, to) = given.split_once('-').unwrap();
    from.parse().unwrap()..to.parse::<u64>().unwrap() + 1
}

#[tokio::test]
async fn reports_about_a_misbehaving_agent_are_true_and_nothing_is_left_out_silently() {
    for seed in seeds(1..6) {
        check(seed, &[]).await;
    }
}

#[tokio::test]
async fn an_agent_that_bears_small_messages_only_is_read_whole() {
    for seed in seeds(1..9) {
        check(seed, &["size"]).await;
    }
}

#[tokio::test]
async fn cells_that_are_not_available_take_no_others_with_them() {
    for seed in seeds(1..9) {
        check(seed, &["cells"]).await;
    }
}

#[tokio::test]
async fn an_agent_with_an_order_of_its_own_is_read_and_its_loops_end() {
    for seed in seeds(1..17) {
        check(seed, &["order"]).await;
    }
}

#[tokio::test]
async fn a_wrong_answer_is_reported_as_what_it_is() {
    for seed in seeds(1..17) {
        check(seed, &["identity"]).await;
    }
}
