//! The demo: a simulated room in a process of its own, and targets for its devices.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde::Deserialize;
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use utakata_api::apply::Document;
use utakata_model::{
    Credential, Kind, NameError, Policy, Relation, RelationKind, Schedule, Target, TargetName,
    relation::Endpoint, target::Secret,
};

use crate::claim::write_whole;

const PROGRAM: &str = "utakata-simulator";
/// The releases of the cooling units and of their controllers, which are of no make and are served in
/// demos alone. The manifest of each comes last: without it a folder is no release.
const COOLING: [(&str, &str); 4] = [
    (
        "releases/crac/profiles/crac.toml",
        include_str!("../../simulator/releases/crac/profiles/crac.toml"),
    ),
    (
        "releases/crac/worker.toml",
        include_str!("../../simulator/releases/crac/worker.toml"),
    ),
    (
        "releases/modbus-crac/profiles/modbus-crac.toml",
        include_str!("../../simulator/releases/modbus-crac/profiles/modbus-crac.toml"),
    ),
    (
        "releases/modbus-crac/worker.toml",
        include_str!("../../simulator/releases/modbus-crac/worker.toml"),
    ),
];
const READY_TIMEOUT: Duration = Duration::from_secs(10);
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// The simulator's default port, then any free ones.
const PORTS: [&str; 2] = ["16100", "0"];
const INTERVAL: Duration = Duration::from_secs(5);

/// An error of starting the room.
#[derive(Debug, Error)]
pub enum Error {
    /// The program is not installed.
    #[error("the program {PROGRAM} must be next to utakata: `cargo build --release` builds both")]
    Absent,
    /// The program does not start.
    #[error("{} cannot be started", program.display())]
    Start { program: PathBuf, source: io::Error },
    /// It ended, or printed nothing, before it was ready.
    #[error("{} did not become ready: {problem}", program.display())]
    Ready {
        program: PathBuf,
        /// The problem, in a sentence.
        problem: String,
    },
    /// A device has an invalid name.
    #[error("the simulator has a device that cannot be a target")]
    Name(#[from] NameError),
}

/// A running room. Closing its standard input ends it.
#[derive(Debug)]
pub struct Room {
    child: Child,
    /// Kept apart from the child, because waiting for the child would close it.
    stdin: Option<ChildStdin>,
    /// Kept open: the simulator must not lose its standard output.
    _lines: Lines<BufReader<ChildStdout>>,
    devices: Vec<Device>,
    control: Option<String>,
}

/// A device, as printed by the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Device {
    pub name: TargetName,
    pub kind: Kind,
    pub address: String,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    rack: Option<String>,
    #[serde(default)]
    feed: Option<String>,
    /// The units among which it stands in for others, if it cools.
    #[serde(default)]
    zone: Option<String>,
    /// The server of a BMC.
    #[serde(default)]
    server: Option<String>,
    /// The outlets that feed it, as `pdu:outlet`.
    #[serde(default)]
    outlets: Vec<Endpoint>,
    /// The target of which it is another way in: a controller, or what a server tells of it.
    #[serde(default)]
    part_of: Option<TargetName>,
    /// The user of a BMC or of a server of UPSs.
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    community_read: Option<String>,
    #[serde(default)]
    community_write: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Ready {
        ready: bool,
        #[serde(default)]
        control: Option<String>,
    },
    Device(Box<Device>),
}

impl Room {
    /// Starts the simulator with its default room, and reads the list of devices.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(&["room".to_owned()]).await
    }

    /// Starts the simulator with devices other than its default room.
    pub async fn start_with(arguments: &[String]) -> Result<Self, Error> {
        let program = crate::programs::find(PROGRAM).ok_or(Error::Absent)?;
        let mut last = Error::Absent;
        for port in PORTS {
            let started =
                tokio::time::timeout(READY_TIMEOUT, Self::start_on(&program, arguments, port));
            match started.await {
                Ok(Ok(room)) => return Ok(room),
                Ok(Err(error)) => last = error,
                Err(_) => {
                    let problem = format!("it printed nothing for {READY_TIMEOUT:?}");
                    return Err(Error::Ready { program, problem });
                }
            }
        }
        Err(last)
    }

    async fn start_on(program: &Path, arguments: &[String], port: &str) -> Result<Self, Error> {
        let failed = |source| Error::Start {
            program: program.into(),
            source,
        };
        let silent = |problem: String| Error::Ready {
            program: program.into(),
            problem,
        };
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--base-port", port, "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is meant for us; we end the simulator when nobody needs it any more.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| silent("it has no standard output".into()))?;
        let mut lines = BufReader::new(stdout).lines();
        let mut devices = Vec::new();
        while let Some(line) = lines.next_line().await.map_err(failed)? {
            match serde_json::from_str(&line) {
                Ok(Line::Device(device)) => devices.push(*device),
                Ok(Line::Ready { ready, control }) if ready => {
                    forward_log(&mut child);
                    return Ok(Self {
                        stdin: child.stdin.take(),
                        child,
                        _lines: lines,
                        devices,
                        control,
                    });
                }
                Ok(Line::Ready { .. }) => {}
                Err(error) => return Err(silent(format!("it printed {line:?}: {error}"))),
            }
        }
        Err(silent(last_words(&mut child).await))
    }

    /// The address at which faults can be injected.
    pub fn control(&self) -> Option<&str> {
        self.control.as_deref()
    }

    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Its devices as targets, with credentials and a schedule.
    pub fn documents(&self) -> Result<Vec<Document>, Error> {
        documents(&self.devices)
    }

    /// Waits until the simulator has ended, which should not happen.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Ends the simulator, and waits until it has ended.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(END_TIMEOUT, self.child.wait())
            .await
            .is_err()
        {
            tracing::warn!("the simulator did not end in time, and is killed");
            let _ = self.child.kill().await;
        }
    }
}

