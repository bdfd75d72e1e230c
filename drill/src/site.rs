//! The site of a drill: devices of which some are slow, mute, late, away or lying; all are read all
//! the time.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;
use utakata_api::apply::{Apply, Document};
use utakata_model::{Credential, Schedule, Target, target::Secret};
use utakata_up::{demo::Room, drill::Settings};

use crate::{server::Server, watch};

/// The faults of the devices, each with the share that it affects. Late effects come within half
/// the time that a target has to show them.
const FAULTS: [&str; 5] = [
    "slow=300ms@0.2",
    "mute-sets=0.3@0.3",
    "flapping=2s@0.15",
    "late=400ms@0.15",
    "lying@0.1",
];
const RETRY_AFTER: Duration = Duration::from_millis(200);
const INTERVAL: Duration = Duration::from_secs(2);

/// Returns the arguments of the simulator.
pub fn simulator(settings: &Settings) -> Vec<String> {
    let mut arguments = vec![
        "counters".to_owned(),
        "--devices".to_owned(),
        settings.devices.to_string(),
        "--seed".to_owned(),
        settings.seed.to_string(),
    ];
    for fault in FAULTS {
        arguments.extend(["--fault".to_owned(), fault.to_owned()]);
    }
    arguments
}

/// Declares the devices as targets as soon as somebody listens, and waits until they are served.
///
/// # Errors
/// The name of a device is not a valid name.
pub async fn furnish(room: &Room, server: &Server) -> Result<()> {
    let apply = Apply {
        documents: documents(room).context("the devices cannot be made targets")?,
        delete: Vec::new(),
        dry_run: false,
    };
    let mut is_applied = false;
    loop {
        if let Some(client) = server.client() {
            is_applied = is_applied || client.apply(&apply).await.is_ok();
            let kinds = client.kinds().await.unwrap_or_default();
            if is_applied && kinds.iter().any(|kind| kind.kind.as_str() == "drill") {
                return Ok(());
            }
        }
        sleep(RETRY_AFTER).await;
    }
}

fn documents(room: &Room) -> Result<Vec<Document>> {
    let values = [
        ("version", "2c"),
        ("community", "public"),
        ("community_write", "private"),
    ];
    let credential = Credential {
        name: "drill".parse()?,
        values: values
            .map(|(key, text)| (key.to_owned(), Secret::new(text)))
            .into(),
    };
    let schedule = Schedule {
        name: "drill".parse()?,
        selector: "kind=drill".parse()?,
        interval: INTERVAL,
        action: None,
        parameters: serde_json::json!({}),
    };
    let targets = room.devices().iter().map(|device| {
        Document::Target(Target {
            credential: Some(credential.name.clone()),
            ..Target::new(
                device.name.clone(),
                device.kind.clone(),
                device.address.clone(),
            )
        })
    });
    let mut documents: Vec<Document> = targets.collect();
    documents.push(Document::Credential(credential));
    documents.push(Document::Schedule(schedule));
    documents.push(Document::Alarm(Box::new(watch::rule()?)));
    Ok(documents)
}
