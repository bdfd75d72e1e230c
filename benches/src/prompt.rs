//! The time from a reading that is heard to the SET on the wire, for which a policy is armed.
//!
//! The UPS of a simulated room loses its mains, and is read. What was heard when is history's; when the
//! SET arrived is the PDU's own.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use utakata_api::{
    apply::Apply,
    client::Client,
    operation::Read,
    policy::{ArmPolicy, TestPolicy},
};
use utakata_model::PolicyName;

use crate::{
    figures::Figures,
    system::{System, programs},
};

const UPS: &str = "ups-b";
const PDU: &str = "pdu-a1-a";
/// The outlet that is switched, to which nothing is plugged.
const OUTLET: u64 = 24;
/// The time within which everything has to happen.
const DEADLINE: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// The simulated room, as a process.
struct Room {
    process: Child,
    devices: Vec<Value>,
    control: String,
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Room {
    fn start() -> Result<Self> {
        let mut process = Command::new(programs()?.join("utakata-simulator"))
            .args(["room", "--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("it has an output")?;
        let mut room = Self {
            process,
            devices: Vec::new(),
            control: String::new(),
        };
        for line in BufReader::new(output).lines() {
            let line: Value = serde_json::from_str(&line?)?;
            if line["ready"] == true {
                line["control"]
                    .as_str()
                    .context("it has a control port")?
                    .clone_into(&mut room.control);
                return Ok(room);
            }
            room.devices.push(line);
        }
        bail!("the simulator ended")
    }

    fn ask(&self, request: &Value) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.control)?;
        writeln!(stream, "{request}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        ensure!(answer["error"].is_null(), "the simulator refuses: {answer}");
        Ok(answer)
    }

    fn fault(&self, fault: &str) -> Result<()> {
        let request = json!({ "command": "fault", "device": UPS, "fault": fault });
        self.ask(&request).map(drop)
    }

    /// Returns the times of the commands that the outlet has received.
    fn commands(&self) -> Result<Vec<i64>> {
        let answer = self.ask(&json!({ "command": "truth", "device": PDU }))?;
        let commands = answer["devices"][0]["commands"].as_array().cloned();
        let commands = commands.unwrap_or_default().into_iter();
        let its = commands.filter(|one| one["outlet"] == OUTLET);
        Ok(its.filter_map(|one| one["unix_ms"].as_i64()).collect())
    }

    /// Returns the UPS and the PDU as targets, and the policy.
    fn documents(&self) -> Result<Apply> {
        let mut documents = vec![json!({ "type": "credential", "name": "room",
            "values": { "version": "2c", "community": "public", "community_write": "private" } })];
        let ours = |one: &&Value| one["name"] == UPS || one["name"] == PDU;
        for device in self.devices.iter().filter(ours) {
            documents.push(
                json!({ "type": "target", "name": device["name"], "kind": device["kind"],
                "address": device["address"], "credential": "room" }),
            );
        }
        documents.push(json!({
            "type": "policy", "name": "prompt",
            "watch": { "source": { "metric": "utakata.ups.source",
                "selector": format!("name={UPS}"), "fresh": "1h" } },
            "when": "source != 'normal'",
            "act": [{ "action": "outlet-off", "on": { "selector": format!("name={PDU}") },
                "parameters": { "outlet": OUTLET } }],
            "back": { "when": "source == 'normal'" },
            "envelope": { "at_most": ["100000 in 1h"] },
        }));
        let apply = json!({ "documents": documents });
        // As a text: limits are read from texts.
        serde_json::from_str(&apply.to_string()).context("the documents of the bench")
    }
}

/// Measures so many SETs, one after the other, in milliseconds.
///
/// # Errors
/// Something does not start, or nothing is done in time.
pub async fn measure(singles: usize) -> Result<Figures> {
    let room = Room::start()?;
    let system = System::start(&[])?;
    let client = Client::new(&system.url, &system.token)?;
    let name: PolicyName = "prompt".parse()?;
    let documents = room.documents()?;
    let began = Instant::now();
    while client.apply(&documents).await.is_err() {
        ensure!(began.elapsed() < DEADLINE, "the documents are refused");
        tokio::time::sleep(RETRY_AFTER).await;
    }
    let ups = Read {
        selector: format!("name={UPS}").parse()?,
        action: None,
        parameters: serde_json::Map::new(),
        wait: Duration::from_secs(10),
        max_age: None,
    };
    while !sees(&client, &name).await? {
        ensure!(began.elapsed() < DEADLINE, "the policy sees nothing");
        let _ = client.read(&ups).await;
        tokio::time::sleep(RETRY_AFTER).await;
    }
    let mut milliseconds = Figures::default();
    for single in 0..=singles {
        // Armed anew each time: one that acts and hands back again and again is stopped.
        arm(&client, &name).await?;
        let took = once(&client, &room, &ups, &name).await?;
        // The first one is for warming up.
        if single > 0 {
            milliseconds.add(took);
        }
    }
    Ok(milliseconds)
}

async fn arm(client: &Client, name: &PolicyName) -> Result<()> {
    let since = Duration::from_secs(60);
    let tested = client.test_policy(name, &TestPolicy { since }).await?;
    let arm = ArmPolicy {
        token: tested.token.context("the test gave no token")?,
        lasts: Duration::from_secs(86_400),
        advise: false,
        why: None,
    };
    client.arm_policy(name, &arm).await?;
    Ok(())
}

async fn sees(client: &Client, name: &PolicyName) -> Result<bool> {
    let Ok(view) = client.policy(name).await else {
        return Ok(false);
    };
    let when = view
        .instances
        .first()
        .and_then(|one| one.conditions.get("when"));
    Ok(when == Some(&Some(false)))
}

/// Has the mains fail and come back, and returns the time from hearing of it to the SET.
async fn once(client: &Client, room: &Room, ups: &Read, name: &PolicyName) -> Result<f64> {
    let before = room.commands()?.len();
    room.fault("input-lost")?;
    client.read(ups).await?;
    let began = Instant::now();
    let set = loop {
        if let Some(set) = room.commands()?.get(before) {
            break *set;
        }
        ensure!(began.elapsed() < DEADLINE, "no SET has arrived");
        tokio::time::sleep(RETRY_AFTER).await;
    };
    let at = Timestamp::from_millisecond(set)?;
    let explained = client.explain_policy(name, Some(at), None).await?;
    let input = explained
        .instances
        .first()
        .and_then(|one| one.inputs.first());
    let age = input.and_then(|input| input.age);
    let age = age.context("history does not know what was heard")?;
    room.fault("none")?;
    while room.commands()?.len() < before + 2 || !is_calm(client, name).await? {
        ensure!(began.elapsed() < DEADLINE, "it is not handed back");
        client.read(ups).await?;
        tokio::time::sleep(RETRY_AFTER).await;
    }
    Ok(age.as_secs_f64() * 1e3)
}

async fn is_calm(client: &Client, name: &PolicyName) -> Result<bool> {
    let view = client.policy(name).await?;
    Ok(view.instances.iter().all(|one| one.changes.is_empty()))
}