/// Puts the releases of the simulator's own kinds into a data directory.
pub fn lay_out_release(data: &Path) -> io::Result<()> {
    for (name, text) in COOLING {
        let path = data.join(name);
        if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        write_whole(&path, text.as_bytes())?;
    }
    Ok(())
}

async fn last_words(child: &mut Child) -> String {
    let mut told = String::from("it ended at once");
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            told = line;
        }
    }
    told
}

/// Copies its standard error into our log. Ends with the simulator.
fn forward_log(child: &mut Child) {
    let Some(stderr) = child.stderr.take() else {
        return;
    };
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::warn!(line, "the simulator says");
        }
    });
}

fn documents(devices: &[Device]) -> Result<Vec<Document>, Error> {
    let mut credentials: BTreeMap<TargetName, Credential> = BTreeMap::new();
    let mut documents = Vec::new();
    for device in devices {
        let credential = credential(device)?;
        let labels = [
            ("room", &device.room),
            ("rack", &device.rack),
            ("feed", &device.feed),
            ("cooling-zone", &device.zone),
            ("server", &device.server),
        ];
        let labels = labels
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), text.clone()?)));
        documents.push(Document::Target(Target {
            labels: labels.collect(),
            credential: credential.as_ref().map(|one| one.name.clone()),
            ..Target::new(
                device.name.clone(),
                device.kind.clone(),
                device.address.clone(),
            )
        }));
        credentials.extend(credential.map(|one| (one.name.clone(), one)));
        documents.extend(relations(device).map(Document::Relation));
    }
    if devices.iter().any(|device| device.zone.is_some()) {
        documents.push(Document::Relation(cools()));
    }
    documents.extend(credentials.into_values().map(Document::Credential));
    documents.push(Document::Schedule(Schedule {
        name: "demo".parse()?,
        selector: demo_selector(),
        interval: INTERVAL,
        action: None,
        parameters: serde_json::json!({}),
    }));
    documents.push(Document::Policy(Box::new(policy())));
    Ok(documents)
}

/// Returns what feeds a device, and what it is a part of.
fn relations(device: &Device) -> impl Iterator<Item = Relation> {
    let fed = device.outlets.iter().cloned();
    let fed = fed.map(|outlet| (RelationKind::Feeds, outlet));
    let whole = device.part_of.clone().map(Endpoint::Target);
    let inside = whole.map(|whole| (RelationKind::Contains, whole));
    let to = Endpoint::Target(device.name.clone());
    fed.chain(inside).map(move |(relation, from)| Relation {
        relation,
        from,
        to: to.clone(),
    })
}

/// Returns the relation of the cooling units to what stands in the racks: their air mixes.
#[expect(clippy::expect_used, reason = "a test reads it")]
fn cools() -> Relation {
    let relation = serde_json::from_value(serde_json::json!({
        "relation": "cools", "from": "room=demo,kind=crac", "to": "room=demo,rack",
    }));
    relation.expect("the relation of the demo is one")
}

/// The outlets of `pdu-a1-a` on which hangs what can be spared.
const SPARE: std::ops::RangeInclusive<u32> = 3..=8;

/// Returns a policy for the reader to watch, test and arm: while UPS-B delivers nothing of its own,
/// feed A carries everything, and sheds what can be spared before its breaker trips.
#[expect(
    clippy::expect_used,
    reason = "a test reads it, and nothing in it depends on the room"
)]
fn policy() -> Policy {
    let acts = SPARE.map(|outlet| {
        serde_json::json!({
            "action": "outlet-off", "on": { "selector": "name=pdu-a1-a" },
            "parameters": { "outlet": outlet }, "settle": "15s",
        })
    });
    let policy = serde_json::from_value(serde_json::json!({
        "name": "spare-feed-a",
        "about": "While UPS-B is gone, feed A sheds what can be spared before its breaker trips",
        "watch": {
            "load": { "metric": "hw.power", "selector": "name=ups-a",
                "where": { "circuit": "output" }, "aggregate": "sum", "fresh": "1m" },
            "source": { "metric": "utakata.ups.source", "selector": "name=ups-b", "fresh": "1m" },
        },
        // The breaker carries 7 kW.
        "when": "load > 6700.0 && source != 'normal'",
        "until": "load < 6500.0",
        "hold": "10s",
        "act": acts.collect::<Vec<_>>(),
        "back": { "when": "source == 'normal'", "hold": "30s", "settle": "5s" },
        "envelope": {
            "only": { "selector": "name=pdu-a1-a", "actions": ["outlet-off"] },
            "at_most": ["30 in 1h"],
        },
    }));
    policy.expect("the policy of the demo is one")
}

