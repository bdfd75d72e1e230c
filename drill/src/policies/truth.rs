//! The devices of a room in their own words.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use super::{
    count::{Command, Outlet},
    site,
};
use crate::truth::exchange;

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    devices: Vec<Device>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    watts: f64,
    #[serde(default)]
    breaker: Option<Breaker>,
    #[serde(default)]
    outlets: Vec<OutletTruth>,
    #[serde(default)]
    commands: Vec<CommandTruth>,
}

#[derive(Debug, Deserialize)]
struct Breaker {
    open: bool,
    trips: u32,
    heat_percent: f64,
    #[serde(default)]
    trips_in_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct OutletTruth {
    outlet: u64,
    on: bool,
}

#[derive(Debug, Deserialize)]
struct CommandTruth {
    outlet: u64,
    command: String,
    unix_ms: i64,
}

/// The UPS that carries everything while the other feed is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Carrier {
    pub watts: f64,
    pub is_open: bool,
    pub trips: u32,
    pub heat_percent: f64,
    pub trips_within: Option<Duration>,
}

/// Asks for the UPS that carries everything.
///
/// # Errors
/// The simulator does not answer, or otherwise than expected.
pub async fn carrier(control: &str) -> Result<Carrier> {
    let request = json!({ "command": "show", "device": site::CARRIES });
    let devices = ask(control, &request).await?;
    let ups = devices.first().context("the simulator has no UPS")?;
    let breaker = ups.breaker.as_ref().context("the UPS has no breaker")?;
    Ok(Carrier {
        watts: ups.watts,
        is_open: breaker.open,
        trips: breaker.trips,
        heat_percent: breaker.heat_percent,
        trips_within: breaker
            .trips_in_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// Puts a device into a condition; `none` ends all of them.
///
/// # Errors
/// The simulator refuses.
pub async fn condition(control: &str, device: &str, condition: &str) -> Result<()> {
    let request = json!({ "command": "fault", "device": device, "fault": condition });
    ask(control, &request).await.map(drop)
}

/// Returns every command that outlets received, in the order of their times, and the outlets that
/// are off.
///
/// # Errors
/// The simulator does not answer, or otherwise than expected.
pub async fn outlets(control: &str) -> Result<(Vec<Command>, BTreeSet<Outlet>)> {
    let devices = ask(control, &json!({ "command": "truth" })).await?;
    let mut commands = Vec::new();
    let mut off = BTreeSet::new();
    for device in devices {
        commands.extend(device.commands.into_iter().map(|one| Command {
            outlet: (device.name.clone(), one.outlet),
            what: one.command,
            at: one.unix_ms,
        }));
        let dark = device.outlets.iter().filter(|one| !one.on);
        off.extend(dark.map(|one| (device.name.clone(), one.outlet)));
    }
    commands.sort_by_key(|one| one.at);
    Ok((commands, off))
}

async fn ask(control: &str, request: &serde_json::Value) -> Result<Vec<Device>> {
    let line = exchange(control, request).await?;
    let answer: Answer =
        serde_json::from_str(&line).context("the answer of the simulator has another form")?;
    match answer.error {
        Some(error) => bail!("the simulator refuses: {error}"),
        None => Ok(answer.devices),
    }
}
