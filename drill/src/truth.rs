//! The truth about the simulated devices: what they received and what they did, in their own words.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::count::{Deeds, Device, Truth};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    devices: Vec<DeviceTruth>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DeviceTruth {
    name: String,
    faults: Vec<String>,
    #[serde(default)]
    tokens: Vec<Token>,
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
    #[serde(default)]
    class: String,
    received: u64,
    done: u64,
}

/// Asks the simulator at its control port.
///
/// # Errors
/// It does not answer, or not in the expected form.
pub async fn ask(control: &str) -> Result<Truth> {
    read(&exchange(control, &serde_json::json!({ "command": "truth" })).await?)
}

/// Sends a request to the control port of the simulator, and returns the line of its answer.
///
/// # Errors
/// It does not answer in time.
pub async fn exchange(control: &str, request: &serde_json::Value) -> Result<String> {
    let line = tokio::time::timeout(ANSWER_TIMEOUT, converse(control, request));
    line.await
        .context("the simulator did not answer in time")?
        .with_context(|| format!("the simulator at {control} does not answer"))
}

impl Truth {
    /// Returns the number of marks of each device.
    pub fn marks(&self) -> BTreeMap<String, u64> {
        let devices = self.devices.iter();
        devices
            .map(|(name, device)| (name.clone(), device.marks))
            .collect()
    }
}

async fn converse(control: &str, request: &serde_json::Value) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(control).await?;
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line)
}

fn read(line: &str) -> Result<Truth> {
    let answer: Answer =
        serde_json::from_str(line).context("the answer of the simulator has another form")?;
    if let Some(error) = answer.error {
        bail!("the simulator refuses to report the truth: {error}");
    }
    let devices = answer.devices.into_iter().map(|received| {
        let mut device = Device {
            is_liar: received.faults.iter().any(|fault| fault == "lying"),
            ..Device::default()
        };
        for token in received.tokens {
            let deeds: &mut Deeds = device.tokens.entry(token.token).or_default();
            deeds.received += token.received;
            deeds.done += token.done;
            if token.class == "mark" {
                device.marks += token.done;
            }
        }
        (received.name, device)
    });
    Ok(Truth {
        devices: devices.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_read_as_the_simulator_tells_it() {
        let line = r#"{"devices":[{"name":"drill-0001","kind":"drill","faults":["lying"],"requests":9,
            "tokens":[{"token":"1-1","class":"mark","received":2,"done":0,"first_unix_ms":null}]},
            {"name":"drill-0002","faults":[]}]}"#;
        let truth = read(line).unwrap();
        let liar = &truth.devices["drill-0001"];
        assert!(liar.is_liar);
        assert_eq!(
            liar.tokens["1-1"],
            Deeds {
                received: 2,
                done: 0
            }
        );
        assert!(!truth.devices["drill-0002"].is_liar);
        assert!(read(r#"{"error":"no"}"#).is_err());
    }
}
