//! `utakata kind`: the releases that serve a kind, its pins and its placement.

pub mod actions;

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    client::EnvironmentVerb as Verb,
    rollout::{KindAssignment, Pin, Pins, Placement},
};
use utakata_model::{Kind, Scope, Selector, Zone};

use super::{Context, order};
use crate::exit::{Exit, Usage};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the actions of a kind, and its release, pins and placement
    #[command(after_help = "\
Each action is shown with its parameters: their types, limits, defaults and meanings. For a single
action, see `utakata control --help KIND ACTION`.

Example: utakata kind show snmp")]
    Show {
        /// The kind
        kind: Kind,
    },
    /// Pin the targets of a selector to a release, whatever is rolled out
    #[command(after_help = "\
The first pin that selects a target counts; the `pin` of a target itself has precedence over all.

Example: utakata kind pin apc-pdu firmware=2.1 1.4.0")]
    Pin {
        /// The kind
        kind: Kind,
        /// The targets
        selector: Selector,
        /// The version to serve them
        version: String,
    },
    /// Remove a pin
    #[command(after_help = "Example: utakata kind unpin apc-pdu firmware=2.1")]
    Unpin {
        /// The kind
        kind: Kind,
        /// The selector of the pin
        selector: Selector,
    },
    /// Set the environments that serve a kind
    #[command(after_help = "\
The others finish their running tasks of the kind. If no environment of a zone matches, the tasks of
that zone wait.

Examples:
  utakata kind place apc-pdu purpose=control
  utakata kind place apc-pdu everywhere")]
    Place {
        /// The kind
        kind: Kind,
        /// Environments, by label, zone or name; or everywhere
        environments: String,
    },
    /// Pause a kind: no environment begins anything more of it
    #[command(after_help = "\
The order holds until `resume`, and also for environments that join later.

Example: utakata kind pause snmp --zone hall-1 --why 'a storm of traps'")]
    Pause(Stop),
    /// Drain a kind: pause it, and stop its workers when its running tasks have ended
    #[command(after_help = "Example: utakata kind drain snmp")]
    Drain(Stop),
    /// Resume a kind everywhere
    #[command(after_help = "Example: utakata kind resume snmp")]
    Resume(Stop),
}

/// The kind to stop, and the scope.
#[derive(Debug, Args)]
pub struct Stop {
    /// The kind
    kind: Kind,
    /// Only in the environments of this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Stop {
    fn scope(&self) -> Scope {
        let kind = self.kind.clone();
        match self.zone.clone() {
            Some(zone) => Scope::KindInZone(kind, zone),
            None => Scope::Kind(kind),
        }
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let (kind, asked) = match command {
        Command::Show { kind } => {
            return show(&client, &kind, context).await;
        }
        Command::Pin {
            kind,
            selector,
            version,
        } => {
            let mut pins = client.kind_desired(&kind).await?.pins;
            pins.retain(|pin| pin.selector != selector);
            let nobody = matches!(client.any_target(&selector).await, Ok(None))
                .then(|| format!("note: \"{selector}\" selects no target now"));
            pins.push(Pin { selector, version });
            let asked = client.pin_kind(&kind, &Pins { pins }).await?;
            nobody.iter().for_each(|note| tell!("{note}"));
            (kind, asked)
        }
        Command::Unpin { kind, selector } => {
            let mut pins = client.kind_desired(&kind).await?.pins;
            let before = pins.len();
            pins.retain(|pin| pin.selector != selector);
            if pins.len() == before {
                let message = format!(
                    "{kind} has no pin for \"{selector}\": see those that it has with `utakata \
                     kind show {kind}`"
                );
                return Err(Usage(message).into());
            }
            let asked = client.pin_kind(&kind, &Pins { pins }).await?;
            (kind, asked)
        }
        Command::Place { kind, environments } => {
            let environments = match environments.as_str() {
                "everywhere" => None,
                selector => Some(
                    selector
                        .parse()
                        .map_err(|error| Usage(format!("{error}")))?,
                ),
            };
            let placement = Placement { environments };
            let asked = client.place_kind(&kind, &placement).await?;
            (kind, asked)
        }
        Command::Pause(of) => return order::run(Verb::Pause, of.scope(), of.why, context).await,
        Command::Drain(of) => return order::run(Verb::Drain, of.scope(), of.why, context).await,
        Command::Resume(of) => return order::run(Verb::Resume, of.scope(), of.why, context).await,
    };
    context.output.one(&asked, || description(&kind, &asked))?;
    Ok(Exit::Done)
}

/// Shows the orders for a kind, and its actions if an environment serves it.
async fn show(client: &Client, kind: &Kind, context: &Context<'_>) -> Result<Exit> {
    let asked = client.kind_desired(kind).await?;
    let views = client.kinds().await?;
    let view = views.iter().find(|view| view.kind == *kind);
    let colours = context.output.colours();
    let can = || view.map_or_else(String::new, |view| actions::all(view, colours));
    context.output.one(&asked, || {
        format!("{}\n{}", description(kind, &asked), can())
    })?;
    Ok(Exit::Done)
}

fn description(kind: &Kind, asked: &KindAssignment) -> String {
    let mut text = match &asked.stable {
        Some(release) => format!("{kind} is served by {}\n", release.version),
        None => format!("{kind} is served by the newest release in the folders\n"),
    };
    for pin in &asked.pins {
        text.push_str(&format!("targets {} keep {}\n", pin.selector, pin.version));
    }
    if let Some(placement) = &asked.placement {
        text.push_str(&format!("it is served by environments {placement}\n"));
    }
    text
}
