//! The worker against Debian's libvirtd and its test driver.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

use std::path::Path;

use serde_json::{Value as Json, json};
use utakata_tests::servers::Libvirtd;
use utakata_worker_libvirt::LibvirtWorker;
use utakata_worker_sdk::{
    Answer, Failure,
    harness::alone::{Alone, value},
    model::{DiscoveryAnswer, OutcomeStatus},
};

struct Target(Alone<LibvirtWorker>);

impl Target {
    fn new(address: impl ToString) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/libvirt");
        Self(Alone::build(&folder, address, &[]).unwrap())
    }

    fn of(host: &Libvirtd) -> Self {
        Self::new(format!("test+tcp://{}/default", host.address()))
    }

    async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let task = self.0.task(action, parameters).unwrap();
        self.0.carry_out(task).await
    }

    async fn state(&self, vm: &str) -> Option<String> {
        let asked = json!({ "vm": vm, "metrics": ["utakata.vm.state"] });
        let readings = self.run("read", asked).await.unwrap().readings;
        assert_eq!(readings.len(), 1, "{readings:?}");
        value(&readings, "utakata.vm.state", vm)
    }
}

#[tokio::test]
async fn what_is_read_is_what_virsh_tells() {
    let host = Libvirtd::start(3).unwrap();
    let socket = format!("test+unix:///default?socket={}", host.socket().display());
    for target in [Target::of(&host), Target::new(socket)] {
        let answer = target.run("read", json!({})).await.unwrap();
        let readings = answer.readings;
        for vm in ["vm1", "vm2", "vm3"] {
            let told = host.virsh(&["domstate", vm]).unwrap();
            let read = value(&readings, "utakata.vm.state", vm);
            assert_eq!(read.as_deref(), Some(told.trim()), "{vm}");
            let info = host.virsh(&["dominfo", vm]).unwrap();
            let told = |key: &str| -> f64 {
                let line = info.lines().find_map(|line| line.strip_prefix(key));
                let word = line.unwrap().split_whitespace().next().unwrap();
                word.parse().unwrap()
            };
            for (metric, key, factor) in [
                ("system.memory.limit", "Max memory:", 1024.0),
                ("system.cpu.count", "CPU(s):", 1.0),
            ] {
                let read = value(&readings, metric, vm).unwrap();
                assert_eq!(
                    read.parse::<f64>().unwrap(),
                    told(key) * factor,
                    "{vm} {metric}"
                );
            }
            let told = host.virsh(&["domuuid", vm]).unwrap();
            assert!(value(&readings, "utakata.vm.state", told.trim()).is_some());
        }
    }
}

#[tokio::test]
async fn a_host_is_found_with_its_identity_and_by_a_connection_that_can_change_nothing() {
    let host = Libvirtd::start(1).unwrap();
    let port = host.address().port();
    let target = Target::new("-");
    // Nobody has the second address.
    let asked = json!({ "addresses": ["127.0.0.1", "127.0.0.2"], "port": port });
    let answer = target.run("discover", asked).await.unwrap();
    let answer: DiscoveryAnswer = serde_json::from_value(answer.result.unwrap()).unwrap();
    assert_eq!(answer.asked, 2);
    let [one] = answer.found.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(one.address, format!("127.0.0.1:{port}"));
    assert!(
        one.also
            .contains(&format!("qemu+tcp://127.0.0.1:{port}/system"))
    );
    // As the daemon is told.
    let known: Vec<&str> = one.identifiers.iter().map(|one| one.as_str()).collect();
    assert!(
        known.contains(&"uuid:3f6b9c2e-0000-4000-8000-000000000001"),
        "{one:?}"
    );
    let name = host.virsh(&["hostname"]).unwrap();
    assert_eq!(one.name.as_deref(), Some(name.trim()));
    assert_eq!((&one.problem, one.wants_credential), (&None, false));
}

#[tokio::test]
async fn a_machine_is_started_and_stopped_and_what_is_so_already_is_not_sent() {
    let host = Libvirtd::start(2).unwrap();
    let target = Target::of(&host);
    for (action, vm, state) in [
        ("vm-stop", "vm1", "off"),
        ("vm-stop", "vm1", "off"),
        ("vm-start", "vm1", "running"),
        ("vm-suspend", "vm1", "paused"),
        ("vm-resume", "vm1", "running"),
        ("vm-shut-down", "vm1", "off"),
        ("vm-start", "vm1", "running"),
    ] {
        let before = target.state(vm).await;
        let answer = target.run(action, json!({ "vm": vm })).await.unwrap();
        let is_so = answer.result.unwrap().get("already").is_some();
        assert_eq!(is_so, before.as_deref() == Some(state), "{action}");
        assert_eq!(target.state(vm).await.as_deref(), Some(state), "{action}");
        let told = host.virsh(&["domstate", vm]).unwrap();
        let told = told.trim().replace("shut off", "off");
        assert_eq!(told, state, "{action}");
        assert_eq!(target.state("vm2").await.as_deref(), Some("running"));
    }
}

#[tokio::test]
async fn a_refusal_is_certain_and_what_cannot_be_reached_was_not_touched() {
    let host = Libvirtd::start(1).unwrap();
    let target = Target::of(&host);
    for (target, action, vm, code) in [
        (&target, "vm-stop", "vm9", "device-refused"),
        // It runs: it cannot go on.
        (&target, "vm-reset", "vm9", "device-refused"),
        (&Target::new("127.0.0.1:1"), "vm-stop", "vm1", "unreachable"),
        (
            &Target::new("qemu+tls://a/system"),
            "vm-stop",
            "vm1",
            "bad-address",
        ),
        (
            &Target::new(format!("nothing+tcp://{}/x", host.address())),
            "vm-stop",
            "vm1",
            "device-refused",
        ),
    ] {
        let failure = target.run(action, json!({ "vm": vm })).await.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
        assert_eq!(&*failure.problem.code, code, "{failure:?}");
    }
    assert_eq!(target.state("vm1").await.as_deref(), Some("running"));
}