/// Returns the selector that matches all devices of the room.
#[expect(
    clippy::expect_used,
    reason = "another selector would mean all targets"
)]
fn demo_selector() -> utakata_model::Selector {
    "room=demo".parse().expect("room=demo is a selector")
}

/// Returns the credential of a device. `None`: it lets everybody in.
fn credential(device: &Device) -> Result<Option<Credential>, NameError> {
    if let (Some(user), Some(password)) = (&device.user, &device.password) {
        let name = match device.kind.as_str() {
            "nut" => "demo-ups",
            _ => "demo-bmc",
        };
        let values = [("user", user), ("password", password)];
        return Ok(Some(Credential {
            name: name.parse()?,
            values: values
                .map(|(key, text)| (key.to_owned(), Secret::new(text.clone())))
                .into(),
        }));
    }
    if device.kind.as_str() == "modbus-crac" {
        return Ok(None);
    }
    let read = device.community_read.as_deref().unwrap_or("public");
    let write = device.community_write.as_deref().unwrap_or("private");
    let name = match (read, write) {
        ("public", "private") => "demo".parse()?,
        _ => TargetName::new(format!("demo-{}", device.name))?,
    };
    let values = [
        ("version", "2c"),
        ("community", read),
        ("community_write", write),
    ];
    Ok(Some(Credential {
        name,
        values: values
            .map(|(key, text)| (key.to_owned(), Secret::new(text)))
            .into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_the_simulator_become_targets_with_a_credential_and_a_schedule() {
        let line = r#"{"name":"pdu-a1-a","kind":"apc-pdu","address":"127.0.0.1:16101","rack":"A1","feed":"A","room":"demo","community_read":"public","community_write":"private"}"#;
        let Line::Device(device) = serde_json::from_str(line).unwrap() else {
            panic!("not a device");
        };
        let documents = documents(&[(*device).clone(), *device]).unwrap();
        let subjects: Vec<String> = documents.iter().map(Document::subject).collect();
        assert_eq!(
            subjects,
            [
                "target pdu-a1-a",
                "target pdu-a1-a",
                "credential demo",
                "schedule demo",
                "policy spare-feed-a"
            ]
        );
        let line = r#"{"name":"bmc-a1-01","kind":"redfish","address":"127.0.0.1:16113","room":"demo","rack":"A1","server":"a1-compute-01","outlets":["pdu-a1-a:1","pdu-a1-b:1"],"user":"demo","password":"x"}"#;
        let Line::Device(bmc) = serde_json::from_str(line).unwrap() else {
            panic!("not a device");
        };
        let documents = super::documents(&[*bmc]).unwrap();
        let subjects: Vec<String> = documents.iter().map(Document::subject).collect();
        assert_eq!(
            subjects[..4],
            [
                "target bmc-a1-01",
                "relation feeds pdu-a1-a:1 bmc-a1-01",
                "relation feeds pdu-a1-b:1 bmc-a1-01",
                "credential demo-bmc"
            ]
        );
        let lines = [
            r#"{"name":"crac-1","kind":"crac","address":"127.0.0.1:16111","room":"demo","zone":"east"}"#,
            r#"{"name":"cu-1","kind":"modbus-crac","address":"127.0.0.1:16115/1","room":"demo","zone":"east","part_of":"crac-1"}"#,
            r#"{"name":"nut-1-ups-a","kind":"nut","address":"ups-a@127.0.0.1:16116","room":"demo","feed":"A","part_of":"ups-a","user":"demo","password":"x"}"#,
        ];
        let devices = lines.map(|line| {
            let Line::Device(device) = serde_json::from_str(line).unwrap() else {
                panic!("not a device");
            };
            *device
        });
        let documents = super::documents(&devices).unwrap();
        let subjects: Vec<String> = documents.iter().map(Document::subject).collect();
        assert_eq!(
            subjects[..8],
            [
                "target crac-1",
                "target cu-1",
                "relation contains crac-1 cu-1",
                "target nut-1-ups-a",
                "relation contains ups-a nut-1-ups-a",
                "relation cools room=demo,kind=crac room=demo,rack",
                "credential demo",
                "credential demo-ups"
            ]
        );
        let ready = r#"{"ready":true,"control":"127.0.0.1:16100","devices":10}"#;
        let ready = serde_json::from_str(ready).unwrap();
        assert!(matches!(
            ready,
            Line::Ready {
                ready: true,
                control: Some(_)
            }
        ));
    }
}
