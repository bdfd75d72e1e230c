//! `utakata credential`: passwords of devices.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;
use tokio::time::Instant;
use utakata_api::{
    Client, client,
    inventory::{RotateCredential, RotationState, RotationView},
};
use utakata_model::{CredentialName, duration};

use super::Context;
use crate::exit::Exit;

/// The interval between looks at a rotation.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give the user of a credential another password on its device
    #[command(after_help = "\
The password is drawn by the rules of the kind, sealed in the store, set by a worker, and tried.
Once the device has accepted it, it becomes that of the credential. Until then both are kept:
whatever is killed meanwhile, the device is not lost. Nobody sees the password.

It is an operation, with the risk that the kind declares; it needs the right to write secrets,
and the right to control the target. A credential that several targets share is refused: give
each its own.

Example: utakata credential rotate bmc-a1-01 --why 'somebody has left'")]
    Rotate {
        /// Credential whose password is changed
        name: CredentialName,
        /// Reason, for the record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// Stop waiting after this time; it goes on
        #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = duration::parse)]
        timeout: Duration,
    },
    /// Show the latest change of the password of a credential
    #[command(after_help = "Example: utakata credential rotation bmc-a1-01")]
    Rotation {
        /// Credential whose password was changed
        name: CredentialName,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let view = match command {
        Command::Rotate { name, why, timeout } => {
            let begun = client
                .rotate_credential(&name, &RotateCredential { why })
                .await?;
            tell!("operation {}, on {}", begun.operation, begun.target);
            follow(&client, &name, begun, timeout).await?
        }
        Command::Rotation { name } => client.rotation(&name).await?,
    };
    context.output.one(&view, || text(&view))?;
    Ok(match view.state {
        RotationState::Rotated => Exit::Done,
        RotationState::Kept => Exit::Failed,
        RotationState::UnderWay | RotationState::Stuck => Exit::Unknown,
    })
}

async fn follow(
    client: &Client,
    name: &CredentialName,
    mut view: RotationView,
    timeout: Duration,
) -> Result<RotationView> {
    let until = Instant::now() + timeout;
    let operation = view.operation;
    while view.state == RotationState::UnderWay && Instant::now() < until {
        tokio::time::sleep(INTERVAL).await;
        match client.rotation(name).await {
            Ok(now) if now.operation == operation => view = now,
            Ok(_) => bail!("another change of the password of {name} has begun since"),
            // The server is restarted, or another one takes over: the rotation goes on.
            Err(client::Error::Unreachable { .. } | client::Error::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(view)
}

fn text(view: &RotationView) -> String {
    let RotationView {
        operation, target, ..
    } = view;
    let told = view.told.as_deref().map(|told| format!(": {told}"));
    let told = told.unwrap_or_default();
    match view.state {
        RotationState::UnderWay => format!(
            "the password of {target} is about to be changed: it goes on (`utakata operation \
             explain {operation}`)"
        ),
        RotationState::Rotated => format!("{target} has a new password, and the credential has it"),
        RotationState::Kept => format!("{target} keeps its old password{told}"),
        RotationState::Stuck => format!(
            "neither the new nor the old password of {target} is known to be right; both are kept \
             and tried again{told}"
        ),
    }
}
